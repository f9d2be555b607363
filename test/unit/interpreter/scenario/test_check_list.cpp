// The declarations of checks, and what ResolveChecks says about them before a run.
#include <catch2/catch.hpp>

#include "interpreter/load/decode.h"
#include "interpreter/load/document.h"
#include "interpreter/scenario/check_list.h"
#include "interpreter/scenario/checks/metric_check.h"

using namespace ktstr;

namespace {

using Text = std::vector<std::string>;

Text Lines(const Diagnostics& diagnostics) {
  Text lines;
  for (const Diagnostic& item : diagnostics.items())
    lines.push_back(item.path + " " + item.code + ": " + item.message +
                    (item.hint.empty() ? "" : " | " + item.hint));
  return lines;
}

template <typename T>
T Read(const std::string& yaml, Diagnostics& diagnostics) {
  T value;
  const Document document = LoadDocument("test.yaml", yaml, diagnostics);
  Decode(document, value, diagnostics);
  return value;
}
template <typename T>
Text ReadFaults(const std::string& yaml) {
  Diagnostics diagnostics;
  Read<T>(yaml, diagnostics);
  return Lines(diagnostics);
}

CheckNames Names() {
  CheckNames names;
  names.phases = {"BASELINE", "warm", "shrink"};
  names.cgroups = {"hot", "cold"};
  names.groups = {{"hot", "feeder", "Bursty", true}, {"cold", "", "SpinWait", false}};
  names.payloads = {{"stress", std::vector<std::string>{"ops"}, {{{"ops", "ops/s"}}}},
                    {"fio", std::nullopt, {{{"lat", "us"}}}},
                    {"quiet", std::vector<std::string>{}, {}}};
  return names;
}

/// What is said of one check, written as YAML, standing in `step`.
Text Resolved(const std::string& yaml, const std::string& step = "") {
  Diagnostics diagnostics;
  CheckList list;
  list.checks = {{"checks/0", step, Read<Check>(yaml, diagnostics)}};
  REQUIRE(Lines(diagnostics).empty());
  ResolveChecks(list, Names(), diagnostics);
  return Lines(diagnostics);
}
Text ResolvedPayload(const std::string& payload, const std::string& yaml) {
  Diagnostics diagnostics;
  CheckList list;
  list.payloads = {{"p/checks", payload, true, {Read<PayloadCheck>(yaml, diagnostics)}}};
  REQUIRE(Lines(diagnostics).empty());
  ResolveChecks(list, Names(), diagnostics);
  return Lines(diagnostics);
}

}  // namespace

TEST_CASE("metric checks decode with quantities") {
  Diagnostics diagnostics;
  const auto written =
      Read<Check>("{metric: max_gap_ms, cgroup: hot, max: 2s, because: it must}", diagnostics);
  REQUIRE(written.kind.Is<MetricCheck>());
  const auto& check = written.kind.As<MetricCheck>();
  CHECK(written.because == "it must");
  CHECK(Lines(diagnostics).empty());
  CHECK(check.metric == "max_gap_ms");
  CHECK(check.cgroup == "hot");
  CHECK_FALSE(check.phase.has_value());
  REQUIRE(check.max.has_value());
  CHECK(*check.max->In("ms") == 2000);
  const Check with_range = Read<Check>("{metric: x, between: [1, 2.5]}", diagnostics);
  const auto& ratio = with_range.kind.As<MetricCheck>();
  CHECK(ratio.between.size() == 2);
  CHECK(*ratio.between[1].In("") == 2.5);
}

TEST_CASE("the rules of a metric check") {
  const auto rule = [](const std::string& yaml) { return ReadFaults<Check>(yaml); };
  CHECK(rule("{metric: m}") ==
        Text{"metric rule: the check has no bound; give min, max, between, min_ratio or max_ratio"});
  CHECK(rule("{metric: m, between: [1]}") == Text{"between rule: two numbers are wanted: [lowest, highest]"});
  CHECK(rule("{metric: m, between: [2, 1]}") == Text{"between rule: the first number is above the second"});
  CHECK(rule("{metric: m, between: [1, 2], max: 3}") ==
        Text{"between rule: between already says min and max"});
  CHECK(rule("{metric: m, min: 2s, max: 1s}") == Text{"min rule: min is above max"});
  CHECK(rule("{metric: m, min_ratio: 0.5}") ==
        Text{"min_ratio rule: a ratio needs vs_phase or vs_variant, what to compare with"});
  CHECK(rule("{metric: m, max_ratio: 0.5}") ==
        Text{"max_ratio rule: a ratio needs vs_phase or vs_variant, what to compare with"});
  CHECK(rule("{metric: m, max: 1, vs_phase: a}") ==
        Text{"vs_phase rule: vs_phase needs min_ratio or max_ratio"});
  CHECK(rule("{metric: m, vs_phase: a, min_ratio: 2, max_ratio: 1}") ==
        Text{"min_ratio rule: min_ratio is above max_ratio"});
  CHECK(rule("{metric: m, phase: a, vs_phase: a, min_ratio: 2}") ==
        Text{"vs_phase rule: a phase cannot be compared with itself"});
  CHECK(rule("{metric: m, phase: a, vs_phase: b, min_ratio: 0.5, max: 3}").empty());
  CHECK(ReadFaults<PayloadCheck>("{range: {metric: m, lo: 2, hi: 1}}") ==
        Text{"range/lo rule: lo is above hi"});
  CHECK(ReadFaults<PayloadCheck>("{exit_code: 0, exists: m}").size() == 1);
  CHECK(ReadFaults<PayloadCheck>("{}").size() == 1);
}

TEST_CASE("defaults: on, off, or one by one") {
  Diagnostics diagnostics;
  const auto off = Read<DefaultChecks>("off", diagnostics);
  for (const FieldDecl* field : AllDefaultChecks())
    CHECK_FALSE(*static_cast<const bool*>(field->Member(&off)));
  const auto some = Read<DefaultChecks>("{no_stall: false, stall_limit: 5s}", diagnostics);
  CHECK(some.progress);
  CHECK_FALSE(some.no_stall);
  CHECK(some.stall_limit == Seconds(5));
  CHECK(Read<DefaultChecks>("on", diagnostics).no_stall);
  CHECK(Lines(diagnostics).empty());
  std::string names;
  for (const FieldDecl* field : AllDefaultChecks()) names += std::string(field->name) + " ";
  CHECK(names ==
        "kernel_complaints payload_exits scheduler_attached workers_reported workers_set_up progress "
        "no_stall cpuset_isolation ");
  const ShorthandDecl& shorthand = *DefaultChecks::Decl().shorthand;
  CHECK(shorthand.print(&off) == "off");
  CHECK(shorthand.print(&some).empty());
  const DefaultChecks plain;
  CHECK(shorthand.print(&plain) == "on");
}

TEST_CASE("names that do not exist") {
  CHECK(Resolved("{metric: max_gap_m, max: 1}") ==
        Text{"checks/0/metric unknown-name: there is no metric 'max_gap_m' | did you mean 'max_gap_ms'?"});
  CHECK(
      Resolved("{metric: max_gap_ms, cgroup: hto, phase: shrnk, max: 1}") ==
      Text{"checks/0/phase unknown-name: there is no phase 'shrnk' in this scenario | did you mean 'shrink'?",
           "checks/0/cgroup unknown-name: there is no cgroup 'hto' in this scenario | did you mean 'hot'?"});
  CHECK(Resolved("{metric: iteration_rate, phase: shrink, vs_phase: wram, min_ratio: 1}") ==
        Text{"checks/0/vs_phase unknown-name: there is no phase 'wram' in this scenario | did you mean "
             "'warm'?"});
  CHECK(Resolved("{metric: max_gap_ms, phase: warm, cgroup: hot, max: 2s}").empty());
}

TEST_CASE("bounds in a unit that does not fit") {
  CHECK(Resolved("{metric: iterations, max: 2s}") ==
        Text{"checks/0/max wrong-unit: 2s is a time, which cannot bound a plain number"});
  CHECK(Resolved("{metric: max_gap_ms, between: [1%, 2s]}") ==
        Text{"checks/0/between/0 wrong-unit: 1% is a share, which cannot bound a number in ms"});
  CHECK(Resolved("{metric: max_gap_ms, between: [2s, 1500]}") ==
        Text{"checks/0/between bad-check: the first number is above the second"});
}

TEST_CASE("selectors a metric cannot have") {
  CHECK(Resolved("{metric: iteration_rate, cgroup: hot, min: 1}") ==
        Text{"checks/0/cgroup bad-check: iteration_rate is one number per phase, not per cgroup"});
  CHECK(Resolved("{metric: total_iterations, cgroup: hot, phase: warm, min: 1}") ==
        Text{"checks/0/cgroup bad-check: total_iterations is one number per run, not per cgroup",
             "checks/0/phase bad-check: total_iterations is one number per run, not per phase"});
  CHECK(Resolved("{metric: total_iterations, min: 1}", "warm") ==
        Text{"checks/0/metric bad-check: total_iterations is one number per run, not per phase; the check "
             "belongs into "
             "the scenario's own checks"});
  CHECK(Resolved("{metric: iterations, phase: BASELINE, min: 1}") ==
        Text{"checks/0/phase bad-check: iterations is measured in steps only, not in BASELINE"});
  CHECK(Resolved("{metric: iteration_rate, vs_phase: warm, min_ratio: 1}") ==
        Text{"checks/0/vs_phase bad-check: there is nothing to compare with it: name the phase of the check "
             "too"});
  CHECK(Resolved("{metric: iteration_rate, vs_phase: warm, min_ratio: 1}", "warm") ==
        Text{"checks/0/vs_phase bad-check: a phase cannot be compared with itself"});
  CHECK(Resolved("{metric: iteration_rate, vs_phase: warm, min_ratio: 1}", "shrink").empty());
}

TEST_CASE("work groups in checks") {
  CHECK(Resolved("{metric: max_gap_ms, cgroup: hot, group: feeder, max: 1}").empty());
  CHECK(Resolved("{metric: max_gap_ms, group: feeder, max: 1}").empty());
  CHECK(Resolved("{metric: max_gap_ms, group: feedr, max: 1}") ==
        Text{"checks/0/group unknown-name: there is no work group 'feedr' in this scenario | did you mean "
             "'feeder'?"});
  CHECK(Resolved("{metric: max_gap_ms, cgroup: cold, group: feeder, max: 1}") ==
        Text{"checks/0/group unknown-name: there is no work group 'feeder' in cgroup 'cold'"});
  CHECK(Resolved("{metric: iteration_rate, group: feeder, min: 1}") ==
        Text{"checks/0/group bad-check: iteration_rate is not measured by groups of workers"});
  CHECK(Resolved("{metric: payload.stress.ops, group: feeder, min: 1}") ==
        Text{"checks/0/group bad-check: payload.stress.ops is not measured by groups of workers"});
}

TEST_CASE("payload metrics in checks") {
  CHECK(Resolved("{metric: payload.stress.ops, min: 1}").empty());
  CHECK(Resolved("{metric: payload.stress.ops, min: 1s}") ==
        Text{"checks/0/min wrong-unit: 1s is a time, which cannot bound a number in ops/s"});
  CHECK(Resolved("{metric: payload.stress.opz, min: 1}") ==
        Text{"checks/0/metric unknown-name: payload 'stress' has no metric 'opz' | did you mean 'ops'?"});
  CHECK(Resolved("{metric: payload.stres.ops, min: 1}") ==
        Text{"checks/0/metric unknown-name: there is no payload 'stres' in this scenario | did you mean "
             "'stress'?"});
  CHECK(
      Resolved("{metric: payload.stress, min: 1}") ==
      Text{
          "checks/0/metric unknown-name: 'payload.stress' does not name a metric of payload 'stress' | write "
          "payload.stress.<metric>"});
  CHECK(Resolved("{metric: payload.quiet.x, min: 1}") ==
        Text{"checks/0/metric unknown-name: the output of payload 'quiet' is not read for metrics | say how "
             "they are "
             "found with `output: {parse: ...}`"});
  CHECK(Resolved("{metric: payload.fio.anything, min: 1}").empty());
  CHECK(Resolved("{metric: payload.fio.anything, min: 1s}").empty());  // only the output tells its unit
  CHECK(Resolved("{metric: payload.quiet.exit_code, max: 0}").empty());
  CHECK(Resolved("{metric: payload.quiet.duration_ms, max: 1%}") ==
        Text{"checks/0/max wrong-unit: 1% is a share, which cannot bound a number in ms"});
}

TEST_CASE("payload checks") {
  CHECK(ResolvedPayload("stress", "{exit_code: 0}").empty());
  CHECK(ResolvedPayload("stress", "{min: {metric: ops, value: 1}}").empty());
  CHECK(
      ResolvedPayload("stress", "{min: {metric: opz, value: 1}}") ==
      Text{"p/checks/0/min/metric unknown-name: payload 'stress' has no metric 'opz' | did you mean 'ops'?"});
  CHECK(ResolvedPayload("stress", "{exists: opz}") ==
        Text{"p/checks/0/exists unknown-name: payload 'stress' has no metric 'opz' | did you mean 'ops'?"});
  CHECK(ResolvedPayload("fio", "{range: {metric: lat, lo: 1, hi: 1KiB}}") ==
        Text{"p/checks/0/range/hi wrong-unit: 1KiB is a size, which cannot bound a number in us"});
  CHECK(ResolvedPayload("quiet", "{max: {metric: duration_ms, value: 5s}}").empty());
}
