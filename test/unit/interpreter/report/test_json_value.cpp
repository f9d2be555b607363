// Declared values as JSON, and as YAML that reads back to the same value.
#include <catch2/catch.hpp>
#include <random>

#include "interpreter/report/json_value.h"
#include "test/unit/interpreter/load/decl_samples.h"

namespace ktstr {
namespace {

using samples::ReadScript;
using samples::Script;

TEST_CASE("ToJson writes fields in order, scalars as text, choices with their fields") {
  Script script;
  script.name = "n";
  script.seed = 18446744073709551615ULL;
  script.mode = samples::Mode::kFast;
  script.ranges.items.emplace_back("a", samples::Range{.lo = 0.5, .hi = 1});
  samples::Work work;
  work.type = AnyStruct::Of(samples::Burst{.work = Milliseconds(1), .rest = Seconds(2)});
  samples::Start start{.cgroup = "hot", .work = {work}, .place = {}};
  start.place.cpus = CpuSet{{0, 1}};
  script.ops.emplace_back(AnyStruct::Of(start));
  CHECK(
      ToJson(script).dump() ==
      R"({"name":"n","loud":false,"level":3,"seed":18446744073709551615,"offset":-1,"mode":"fast","hold":"1s",)"
      R"("memory":"4KiB","args":["default"],"levels":[],"range":{"lo":2.0,"hi":5.0},)"
      R"("ranges":{"a":{"lo":0.5,"hi":1.0}},)"
      R"("ops":[{"Start":{"cgroup":"hot","work":[{"type":"Burst","work":"1ms","rest":"2s","nice":0}],)"
      R"("place":{"cpus":"0-1"}}}]})");
}

TEST_CASE("ToJson sums up long lists of numbers when asked") {
  Script script;
  script.levels = {4, 2, 9};
  CHECK(ToJson(script, {.max_numbers = 2})["levels"].dump() == R"({"count":3,"min":2,"max":9})");
  CHECK(ToJson(script, {.max_numbers = 3})["levels"].dump() == "[4,2,9]");
}

TEST_CASE("ToYaml shows defaults as comments and reads well") {
  const auto read = ReadScript(
      "name: n\nlevel: 9\nargs: [--cpu, \"2\"]\nhold: 1500ms\nranges: {a: {lo: 0.5}}\n"
      "ops: [{Ping: {}}, {Start: {cgroup: hot, work: [{type: Burst, rest: 1s}, {type: Spin, workers: 50%}], "
      "place: 0-1}}]\n");
  REQUIRE(read.diagnostics == "");
  CHECK(ToYaml(read.script) == R"(name: n
# loud: false
level: 9
# seed: 1
# offset: -1
# mode: slow
hold: 1.5s
# memory: 4KiB
args: ["--cpu", "2"]
ranges:
  a:
    lo: 0.5
    # hi: 1
ops:
  - Ping: {}
  - Start:
      cgroup: hot
      work:
        - type: Burst
          # work: 2ms
          rest: 1s
          # nice: 0
        - type: Spin
          workers: 50%
          # nice: 0
      place: 0-1
)");
}

TEST_CASE("YamlString quotes what would read as something else") {
  CHECK(YamlString("abc") == "abc");
  CHECK(YamlString("0-3") == "0-3");
  for (const std::string_view text : {"",
                                      "2",
                                      "1e3",
                                      "true",
                                      "~",
                                      "null",
                                      "- a",
                                      "a: b",
                                      "a #b",
                                      "#a",
                                      "'",
                                      "\"",
                                      "\\",
                                      "&a",
                                      "*a",
                                      "!a",
                                      "%a",
                                      "@a",
                                      "`a",
                                      "[",
                                      "{",
                                      "<<",
                                      "---",
                                      "x-y",
                                      "a\nb",
                                      "a\tb",
                                      "a\rb",
                                      "\x01\x7f",
                                      "\u0085\u2028\ufeff",
                                      "\u00e9\U0001F600",
                                      " a "}) {
    CAPTURE(text);
    const auto read = ReadScript("name: " + YamlString(text) + "\n");
    CHECK(read.diagnostics == "");
    CHECK(read.script.name == text);
  }
}

/// A random script. Only what Decode can produce: names that fit their patterns, rules kept.
Script RandomScript(std::mt19937& random) {
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  const auto text = [&] {
    static constexpr std::string_view kPieces[] = {"a",  "Z",  "1", " ", ":",      "#",
                                                   "\n", "\"", "'", "-", "\u00e9", "{"};
    std::string out;
    for (std::uint32_t i = below(5); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  };
  const auto range = [&] { return samples::Range{.lo = below(3) * 0.1, .hi = 1.0 + below(7) / 3.0}; };
  Script s;
  s.name = text();
  s.loud = below(2) == 1;
  s.level = static_cast<std::uint8_t>(1 + below(255));
  s.seed = (std::uint64_t{random()} << 32U) | random();
  s.offset = static_cast<std::int64_t>((std::uint64_t{random()} << 32U) | random());
  s.mode = static_cast<samples::Mode>(below(2));
  s.hold.ns = static_cast<std::int64_t>(random()) * static_cast<std::int64_t>(1 + below(1000));
  s.memory.bytes = std::uint64_t{random()} << below(20);
  s.args.clear();
  for (std::uint32_t i = below(4); i > 0; --i) s.args.push_back(text());
  if (below(2) == 1) s.levels = {below(10), below(10)};
  if (below(2) == 1) s.note = text();
  if (below(2) == 1) s.range = range();
  for (std::uint32_t i = below(3); i > 0; --i) s.ranges.items.emplace_back(std::string(i, 'k'), range());
  for (std::uint32_t i = below(4); i > 0; --i) {
    if (below(3) == 0) {
      s.ops.emplace_back(AnyStruct::Of(samples::Ping{}));
      continue;
    }
    samples::Start start{.cgroup = "cg", .work = {}, .place = {}};
    if (below(2) == 1)
      start.place.llc = below(4);
    else if (below(2) == 1)
      start.place.cpus = CpuSet{{below(3), 3 + below(4)}};
    for (std::uint32_t w = below(3); w > 0; --w) {
      samples::Work work;
      if (below(2) == 1)
        work.type = AnyStruct::Of(samples::Spin{});
      else
        work.type = AnyStruct::Of(samples::Burst{.work = Milliseconds(below(5)), .rest = {below(100000)}});
      if (below(2) == 1) work.workers = WorkerCount{.count = 1 + below(9)};
      work.nice = static_cast<std::int32_t>(below(40)) - 20;
      start.work.push_back(work);
    }
    s.ops.emplace_back(AnyStruct::Of(start));
  }
  return s;
}

TEST_CASE("ToYaml reads back to the same value") {
  std::mt19937 random(20240611);
  for (int round = 0; round < 500; ++round) {
    const Script script = RandomScript(random);
    const std::string yaml = ToYaml(script);
    CAPTURE(round, yaml);
    const auto read = ReadScript(yaml);
    REQUIRE(read.diagnostics == "");
    REQUIRE(ToJson(read.script) == ToJson(script));
  }
}

}  // namespace
}  // namespace ktstr
