#include <catch2/catch.hpp>

#include "interpreter/fold/payload_metrics.h"
#include "interpreter/fold/percentile.h"

using namespace ktstr;

namespace {

/// "name=value unit" of each metric, "; " between them.
std::string Shown(const PayloadMetrics& metrics) {
  std::string text;
  for (const PayloadMetric& metric : metrics.metrics) {
    std::string value = std::to_string(metric.value);
    value.erase(value.find_last_not_of('0') + 1);
    if (value.back() == '.') value.pop_back();
    text += (text.empty() ? "" : "; ") + metric.name + "=" + value +
            (metric.unit.empty() ? "" : " " + metric.unit);
  }
  return text;
}

PayloadMetrics Extract(OutputParse parse, std::string_view out, std::string_view err = "") {
  OutputSpec spec;
  spec.parse = parse;
  return ExtractMetrics(spec, {}, out, err);
}
std::string Json(std::string_view text) { return Shown(Extract(OutputParse::kJson, text)); }
std::string Kv(std::string_view text) { return Shown(Extract(OutputParse::kKv, text)); }

PayloadMetrics Regex(const std::string& pattern, std::string_view text) {
  OutputSpec spec;
  spec.parse = OutputParse::kRegex;
  spec.regex.items = {{"n", pattern}};
  return ExtractMetrics(spec, {}, text, "");
}

class Faults : public RuleSink {
 public:
  void Diagnose(std::string_view field, std::string message) override {
    text += (text.empty() ? "" : "\n") + std::string(field) + ": " + message;
  }
  std::string text;
};
std::string RuleDiagnostics(const OutputSpec& spec) {
  Faults faults;
  OutputSpec::Decl().rules(&spec, faults);
  return faults.text;
}

}  // namespace

TEST_CASE("JSON: numbers by path") {
  CHECK(Json(R"({"a": 1, "b": {"c": [2.5, {"d": -3}]}, "s": "4", "t": true, "n": null, "e": 1e3})") ==
        "a=1; b.c.0=2.5; b.c.1.d=-3; e=1000");
  CHECK(Json("[1, [2, 3], {\"x\": 4}, 5]") == "0=1; 1.0=2; 1.1=3; 2.x=4; 3=5");
  CHECK(Json("[\"a\", {}, 7]") == "2=7");
  CHECK(Json(" \n 42 \n") == "value=42");
  CHECK(Json("18446744073709551615") == "value=18446744073709551616");
  CHECK(Json("") == "");
  CHECK(Json("{\"a\": 1, \"a\": 2}") == "a=1; a=2");
}

TEST_CASE("JSON: the document among other text") {
  CHECK(Json("fio-3.33\n{\"iops\": 7}\nbye") == "iops=7");
  CHECK(Json("result: {\"iops\": 7} done") == "iops=7");
  CHECK(Json("{\"text\": \"}\\\"{\", \"iops\": 7}") == "iops=7");
  // A banner with a bracket in it hides nothing.
  CHECK(Json("[info] starting\n{\"iops\": 7}\n") == "iops=7");
  CHECK(Json("stress [123] started\n  {\"iops\": 7}  \nend") == "iops=7");
  CHECK(Json("{unfinished\n[1, 2]\n") == "0=1; 1=2");
  CHECK(Json("result: {\"text\": \"}\\\"{\", \"iops\": 7} done") == "iops=7");
  CHECK(Json("[] {} {\"a\": 1}") == "a=1");
  CHECK(Json("result: {\"text\": \"[5]\"} done") == "");  // inside a string it is no document
  CHECK(Json("pid [12] only") == "0=12");
}

TEST_CASE("JSON: a document that is broken gives nothing at all") {
  const PayloadMetrics broken = Extract(OutputParse::kJson, "{\"a\": 1, \"b\": }");
  CHECK(broken.metrics.empty());
  CHECK(broken.notes == std::vector<std::string>{"no JSON document with numbers was found in the output"});
  CHECK(Json("{\"a\": 1") == "");
  CHECK(Json("{\"a\": NaN}") == "");
  CHECK(Json("{\"a\": 1e999}") == "");
  CHECK(Json("{\"\xff\xfe\": 1}") == "");
}

TEST_CASE("JSON: numbers nested deeper than 64 levels are left out, with a note") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + "5" + std::string(depth, ']');
  };
  CHECK(Extract(OutputParse::kJson, nested(64)).metrics.size() == 1);
  const PayloadMetrics cut =
      Extract(OutputParse::kJson, "{\"a\": 1, \"deep\": " + nested(64) + ", \"b\": 2}");
  CHECK(Shown(cut) == "a=1; b=2");
  REQUIRE(cut.notes.size() == 1);
  CHECK(cut.notes[0].starts_with("numbers nested deeper than 64 levels are left out, at deep.0.0."));
  // A megabyte of brackets neither overflows the stack nor takes the memory of a tree.
  CHECK(Extract(OutputParse::kJson, nested(1'000'000)).metrics.empty());
  CHECK(Extract(OutputParse::kJson, std::string(1'000'000, '[')).metrics.empty());
}

TEST_CASE("JSON: more numbers than kMaxPayloadMetrics, and the hinted one behind them") {
  std::string text = "{\"list\": [0";
  for (int i = 1; i < 20'000; ++i) text += "," + std::to_string(i);
  text += "], \"wanted\": 77}";
  OutputSpec spec;
  spec.parse = OutputParse::kJson;
  NamedMap<MetricHint> hints;
  hints.items = {{"renamed", {"wanted", "ops/s", Polarity::kHigher}}};
  const PayloadMetrics metrics = ExtractMetrics(spec, hints, text, "");
  CHECK(metrics.metrics.size() == kMaxPayloadMetrics + 1);
  REQUIRE(metrics.Find("renamed") != nullptr);
  CHECK(metrics.Find("renamed")->value == 77);
  CHECK(metrics.notes ==
        std::vector<std::string>{"more than 10000 numbers were found; the rest is left out"});
}

TEST_CASE("hints rename, give units and polarity; of equal paths the last one") {
  OutputSpec spec;
  spec.parse = OutputParse::kKv;
  NamedMap<MetricHint> hints;
  hints.items = {{"lat", {"latency", "us", Polarity::kLower}},
                 {"count", {"", "", Polarity::kHigher}},
                 {"p99", {"latency", "ms", Polarity::kLower}}};
  const PayloadMetrics metrics = ExtractMetrics(spec, hints, "latency=5 ns count=3 ops other=1", "");
  CHECK(Shown(metrics) == "p99=5 ms; count=3 ops; other=1");
  CHECK(metrics.metrics[0].better == Polarity::kLower);
  CHECK(metrics.metrics[1].better == Polarity::kHigher);
  CHECK(metrics.metrics[2].better == Polarity::kInfo);
}

TEST_CASE("a hinted number over and over is kept so many times") {
  std::string text;
  for (int i = 0; i < 10'050; ++i) text += "n=1\n";
  OutputSpec spec;
  spec.parse = OutputParse::kKv;
  NamedMap<MetricHint> hints;
  hints.items = {{"n", {}}};
  CHECK(ExtractMetrics(spec, hints, text, "").metrics.size() == kMaxPayloadMetrics);
}

TEST_CASE("stderr is read only when stdout gives nothing, and never mixed in") {
  const PayloadMetrics both = Extract(OutputParse::kKv, "a=1", "b=2");
  CHECK(Shown(both) == "a=1");
  CHECK(both.metrics[0].stream == Stream::kStdout);
  const PayloadMetrics err = Extract(OutputParse::kKv, "no numbers here", "b=2");
  CHECK(Shown(err) == "b=2");
  CHECK(err.metrics[0].stream == Stream::kStderr);
  // When neither has any, the note is about stdout.
  CHECK(Extract(OutputParse::kJson, "x", "y").notes.size() == 1);
}

TEST_CASE("key and value lines") {
  CHECK(Kv("Time: 0.123\n") == "Time=0.123");
  CHECK(Kv("Total operations: 1234 ops\r\nthroughput = 12.5MB/s\n") ==
        "Total_operations=1234 ops; throughput=12.5 MB/s");
  CHECK(Kv("a=1 b=2,c=3;d=-4e2 %") == "a=1; b=2; c=3; d=-400 %");
  CHECK(Kv("T: 0 ( 1234) P:80 I:1000 C: 999 Min:      5 Act:   10 Avg:    8 Max:      50") ==
        "T=0; P=80; I=1000; C=999; Min=5; Act=10; Avg=8; Max=50");
  CHECK(Kv("usage: 90%") == "usage=90 %");
  CHECK(Kv("lat.p99 = 12.5 us, lat.max = 80 us") == "lat.p99=12.5 us; lat.max=80 us");
  CHECK(Kv("  indented key : 5") == "indented_key=5");
  CHECK(Kv("a=1 b = 2") == "a=1; b=2");
}

TEST_CASE("what only looks like key and value") {
  CHECK(Kv("version: 1.2.3") == "");
  CHECK(Kv("time: 12:30") == "");
  CHECK(Kv("addr=0x1f") == "");
  CHECK(Kv("name: fast") == "");
  CHECK(Kv("=5") == "");
  CHECK(Kv(": 5") == "");
  CHECK(Kv("12: 5") == "");
  CHECK(Kv("huge=1e999") == "");
  CHECK(Kv("x==5") == "");
  CHECK(Kv(std::string(200, 'x') + "=5") == "");
}

TEST_CASE("regex: the last line that matches") {
  CHECK(Shown(Regex("ops: ([0-9]+)", "ops: 1\nops: 22\nend\n")) == "n=22");
  CHECK(Shown(Regex("([0-9.]+) ops/s", "done 12.5 ops/s")) == "n=12.5");
  CHECK(Shown(Regex("^total +([0-9]+)$", "subtotal 5\ntotal   7\ntotal 9 x\n")) == "n=7");
  CHECK(Shown(Regex("a|rate ([0-9]+)", "rate 5")) == "n=5");
  CHECK(Regex("ops: ([0-9]+)", "nothing").metrics.empty());
  CHECK(Regex("took (.*)", "took long").notes ==
        std::vector<std::string>{"'long', captured for n, is not a number"});
}

TEST_CASE("regex: hostile patterns and texts stay cheap") {
  const std::string line(100'000, 'a');
  CHECK(Regex("(a+)+b", line).metrics.empty());
  CHECK(Regex("(?:a*)*c([0-9])", line).metrics.empty());
  CHECK(Regex("((a|aa)+)$x", line + "\n" + line).metrics.empty());
  const PayloadMetrics found = Regex("n=([0-9]+)", "n=5\n" + std::string(2 << 20, 'x') + "\nn=6");
  CHECK(Shown(found) == "n=6");
  CHECK(found.notes.empty());
  // A megabyte of other lines behind it: what was not searched is told.
  std::string text = "n=5\n";
  while (text.size() < (3 << 19)) text += "some other line\n";
  const PayloadMetrics cut = Regex("n=([0-9]+)", text);
  CHECK(cut.metrics.empty());
  CHECK(cut.notes == std::vector<std::string>{"only the last 1024 KiB of the output were searched for n"});
  // The larger the pattern, the less is searched: 2^26 / (26 * 256) characters.
  CHECK(Regex("((?:a|aa|aaa|aaaa){256})b", std::string(20'000, 'a') + "\n" + line).notes ==
        std::vector<std::string>{"only the last 9 KiB of the output were searched for n"});
}

TEST_CASE("diagnostics of an output declaration") {
  const auto regex = [](const std::string& pattern) {
    OutputSpec spec;
    spec.parse = OutputParse::kRegex;
    spec.regex.items = {{"n", pattern}};
    return RuleDiagnostics(spec);
  };
  CHECK(regex("n=([0-9]{1,12})").empty());
  CHECK(regex("n=[0-9]+") ==
        "regex/n: one capture is wanted, this has 0; write (?: ) for groups that are none");
  CHECK(regex("(n)=([0-9]+)") ==
        "regex/n: one capture is wanted, this has 2; write (?: ) for groups that are none");
  CHECK(regex("(") == "regex/n: it is not a regular expression");
  CHECK(regex("a)(b") == "regex/n: it is not a regular expression");
  CHECK(regex("(a)\\1") == "regex/n: back references and look-ahead are not supported");
  CHECK(regex("(a{100}){100}") == "regex/n: its repetition counts multiply to more than 256");
  CHECK(regex(std::string(300, 'a')) == "regex/n: it is longer than 256 characters");
  OutputSpec spec;
  CHECK(RuleDiagnostics(spec).empty());
  spec.regex.items = {{"n", "(a)"}};
  CHECK(RuleDiagnostics(spec) == "regex: regular expressions go with `parse: regex`");
  spec = {};
  spec.parse = OutputParse::kRegex;
  CHECK(RuleDiagnostics(spec) ==
        "parse: `parse: regex` needs the expressions: `regex: {name: 'count: ([0-9]+)'}`");
}

TEST_CASE("exit_code reads nothing; which names are known beforehand") {
  CHECK(Extract(OutputParse::kExitCode, "{\"a\": 1}", "a=1").metrics.empty());
  OutputSpec spec;
  CHECK(KnownMetricNames(spec) == std::vector<std::string>{});
  spec.parse = OutputParse::kRegex;
  spec.regex.items = {{"n", "(a)"}, {"m", "(b)"}};
  CHECK(KnownMetricNames(spec) == std::vector<std::string>{"n", "m"});
  spec.parse = OutputParse::kKv;
  CHECK_FALSE(KnownMetricNames(spec).has_value());
  spec.parse = OutputParse::kJson;
  CHECK_FALSE(KnownMetricNames(spec).has_value());
}

TEST_CASE("any bytes do") {
  Xorshift64 random(3);
  const std::string_view alphabet =
      "{}[]\",:\\=0123456789.eE-+ \n\ra\xff"
      "x%";
  for (int round = 0; round < 3000; ++round) {
    std::string text(random.Next() % 200, ' ');
    for (char& c : text) c = alphabet[random.Next() % alphabet.size()];
    for (const OutputParse parse : {OutputParse::kJson, OutputParse::kKv})
      for (const PayloadMetric& metric : Extract(parse, text, text).metrics)
        REQUIRE_FALSE(metric.name.empty());
    Regex("([0-9]+)a", text);
  }
}
