// Metrics out of output that comes in pieces and may be endless.
#include <catch2/catch.hpp>

#include "interpreter/fold/payload_metrics_reader.h"

using namespace ktstr;

namespace {

OutputSpec Spec(OutputParse parse) {
  OutputSpec spec;
  spec.parse = parse;
  if (parse == OutputParse::kRegex) spec.regex.items = {{"n", "n is ([0-9]+)"}};
  return spec;
}

/// "name=value" of each metric.
std::string Shown(const PayloadMetrics& metrics) {
  std::string text;
  for (const PayloadMetric& metric : metrics.metrics)
    text += (text.empty() ? "" : " ") + metric.name + "=" + std::to_string(static_cast<long>(metric.value));
  return text;
}

/// Feeds `text` in pieces of `size`.
PayloadMetrics InPieces(OutputParse parse, std::string_view text, std::size_t size) {
  const OutputSpec spec = Spec(parse);
  OutputMemory memory;
  PayloadMetricsReader reader(spec, {}, memory);
  for (std::size_t at = 0; at < text.size(); at += size) reader.Feed(Stream::kStdout, text.substr(at, size));
  return reader.Take();
}

}  // namespace

TEST_CASE("the pieces in which output comes do not matter") {
  for (const std::size_t size : {1, 2, 3, 7, 1000}) {
    CHECK(Shown(InPieces(OutputParse::kKv, "a=1 b: 2 us\r\nlast: 30", size)) == "a=1 b=2 last=30");
    CHECK(Shown(InPieces(OutputParse::kJson, "banner\n{\"a\": 1, \"b\": [2]}\n", size)) == "a=1 b.0=2");
    CHECK(Shown(InPieces(OutputParse::kRegex, "n is 1\nn is 23\nother\n", size)) == "n=23");
  }
}

TEST_CASE("numbers behind more output than is kept are read") {
  const std::string filler(1 << 20, '.');  // one endless line per piece
  for (const OutputParse parse : {OutputParse::kKv, OutputParse::kRegex}) {
    const OutputSpec spec = Spec(parse);
    OutputMemory memory;
    PayloadMetricsReader reader(spec, {}, memory);
    reader.Feed(Stream::kStdout, "n is 1\nearly=1\n");
    for (int i = 0; i < 40; ++i) reader.Feed(Stream::kStdout, filler);
    reader.Feed(Stream::kStdout, "\nlate=2\nn is 7\n");
    const PayloadMetrics found = reader.Take();
    CHECK(Shown(found) == (parse == OutputParse::kKv ? "early=1 late=2" : "n=7"));
    CHECK(found.unread.empty());
  }
}

TEST_CASE("a line that is cut where the search begins gives no number") {
  OutputSpec spec = Spec(OutputParse::kRegex);
  spec.regex.items = {{"n", "([0-9]+) ops"}};
  OutputMemory memory;
  PayloadMetricsReader reader(spec, {}, memory);
  // The last MiB begins at "45 ops".
  reader.Feed(Stream::kStdout, "\n12345 ops" + std::string((1 << 20) - 7, '.') + "\n");
  const PayloadMetrics found = reader.Take();
  CHECK(Shown(found).empty());
  CHECK(found.unread == "only the last 1024 KiB of the output were searched for n");
}

TEST_CASE("JSON that is too long to be read says so") {
  const OutputSpec spec = Spec(OutputParse::kJson);
  OutputMemory memory;
  PayloadMetricsReader reader(spec, {}, memory);
  reader.Feed(Stream::kStdout, "{\"a\": 1, \"b\": \"");
  const std::string filler(1 << 20, '.');
  for (int i = 0; i < 16; ++i) reader.Feed(Stream::kStdout, filler);
  reader.Feed(Stream::kStdout, "\"}");
  const PayloadMetrics found = reader.Take();
  CHECK(found.metrics.empty());
  CHECK(found.unread == "it printed 16777233 bytes, and JSON of at most 16 MiB is read");
  CHECK(found.notes == std::vector<std::string>{found.unread});
}

TEST_CASE("more numbers than are kept are a reason for one that is missing") {
  const OutputSpec spec = Spec(OutputParse::kKv);
  OutputMemory memory;
  PayloadMetricsReader reader(spec, {}, memory);
  for (int i = 0; i <= 10'000; ++i) reader.Feed(Stream::kStdout, "n" + std::to_string(i) + "=1\n");
  CHECK(reader.Take().unread == "more than 10000 numbers were found; the rest is left out");
}

TEST_CASE("the output of all payloads of a run takes a bounded memory, and what found no room is said") {
  const OutputSpec json = Spec(OutputParse::kJson);
  const OutputSpec regex = Spec(OutputParse::kRegex);
  const std::string padding(50, ' ');
  OutputMemory memory(100);
  PayloadMetricsReader first(json, {}, memory), second(json, {}, memory), third(regex, {}, memory);
  first.Feed(Stream::kStdout, R"({"a": 1})" + padding);
  second.Feed(Stream::kStdout, R"({"b": 2})" + padding);  // 58 and 58 bytes: no room
  second.Feed(Stream::kStdout, R"({"b": 3})");            // and what comes later is not read alone
  third.Feed(Stream::kStdout, "n is 1\n");
  const PayloadMetrics missing = second.Take();
  CHECK(missing.metrics.empty());
  const std::string no_room =
      "the payloads of a run may have 64 MiB of output and numbers kept in memory together";
  CHECK(missing.unread == no_room);  // not even for a note of its own
  CHECK(missing.notes == std::vector<std::string>{no_room});
  CHECK(third.Take().unread == no_room);  // the numbers would have to be kept, too
  OutputMemory enough(1000);
  PayloadMetricsReader fourth(json, {}, enough), fifth(json, {}, enough);
  fourth.Feed(Stream::kStdout, R"({"a": 1})" + padding);
  fifth.Feed(Stream::kStdout, std::string(950, ' '));
  CHECK(Shown(fourth.Take()) == "a=1");
  CHECK(fifth.Take().unread == "it printed 950 bytes, and " + no_room);
}

TEST_CASE("a payload that has ended gives its room to the next one") {
  const OutputSpec json = Spec(OutputParse::kJson);
  const std::string text = R"({"a": 1})" + std::string(1500, ' ');
  OutputMemory memory(2000);
  for (int i = 0; i < 3; ++i) {
    PayloadMetricsReader reader(json, {}, memory);
    reader.Feed(Stream::kStdout, text);
    CHECK(Shown(reader.Take()) == "a=1");
  }
}
