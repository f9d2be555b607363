// Schedulers that are no program of the author's: BPF objects, and what the kernel has built in; and the
// files that schedulers are given.
#include <catch2/catch.hpp>

#include "interpreter/cli/cli_values.h"
#include "interpreter/plan/programs.h"
#include "interpreter/verify/verify_subjects.h"
#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

/// What is said of a definition of `mine`.
std::string OfDefinition(const std::string& def) {
  return LoadedPlan("version: 1\nschedulers: {mine: " + def + "}\nscheduler: mine\nsteps: [{hold: 1s}]\n")
      .Messages();
}

/// What the guest is asked to do with schedulers, a line each.
std::string Asked(const std::string& schedulers, const std::string& rest) {
  const LoadedPlan loaded("version: 1\nschedulers:\n" + schedulers + rest);
  INFO(loaded.Messages());
  REQUIRE(loaded.Messages().empty());
  std::string all;
  for (const PlannedRequest& planned : loaded.plans.front()->requests) {
    if (const auto* start = planned.As<StartPayload>()) {
      all += "start";
      for (const std::string& word : start->argv) all += " " + word;
      all += start->whole_output ? "\n" : ", not all output\n";
    }
    if (planned.As<StopScheduler>() != nullptr) all += "stop\n";
    const auto* const writes = planned.As<SwitchBuiltIn>();
    if (writes == nullptr) continue;
    all += (writes->attach ? "on " : "off ") + writes->name + "\n";
    for (const KernelFileWrite& write : writes->writes) all += write.file + " <- '" + write.value + "'\n";
  }
  return all;
}

constexpr const char* kBuiltIn =
    "  tuned: {enable: [/proc/sys/kernel/a = 1, '/sys/b=NO X'], disable: [/proc/sys/kernel/a = 0]}\n";

}  // namespace

TEST_CASE("a BPF object is loaded by the loader, which is told its variables") {
  CHECK(
      Asked("  first: {binary: sh}\n"
            "  mine: {object: ./objects/mine.bpf.o, ops: two, variables: {slice_ns: 5000000, cfg.level: -1, "
            "'name[0]': 0x41, mode: FAST}}\n",
            "scheduler: mine\nsteps: [{hold: 1s}]\n") ==
      "start ktstr_load --ops two --set slice_ns=5000000 --set cfg.level=-1 --set name[0]=65 --set mode=FAST "
      "/payload/files/1/mine.bpf.o\nstop\n");
}

TEST_CASE("a built-in scheduler is switched on and off by writes, in the place of any other") {
  CHECK(Asked(kBuiltIn, "scheduler: tuned\nsteps: [{hold: 1s}]\n") ==
        "on tuned\n/proc/sys/kernel/a <- '1'\n/sys/b <- 'NO X'\noff tuned\n/proc/sys/kernel/a <- '0'\n");
  CHECK(
      Asked(std::string(kBuiltIn) + "  mine: {binary: sh}\n",
            "scheduler: mine\nsteps: [{ops: [{ReplaceScheduler: {scheduler: tuned}}, {RestartScheduler: {}}, "
            "{DetachScheduler: {}}]}]\n") ==
      "start sh\nstop\n"
      "on tuned\n/proc/sys/kernel/a <- '1'\n/sys/b <- 'NO X'\noff tuned\n/proc/sys/kernel/a <- '0'\n"
      "on tuned\n/proc/sys/kernel/a <- '1'\n/sys/b <- 'NO X'\noff tuned\n/proc/sys/kernel/a <- '0'\n");
  const auto messages = [](const std::string& rest) {
    return LoadedPlan("version: 1\nschedulers:\n" + std::string(kBuiltIn) + rest).Messages();
  };
  // It needs no sched_ext, and has no process.
  const LoadedPlan loaded("version: 1\nschedulers:\n" + std::string(kBuiltIn) +
                          "scheduler: tuned\nsteps: [{hold: 1s}]\n");
  REQUIRE(loaded.plans.size() == 1);
  CHECK_FALSE(loaded.plans.front()->scenario.kernel);
  CHECK(messages("scheduler: tuned\npayloads: {p: {binary: sh}}\n"
                 "steps: [{ops: [{RunPayload: {payload: p, args: ['${pid:tuned}']}}]}]\n") ==
        "steps/0/ops/0/RunPayload/args/0: scheduler 'tuned' is built into the kernel: no process is its\n");
  CHECK(messages("scheduler: tuned\nsteps: [{ops: [{AttachScheduler: {scheduler: tuned}}]}]\n") ==
        "steps/0/ops/0/AttachScheduler/scheduler: scheduler 'tuned' is attached at this point (use "
        "ReplaceScheduler, or DetachScheduler first (attached in `scheduler:`))\n");
}

TEST_CASE("a scheduler's configuration and the cgroup above all others are named to it") {
  CHECK(Asked("  mine: {binary: sh, config: etc/mine.toml, args: [--config, '${config}', "
              "'--parent=${cgroup_parent}'], env: ['AT=${config}']}\n",
              "scheduler: mine\nsteps: [{hold: 1s}]\n") ==
        "start sh --config /payload/files/0/mine.toml --parent=/ktstr\nstop\n");
  CHECK(OfDefinition("{binary: sh, config: mine.toml}") ==
        "schedulers/mine/config: no argument says ${config}, where its path is to stand\n");
  CHECK(OfDefinition("{binary: sh, args: ['${config}']}") ==
        "schedulers/mine/args: ${config} stands for the path of `config`, which is not given\n");
}

TEST_CASE("a key that says nothing of a scheduler of its kind is a diagnostic") {
  CHECK(OfDefinition(
            "{object: x.bpf.o, args: [-v], env: [A=b], include: [sh], config: x, disable: [/sys/a = 1]}") ==
        "schedulers/mine/disable: it goes with `enable`\n"
        "schedulers/mine/args: it goes with a program; `variables` sets what is global in an object\n"
        "schedulers/mine/env: it goes with a program\n"
        "schedulers/mine/include: it goes with a program\n"
        "schedulers/mine/config: it goes with a program\n"
        "schedulers/mine/config: no argument says ${config}, where its path is to stand\n");
  CHECK(OfDefinition("{enable: [/sys/a = 1], attach_timeout: 1s, attach_cpu_time: 1s, max_insns: 7}") ==
        "schedulers/mine/attach_timeout: it goes with what is loaded\n"
        "schedulers/mine/attach_cpu_time: it goes with what is loaded\n"
        "schedulers/mine/max_insns: it goes with what is loaded\n");
  CHECK(OfDefinition("{binary: sh, ops: x, variables: {a: 1}}") ==
        "schedulers/mine/ops: it goes with `object`\nschedulers/mine/variables: it goes with `object`\n");
  CHECK(OfDefinition("{object: x.bpf.o, variables: {'a b': 1}}") ==
        "schedulers/mine/variables/a b: 'a b' is not the name of a variable\n");
}

TEST_CASE("what is written to a file of the kernel names one") {
  CHECK(OfDefinition("{enable: [/etc/passwd = x, /sys/../etc/passwd = y, /sys/a]}") ==
        "schedulers/mine/enable/0: '/etc/passwd' is no file below /sys or /proc of the guest\n"
        "schedulers/mine/enable/1: '/sys/../etc/passwd' is no file below /sys or /proc of the guest\n"
        "schedulers/mine/enable/2: it is one line, PATH = VALUE\n");
}

TEST_CASE("--scheduler takes a BPF object, with values for its variables") {
  const SchedulerOverride scheduler = ParseSchedulerOption("./a/mine.bpf.o slice_ns=5 mode=FAST");
  CHECK(scheduler.name == "mine");
  CHECK(scheduler.def.object == "./a/mine.bpf.o");
  CHECK(scheduler.def.binary.empty());
  CHECK(scheduler.def.args.empty());
  REQUIRE(scheduler.def.variables.items.size() == 2);
  CHECK(scheduler.def.variables.items[1].first == "mode");
  CHECK(scheduler.def.variables.items[1].second.text == "FAST");
  CHECK(CommandOf(scheduler.def) == "./a/mine.bpf.o slice_ns=5 mode=FAST");
  CHECK_THROWS_WITH(ParseSchedulerOption("./mine.bpf.o -v"),
                    "--scheduler: '-v' is not VARIABLE=VALUE, which is all that an object can be given");
}

TEST_CASE("verify has nothing to load of a scheduler that the kernel has built in") {
  LoadedScenario loaded;
  loaded.scenario =
      LoadedPlan("version: 1\nschedulers:\n" + std::string(kBuiltIn) + "  mine: {binary: sh}\nsteps: []\n")
          .scenario;
  std::vector<VerifySubject> subjects;
  AddDeclaredSchedulers(loaded, subjects);
  REQUIRE(subjects.size() == 1);
  CHECK(subjects[0].name == "mine");
}
