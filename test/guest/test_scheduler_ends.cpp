// Schedulers in scenarios: what is attached is read back in the guest, from the kernel's own files, and each
// way in which one can end is reached for real.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

/// What the kernel says: its state, the attached scheduler's own name, how many there were since boot.
constexpr const char* kTruth =
    "  truth: {binary: sh, args: [-c, 'cd /sys/kernel/sched_ext; read s < state; o=none; [ -e root/ops ] && "
    "read o < root/ops; read n < enable_seq; echo $s $o $n']}\n";
/// Ends once no scheduler is attached, or another one than before.
constexpr const char* kGone =
    "cd /sys/kernel/sched_ext; read m < enable_seq; n=$m; s=enabled; while [ $s != disabled -a $n = $m ]; do "
    "read s < state; read n < enable_seq; done";
/// Who starves between the fault and the kernel's answer is not the subject.
constexpr const char* kDefaults = "timeout: 300s\ndefaults: {no_stall: off, progress: off}\n";

std::string Run(const std::string& payload) {
  return "{RunPayload: {payload: " + payload + "}}, {WaitPayload: {payload: " + payload + ", timeout: 100s}}";
}
/// A payload that does `what` to scheduler `name` and waits until it is gone.
std::string Payload(const std::string& name, const std::string& what) {
  return "  " + name + ": {binary: sh, args: [-c, '" + what + kGone + "']}\n";
}
/// `name` is attached, ends by what the payload of the same name does or waits for, and is cleaned up.
std::string Ends(const std::string& name) {
  return "  - {ops: [{AttachScheduler: {scheduler: " + name + "}}, " + Run(name) +
         ", {DetachScheduler: {}}]}\n";
}
Json Scheduler(const GuestRun& run, const std::string& name) {
  const Json reports = run.File("reports.json");
  for (const Json& record : reports.at("schedulers"))
    if (record.at("name") == name) return record;
  FAIL("there is no record of " << name);
  return {};
}

}  // namespace

TEST_CASE("scheduler ends: what the kernel has attached is what the scenario said, after each Op") {
  if (!CachedKernel("built")) return Skip("no kernel was built");
  const std::string look = ", " + Run("truth");
  GuestRun run(
      std::string(kDefaults) +
      "topology: 1n1l2c1t\nschedulers:\n  simple: {use: scx_simple}\n  mine: {use: ktstr_scx}\npayloads:\n" +
      kTruth + "scheduler: mine\nsteps:\n  - {ops: [" + Run("truth") +
      ", {ReplaceScheduler: {scheduler: simple}}" + look + ", {RestartScheduler: {}}" + look +
      ", {DetachScheduler: {}}" + look + "]}\n  - {ops: [" + Run("truth") + "]}\n");
  run.Finish("PASS");
  std::string seen;
  for (const char* handle : {"1", "3", "5", "6", "7"})
    seen += run.Text(std::string("payload-") + handle + "-truth.stdout");
  CHECK(seen ==
        "enabled ktstr_scx 1\nenabled simple 2\nenabled simple 3\ndisabled none 3\ndisabled none 3\n");
  const Json reports = run.File("reports.json");
  for (const Json& record : reports.at("schedulers")) CHECK(record.at("end") == "detached");
}

TEST_CASE("scheduler ends: by its program") {
  if (!CachedKernel("built")) return Skip("no kernel was built");
  GuestRun run(std::string(kDefaults) +
               "topology: 1n1l2c1t\nschedulers:\n"
               "  killed: {use: ktstr_scx}\n"
               "  crashed: {use: ktstr_scx, args: [--fault, segv]}\n"
               "  left: {use: ktstr_scx, args: [--fault, exit-error]}\n"
               "payloads:\n" +
               Payload("killed", "kill -ABRT ${pid:killed}; ") + Payload("crashed", "") +
               Payload("left", "") + "steps:\n" + Ends("killed") + Ends("crashed") + Ends("left") +
               "checks:\n"
               "  - {scheduler: killed, end: program_killed, matches: SIGABRT, phase: step1}\n"
               "  - {scheduler: crashed, end: program_killed, matches: SIGSEGV}\n"
               "  - {scheduler: left, end: program_exited, matches: 'code 3$'}\n");
  run.Finish("PASS");
  CHECK(Scheduler(run, "killed").at("reason") == "unregistered from user space");
}

TEST_CASE("scheduler ends: unregistered by a program that runs on") {
  const auto kernel = CachedKernel("built");
  if (!kernel || !HaveSchedulers()) return Skip("no schedulers were built");
  const CliResult list = RunCli({"schedulers", "list", "--json"}, {});
  std::string path;
  for (const Json& row : Json::parse(list.out))
    if (row.at("kernel") == kernel->version && row.at("name") == "ktstr_scx") path = row.at("path");
  // The shell is the program; its child attaches and, told to by the payload, unregisters.
  GuestRun run(std::string(kDefaults) +
                   "topology: 1n1l2c1t\nschedulers:\n  left: {binary: sh, include: [sleep, " + path +
                   "], args: [-c, 'ktstr_scx & echo $! > /tmp/pid; wait; exec sleep 1000']}\npayloads:\n" +
                   Payload("left", "read p < /tmp/pid; kill -TERM $p; ") + "steps:\n" + Ends("left") +
                   "checks: [{scheduler: left, end: unregistered, phase: step1}]\n",
               {"--allow-host-files"});
  run.Finish("PASS");
  CHECK(Scheduler(run, "left").at("reason") == "unregistered from user space");
}

TEST_CASE("scheduler ends: by the kernel") {
  if (!CachedKernel("built")) return Skip("no kernel was built");
  GuestRun run(
      std::string(kDefaults) +
      "topology: 1n1l2c1t\nschedulers:\n"
      "  failed: {use: scx_qmap, args: [-e, '100']}\n"
      "  enough: {use: ktstr_scx, args: [--fault, exit-bpf, --count, '50']}\n"
      "  stalled: {use: ktstr_scx, args: [--fault, stall, --timeout-ms, '1000']}\n"
      "  sysrq: {use: ktstr_scx}\n"
      "  hotplug: {use: scx_simple}\n"
      "payloads:\n" +
      Payload("failed", "") + Payload("enough", "") + Payload("stalled", "") +
      Payload("sysrq", "echo S > /proc/sysrq-trigger; ") +
      "  hotplug: {binary: sh, args: [-c, 'read m < /sys/kernel/sched_ext/enable_seq; echo 0 > "
      "/sys/devices/system/cpu/cpu1/online; cd /sys/kernel/sched_ext; n=$m; s=enabled; while [ $s != "
      "disabled -a $n = $m ]; do read s < state; read n < enable_seq; done']}\n" +
      "backdrop: {cgroups: [{name: c, work: [{type: YieldHeavy, workers: 2}]}]}\nsteps:\n" + Ends("failed") +
      Ends("enough") + Ends("stalled") + Ends("sysrq") + Ends("hotplug") +
      "checks:\n"
      "  - {scheduler: failed, end: error, matches: '^scx_bpf_error: '}\n"
      "  - {scheduler: enough, end: exit, matches: 'from BPF: planted exit at enqueue 50$'}\n"
      "  - {scheduler: stalled, end: stall}\n"
      "  - {scheduler: sysrq, end: sysrq, phase: step4}\n"
      "  - {scheduler: hotplug, end: kernel, phase: step5}\n");
  run.Finish("PASS");
}

TEST_CASE("scheduler ends: one that nobody expects fails its phase") {
  if (!CachedKernel("built")) return Skip("no kernel was built");
  GuestRun run(std::string(kDefaults) +
               "topology: 1n1l2c1t\nschedulers: {mine: {use: ktstr_scx}}\npayloads:\n" + kTruth +
               Payload("killer", "kill -SEGV ${pid:mine}; ") +
               "scheduler: mine\nsteps:\n  - {name: quiet}\n"
               "  - {name: killed, ops: [" +
               Run("truth") + ", " + Run("killer") + "]}\n");
  run.Finish("FAIL");
  CHECK_THAT(run.first_line(),
             Catch::Matches("FAIL scenario.yaml: scheduler mine ended [0-9.]+ s after it was "
                            "attached: its program was killed by SIGSEGV"));
  CHECK(run.result().at("phase") == "killed");
}

TEST_CASE("scheduler ends: one that the kernel or the verifier refuses was never attached") {
  if (!CachedKernel("built")) return Skip("no kernel was built");
  const auto refused = [](const std::string& fault) {
    GuestRun run("topology: 1n1l2c1t\nschedulers: {mine: {use: ktstr_scx, args: [--fault, " + fault +
                 "]}}\nscheduler: mine\nsteps: [{hold: 1s}]\nchecks: [{scheduler: mine, end: error}]\n");
    run.Finish("FAIL");
    CHECK(run.File("reports.json").at("schedulers").empty());
    return run.first_line();
  };
  CHECK(
      refused("init-refuse") ==
      "FAIL scenario.yaml: scheduler 'mine' was not attached: it exited with code 1; its last output: EXIT: "
      "runtime error (ops.init() failed (-22)); the kernel said: runtime error: ops.init() failed (-22)");
  CHECK(
      refused("reject") ==
      "FAIL scenario.yaml: scheduler 'mine' was not attached: it exited with code 1; its last output: EXIT: "
      "the scheduler could not be loaded (Permission denied)");
}

TEST_CASE("scheduler ends: without sched_ext in the kernel nothing is started") {
  const auto debian = CachedKernel("fetched");
  if (!debian) return Skip("no kernel was fetched");
  GuestRun run("schedulers: {mine: {binary: sh}}\nscheduler: mine\nsteps: [{hold: 1s}]\n",
               {"--kernel", debian->image.string(), "--qemu", "/bin/false"});
  run.Finish("SKIP");
  CHECK_THAT(run.cause(), Catch::Contains("sched_ext"));
}

}  // namespace ktstr::test
