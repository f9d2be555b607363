// Tasks that a sched_ext scheduler does not run: seen by their own time, before the kernel's watchdog looks
// and when it does, with what the scheduler did with them.
#include <catch2/catch.hpp>
#include <regex>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

bool Matches(const std::string& text, const char* pattern) {
  return std::regex_search(text, std::regex(pattern));
}

std::string Victim(const std::string& fault, const std::string& watchdog_ms) {
  return "topology: 1n1l2c1t\n"
         "schedulers: {mine: {use: ktstr_scx, args: [--fault, " +
         fault + ", --victim, victim, --timeout-ms, '" + watchdog_ms +
         "']}}\n"
         "scheduler: mine\n"
         "steps:\n"
         "  - name: starve\n"
         "    cgroups:\n"
         "      - {name: crowd, work: [{type: SpinWait, workers: 2}]}\n"
         "      - {name: alone, work: [{type: SpinWait, comm: victim}]}\n"
         "    hold: 4s\n";
}

TEST_CASE("a task that a scheduler forgets fails in its phase, long before the kernel's watchdog looks") {
  if (!HaveSchedulers()) return Skip("no schedulers were built");
  GuestRun run(Victim("forget", "30000"));
  run.Finish("FAIL");
  INFO(run.first_line());
  CHECK(Matches(run.first_line(),
                "^FAIL scenario\\.yaml: worker alone/0 was runnable for [34]\\d\\d\\d ms on CPU [01] and "
                "(never ran|did not run); scheduler mine: its own code held it, in no dispatch queue$"));
  CHECK(run.result().at("phase") == "starve");
  // The dump is the kernel's own, and has the task in its words.
  CHECK(Matches(run.Text("sched_ext.dump"), "R victim\\[\\d+\\] -[34]\\d\\d\\dms"));
}

TEST_CASE("a task that a scheduler forgets is told when the kernel's watchdog was faster") {
  if (!HaveSchedulers()) return Skip("no schedulers were built");
  GuestRun run(Victim("forget", "2000"));
  run.Finish("FAIL");
  INFO(run.first_line());
  CHECK(
      Matches(run.first_line(),
              "^FAIL scenario\\.yaml: scheduler mine was ejected [2-5]\\.\\d\\d\\d s after it was attached: "
              "runnable task stall: victim\\[\\d+\\] failed to run for [2-4]\\.\\d\\d\\ds$"));
  CHECK(Matches(run.Text("sched_ext.dump"), "runnable task stall \\(victim\\[\\d+\\] failed to run for "));
}

TEST_CASE("a scheduler on the virtual clock is attached on one CPU, and gives the same run twice") {
  if (!HaveSchedulers()) return Skip("no schedulers were built");
  const auto run_once = [] {
    GuestRun run(
        "topology: 1n1l1c1t\n"
        "clock: virtual\n"
        "schedulers: {mine: {use: ktstr_scx}}\n"
        "scheduler: mine\n"
        "steps:\n"
        "  - cgroups: [{name: crowd, work: [{type: SpinWait, workers: 2}, {type: Bursty, workers: 2}]}]\n"
        "    hold: 1s\n");
    run.Finish("PASS");
    return run.Text("reports.json") + run.Text("stats.json") + run.Text("kernel.log");
  };
  const std::string once = run_once();
  CHECK(run_once() == once);
}

}  // namespace
}  // namespace ktstr::test
