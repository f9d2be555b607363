// What plans make of schedulers, the matrix and --scheduler, and what is said against them, whole.
#include <catch2/catch.hpp>

#include "interpreter/cli/cli_values.h"
#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

struct Loaded : LoadedPlan {
  /// `ops` are those of the one step; `mine` and `other` are schedulers, `web` is a payload.
  explicit Loaded(const std::string& ops, const std::string& rest = "")
      : LoadedPlan(
            "version: 1\nschedulers:\n"
            "  mine: {binary: bin/sh, args: [-v], env: ['A=b']}\n"
            "  other: {use: scx_simple}\n"
            "payloads: {web: {binary: sh}}\n"
            "steps: [{name: only, ops: [" +
            ops + "]}]\n" + rest) {}
  /// "start 0 mine; stop 0; ..." of the first plan.
  [[nodiscard]] std::string Schedule() const {
    std::string all;
    for (const PlannedRequest& planned : plans.front()->requests) {
      if (const auto* start = planned.As<StartPayload>())
        all += "start " + std::to_string(start->handle) + " " + start->name + "; ";
      if (const auto* stop = planned.As<StopScheduler>())
        all +=
            std::string("stop ") + std::to_string(stop->handle) + (planned.cleanup ? " at the end; " : "; ");
      if (planned.As<Hold>() != nullptr) all += "hold; ";
    }
    return all;
  }
  [[nodiscard]] StartPayload Start(std::uint32_t handle) const {
    for (const PlannedRequest& planned : plans.front()->requests)
      if (const auto* start = planned.As<StartPayload>(); start != nullptr && start->handle == handle)
        return *start;
    FAIL("there is no such start");
    return {};
  }
};

/// What is said of a definition of `mine`.
std::string OfDefinition(const std::string& def) {
  return LoadedPlan("version: 1\nschedulers: {mine: " + def + "}\nscheduler: mine\nsteps: [{hold: 1s}]\n")
      .Messages();
}

/// "name: scheduler" of each variant of `scenario` under `--scheduler`, "" for none.
std::vector<std::string> VariantsOf(const LoadedPlan& scenario, const std::string& option = "") {
  INFO(scenario.Messages());
  REQUIRE(scenario.Messages().empty());
  Overrides overrides;
  if (!option.empty()) overrides.scheduler = ParseSchedulerOption(option);
  std::vector<std::string> all;
  for (const RunVariant& variant : Variants(WithOverrides(scenario.scenario, overrides)))
    all.push_back(variant.name + ": " + variant.scheduler);
  return all;
}
std::vector<std::string> VariantsOf(const std::string& matrix) {
  return VariantsOf(Loaded("", "matrix: " + matrix + "\n"));
}

}  // namespace

TEST_CASE("the scenario's scheduler is attached before all else and detached after it") {
  const Loaded loaded("{RunPayload: {payload: web}}", "scheduler: mine\n");
  REQUIRE(loaded.Messages().empty());
  CHECK(loaded.Schedule() == "start 0 mine; start 1 web; stop 0 at the end; ");
  const StartPayload start = loaded.Start(0);
  CHECK(start.argv == std::vector<std::string>{"sh", "-v"});
  CHECK(start.env == std::vector<std::string>{"A=b"});
  CHECK(start.cgroup.empty());
  REQUIRE(start.attach);
  CHECK(start.attach->cpu_ns == 35'000'000'000);
  CHECK(start.attach->wall_ns == 90'000'000'000);
  CHECK_FALSE(loaded.Start(1).attach);
  for (const PlannedRequest& planned : loaded.plans.front()->requests)
    if (planned.As<StartPayload>() != nullptr && planned.As<StartPayload>()->attach)
      CHECK(planned.budget == Seconds(90));
  const std::vector<vmm::KernelFeature> features = loaded.plans.front()->scenario.kernel->features;
  CHECK(std::count(features.begin(), features.end(), vmm::KernelFeature::kSchedExt) == 1);
  CHECK_FALSE(Loaded("").plans.front()->scenario.kernel);
}

TEST_CASE("loading takes ten times as long on the virtual clock, unless the author says how long") {
  CHECK(Loaded("", "scheduler: mine\nclock: virtual\n").Start(0).attach->cpu_ns == 350'000'000'000);
  CHECK(Loaded("", "scheduler: mine\nclock: virtual\n").Start(0).attach->wall_ns == 900'000'000'000);
  SchedulerDef def;
  def.attach_timeout = Seconds(3);
  def.attach_cpu_time = Seconds(2);
  CHECK(AttachBudgetOf(def, Clock::kVirtual).wall_ns == 3'000'000'000);
  CHECK(AttachBudgetOf(def, Clock::kWall).cpu_ns == 2'000'000'000);
}

TEST_CASE("Ops attach, replace, restart and detach, and what is attached stays until the end") {
  const auto schedule = [](const std::string& ops) {
    const Loaded loaded(ops);
    INFO(loaded.Messages());
    REQUIRE(loaded.Messages().empty());
    return loaded.Schedule();
  };
  const std::string attach = "{AttachScheduler: {scheduler: mine}}";
  CHECK(schedule(attach) == "start 0 mine; stop 0 at the end; ");
  CHECK(schedule(attach + ", {DetachScheduler: {}}") == "start 0 mine; stop 0; ");
  CHECK(schedule(attach + ", {ReplaceScheduler: {scheduler: other}}") ==
        "start 0 mine; stop 0; start 1 other; stop 1 at the end; ");
  CHECK(schedule(attach + ", {RestartScheduler: {}}, {DetachScheduler: {}}, " + attach) ==
        "start 0 mine; stop 0; start 1 mine; stop 1; start 2 mine; stop 2 at the end; ");
  const Loaded pid(attach + ", {RunPayload: {payload: web, args: ['${pid:mine}']}}");
  REQUIRE(pid.Messages().empty());
  CHECK(pid.Start(1).argv.back() == "${pid:0}");
}

TEST_CASE("what an Op does with a scheduler that there is not, or that is not attached, is a diagnostic") {
  const std::string attach = "{AttachScheduler: {scheduler: mine}}";
  CHECK(Loaded("{AttachScheduler: {scheduler: mien}}").Messages() ==
        "steps/0/ops/0/AttachScheduler/scheduler: no scheduler 'mien' is declared (did you mean 'mine'?)\n");
  CHECK(Loaded("{AttachScheduler: {scheduler: web}}").Messages() ==
        "steps/0/ops/0/AttachScheduler/scheduler: no scheduler 'web' is declared (declared: 'mine', "
        "'other')\n");
  CHECK(Loaded("{RunPayload: {payload: mine}}").Messages() ==
        "steps/0/ops/0/RunPayload/payload: no payload 'mine' is declared (declared: 'web')\n");
  CHECK(LoadedPlan("version: 1\nsteps: [{ops: [{AttachScheduler: {scheduler: mine}}]}]\n").Messages() ==
        "steps/0/ops/0/AttachScheduler/scheduler: no scheduler 'mine' is declared (declare it under "
        "`schedulers:`)\n");
  CHECK(Loaded(attach + ", {AttachScheduler: {scheduler: other}}").Messages() ==
        "steps/0/ops/1/AttachScheduler/scheduler: scheduler 'mine' is attached at this point (use "
        "ReplaceScheduler, or DetachScheduler first (attached in step 'only'))\n");
  CHECK(Loaded(attach, "scheduler: other\n").Messages() ==
        "steps/0/ops/0/AttachScheduler/scheduler: scheduler 'other' is attached at this point (use "
        "ReplaceScheduler, or DetachScheduler first (attached in `scheduler:`))\n");
  for (const std::string op : {"DetachScheduler", "RestartScheduler"}) {
    CHECK(Loaded("{" + op + ": {}}").Messages() ==
          "steps/0/ops/0/" + op +
              ": no scheduler is attached at this point (name one with `scheduler:`, or attach it with "
              "AttachScheduler first)\n");
    CHECK(Loaded(attach + ", {DetachScheduler: {}}, {" + op + ": {}}").Messages() ==
          "steps/0/ops/2/" + op +
              ": no scheduler is attached at this point ('mine' was detached in step 'only')\n");
  }
  CHECK(Loaded("{ReplaceScheduler: {scheduler: mine}}").Messages() ==
        "steps/0/ops/0/ReplaceScheduler: no scheduler is attached at this point (name one with "
        "`scheduler:`, or attach it with AttachScheduler first)\n");
  CHECK(Loaded("{RunPayload: {payload: web, args: ['${pid:mine}']}}").Messages() ==
        "steps/0/ops/0/RunPayload/args/0: no payload 'mine' is declared (declared: 'web')\n");
}

TEST_CASE("Ops on schedulers can be repeated as long as each round leaves things as they were") {
  const auto repeated = [](const std::string& ops) {
    return LoadedPlan(
               "version: 1\nschedulers: {mine: {binary: sh}}\nsteps:\n  - {name: only, hold: {every: "
               "100ms, for: 300ms}, ops: [" +
               ops + "]}\n")
        .Messages();
  };
  const std::string attach = "{AttachScheduler: {scheduler: mine}}";
  CHECK(repeated(attach + ", {DetachScheduler: {}}").empty());
  CHECK(
      repeated(attach).starts_with("steps/0/ops/0/AttachScheduler/scheduler: scheduler 'mine' is attached at "
                                   "this point (use ReplaceScheduler, or DetachScheduler first"));
}

TEST_CASE("what is wrong with a definition is said where it stands") {
  CHECK(OfDefinition("{binary: sh}").empty());
  CHECK(OfDefinition("{use: scx_qmap, args: [-e, '200'], attach_timeout: 1s, attach_cpu_time: 1s}").empty());
  CHECK(OfDefinition("{}") ==
        "schedulers/mine: give one of `binary`, `object` (a .bpf.o), `use` for a shipped one, and `enable` "
        "for one that "
        "the kernel has built in\n");
  CHECK(OfDefinition("{binary: sh, use: scx_simple}") ==
        "schedulers/mine: give one of `binary`, `object` (a .bpf.o), `use` for a shipped one, and `enable` "
        "for one that "
        "the kernel has built in\n");
  CHECK(
      OfDefinition("{use: scx_simpel}") ==
      "schedulers/mine/use: there is no scheduler 'scx_simpel' among the shipped ones (scx_simple, scx_qmap, "
      "scx_central, scx_flatcg, ktstr_scx)\n");
  CHECK(OfDefinition("{binary: sh, attach_timeout: 0s, attach_cpu_time: 0s}") ==
        "schedulers/mine/attach_timeout: it must be more than 0s\n"
        "schedulers/mine/attach_cpu_time: it must be more than 0s\n");
  CHECK(OfDefinition("{binary: sh, env: [A]}") ==
        "schedulers/mine/env/0: 'A' is not allowed here: NAME=value\n");
  CHECK(LoadedPlan("version: 1\nschedulers: {eevdf: {binary: sh}}\nsteps: [{hold: 1s}]\n").Messages() ==
        "schedulers/eevdf: eevdf is the name of the kernel's own scheduler\n");
}

TEST_CASE("an unknown scheduler is a diagnostic at its own place, also of the matrix, and once") {
  CHECK(Loaded("", "scheduler: mien\n").Messages() ==
        "scheduler: no scheduler 'mien' is declared (did you mean 'mine'?)\n");
  CHECK(Loaded("", "scheduler: eevdf\n").Messages().empty());
  CHECK(Loaded("", "matrix: {scheduler: [eevdf, mien], topology: [1n1l1c1t, 1n1l2c1t]}\n").Messages() ==
        "matrix/scheduler/1: no scheduler 'mien' is declared (did you mean 'mine'?)\n");
}

TEST_CASE("what could not be read of a scheduler hides nothing, and is not complained of twice") {
  const std::string ops =
      "steps: [{ops: [{AttachScheduler: {scheduler: mine}}, {DetachScheduler: {}}, {DestroyCgroup: 1}]}]\n";
  const std::string text = LoadedPlan("version: 1\nschedulers: {mine: {binary: [1]}}\n" + ops).Messages();
  CHECK(text.find("no scheduler") == std::string::npos);
  // The list as a whole may have had any of them.
  const std::string list = LoadedPlan("version: 1\nschedulers: 7\nscheduler: mine\n" + ops).Messages();
  CHECK(list.find("no scheduler") == std::string::npos);
  // An Op that cannot be read may have attached one, or detached it.
  const auto after = [](const std::string& first, const std::string& second) {
    return LoadedPlan("version: 1\nschedulers: {mine: {binary: sh}}\nsteps: [{ops: [" + first + ", " +
                      second + "]}]\n")
        .Messages();
  };
  CHECK(after("{AttachScheduler: {schedule: mine}}", "{DetachScheduler: {}}").find("is attached at") ==
        std::string::npos);
  // Nor what follows from a name that there is not.
  CHECK(Loaded("{AttachScheduler: {scheduler: mien}}, {DetachScheduler: {}}").Messages() ==
        "steps/0/ops/0/AttachScheduler/scheduler: no scheduler 'mien' is declared (did you mean 'mine'?)\n");
}

TEST_CASE("variants are called by their schedulers, and can be left out by them") {
  using Names = std::vector<std::string>;
  CHECK(VariantsOf("{scheduler: [eevdf, mine]}") == Names{"eevdf: eevdf", "mine: mine"});
  CHECK(
      VariantsOf("{topology: [1n1l1c1t, 1n1l2c1t], scheduler: [eevdf, mine], exclude: [{topology: 1n1l1c1t, "
                 "scheduler: mine}]}") ==
      Names{"1n1l1c1t,eevdf: eevdf", "1n1l2c1t,eevdf: eevdf", "1n1l2c1t,mine: mine"});
  CHECK(VariantsOf("{scheduler: [eevdf, mine, other], exclude: [{scheduler: mine}]}") ==
        Names{"eevdf: eevdf", "other: other"});
}

TEST_CASE("--scheduler is put under scenarios that name none, and under no other") {
  using Names = std::vector<std::string>;
  const std::string none = "version: 1\nsteps: [{hold: 1s}]\n";
  CHECK(VariantsOf(LoadedPlan(none), "./bin/scx -v") == Names{": scx"});
  CHECK(VariantsOf(LoadedPlan(none), "eevdf") == Names{": eevdf"});
  CHECK(VariantsOf(LoadedPlan(none + "matrix: {topology: [1n1l1c1t, 1n1l2c1t]}\n"), "scx_simple") ==
        Names{"1n1l1c1t: scx_simple", "1n1l2c1t: scx_simple"});
  CHECK(VariantsOf(LoadedPlan(none + "scheduler: eevdf\n"), "scx_simple") == Names{": eevdf"});
  CHECK(VariantsOf(Loaded("", "scheduler: mine\n"), "scx_simple") == Names{": mine"});
  CHECK(VariantsOf(Loaded("", "matrix: {scheduler: [eevdf, mine]}\n"), "scx_simple") ==
        Names{"eevdf: eevdf", "mine: mine"});
  // The plan has it as if the scenario had named it, with its arguments.
  Overrides overrides;
  overrides.scheduler = ParseSchedulerOption("/x/scx -v --slice 5");
  Diagnostics diagnostics;
  const RunPlans plans =
      PlanRuns(WithOverrides(LoadedPlan(none).scenario, overrides), overrides, diagnostics);
  CHECK(diagnostics.items().empty());
  REQUIRE(plans.size() == 1);
  CHECK(plans[0]->payloads.at(0).scheduler);
  CHECK(plans[0]->payloads.at(0).made.where == "--scheduler of the command line");
  for (const PlannedRequest& planned : plans[0]->requests)
    if (const auto* start = planned.As<StartPayload>())
      CHECK(start->argv == std::vector<std::string>{"scx", "-v", "--slice", "5"});
}

TEST_CASE("--scheduler is a path, a shipped scheduler, a name on PATH, or eevdf") {
  const auto def = [](const std::string& text) { return ParseSchedulerOption(text).def; };
  CHECK(def("./bin/scx -a  --b=c ").binary == "./bin/scx");
  CHECK(def("./bin/scx -a  --b=c ").args == std::vector<std::string>{"-a", "--b=c"});
  CHECK(ParseSchedulerOption("./bin/scx -a").name == "scx");
  CHECK(def("scx_qmap -e 5").use == "scx_qmap");
  CHECK(def("scx_qmap -e 5").binary.empty());
  CHECK(def("./scx_qmap").binary == "./scx_qmap");
  CHECK(def("scx_rusty").binary == "scx_rusty");
  CHECK(def("scx_rusty").from_user);
  CHECK(ParseSchedulerOption("eevdf").name == "eevdf");
  CHECK_THROWS_WITH(ParseSchedulerOption(""), "--scheduler: it names no program");
  CHECK_THROWS_WITH(ParseSchedulerOption("  "), "--scheduler: it names no program");
  CHECK_THROWS_WITH(ParseSchedulerOption("bin/ -a"), "--scheduler: 'bin/' is a directory");
  CHECK_THROWS_WITH(ParseSchedulerOption("./eevdf"),
                    "--scheduler: eevdf is the name of the kernel's own scheduler");
}

TEST_CASE("a check of a scheduler names one that there is, and asks for what can be") {
  const auto diagnostic = [](const std::string& check) {
    return Loaded("", "checks: [" + check + "]\n").Messages();
  };
  CHECK(diagnostic("{scheduler: mine, end: stall, phase: only, matches: 'a+'}").empty());
  CHECK(diagnostic("{scheduler: mien}") ==
        "checks/0/scheduler: there is no scheduler 'mien' in this scenario (did you mean 'mine'?)\n");
  CHECK(diagnostic("{scheduler: mine, end: stall, phase: ony}") ==
        "checks/0/phase: there is no phase 'ony' in this scenario (did you mean 'only'?)\n");
  CHECK(diagnostic("{scheduler: mine, phase: only}") ==
        "checks/0/phase: a scheduler that stays attached ends in no phase\n");
  CHECK(diagnostic("{scheduler: mine, matches: x}") ==
        "checks/0/matches: the kernel says nothing of a scheduler that was detached\n");
  CHECK(diagnostic("{scheduler: mine, end: error, matches: '('}") ==
        "checks/0/matches: it is not a regular expression\n");
  CHECK(diagnostic("{scheduler: mine, end: gone}").starts_with("checks/0/end: "));
}
