// NetTraffic and IrqWake in a real guest: the cards' own counters; and a kernel without the driver.
#include <catch2/catch.hpp>
#include <sstream>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

std::uint64_t Number(const Json& report, const char* key) { return report.at(key).get<std::uint64_t>(); }

/// Says which network interfaces there are, and how many frames the two cards have carried. Senders go on
/// meanwhile: what was received is read first, and what was sent last.
constexpr const char* kLook =
    "payloads:\n  look:\n    binary: sh\n    args:\n      - -c\n      - |\n"
    "        cd /sys/class/net; echo *\n"
    "        for f in eth1/statistics/rx eth0/statistics/rx eth1/statistics/tx eth0/statistics/tx; do\n"
    "          [ ! -e ${f}_packets ] || { read n < ${f}_packets; echo $n; }\n"
    "        done\n";

std::string Scenario(const std::string& work) {
  return std::string("topology: 1n1l2c1t\n") + kLook + "backdrop: {cgroups: [{name: net, work: [" + work +
         "]}]}\n"
         "steps:\n"
         "  - {name: work, hold: 1s}\n"
         "  - {name: look, ops: [{RunPayload: {payload: look}}, {WaitPayload: {payload: look, timeout: "
         "60s}}], "
         "hold: 200ms}\n";
}

struct Cards {
  std::string interfaces;
  std::uint64_t sent = 0, sent_rx = 0, received_tx = 0, received = 0;
};
Cards Look(const GuestRun& run) {
  std::istringstream text(run.Text("payload-0-look.stdout"));
  Cards cards;
  std::getline(text, cards.interfaces);
  text >> cards.received >> cards.sent_rx >> cards.received_tx >> cards.sent;
  return cards;
}

/// In the phase `work`.
std::uint64_t InWork(const Json& report, const char* key) {
  std::uint64_t sum = 0;
  for (const Json& slice : report.at("phase_slices"))
    if (slice.at("phase") == 1) sum += Number(slice, key);
  return sum;
}

TEST_CASE("NetTraffic's frames go through the cards, from the first to the second, and nowhere else") {
  const auto kernel = CachedKernel("built");
  if (!kernel) return Skip("no kernel was built");
  GuestRun run(Scenario("{type: NetTraffic, frame_bytes: 1514}"), {"--kernel", kernel->image.string()});
  run.Finish("PASS");
  const Cards cards = Look(run);
  CHECK(cards.interfaces == "eth0 eth1 lo");
  const Json report = run.Reports().at(0).at("report");
  CHECK(report.at("network") == "virtio-net cards eth0 and eth1 on a wire of their own");
  CHECK(report.at("work_error") == "");
  CHECK(InWork(report, "work_units") > 0);
  // The card counts a frame once QEMU has taken it: before that it may be in the queue or the ring.
  constexpr std::uint64_t kQueue = 1000, kRing = 256;
  CHECK(cards.sent + kQueue + kRing >= InWork(report, "work_units"));
  CHECK(cards.sent <= Number(report, "work_units"));
  CHECK(cards.received > 0);
  CHECK(cards.received <= cards.sent);
  CHECK(cards.sent_rx == 0);
  CHECK(cards.received_tx == 0);
  CHECK(Number(report, "iterations") == Number(report, "work_units"));
  for (const char* none : {"wake_sample_total", "timer_sample_total", "iteration_cost_sample_total"})
    CHECK(Number(report, none) == 0);
}

TEST_CASE(
    "IrqWake's receivers are woken by the frames of their own partners, and measure from the kernel's "
    "stamp") {
  const auto kernel = CachedKernel("built");
  if (!kernel) return Skip("no kernel was built");
  GuestRun run(Scenario("{type: IrqWake, interval_us: 10000, workers: 4}"),
               {"--kernel", kernel->image.string()});
  run.Finish("PASS");
  const Cards cards = Look(run);
  std::uint64_t sent = 0, received = 0;
  for (const Json& entry : run.Reports()) {
    const Json& report = entry.at("report");
    CHECK(report.at("work_error") == "");
    CHECK(Number(report, "work_units") > 0);
    CHECK(Number(report, "iterations") == Number(report, "work_units"));
    for (const char* none : {"timer_sample_total", "iteration_cost_sample_total"})
      CHECK(Number(report, none) == 0);
    const bool receives = report.at("index").get<int>() % 2 == 1;
    (receives ? received : sent) += Number(report, "work_units");
    CHECK((Number(report, "wake_sample_total") > 0) == receives);
    if (!receives) continue;
    CHECK(Number(report, "wake_sample_total") <= Number(report, "work_units"));
    // Its whole wait for a frame is far longer: the sender sleeps that long.
    CHECK(InWork(report, "wake_sample_total") > 0);
  }
  CHECK(received <= sent);  // by token: two receivers do not count each frame twice
  CHECK(cards.received <= cards.sent);
  CHECK(cards.sent <= sent);
  CHECK(cards.received_tx == 0);
}

TEST_CASE("a scenario that sends no frames gets no network card") {
  const auto kernel = CachedKernel("built");
  if (!kernel) return Skip("no kernel was built");
  GuestRun run(Scenario("{type: SpinWait}"), {"--kernel", kernel->image.string()});
  run.Finish("PASS");
  CHECK(Look(run).interfaces == "lo");
}

TEST_CASE("NetTraffic on a kernel without the driver is a skip with the reason") {
  const auto kernel = CachedKernel("fetched");
  if (!kernel) return Skip("no kernel was fetched");
  GuestRun run(Scenario("{type: NetTraffic}"), {"--kernel", kernel->image.string()});
  run.Finish("SKIP");
  CHECK(run.cause() == "needs virtio_net, which kernel " + kernel->version +
                           " does not have; `ktstr-interp kernel build` makes one that has it all");
  CHECK(run.Text("console.txt").empty());
}

}  // namespace
}  // namespace ktstr::test
