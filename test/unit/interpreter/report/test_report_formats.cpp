#include <nlohmann/json.hpp>

#include "interpreter/report/report_json.h"
#include "interpreter/report/report_junit.h"
#include "interpreter/report/report_progress.h"
#include "test/unit/interpreter/report/test_report_runs.h"

using namespace ktstr;
using namespace ktstr::test;

namespace {

RunSummary Mixed() {
  RunSummary summary;
  summary.runs = {PassedRun(), FailedRun(), PassedRun(), {}};
  summary.runs[2].outcome.verdict = Verdict::kSkip;
  summary.runs[2].outcome.cause = "needs kernel >=6.13, this is 6.12.1";
  summary.runs[3].file = summary.runs[3].name = "b.yaml";
  summary.runs[3].outcome.cause = "bad scenario: e";
  summary.runs[3].diagnostics = {LocateFile("b.yaml", "rule", "e")};
  summary.not_run = {"c.yaml#v"};
  summary.elapsed_ms = 20'000;
  summary.kernel.version = "6.12.1";
  summary.kernel.image = "/k/vmlinuz";
  summary.kernel.origin = "cache";
  summary.accel = "tcg";
  return summary;
}

}  // namespace

TEST_CASE("JUnit: one testcase per run, valid XML") {
  CHECK(RenderJunit(Mixed(), "ktstr-interp") ==
        R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="5" failures="1" errors="1" skipped="2" time="20.000">
  <testsuite name="ktstr-interp" tests="5" failures="1" errors="1" skipped="2" time="20.000">
    <testcase classname="cpuset" name="cpuset/shrink.yaml#1n2l2c1t" time="4.800"/>
    <testcase classname="cpuset" name="cpuset/shrink.yaml#1n2l2c1t" time="9.800">
      <failure type="FAIL" message="max_gap_ms of cgroup hot is 4812 ms (worker hot/3 on cpu 5), above the maximum of 2000 ms">FAIL cpuset/shrink.yaml#1n2l2c1t: max_gap_ms of cgroup hot is 4812 ms (worker hot/3 on cpu 5), above the maximum of 2000 ms&#10;  on     6.12.1, 1n2l2c1t, tcg  9.8 s&#10;  why    cpuset/shrink.yaml:41:7  - {metric: max_gap_ms, cgroup: hot, max: 2s}&#10;  when   step 2 'shrink', which lasted 3.2 s&#10;  where  cgroup hot: 8 workers on CPUs 0-3, max_gap_ms 4812 ms, iterations 1200, migrations 12&#10;  |      cgroup cold: 1 worker and 1 missing on CPUs 4, max_gap_ms 10 ms&#10;  also   FAIL iteration_rate of cgroup cold is 5&#10;  |      INCONCLUSIVE no data for p99_wake_latency_us (and 1 more)&#10;  next   ktstr-interp run cpuset/shrink.yaml --variant 1n2l2c1t --seed 42 --accel tcg --kernel 6.12.1&#10;  files  runs/20260131T101502Z-4711/shrink@1n2l2c1t&#10;</failure>
    </testcase>
    <testcase classname="cpuset" name="cpuset/shrink.yaml#1n2l2c1t" time="4.800">
      <skipped message="needs kernel &gt;=6.13, this is 6.12.1"/>
    </testcase>
    <testcase classname="" name="b.yaml" time="0.000">
      <error type="ERROR" message="bad scenario: e">ERROR b.yaml: bad scenario: e&#10;b.yaml: error[rule]: e&#10;</error>
    </testcase>
    <testcase classname="" name="c.yaml#v" time="0.000">
      <skipped message="not run"/>
    </testcase>
  </testsuite>
</testsuites>
)");
}

TEST_CASE("XML holds no character it may not") {
  CHECK(EscapeXml("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;'");
  CHECK(EscapeXml("a\n\t\r") == R"(a&#10;\t\x0d)");
  CHECK(EscapeXml("\n\nb\n") == "&#10;&#10;b&#10;");
  CHECK(EscapeXml("") == "");
  CHECK(EscapeXml(std::string_view("\0\x1b\x08", 3)) == R"(\x00\x1b\x08)");
  CHECK(EscapeXml("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") == "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(EscapeXml("\xC3") == R"(\xc3)");                  // cut short
  CHECK(EscapeXml("\xC3(") == R"(\xc3()");                // broken
  CHECK(EscapeXml("\xED\xA0\x80") == R"(\xed\xa0\x80)");  // a surrogate
  CHECK(EscapeXml("\xEF\xBF\xBE") == "\xEF\xBF\xBD");     // no character at all
}

TEST_CASE("The JSON report is one document with everything") {
  const auto json = nlohmann::json::parse(RenderJsonReport(Mixed()));
  CHECK(json["totals"] == nlohmann::json::parse(R"({"PASS": 1, "FAIL": 1, "ERROR": 1, "SKIP": 1,
                                                    "INCONCLUSIVE": 0, "not_run": 1})"));
  CHECK(json["verdict"] == "FAIL");
  CHECK(json["exit_code"] == 1);
  CHECK(json["kernel"] ==
        nlohmann::json::parse(R"({"version": "6.12.1", "image": "/k/vmlinuz", "origin": "cache"})"));
  CHECK(json["not_run"] == nlohmann::json::array({"c.yaml#v"}));
  REQUIRE(json["results"].size() == 4);
  const auto& failed = json["results"][1];
  CHECK(failed["verdict"] == "FAIL");
  CHECK(failed["place"] == "cpuset/shrink.yaml:41:7");
  CHECK(failed["phase"] == "shrink");
  CHECK(failed["checks"].size() == 6);
  CHECK(failed["checks"][1]["cgroup"] == "hot");
  CHECK(failed["stats"]["phases"][0]["per_cgroup"][1]["metrics"]["max_gap_ms"] == 4812);
  CHECK(failed["host"]["total_ms"] == 9800);
  CHECK(json["results"][3]["diagnostics"][0]["code"] == "rule");
}

TEST_CASE("Bytes that are not UTF-8 do not end a JSON report") {
  RunSummary summary;
  summary.runs = {FailedRun()};
  summary.runs[0].outcome.cause = "said \xFF";
  const auto json = nlohmann::json::parse(RenderJsonReport(summary));
  CHECK(json["results"][0]["cause"] == "said \xEF\xBF\xBD");
}

TEST_CASE("Events for -v are a line each") {
  RunEvent event;
  event.kind = EventKind::kPhaseBegin;
  event.host_us = 12'345'678;
  event.text = "warm\nup";
  CHECK(RenderEvent(event) == "   12.346 s  phase_begin  warm up\n");
}
