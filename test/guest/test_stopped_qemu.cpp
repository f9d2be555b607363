// A machine that the host stops: what did not happen meanwhile is nobody's fault in the guest.
#include <signal.h>

#include <catch2/catch.hpp>
#include <regex>
#include <thread>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

/// Stops the run's QEMU for three seconds once the scenario holds.
void StopForAWhile(GuestRun& run) {
  REQUIRE(run.process().WaitForOutput("request      hold"));
  const std::vector<pid_t> qemu = run.process().Children();
  REQUIRE(qemu.size() == 1);
  REQUIRE(kill(qemu.front(), SIGSTOP) == 0);
  std::this_thread::sleep_for(std::chrono::seconds(3));  // what the test is about
  REQUIRE(kill(qemu.front(), SIGCONT) == 0);
}

const std::string kWork =
    "steps:\n"
    "  - name: work\n"
    "    cgroups: [{name: busy, work: [{type: SpinWait, workers: 2}, {type: Bursty}]}]\n"
    "    hold: 6s\n";

TEST_CASE("a QEMU that was stopped for three seconds makes a stall inconclusive, never a failure") {
  GuestRun run(kWork);
  StopForAWhile(run);
  run.Finish("INCONCLUSIVE");
  INFO(run.first_line());
  CHECK(std::regex_search(
      run.first_line(),
      std::regex(
          "^INCONCLUSIVE scenario\\.yaml: nothing at all ran in the guest for (29|3\\d)\\d\\d ms: the "
          "host had stopped the machine; worker busy/\\S+ (did not run for|was runnable for) \\d{4} ms")));
}

TEST_CASE("a QEMU that was stopped takes no time from a guest on the virtual clock") {
  GuestRun run(
      "topology: 1n1l1c1t\nclock: virtual\nsteps:\n"
      "  - name: work\n"
      "    cgroups: [{name: busy, work: [{type: SpinWait, workers: 2}]}]\n"
      "    hold: 20s\n");
  StopForAWhile(run);
  run.Finish("PASS");
  for (const Json& report : run.Reports()) CHECK(report.at("report").at("completed") == true);
}

}  // namespace
}  // namespace ktstr::test
