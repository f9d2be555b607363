// The schedulers that `schedulers build` made, in a guest: those of the kernel's source attach and go; ours
// shows, fault by fault, what it is wrong in, and is sound without one.
#include <catch2/catch.hpp>
#include <set>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr::test {
namespace {

struct Built {
  std::string kernel;                                     // its image
  std::vector<std::string> names;                         // of all schedulers that are built
  std::map<std::string, std::string, std::less<>> paths;  // by name
};

/// nullopt, and the test is skipped, where they are not built.
std::optional<Built> BuiltSchedulers() {
  const auto kernel = CachedKernel("built");
  if (!kernel) {
    Skip("no kernel was built");
    return std::nullopt;
  }
  const CliResult list = RunCli({"schedulers", "list", "--json"}, {});
  REQUIRE(list.exit_code == 0);
  Built built{kernel->image.string(), {}, {}};
  std::set<std::string> helpers;  // are listed, too
  for (const vmm::ShippedScheduler& helper : vmm::SchedulerHelpers()) helpers.emplace(helper.name);
  const Json rows = Json::parse(list.out);
  for (const Json& row : rows) {
    if (row.at("kernel") != kernel->version || !row.at("built") || helpers.contains(row.at("name"))) continue;
    built.names.push_back(row.at("name"));
    built.paths[built.names.back()] = row.at("path");
  }
  if (built.paths.count("ktstr_scx") != 0) return built;
  Skip("no schedulers were built");
  return std::nullopt;
}

/// Where the subject is not who starves: while a scheduler is loaded and attached, the guest of a host with
/// other things to do may come to a stop for seconds, which no_stall rightly tells.
constexpr const char* kStallsAllowed = "defaults: {no_stall: off}\n";

std::unique_ptr<GuestRun> Start(const Built& built, const std::string& yaml) {
  return std::make_unique<GuestRun>("memory: 512MiB\n" + yaml,
                                    std::vector<std::string>{"--kernel", built.kernel, "--allow-host-files"});
}

constexpr const char* kUntilEnabled =
    "until read s </sys/kernel/sched_ext/state && [ \"$s\" = enabled ]; do kill -0 $pid || break; "
    "sleep 0.05; done; ";
constexpr const char* kUntilDisabled =
    "until read s </sys/kernel/sched_ext/state && [ \"$s\" = disabled ]; do sleep 0.05; done; ";

TEST_CASE("schedulers: each that was built attaches, under its name, and goes when it is told to") {
  auto built = BuiltSchedulers();
  if (!built) return;
  std::string includes = "sleep", names;
  // scx_central wants its init to be called on CPU 0, and this kernel calls it from a thread on any CPU.
  std::erase(built->names, "scx_central");
  for (const std::string& name : built->names) {
    includes += ", " + built->paths.at(name);
    names += " " + name;
  }
  const auto run =
      Start(*built, kStallsAllowed +
                        std::string("topology: 1n1l2c1t\npayloads:\n  p:\n    binary: sh\n    include: [") +
                        includes + "]\n    args: [-c, 'for name in" + names +
                        "; do $name >/dev/null & pid=$!; " + kUntilEnabled +
                        "read ops </sys/kernel/sched_ext/root/ops; sleep 0.1; kill -TERM $pid; wait $pid; "
                        "code=$?; " +
                        kUntilDisabled +
                        "echo $name $ops $code; done']\n"
                        "steps:\n  - cgroups: [{name: c, work: [{type: SpinWait, workers: 2}, {type: Bursty, "
                        "burst_duration: 2ms, sleep_duration: 3ms}]}]\n"
                        "    ops: [{RunPayload: {payload: p}}, {WaitPayload: {payload: p, timeout: 60s}}]\n");
  run->Finish("PASS");
  std::string expected;
  for (const std::string& name : built->names) {
    // The kernel's own leave out the "scx_" when they name themselves.
    const std::string ops = name.starts_with("scx_") ? name.substr(4) : name;
    expected += name + " " + ops + " 0\n";
  }
  CHECK(run->Text("payload-0-p.stdout") == expected);
  CHECK_THAT(
      run->Text("kernel.log"),
      Catch::Contains("sched_ext: BPF scheduler \"ktstr_scx\" disabled (unregistered from user space)"));
}

TEST_CASE("schedulers: ours ends as its fault says, with the kernel's words last") {
  const auto built = BuiltSchedulers();
  if (!built) return;
  // Each line: how the loader is called, then "CODE LAST LINE".
  const std::pair<std::string, std::string> cases[] = {
      {"error --count 50", "1 EXIT: scx_bpf_error \\(planted error at enqueue 50, of [^\\[]+\\[[0-9]+\\]\\)"},
      {"init-crash", "1 EXIT: scx_bpf_error \\(planted error in init\\)"},
      {"init-refuse", "1 EXIT: runtime error \\(ops\\.init\\(\\) failed \\(-22\\)\\)"},
      {"exit-bpf --count 50", "0 EXIT: unregistered from BPF \\(planted exit at enqueue 50\\)"},
      {"bad-dsq", "1 EXIT: runtime error \\(non-existent DSQ 0xdead for [^\\[]+\\[[0-9]+\\]\\)"},
      {"foreign-cpu",
       "1 EXIT: runtime error \\(SCX_DSQ_LOCAL\\[_ON\\] target CPU [01] not allowed for "
       "[^\\[]+\\[[0-9]+\\]\\)"},
      {"reject", "1 EXIT: the scheduler could not be loaded \\(Permission denied\\)"},
      {"exit-clean --from-ms 100", "0"},
      {"exit-error --from-ms 100", "3 ktstr_scx: planted exit"},
      {"segv --from-ms 100", "139 .*"},
      {"20 --count 50 --from-ms 100",
       "1 EXIT: scx_bpf_error \\(planted error at enqueue 50, of [^\\[]+\\[[0-9]+\\]\\)"},
      {"none", "2 ktstr_scx: there is no fault .none.; see --list-faults"},
  };
  std::string script, expected;
  for (const auto& [options, end] : cases) {
    script += "ktstr_scx --fault " + options + " >/dev/null 2>/tmp/err; echo $? $(tail -n 1 /tmp/err); " +
              kUntilDisabled;
    expected += end + "\n";
  }
  const auto run = Start(
      *built,
      kStallsAllowed +
          std::string("topology: 1n1l2c1t\npayloads:\n  p:\n    binary: sh\n    include: [sleep, tail, ") +
          built->paths.at("ktstr_scx") + "]\n    args: [-c, '" + script +
          "']\nsteps:\n  - cgroups:\n"
          "      - {name: left, cpuset: \"0\", work: [{type: Bursty, burst_duration: 2ms, "
          "sleep_duration: 3ms}]}\n"
          "      - {name: right, cpuset: \"1\", work: [{type: Bursty, burst_duration: 2ms, "
          "sleep_duration: 3ms}]}\n"
          "    ops: [{RunPayload: {payload: p}}, {WaitPayload: {payload: p, timeout: 100s}}]\n");
  run->Finish("PASS");
  CHECK_THAT(run->Text("payload-0-p.stdout"), Catch::Matches(expected));
}

/// One step under ours with `args`, over workers of cgroup c that live before and after.
std::string Under(const std::string& args, const std::string& work, const std::string& hold,
                  const std::string& more) {
  return "topology: 1n1l2c1t\nschedulers: {mine: {use: ktstr_scx, args: [" + args +
         "]}}\nbackdrop: {cgroups: [{name: c, work: [" + work +
         "]}]}\nsteps:\n  - name: faulty\n    ops:\n      - AttachScheduler: {scheduler: mine}\n" + more +
         "    hold: " + hold + "\n";
}

/// The metric of a work group in a phase.
double Of(const GuestRun& run, const std::string& phase, const std::string& group,
          const std::string& metric) {
  const Json stats = run.File("stats.json");
  for (const Json& entry : stats.at("phases")) {
    if (entry.at("label") != phase) continue;
    for (const Json& row : entry.at("per_group"))
      if (row.at("group") == group) return row.at("metrics").at(metric);
  }
  FAIL_CHECK("no group " << group << " in phase " << phase);
  return 0;
}

TEST_CASE("schedulers: ours goes by weight, and with a fault not or the wrong way round") {
  const auto built = BuiltSchedulers();
  if (!built) return;
  const auto run = Start(*built, kStallsAllowed + std::string(R"(topology: 1n1l2c1t
schedulers:
  sound: {use: ktstr_scx}
  weightless: {use: ktstr_scx, args: [--fault, weightless]}
  inverted: {use: ktstr_scx, args: [--fault, inverted]}
backdrop:
  cgroups: [{name: c, cpuset: "0", work: [{name: plain, type: SpinWait}, {name: nice, type: SpinWait, nice: 5}]}]
steps:
  - {name: first, ops: [AttachScheduler: {scheduler: sound}], hold: 10ms}
  - {name: sound, hold: 1s}
  - {name: second, ops: [ReplaceScheduler: {scheduler: weightless}], hold: 10ms}
  - {name: weightless, hold: 1s}
  - {name: third, ops: [ReplaceScheduler: {scheduler: inverted}], hold: 10ms}
  - {name: inverted, hold: 1s}
)"));
  run->Finish("PASS");
  const auto share = [&](const std::string& phase) {
    const double plain = Of(*run, phase, "plain", "cpu_time_ns"),
                 nice = Of(*run, phase, "nice", "cpu_time_ns");
    return plain / (plain + nice);
  };
  CHECK(share("sound") == Approx(0.75).margin(0.1));  // by weights of 100 and 33
  CHECK(share("weightless") == Approx(0.5).margin(0.1));
  CHECK(share("inverted") == Approx(0.25).margin(0.1));
}

TEST_CASE("schedulers: a sleeper's credit is bounded in ours, and with a fault it owns the CPU") {
  const auto built = BuiltSchedulers();
  if (!built) return;
  const auto run = Start(*built, kStallsAllowed + std::string(R"(topology: 1n1l2c1t
schedulers:
  sound: {use: ktstr_scx}
  faulty: {use: ktstr_scx, args: [--fault, credit]}
backdrop:
  cgroups:
    - name: c
      cpuset: "0"
      work: [{name: spin, type: SpinWait}, {type: Bursty, burst_duration: 600ms, sleep_duration: 1s}]
steps:
  - {name: attach, ops: [AttachScheduler: {scheduler: sound}], hold: 100ms}
  - {name: sound, hold: 3s}
  - {name: replace, ops: [ReplaceScheduler: {scheduler: faulty}], hold: 100ms}
  - {name: faulty, hold: 4s}
)"));
  run->Finish("PASS");
  CHECK(Of(*run, "faulty", "spin", "max_gap_ms") >= 300);  // about the burst; a host may make less of it
  CHECK(Of(*run, "sound", "spin", "max_gap_ms") < Of(*run, "faulty", "spin", "max_gap_ms") / 2);
}

/// A task starves, until the kernel's watchdog ends the scheduler. `of` is the task whose wait it saw; of
/// several that wait for the same reason it names any, and its own among them.
void ExpectStall(const std::string& args, const std::string& work, const std::string& of,
                 const std::string& more = "", const std::string& hold = "6s") {
  const auto built = BuiltSchedulers();
  if (!built) return;
  const auto run = Start(*built, Under("--timeout-ms, \"3000\", " + args, work, hold, more));
  run->Finish("FAIL");
  CHECK_THAT(run->first_line(),
             Catch::Matches("FAIL scenario\\.yaml: (scheduler mine was ejected [0-9.]+ s after it "
                            "was attached: runnable task stall: |worker c/.* was runnable for ).*"));
  CHECK_THAT(run->Text("kernel.log"),
             Catch::Contains("sched_ext: BPF scheduler \"ktstr_scx\" disabled (runnable task stall)"));
  const std::string said = run->Text("payload-0-mine.stderr");
  CHECK_THAT(said.substr(said.rfind("\nEXIT KIND: ") + 1),
             Catch::Matches("EXIT KIND: 1026, code 0x0\nEXIT: runnable task stall \\((" + of +
                            "\\[[0-9]+\\] failed to run for|watchdog failed to check in for) [0-9.]+s\\)\n"));
}

TEST_CASE("schedulers: a task that ours forgets starves, and the kernel says which") {
  ExpectStall("--fault, forget, --victim, lost", "{type: SpinWait}, {type: Bursty, comm: lost}", "lost");
}

TEST_CASE("schedulers: tasks that ours loses one by one starve") {
  ExpectStall("--fault, lose, --count, \"600\"",
              "{type: Bursty, workers: 8, burst_duration: 5ms, sleep_duration: 5ms}", "Bursty", "", "8s");
}

TEST_CASE("schedulers: a pinned task starves where CPUs keep their own") {
  ExpectStall("--fault, strand", "{type: SpinWait, workers: 2}, {type: Bursty, affinity: {cpus: 1}}",
              "[^\\[]+");
}

TEST_CASE("schedulers: a second task of a CPU starves where a lone one's slice is endless") {
  ExpectStall("--fault, endless", "{type: SpinWait, affinity: {cpus: 1}}", "[^\\[]+",
              "      - Spawn: {cgroup: c, work: {type: SpinWait, affinity: {cpus: 1}}}\n");
}

TEST_CASE("schedulers: tasks starve behind a real-time task where a CPU hoards them") {
  ExpectStall(
      "--fault, hoard",
      "{type: SpinWait, workers: 8}, {type: Bursty, policy: fifo, burst_duration: 9ms, sleep_duration: "
      "1ms, affinity: {cpus: 1}}",
      "[^\\[]+");
}

TEST_CASE("schedulers: tasks starve beside one that yields where giving way gains a slice") {
  ExpectStall("--fault, yielder", "{type: YieldHeavy, workers: 2}, {type: SpinWait, workers: 4}", "[^\\[]+");
}

TEST_CASE("schedulers: nothing runs any more from a moment on, and the kernel takes over") {
  ExpectStall("--fault, stall, --from-ms, \"500\"", "{type: SpinWait, workers: 3}", "[^\\[]+");
}

TEST_CASE("schedulers: a CPU that goes offline ends ours by a fault only") {
  const auto built = BuiltSchedulers();
  if (!built) return;
  const std::string plug =
      "payloads: {plug: {binary: sh, include: [sleep], args: [-c, 'echo 0 > "
      "/sys/devices/system/cpu/cpu1/online; sleep 0.2; echo 1 > /sys/devices/system/cpu/cpu1/online']}}\n";
  const std::string ops =
      "      - RunPayload: {payload: plug}\n      - WaitPayload: {payload: plug, timeout: 60s}\n";
  Start(*built, kStallsAllowed + plug + Under("", "{type: SpinWait, workers: 3}", "300ms", ops))
      ->Finish("PASS");
  const auto run =
      Start(*built, plug + Under("--fault, hotplug", "{type: SpinWait, workers: 3}", "300ms", ops));
  run->Finish("FAIL");
  CHECK_THAT(
      run->first_line(),
      Catch::Matches("FAIL scenario\\.yaml: scheduler mine was ejected [0-9.]+ s after it was attached: "
                     "scx_bpf_error: planted error: CPU 1 went offline"));
}

}  // namespace
}  // namespace ktstr::test
