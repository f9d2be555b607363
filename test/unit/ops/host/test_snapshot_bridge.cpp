// What Ops ask of the bridge, what comes of it, and what is kept for the end of the run.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "ops/host/snapshot_bridge.h"

using namespace ktstr;

namespace {

vmm::KernelReadValue Number(std::uint64_t number) { return {number, false, 8, {}}; }

/// A guest that does what it is told, and the lines that the bridge has for others.
struct Bench {
  SnapshotBridge bridge;
  std::vector<std::string> asked = {};
  std::vector<std::string> told = {};
  std::vector<std::string> warned = {};
  Result<> answer = {};  // to everything

  explicit Bench(std::size_t snapshots = 64, std::size_t watches = 3)
      : bridge({.capture =
                    [this](StoredSnapshot& snapshot) {
                      asked.push_back("capture " + snapshot.tag);
                      snapshot.elapsed_ms = 1200;
                      snapshot.phase = 2;
                      if (answer.ok()) snapshot.report.guest_ns = 42;
                      return answer;
                    },
                .kernel_op = [this](const KernelAccess& access) { return Reply(access); },
                .watch =
                    [this](const WatchRequest& request) {
                      asked.push_back("watch " + request.tag);
                      return answer;
                    },
                .now =
                    [] {
                      return OpMoment{3, 900, "steps/0/ops/1"};
                    },
                .tell = [this](std::string line) { told.push_back(std::move(line)); },
                .warn = [this](std::string line) { warned.push_back(std::move(line)); }},
               {.snapshots = snapshots, .watches = watches}) {}

  Result<KernelOpReply> Reply(const KernelAccess& access) {
    asked.push_back((access.write ? "write " : "read ") + access.tag);
    if (!answer.ok()) return answer.error();
    KernelOpReply reply;
    if (!access.write) reply.values = {Number(7)};
    reply.phase = 3;
    reply.elapsed_ms = 900;
    reply.path = "steps/0/ops/1";
    return reply;
  }
  std::vector<std::string> Tags() {
    std::vector<std::string> tags;
    for (const StoredSnapshot& snapshot : bridge.TakeSnapshots()) tags.push_back(snapshot.tag);
    return tags;
  }
};

using Text = std::vector<std::string>;

KernelAccess Access(const std::string& tag, bool write = false) {
  KernelAccess access;
  access.tag = tag;
  access.write = write;
  access.entries.push_back({vmm::SymbolTarget{"jiffies_64", "", ""}, {}, {}, {}});
  return access;
}
WatchRequest Watch(const std::string& tag) {
  WatchRequest request;
  request.tag = tag;
  return request;
}

}  // namespace

TEST_CASE("a capture keeps what the guest showed under the tag, with when and in which phase") {
  Bench bench;
  REQUIRE(bench.bridge.Capture("mid").ok());
  REQUIRE(bench.bridge.CaptureAt("periodic_000", 500).ok());
  CHECK(bench.asked == Text{"capture mid", "capture periodic_000"});
  CHECK(bench.told ==
        Text{"snapshot mid: 0 maps, 0 tasks, 0 CPUs", "snapshot periodic_000: 0 maps, 0 tasks, 0 CPUs"});
  const auto taken = bench.bridge.TakeSnapshots();
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].tag == "mid");
  CHECK(taken[0].report.guest_ns == 42);
  CHECK(taken[0].elapsed_ms == 1200);
  CHECK(taken[0].phase == 2);
  CHECK_FALSE(taken[0].boundary_offset_ms);
  CHECK(taken[1].boundary_offset_ms == 500);
  CHECK(bench.bridge.TakeSnapshots().empty());
}

TEST_CASE("a capture that fails is the callback's error, and leaves a placeholder that says why") {
  Bench bench;
  bench.answer = Error{ErrorKind::kCancelled, "the guest did not stop"};
  const Result<> captured = bench.bridge.Capture("mid");
  REQUIRE_FALSE(captured.ok());
  CHECK(captured.error().kind == ErrorKind::kCancelled);
  CHECK(captured.error().message == "the guest did not stop");
  CHECK(bench.told == Text{"snapshot mid failed: the guest did not stop"});
  const auto taken = bench.bridge.TakeSnapshots();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].report.is_placeholder);
  CHECK(taken[0].elapsed_ms == 1200);
}

TEST_CASE("one snapshot more than are kept drops the oldest, which is warned of once and remembered always") {
  Bench bench(3);
  for (int i = 1; i <= 5; ++i) REQUIRE(bench.bridge.Capture(fmt::format("t{}", i)).ok());
  CHECK(
      bench.warned ==
      Text{"snapshot t1 was dropped to make room for t4: at most 3 of a run are kept, and from here on each "
           "new one takes the place of the oldest"});
  const auto evicted = bench.bridge.TakeEvicted();
  REQUIRE(evicted.size() == 2);
  CHECK(evicted[0].tag == "t1");
  CHECK(evicted[0].made_room_for == "t4");
  CHECK(evicted[1].tag == "t2");
  CHECK(evicted[1].made_room_for == "t5");
  CHECK(bench.Tags() == Text{"t3", "t4", "t5"});
}

TEST_CASE("as many snapshots as are kept warn of nothing") {
  Bench bench(3);
  for (const char* tag : {"a", "b", "c"}) REQUIRE(bench.bridge.Capture(tag).ok());
  CHECK(bench.warned.empty());
  CHECK(bench.bridge.TakeEvicted().empty());
}

TEST_CASE("a read gives its values to the log, with when, where and by which Op") {
  Bench bench;
  REQUIRE(bench.bridge.Access(Access("j")).ok());
  REQUIRE(bench.bridge.Access(Access("j")).ok());
  CHECK(bench.told == Text{"read j: jiffies_64 = 7", "read j: jiffies_64 = 7"});
  const auto ops = bench.bridge.TakeKernelOps();
  REQUIRE(ops.size() == 2);
  CHECK(ops[0].tag == "j");
  CHECK(ops[0].place == "jiffies_64");
  REQUIRE(ops[0].reply.values.size() == 1);
  CHECK(ops[0].reply.values[0].number == 7);
  CHECK(ops[0].reply.phase == 3);
  CHECK(ops[0].reply.elapsed_ms == 900);
  CHECK(ops[0].reply.path == "steps/0/ops/1");
  CHECK(bench.bridge.TakeKernelOps().empty());
}

TEST_CASE("a write, and a read that failed, are not in the log") {
  Bench bench;
  REQUIRE(bench.bridge.Access(Access("", true)).ok());
  bench.answer = Error{ErrorKind::kInput, "no kernel symbol 'jiffies_64'"};
  CHECK(bench.bridge.Access(Access("j")).error().message == "no kernel symbol 'jiffies_64'");
  CHECK(bench.asked == Text{"write ", "read j"});
  CHECK(bench.bridge.TakeKernelOps().empty());
  CHECK(bench.told.empty());
}

TEST_CASE("there are as many watches as the machine has watchpoints; the next one does not reach it") {
  Bench bench;
  for (const char* tag : {"a", "b", "c"}) CHECK(bench.bridge.Watch(Watch(tag)).ok());
  const Result<> fourth = bench.bridge.Watch(Watch("d"));
  REQUIRE_FALSE(fourth.ok());
  CHECK(fourth.error().kind == ErrorKind::kInput);
  CHECK(fourth.error().message == "'d' would be watchpoint 4 of at most 3");
  CHECK(bench.asked == Text{"watch a", "watch b", "watch c"});
}

TEST_CASE("a watch that could not be set takes no watchpoint") {
  Bench bench(64, 1);
  bench.answer = Error{ErrorKind::kInput, "it is not mapped in the guest"};
  CHECK(bench.bridge.Watch(Watch("a")).error().message == "it is not mapped in the guest");
  bench.answer = {};
  CHECK(bench.bridge.Watch(Watch("b")).ok());
  CHECK_FALSE(bench.bridge.Watch(Watch("c")).ok());
}

TEST_CASE("lists of processes are kept as they come, an empty one too") {
  Bench bench;
  bench.bridge.KeepCgroupProcs("t", "hot", {5, 6});
  bench.bridge.KeepCgroupProcs("t", "hot", {7});
  bench.bridge.KeepCgroupProcs("e", "cold", {});
  CHECK(bench.told == Text{"processes t: 2 in cgroup hot", "processes t: 1 in cgroup hot",
                           "processes e: 0 in cgroup cold"});
  const auto procs = bench.bridge.TakeCgroupProcs();
  REQUIRE(procs.size() == 3);
  CHECK(procs[0].pids == std::vector<std::uint32_t>{5, 6});
  CHECK(procs[1].pids == std::vector<std::uint32_t>{7});
  CHECK(procs[2].cgroup == "cold");
  CHECK(procs[2].pids.empty());
}

TEST_CASE("a file of the guest that is too long is kept up to the end of a line") {
  Bench bench;
  const std::string fits = std::string(kMostFileText - 3, 'x') + "\n12";
  bench.bridge.KeepGuestFile("whole", "/proc/a", fits);
  bench.bridge.KeepGuestFile("cut", "/proc/a", fits + "3456\n");
  bench.bridge.KeepGuestFile("one line", "/proc/a", std::string(kMostFileText + 1, 'x'));
  const auto files = bench.bridge.TakeGuestFiles();
  REQUIRE(files.size() == 3);
  CHECK(files[0].text == fits);
  CHECK_FALSE(files[0].cut);
  CHECK(files[1].text == std::string(kMostFileText - 3, 'x') + "\n");
  CHECK(files[1].cut);
  CHECK(files[2].text.empty());
  CHECK(files[2].cut);
}

TEST_CASE("the tag of a periodic snapshot is periodic_ and exactly three digits") {
  CHECK(PeriodicTag(0) == "periodic_000");
  CHECK(PeriodicTag(63) == "periodic_063");
  CHECK(IsPeriodicTag("periodic_063"));
  for (const char* tag : {"periodic_", "periodic_63", "periodic_0063", "periodic_abc", "xperiodic_063", ""})
    CHECK_FALSE(IsPeriodicTag(tag));
}
