// Plans of whole scenarios: the order of requests, variants, and what lint says of names and lifetimes.
#include <catch2/catch.hpp>
#include <functional>

#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

struct Loaded : LoadedPlan {
  using LoadedPlan::LoadedPlan;
  /// Without the hints.
  [[nodiscard]] std::string Messages() const {
    std::string all;
    for (const Diagnostic& d : diagnostics.items()) all += d.path + ": " + d.message + "\n";
    return all;
  }
};

std::string Labels(const std::string& yaml) {
  Loaded loaded(yaml);
  REQUIRE(loaded.Messages().empty());
  std::string all;
  for (const PlannedRequest& planned : loaded.plans.front()->requests) all += planned.label + "\n";
  return all;
}

}  // namespace

TEST_CASE("a step makes its cgroups, begins, runs its ops, holds, ends, cleans up") {
  CHECK(Labels(R"(
version: 1
backdrop: {cgroups: [{name: base}]}
steps:
  - name: one
    cgroups: [{name: a, work: [{type: SpinWait}]}]
    ops: [{SetCpuset: {cgroup: a, cpus: "1"}}]
    hold: 50%
)") == "begin of BASELINE\n"
       "enable the cpu controller\n"
       "AddCgroup base\n"
       "end of BASELINE\n"
       "AddCgroup a\n"
       "Spawn 1 x SpinWait in a\n"
       "first Ops of step one\n"
       "enable the cpuset controller\n"
       "a: cpuset.cpus = 1\n"
       "begin of step one\n"
       "hold 5s\n"
       "end of step one\n"
       "end of step: collect workers\n"
       "end of step: remove cgroup a\n"
       "finish\n");
}

TEST_CASE("a phase is measured from where its first Ops are done, or from the first that waits") {
  CHECK(Labels(R"(
version: 1
payloads: {load: {binary: sh}}
steps:
  - name: one
    ops: [{AddCgroup: {name: a}}, {RunPayload: {payload: load}}, {WaitPayload: {payload: load}}, {RemoveCgroup: {cgroup: a}}]
)") == "begin of BASELINE\n"
       "end of BASELINE\n"
       "first Ops of step one\n"
       "enable the cpu controller\n"
       "AddCgroup a\n"
       "RunPayload load\n"
       "begin of step one\n"
       "WaitPayload load\n"
       "RemoveCgroup a\n"
       "end of step one\n"
       "finish\n");
}

TEST_CASE("a repeated hold runs the ops at 0, every, 2 x every and then waits out the rest") {
  CHECK(Labels(R"(
version: 1
steps:
  - hold: {every: 200ms, for: 500ms}
    ops: [{Spawn: {work: {type: YieldHeavy}}}]
)") == "begin of BASELINE\n"
       "end of BASELINE\n"
       "begin of step step1\n"
       "begin of the repetition\n"
       "Spawn 1 x YieldHeavy\n"
       "hold until 200ms\n"
       "Spawn 1 x YieldHeavy\n"
       "hold until 400ms\n"
       "Spawn 1 x YieldHeavy\n"
       "hold until 500ms\n"
       "end of step step1\n"
       "end of step: collect workers\n"
       "finish\n");
}

TEST_CASE("variants: every combination in the order of the axes, less the excluded") {
  Loaded loaded(R"(
version: 1
steps: [{hold: 1s}]
matrix:
  topology: [1n1l1c1t, 1n1l2c1t]
  clock: [wall, virtual]
  exclude: [{topology: 1n1l2c1t, clock: virtual}]
)");
  CHECK(loaded.Messages().empty());
  std::vector<std::string> names;
  for (const RunVariant& variant : Variants(loaded.scenario)) names.push_back(variant.name);
  CHECK(names == std::vector<std::string>{"1n1l1c1t,wall", "1n1l1c1t,virtual", "1n1l2c1t,wall"});
}

TEST_CASE("a cpuset that is empty on one topology of the matrix is an error that names it") {
  CHECK(Loaded(R"(
version: 1
steps: [{cgroups: [{name: a, cpuset: {llc: 1}}]}]
matrix: {topology: [1n2l2c1t, 1n1l2c1t]}
)")
            .Messages() == "steps/0/cgroups/0/cpuset: there is no LLC 1: the topology has 1 LLC\n");
}

TEST_CASE("default checks are switched by words as well as all at once") {
  const auto read = [](const std::string& defaults) {
    return Loaded("version: 1\nsteps: [{hold: 1s}]\ndefaults: " + defaults + "\n");
  };
  const auto switched = [&](const std::string& defaults) {
    const Loaded loaded = read(defaults);
    CHECK(loaded.Messages().empty());
    return std::pair(loaded.scenario.defaults.no_stall, loaded.scenario.defaults.progress);
  };
  CHECK(switched("{no_stall: off}") == std::pair(false, true));
  CHECK(switched("{no_stall: false}") == std::pair(false, true));
  CHECK(switched("{no_stall: on, progress: off}") == std::pair(true, false));
  CHECK(switched("off") == std::pair(false, false));
  CHECK(read("{no_stall: no}").Messages() ==
        "defaults/no_stall: expected on or off, found the string 'no'\n");
}

TEST_CASE("names and deadlines of a whole scenario") {
  CHECK(Loaded(R"(
version: 1
timeout: 3s
steps:
  - {name: a, hold: 2s}
  - {name: a, hold: 2s}
  - {name: BASELINE}
)")
            .Messages() ==
        "steps/1/name: two steps are named 'a'\n"
        "steps/2/name: BASELINE is the name of the time before the first step\n"
        "timeout: the holds alone take 4s, and the timeout is 3s\n");
}

TEST_CASE("a repetition that cannot be repeated is one diagnostic") {
  CHECK(Loaded(R"(
version: 1
steps:
  - hold: {every: 100ms, for: 1s}
    ops: [{AddCgroup: {name: again}}]
)")
            .Messages() == "steps/0/ops/0/AddCgroup/name: cgroup 'again' already exists\n");
}

TEST_CASE("a repetition of many Ops ends where a run would make too many requests") {
  const auto diagnostics = [](const std::string& ops, int steps) {
    std::string yaml = "version: 1\npayloads: {p: {binary: p}}\nsteps:\n";
    for (int i = 0; i < steps; ++i) yaml += "  - {ops: [" + ops + "], hold: {every: 1ms, for: 10s}}\n";
    return Loaded(yaml).Messages();
  };
  const std::string payload = "{RunPayload: {payload: p}}, {WaitPayload: {payload: p}}";
  const std::string cgroup = "{AddCgroup: {name: c}}, {RemoveCgroup: {cgroup: c}}";
  // Each took seconds: what was gone was looked through for each new one.
  CHECK(diagnostics(payload, 3) == "");
  CHECK(diagnostics(payload, 4) ==
        "steps/3/hold: up to the repetition at 3.329s the run makes more than 100000 requests\n");
  CHECK(diagnostics(cgroup, 4) ==
        "steps/3/hold: up to the repetition at 3.328s the run makes more than 100000 requests\n");
  CHECK(diagnostics("{Spawn: {work: {type: SpinWait}}}", 1) == "");
  CHECK(diagnostics("{Spawn: {work: {type: SpinWait}}}", 2) ==
        "steps/1/ops/0/Spawn/work: a run starts at most 10000 groups of workers\n");
}

TEST_CASE("Ops that cannot be read are gone through once, however often a step repeats them") {
  // 2800 bytes of them took 3.3 s: they make no requests, and so never too many.
  std::string yaml = "version: 1\nsteps:\n";
  for (int i = 0; i < 12; ++i)
    yaml += "  - {ops: [{Sleep: {for: 1ms}}, {Sleep: {fro: 1ms}}], hold: {every: 1ms, for: 10s}}\n";
  const std::string messages = LoadedPlan(yaml).Messages();
  CHECK_THAT(messages, Catch::Contains("steps/11/ops/1/Sleep/fro: unknown key 'fro'"));
  CHECK_THAT(messages, !Catch::Contains("more than 100000 requests"));
}

TEST_CASE("a matrix that makes too much of a little text is an error at its line before anything is made") {
  const auto list = [](std::size_t count, const std::function<std::string(std::size_t)>& value) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + value(i);
    return "[" + text + "]";
  };
  const auto diagnostics = [&](std::size_t topologies, std::size_t memories, const std::string& rest) {
    return Loaded("version: 1\nmatrix:\n  topology: " +
                  list(topologies, [](std::size_t i) { return "1n1l" + std::to_string(i + 1) + "c1t"; }) +
                  "\n  memory: " +
                  list(memories, [](std::size_t i) { return std::to_string(300 + i) + "MiB"; }) + "\n" + rest)
        .Messages();
  };
  const std::string step = "steps: [{hold: 1s}]\n";
  CHECK(diagnostics(50, 20, step) == "");
  CHECK(diagnostics(50, 21, step) == "matrix: the matrix has 1050 combinations, more than 1000\n");
  CHECK(diagnostics(252, 3900, step) == "matrix: the matrix has 982800 combinations, more than 1000\n");
  // An anchor of 999 values, ten times.
  std::string payloads =
      "payloads:\n  p0: {binary: p, args: &a " + list(999, [](std::size_t) { return "x"; }) + "}\n";
  for (int i = 1; i < 10; ++i) payloads += "  p" + std::to_string(i) + ": {binary: p, args: *a}\n";
  CHECK(diagnostics(5, 10, payloads + step) == "");
  CHECK(diagnostics(10, 20, payloads + step).starts_with("matrix: the matrix repeats the scenario's 10"));
  const std::string loop =
      "steps: [{ops: [{Spawn: {work: {type: SpinWait}}}], hold: {every: 1ms, for: 9s}}]\n";
  CHECK(diagnostics(2, 2, loop) == "");
  CHECK(diagnostics(2, 3, loop) ==
        "matrix: the variants up to '1n1l2c1t,302MiB' together make more than 100000 requests\n");
}

TEST_CASE("payloads that are given more than a run may hold are an error at the Op that starts them") {
  std::string yaml = "payloads: {p: {binary: p, args: [";
  for (int i = 0; i < 300; ++i) yaml += "x,";
  yaml += "]}}\nsteps:\n";
  const std::string loop =
      "  - {ops: [{RunPayload: {payload: p}}, {WaitPayload: {payload: p}}], hold: {every: 1ms, for: 3s}}\n";
  CHECK(Loaded("version: 1\n" + yaml + loop).Messages() == "");
  CHECK(Loaded("version: 1\n" + yaml + loop + loop).Messages() ==
        "steps/1/ops/0/RunPayload: up to here the payloads are given more than 1000000 arguments and "
        "variables\n");
  CHECK(Loaded("version: 1\nmatrix: {topology: [1n1l1c1t, 1n1l2c1t]}\n" + yaml + loop).Messages() ==
        "matrix: the variants up to '1n1l2c1t' together give payloads more than 1000000 arguments and "
        "variables\n");
}

TEST_CASE("a number beyond its range is an error at its place, never another number") {
  const auto diagnostics = [](const std::string& yaml) { return Loaded("version: 1\n" + yaml).Messages(); };
  const std::string step = "steps: [{hold: 1s}]\n";
  CHECK(diagnostics("memory: 4294967808MiB\n" + step) == "memory: a guest can have at most 1TiB\n");
  CHECK(diagnostics("memory: 1TiB\n" + step).empty());
  CHECK(diagnostics(
            "steps: [{cgroups: [{name: c, work: [{type: SpinWait, workers: 10000000000000000000000%}]}], "
            "hold: 1s}]\n") ==
        "steps/0/cgroups/0/work/0/workers: '10000000000000000000000%' is more than 1000000%\n");
  CHECK(diagnostics("duration: 876000h\ntimeout: 876000h\nsteps: [{hold: 1000%}]\n") ==
        "steps/0/hold: 1000% of 876000h is longer than 292 years\n");
  CHECK(diagnostics("timeout: 876000h\nsteps: [{hold: 876000h}, {hold: 876000h}, {hold: 876000h}]\n") ==
        "steps/2/hold: the holds up to this one take more than 292 years\n");
  CHECK(diagnostics("steps: [{hold: 876001h}]\n") == "steps/0/hold: '876001h' is longer than 100 years\n");
}

TEST_CASE("the largest and smallest numbers that are allowed stay what they are") {
  const auto diagnostics = [](const std::string& yaml) { return Loaded("version: 1\n" + yaml).Messages(); };
  const auto in_cgroup = [&](const std::string& cgroup, const std::string& work) {
    return diagnostics("topology: 1n1l4c1t\nsteps: [{cgroups: [{name: c" + cgroup +
                       ", work: [{type: SpinWait" + work + "}]}], hold: 1s}]\n");
  };
  const std::string at = "steps/0/cgroups/0/";
  CHECK(in_cgroup(", cpu: {max: 1000000%}", "") == "");
  CHECK(in_cgroup(", cpu: {max: 1000001%}", "") ==
        at + "cpu/max: '1000001%' is neither a share of one CPU (150%) nor max\n");
  CHECK(in_cgroup(", cpu: {max: 0.0000001%}", "") ==
        at + "cpu/max/quota: the kernel wants a quota of at least 1ms\n");
  CHECK(in_cgroup("", ", workers: 1000000%") ==
        at + "work/0/workers: 30000 workers are more than the limit of 10000\n");
  CHECK(in_cgroup("", ", workers: 0.0000001%") == "");
  CHECK(in_cgroup("", ", workers: 1e22") != "");
  CHECK(in_cgroup("", ", nice: 1e22") != "");
  CHECK(in_cgroup("", ", nice: -1e300") != "");
  CHECK(in_cgroup("", ", nice: .inf") != "");
  CHECK(in_cgroup("", ", nice: .nan") != "");
  CHECK(in_cgroup(", cpuset: {range: [0%, 1000000%]}", "") != "");
  CHECK(in_cgroup(", cpuset: {overlap: {index: 1, of: 2, share: 1000000%}}", "") != "");
  CHECK(in_cgroup(", cpuset: {overlap: {index: 1, of: 2, share: 100%}}", "") == "");
  const std::string step = "steps: [{hold: 1s}]\n";
  CHECK(diagnostics("seed: 18446744073709551615\n" + step) == "");
  CHECK(diagnostics("seed: 18446744073709551616\n" + step) != "");
  CHECK(diagnostics("seed: 1e22\n" + step) != "");
  CHECK(diagnostics("seed: -1\n" + step) != "");
  CHECK(diagnostics("timeout: 876000h\nduration: 1ns\nsteps: [{hold: 0.0000001%}]\n") == "");
}

TEST_CASE("a payload is called payload and a tag is called tag in every Op") {
  // What scenarios of before say is answered with the right key, once.
  Diagnostics found;
  const Document document = LoadDocument("t.yaml", R"(
version: 1
payloads: {load: {binary: stress-ng}}
steps:
  - ops:
      - WaitPayload: {name: load, timeout: 5s}
      - KillPayload: {name: load}
      - CaptureSnapshot: {name: before}
)",
                                         found);
  Scenario scenario;
  Decode(document, scenario, found);
  std::string all;
  for (const Diagnostic& d : found.items()) all += d.path + ": " + d.message + " (" + d.hint + ")\n";
  CHECK(all ==
        "steps/0/ops/0/WaitPayload/name: unknown key 'name' in WaitPayload (did you mean 'payload'?)\n"
        "steps/0/ops/1/KillPayload/name: unknown key 'name' in KillPayload (did you mean 'payload'?)\n"
        "steps/0/ops/2/CaptureSnapshot/name: unknown key 'name' in CaptureSnapshot (did you mean 'tag'?)\n");
}

TEST_CASE("mistakes of writing and mistakes of names are found in one pass") {
  CHECK(Loaded(R"(
version: 1
topology: 1n2l2c1t
payloads: {load: {binary: stress-ng, args: [2]}}
steps:
  - name: warm
    cgroups:
      - {name: hot, cpuset: {lcc: 0}, work: [{type: SpinWiat, workers: 90%}]}
    ops:
      - SetCpuset: {cgroup: hto, cpus: {llc: 4}}
      - SetCpuset: {cgroup: hot, cpus: {llc: 4}}
      - WaitPayload: {payload: load}
    hold: 2
    checks: [{metric: max_gap, max: 2s}]
)")
            .Messages() ==
        "payloads/load/args/0: expected a string, found the integer '2'\n"
        "steps/0/cgroups/0/cpuset/lcc: unknown key 'lcc' in Cpuset\n"
        "steps/0/cgroups/0/work/0/type: there is no work type 'SpinWiat'\n"
        "steps/0/hold: '2' has no unit; write e.g. 2ms or 2s\n"
        "steps/0/ops/0/SetCpuset/cgroup: no cgroup 'hto' is alive at this point\n"
        "steps/0/ops/0/SetCpuset/cpus: there is no LLC 4: the topology has 2 LLCs\n"
        "steps/0/ops/1/SetCpuset/cpus: there is no LLC 4: the topology has 2 LLCs\n"
        "steps/0/ops/2/WaitPayload/payload: payload 'load' was never started\n"
        "steps/0/checks/0/metric: there is no metric 'max_gap'\n");
}

TEST_CASE("a broken cgroup or Op does not make its users look wrong too") {
  CHECK(Loaded(R"(
version: 1
steps:
  - cgroups: [{nmae: hot}]
    ops: [{StopCgroup: {cgroup: hot}}]
)")
            .Messages() == "steps/0/cgroups/0/nmae: unknown key 'nmae' in CgroupDef\n");
  CHECK(Loaded(R"(
version: 1
steps:
  - ops: [{AddCgruop: {name: hot}}, {StopCgroup: {cgroup: hot}}]
)")
            .Messages() == "steps/0/ops/0/AddCgruop: there is no Op 'AddCgruop'\n");
}

TEST_CASE("an Op that cannot be read makes none of those behind it look wrong") {
  const auto diagnostics = [](const std::string& ops) {
    return Loaded(
               "version: 1\npayloads: {load: {binary: sh}}\nsteps:\n  - cgroups: [{name: hot}]\n    ops: [" +
               ops + "]\nchecks: [{watch: jiffies_64, min: 1}]\n")
        .Messages();
  };
  const std::string watch = "{WatchSnapshot: {target: jiffies_64}}, ";
  const std::string spawn = "{Spawn: {cgroup: hot, work: {type: SpinWait}}}";
  CHECK(diagnostics(watch + "{FreezeCgroup: {cgroup: hot}}, {UnfreezeCgroup: {cgruop: hot}}, " + spawn) ==
        "steps/0/ops/2/UnfreezeCgroup/cgruop: unknown key 'cgruop' in UnfreezeCgroup\n");
  CHECK(diagnostics(watch + "{FreezeCgroup: {cgroup: hot}}, {StopCgroup: {cgruop: hot}}, " + spawn) ==
        "steps/0/ops/2/StopCgroup/cgruop: unknown key 'cgruop' in StopCgroup\n");
  CHECK(diagnostics(watch + "{FreezeCgroup: {cgruop: hot}}, {UnfreezeCgroup: {cgroup: hot}}") ==
        "steps/0/ops/1/FreezeCgroup/cgruop: unknown key 'cgruop' in FreezeCgroup\n");
  const std::string run = "{RunPayload: {payload: load, cgroup: hot}}";
  CHECK(diagnostics(watch + run + ", {StopCgroup: {cgruop: hot}}, " + run) ==
        "steps/0/ops/2/StopCgroup/cgruop: unknown key 'cgruop' in StopCgroup\n");
  CHECK(diagnostics("{WatchSnapshot: {target: {symbl: jiffies_64}}}") ==
        "steps/0/ops/0/WatchSnapshot/target/symbl: unknown key 'symbl' in KernelTarget\n");
}

TEST_CASE("no partly decoded file makes planning misbehave") {
  // Each once crashed or hung a planner that trusted its input.
  for (const std::string part :
       {"{hold: {every: 0s, for: 1s}}", "{hold: {every: 1s}}", "{hold: {for: 1s}}", "{hold: {}}",
        "{hold: {every: 1ns, for: 1h}}", "{cgroups: [{name: a, cpuset: {}}]}",
        "{cgroups: [{name: a, cpuset: {range: [1%]}}]}",
        "{cgroups: [{name: a, cpuset: {disjoint: {index: 0, of: 0}}}]}", "{cgroups: [{name: a, work: [{}]}]}",
        "{ops: [Spawn]}", "{ops: [{Spawn: {}}]}", "{ops: [{Spawn: {work: 3}}]}", "{ops: 4}", "4"})
    CHECK(Loaded("version: 1\nsteps: [" + part + "]\n").diagnostics.has_errors());
  CHECK(Loaded("version: 1\ntopology: {cores: 0}\nsteps: [{hold: 1s}]\n").diagnostics.has_errors());
}
