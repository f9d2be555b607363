// Schedulers that are no program of their author's, in real guests: BPF objects, which our loader loads, and
// what the kernel has built in.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

/// The objects that `schedulers build` made on its way; nullopt, and the test is skipped, where there are
/// none.
std::optional<std::filesystem::path> Objects() {
  const auto kernel = CachedKernel("built");
  if (!kernel || !HaveSchedulers()) {
    Skip("no schedulers were built");
    return std::nullopt;
  }
  const CliResult path = RunCli({"schedulers", "path"}, {});
  REQUIRE(path.exit_code == 0);
  const std::filesystem::path cache = path.out.substr(0, path.out.find('\n'));
  const auto objects = cache / (".build-" + kernel->version) / "build/obj/sched_ext";
  if (std::filesystem::exists(objects / "ktstr_scx.bpf.o") &&
      std::filesystem::exists(objects / "scx_qmap.bpf.o"))
    return objects;
  Skip("no objects of schedulers are left");
  return std::nullopt;
}

std::string Run(const std::string& payload) {
  return "{RunPayload: {payload: " + payload + "}}, {WaitPayload: {payload: " + payload + ", timeout: 100s}}";
}

/// What the kernel says, and the features of its own scheduler that the built-in one switches.
constexpr const char* kLook =
    "  look: {binary: sh, include: [grep], args: [-c, 'cd /sys/kernel/sched_ext; read s < state; o=none; "
    "[ -e root/ops ] && read o < root/ops; echo $s $o $(grep -ow -e NO_HRTICK -e HRTICK "
    "/sys/kernel/debug/sched/features)']}\n";

}  // namespace

TEST_CASE("scheduler kinds: objects and a built-in one are attached, swapped, and end as programs do") {
  const auto objects = Objects();
  if (!objects) return;
  const std::string ours = (*objects / "ktstr_scx.bpf.o").string();
  GuestRun run(
      "timeout: 300s\ndefaults: {no_stall: off, progress: off}\ntopology: 1n1l2c1t\nschedulers:\n"
      "  ours: {object: " +
          ours +
          ", variables: {'victim[0]': 122}}\n"
          "  qmap: {object: " +
          (*objects / "scx_qmap.bpf.o").string() +
          ", ops: qmap_ops, variables: {slice_ns: 5000000, suppress_dump: 1}}\n"
          "  tuned: {enable: [/sys/kernel/debug/sched/features = HRTICK], disable: "
          "[/sys/kernel/debug/sched/features = NO_HRTICK]}\n"
          "  failing: {object: " +
          ours +
          ", variables: {fault_count: 50}}\n"
          "payloads:\n" +
          kLook +
          "  gone: {binary: sh, args: [-c, 'cd /sys/kernel/sched_ext; s=enabled; while [ $s != disabled ]; "
          "do read s < "
          "state; done']}\n"
          "scheduler: ours\n"
          "steps:\n"
          "  - cgroups: [{name: c, work: [{type: YieldHeavy, workers: 2}]}]\n    ops: [" +
          Run("look") + ", {ReplaceScheduler: {scheduler: qmap}}, " + Run("look") +
          ", {CaptureSnapshot: {tag: seen}}, {ReplaceScheduler: {scheduler: tuned}}, " + Run("look") +
          ", {DetachScheduler: {}}, " + Run("look") +
          ", {AttachScheduler: {scheduler: failing}}, "
          "{ReadKernelHot: {tag: count, target: {var: fault_count}}}, "
          "{WriteKernelHot: {writes: [{target: {var: live_fault, map: ktstr_sc.bss}, value: {set: 20}}]}}, " +
          Run("gone") +
          "]\n"
          "checks:\n"
          "  - {scheduler: failing, end: error, matches: '^scx_bpf_error: planted error at enqueue 50'}\n"
          "  - {snapshot: seen, var: slice_ns, equals: 5000000}\n"
          "  - {read: count, equals: 50}\n",
      {"--allow-host-files"});
  run.Finish("PASS");
  std::string seen;
  for (const char* handle : {"1", "3", "5", "6"})
    seen += run.Text(std::string("payload-") + handle + "-look.stdout");
  CHECK(
      seen ==
      "enabled ktstr_scx NO_HRTICK\nenabled qmap NO_HRTICK\ndisabled none HRTICK\ndisabled none NO_HRTICK\n");
  // What the object recorded of its end is what the loader says last.
  CHECK_THAT(run.Text("payload-2-qmap.stderr"),
             Catch::Matches("EXIT KIND: [0-9]+, code 0x0\nEXIT: disabled by sysrq-S\n"));
}

TEST_CASE("scheduler kinds: a variable that is none, or a constant, cannot be written") {
  const auto objects = Objects();
  if (!objects) return;
  const auto refused = [&](const std::string& target) {
    GuestRun run(
        "topology: 1n1l2c1t\nschedulers: {mine: {use: scx_simple}}\nscheduler: mine\n"
        "steps: [{ops: [{WriteKernelHot: {writes: [{target: " +
        target + ", value: {set: 1}}]}}]}]\n");
    run.Finish("ERROR");
    return run.cause();
  };
  CHECK(refused("{var: fifo_sched}") ==
        "WriteKernelHot fifo_sched of a BPF program: fifo_sched of a BPF program is a constant of its "
        "program: the verifier has built its value "
        "into the code");
  CHECK_THAT(
      refused("{var: fifo_shed}"),
      Catch::Contains(
          "WriteKernelHot fifo_shed of a BPF program: no BPF map has a variable 'fifo_shed'; there are: ") &&
          Catch::Contains("fifo_sched"));
}

TEST_CASE("scheduler kinds: what cannot be attached says why") {
  const auto objects = Objects();
  if (!objects) return;
  const auto refused = [&](const std::string& definition) {
    GuestRun run(
        "topology: 1n1l2c1t\nschedulers: {mine: " + definition + "}\nscheduler: mine\nsteps: [{hold: 1s}]\n",
        {"--allow-host-files"});
    run.Finish("FAIL");
    return run.first_line();
  };
  const std::string object = "{object: " + (*objects / "ktstr_scx.bpf.o").string();
  CHECK(refused(object + ", variables: {fault_count: -1}}") ==
        "FAIL scenario.yaml: scheduler 'mine' was not attached: it exited with code 2; its last output: "
        "ktstr_load: '-1' does not fit variable 'fault_count', which is u64");
  CHECK(refused(object + ", variables: {fault: 30}}") ==
        "FAIL scenario.yaml: scheduler 'mine' was not attached: it exited with code 1; its last output: "
        "EXIT: the "
        "scheduler could not be loaded (Permission denied)");
  CHECK(refused("{enable: [/sys/kernel/debug/sched/features = NO_SUCH_FEATURE]}") ==
        "FAIL scenario.yaml: scheduler 'mine' was not attached: writing 'NO_SUCH_FEATURE' to "
        "/sys/kernel/debug/sched/features: Invalid argument");
}

}  // namespace ktstr::test
