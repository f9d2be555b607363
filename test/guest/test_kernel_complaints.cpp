// What the guest's kernel says of itself decides a run.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

/// One payload `p`, a shell script, that is run and waited for in step `only`, after `ops`.
std::string Shell(const std::string& script, const std::string& keys = "", const std::string& ops = "") {
  return "topology: 1n1l1c1t\n" + keys + "payloads: {p: {binary: sh, include: [cat], args: [-c, '" + script +
         "']}}\nsteps:\n  - name: only\n    ops:\n" + ops +
         "      - RunPayload: {payload: p}\n      - WaitPayload: {payload: p, timeout: 60s}\n";
}

/// From outside the guest, the count of a CPU that sleeps is made to say that it must not sleep; when its
/// idle task then gives way to another, the kernel finds it out.
std::string BreakPreemptCount() {
  return "      - WriteKernelHot: {writes: [{target: {symbol: pcpu_hot, field: preempt_count, cpu: 0}, "
         "value: "
         "{u32: 0x80000002}}]}\n";
}

TEST_CASE("a kernel that schedules while atomic fails the run by its first complaint") {
  GuestRun run(Shell("true", "", BreakPreemptCount()));
  run.Finish("FAIL");
  CHECK_THAT(run.first_line(),
             Catch::Matches("FAIL scenario\\.yaml: the kernel complained \\(scheduling while atomic\\) at "
                            "[0-9]+\\.[0-9]{6} s of its log: BUG: scheduling while atomic: .*"));
  CHECK(run.result().at("phase") == "only");
  CHECK_THAT(run.Text("kernel.log"), Catch::Contains("BUG: scheduling while atomic: "));
  const Json log = run.File("reports.json").at("kernel_log");
  CHECK(log.at("taint_before") == 0);
  CHECK(log.at("taint_after") == 512);
}

TEST_CASE("complaints of the kernel can be allowed, or the check switched off") {
  GuestRun allowed(Shell("true", "defaults: {allowed_complaints: [\"BUG: scheduling while at.mic\"]}\n",
                         BreakPreemptCount()));
  allowed.Finish("PASS");
  CHECK(allowed.File("reports.json").at("kernel_log").at("allowed") == 1);
  GuestRun off(Shell("true", "defaults: {kernel_complaints: off}\n", BreakPreemptCount()));
  off.Finish("PASS");
  CHECK_THAT(off.Text("kernel.log"), Catch::Contains("BUG: scheduling while atomic: "));
}

TEST_CASE("a taint of the kernel that nothing explains fails the run") {
  GuestRun run(Shell("echo 512 > /proc/sys/kernel/tainted"));
  run.Finish("FAIL");
  CHECK(run.first_line() ==
        "FAIL scenario.yaml: the kernel became tainted: W (a warning); its log does not say why");
  CHECK(run.result().at("phase") == "only");
}

TEST_CASE("the whole kernel log is kept, and what programs write to it is no complaint") {
  GuestRun run(
      Shell("echo \"<4>WARNING: CPU: 0 PID: 1 at made/up.c:1\" > /dev/kmsg; echo \"<7>fine\" > /dev/kmsg"));
  run.Finish("PASS");
  const std::string log = run.Text("kernel.log");
  CHECK_THAT(log, Catch::Contains("Linux version "));  // from the boot on, in clones too
  CHECK_THAT(log, Catch::Contains("<12>"));
  CHECK_THAT(log, Catch::Contains("] WARNING: CPU: 0 PID: 1 at made/up.c:1\n"));
  CHECK_THAT(log, Catch::Contains("] fine\n"));
  CHECK(run.Text("console.txt").find("made/up.c") == std::string::npos);
}

TEST_CASE("a pattern that is none is shown at its line before any boot") {
  GuestRun run("defaults:\n  allowed_complaints: [fine, \"(\"]\nsteps: [{hold: 1s}]\n");
  run.Finish("ERROR");
  CHECK_THAT(run.process().err(), Catch::Contains("scenario.yaml:3:30: error[") &&
                                      Catch::Contains("it is not a regular expression"));
}

TEST_CASE("a payload that exits badly is the first line, before the check that it broke") {
  GuestRun run(
      "topology: 1n1l1c1t\npayloads: {setup: {binary: sh, args: [-c, 'echo no such device >&2; exit 4']}}\n"
      "steps:\n"
      "  - name: prepare\n    ops: [{RunPayload: {payload: setup}}, {WaitPayload: {payload: setup}}]\n"
      "  - name: measure\n    cgroups: [{name: box, work: [{type: SpinWait}]}]\n    hold: 300ms\n"
      "    checks: [{metric: iteration_rate, max: 0}]\n");
  run.Finish("FAIL");
  CHECK(run.first_line() ==
        "FAIL scenario.yaml: payload setup exited with code 4; stderr ends: no such device");
  CHECK_THAT(run.process().err(), Catch::Contains("also   FAIL iteration_rate "));
}

}  // namespace
}  // namespace ktstr::test
