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
  // A low limit: on a host that lets QEMU wait for half of the time, half of a stall may be the host's.
  GuestRun run(Victim("forget", "30000") + "defaults: {stall_limit: 500ms}\n");
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

TEST_CASE(
    "a stalled task is probed in a second run: enqueued, and never dispatched until the watchdog came") {
  if (!HaveSchedulers()) return Skip("no schedulers were built");
  GuestRun run(Victim("forget", "2000") + "on_failure: {probe: true}\n");
  run.Finish("FAIL");
  const Json probed = run.result().at("probed");
  const std::string said = probed.at("lines").dump();
  INFO(said);
  CHECK(probed.at("ran") == true);
  CHECK(probed.at("alike") == true);
  CHECK(Matches(
      probed.at("lines").at(0),
      "^it failed again: scheduler mine was ejected [2-9]\\.\\d\\d\\d s after it was attached: runnable "
      "task stall: victim\\[\\d+\\] failed to run for [2-6]\\.\\d\\d\\ds$"));
  CHECK(
      Matches(probed.at("lines").at(1),
              "^victim\\[\\d+\\]: .*(ops\\.enqueue|do_enqueue_task|enqueue_task_scx)\\(.*\\) on CPU [01] at "
              "-[2-6]\\.\\d\\d\\d s, never dispatched$"));
  const Json probe = run.File("probe.json");
  CHECK(probe.at("complete") == true);
  CHECK(probe.at("not_understood") == 0);
  CHECK(probe.at("end") == "The kernel ejected the scheduler (SCX_EXIT_ERROR_STALL).");
  // What could not be seen is said to be so, and the exit stack's own function is among the probed.
  const std::string functions = probe.at("functions").dump();
  // The callbacks' probes come while the scheduler is being attached, on a slow host perhaps behind its end.
  for (const char* name : {"scx_watchdog_workfn", "dispatch_enqueue"})
    CHECK(functions.find(std::string("{\"how\":\"fentry\",\"name\":\"") + name + "\"}") != std::string::npos);
  // Of the task itself no run and no dispatch after its last enqueue.
  const Json victim = probe.at("tasks").at(0);
  CHECK(victim.at("comm") == "victim");
  const std::string text = run.Text("probe.txt");
  CHECK(text.find("victim[" + std::to_string(victim.at("pid").get<int>()) +
                  "], the task that the failure is about: ") != std::string::npos);
}

TEST_CASE(
    "a task at which a scheduler gave an error is probed in a second run, up to the moment of the error") {
  if (!HaveSchedulers()) return Skip("no schedulers were built");
  GuestRun run(
      "topology: 1n1l2c1t\n"
      "schedulers: {mine: {use: ktstr_scx, args: [--fault, error, --from-ms, '2500', --count, '20']}}\n"
      "scheduler: mine\n"
      "defaults: {no_stall: off}\n"
      "steps:\n"
      "  - cgroups: [{name: c, work: [{type: Bursty, burst_duration: 2ms, sleep_duration: 3ms, workers: "
      "3}]}]\n"
      "    hold: 4s\n",
      {"--probe-failed"});
  run.Finish("FAIL");
  const Json probed = run.result().at("probed");
  INFO(probed.dump());
  CHECK(probed.at("alike") == true);
  std::smatch named;
  const std::string again = probed.at("lines").at(0);
  REQUIRE(std::regex_search(
      again, named, std::regex("scx_bpf_error: planted error at enqueue 20, of ([^\\[]+\\[(\\d+)\\])$")));
  CHECK(probed.at("lines").at(1).get<std::string>().starts_with(named.str(1) + ": "));
  const Json probe = run.File("probe.json");
  CHECK(probe.at("end") == "The kernel ejected the scheduler (SCX_EXIT_ERROR_BPF).");
  CHECK(std::to_string(probe.at("task").get<int>()) == named.str(2));
  // The error came out of a call about this task, or about the one that was put back for it.
  const std::string story = probe.at("tasks").at(0).at("events").dump();
  CHECK(Matches(story, "(ops\\.enqueue|do_enqueue_task|enqueue_task_scx)\\("));
  CHECK(Matches(run.Text("probe.txt"), "-0\\.\\d+ s  CPU [01]   scx_bpf_error_bstr\\("));
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
