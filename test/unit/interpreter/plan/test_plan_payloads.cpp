// What plans make of payloads: process ids, readiness, looks at them, and whose exit code is checked.
#include <catch2/catch.hpp>

#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

namespace {

struct Loaded : LoadedPlan {
  /// `ops` are those of the one step; `server` and `client` can be run.
  explicit Loaded(const std::string& ops, const std::string& rest = "")
      : LoadedPlan(
            "version: 1\npayloads:\n"
            "  server: {binary: sh}\n"
            "  client: {binary: sh, args: [-c, 'kill -0 ${pid:server}'], env: ['SERVER=${pid:server}']}\n"
            "steps: [{name: only, cgroups: [{name: box}], ops: [" +
            ops + "]}]\n" + rest) {}
  [[nodiscard]] std::vector<StartPayload> Starts() const {
    std::vector<StartPayload> starts;
    for (const PlannedRequest& planned : plans.front()->requests)
      if (const auto* start = planned.As<StartPayload>()) starts.push_back(*start);
    return starts;
  }
};

}  // namespace

TEST_CASE("the process id of a payload that was started can be used by those after it") {
  const Loaded loaded(
      "{RunPayload: {payload: server}}, {RunPayload: {payload: client, args: ['${pid:server} x']}}");
  REQUIRE(loaded.Messages().empty());
  const std::vector<StartPayload> starts = loaded.Starts();
  REQUIRE(starts.size() == 2);
  CHECK(starts[1].argv == std::vector<std::string>{"sh", "-c", "kill -0 ${pid:0}", "${pid:0} x"});
  CHECK(starts[1].env == std::vector<std::string>{"SERVER=${pid:0}"});
}

TEST_CASE("the process id of a payload that does not run is a diagnostic") {
  CHECK(Loaded("{RunPayload: {payload: client}}").Messages() ==
        "steps/0/ops/0/RunPayload/payload: payload 'server' was never started (start it with RunPayload "
        "first)\n");
  CHECK(Loaded("{RunPayload: {payload: server, args: ['${pid:sever}']}}").Messages() ==
        "steps/0/ops/0/RunPayload/args/0: no payload 'sever' is declared (did you mean 'server'?)\n");
  CHECK(Loaded("{RunPayload: {payload: server, args: ['${pid:server}']}}").Messages() ==
        "steps/0/ops/0/RunPayload/args/0: payload 'server' was never started (start it with RunPayload "
        "first)\n");
  CHECK(
      Loaded("{RunPayload: {payload: server}}, {RunPayload: {payload: server, cgroup: box}}, {RunPayload: "
             "{payload: client}}")
          .Messages() ==
      "steps/0/ops/2/RunPayload/payload: payload 'server' runs in several cgroups: '', 'box' (say which with "
      "`cgroup:`)\n");
}

TEST_CASE("readiness reaches the guest, with time to wait for it") {
  const Loaded file("{RunPayload: {payload: server, ready: {file: /run/x, timeout: 3s}}}");
  REQUIRE(file.Messages().empty());
  REQUIRE(file.Starts()[0].ready);
  CHECK(file.Starts()[0].ready->file == "/run/x");
  CHECK(file.Starts()[0].ready->timeout_ns == 3'000'000'000);
  for (const PlannedRequest& planned : file.plans.front()->requests)
    if (planned.As<StartPayload>() != nullptr) CHECK(planned.budget == Seconds(3));
  const Loaded output("{RunPayload: {payload: server, ready: {output: 'listening on [0-9]+'}}}");
  REQUIRE(output.Messages().empty());
  CHECK(output.Starts()[0].ready->output_pattern == "listening on [0-9]+");
  CHECK(output.Starts()[0].ready->timeout_ns == 5'000'000'000);
}

TEST_CASE("what is wrong with a readiness is said where it stands") {
  const auto diagnostics = [](const std::string& ready) {
    return Loaded("{RunPayload: {payload: server, ready: " + ready + "}}").Messages();
  };
  const std::string at = "steps/0/ops/0/RunPayload/ready";
  const std::string one = ": give either `file` or `output`: what shows that it is ready\n";
  CHECK(diagnostics("{timeout: 1s}") == at + one);
  CHECK(diagnostics("{file: /x, output: x}") == at + one);
  CHECK(diagnostics("{file: x}") == at + "/file: it must be the absolute path of a file in the guest\n");
  CHECK(diagnostics("{output: ''}") == at + "/output: it is empty: any output would do\n");
  CHECK(diagnostics("{output: '('}") == at + "/output: it is not a regular expression\n");
}

TEST_CASE("a payload can be looked at while it is there") {
  const Loaded loaded(
      "{RunPayload: {payload: server}}, {PollPayload: {payload: server}}, {PollPayload: "
      "{payload: server, expect: ended}}");
  REQUIRE(loaded.Messages().empty());
  std::vector<bool> expected;
  for (const PlannedRequest& planned : loaded.plans.front()->requests)
    if (const auto* poll = planned.As<PollPayload>()) expected.push_back(poll->expect_running);
  CHECK(expected == std::vector<bool>{true, false});
  CHECK(Loaded("{PollPayload: {payload: server}}").Messages() ==
        "steps/0/ops/0/PollPayload/payload: payload 'server' was never started (start it with RunPayload "
        "first)\n");
}

TEST_CASE("all output of a payload is asked for when numbers are read from it") {
  const auto whole = [](const std::string& output) {
    Diagnostics diagnostics;
    Scenario scenario;
    const Document document = LoadDocument("t.yaml",
                                           "version: 1\npayloads: {p: {binary: sh" + output +
                                               "}}\nsteps: [{ops: [{RunPayload: {payload: p}}]}]\n",
                                           diagnostics);
    REQUIRE(Decode(document, scenario, diagnostics));
    const auto plans = PlanRuns(scenario, {}, diagnostics);
    for (const PlannedRequest& planned : plans.front()->requests)
      if (const auto* start = planned.As<StartPayload>()) return start->whole_output;
    return false;
  };
  CHECK_FALSE(whole(""));
  CHECK(whole(", output: {parse: kv}"));
}

TEST_CASE("a payload's exit is left to the checks that name its code") {
  const auto checked = [](const std::string& checks, const std::string& rest) {
    Diagnostics diagnostics;
    Scenario scenario;
    const Document document =
        LoadDocument("t.yaml",
                     "version: 1\npayloads: {p: {binary: sh, gate: false, output: {parse: kv}, checks: [" +
                         checks + "]}}\nsteps: [{ops: [{RunPayload: {payload: p}}]}]\n" + rest,
                     diagnostics);
    REQUIRE(Decode(document, scenario, diagnostics));
    const PayloadRule rule = PlanRuns(scenario, {}, diagnostics).front()->checks.payload_rules.at(0);
    CHECK(rule.payload == "p");
    CHECK_FALSE(rule.gate);
    return rule.exit_is_checked;
  };
  CHECK_FALSE(checked("", ""));
  CHECK_FALSE(checked("{min: {metric: ops, value: 1}}", ""));
  CHECK(checked("{exit_code: 3}", ""));
  CHECK(checked("{min: {metric: exit_code, value: 1}}", ""));
  CHECK(checked("{max: {metric: exit_code, value: 1}}", ""));
  CHECK(checked("{range: {metric: exit_code, lo: 1, hi: 2}}", ""));
  CHECK(checked("", "checks: [{metric: payload.p.exit_code, min: 1}]\n"));
}
