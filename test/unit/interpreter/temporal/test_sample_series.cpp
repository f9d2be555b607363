// Captures as samples, and what is read from them.
#include <catch2/catch.hpp>

#include "interpreter/temporal/sample_series.h"
#include "test/unit/interpreter/temporal/series_samples.h"

using namespace ktstr;
using namespace ktstr::samples;
using vmm::RenderedValue;
using vmm::SnapshotReport;

namespace {

SnapshotReport WithSwitches(std::uint64_t switches) {
  SnapshotReport report;
  report.run_queues.push_back({});
  report.run_queues[0].nr_switches = switches;
  return report;
}
SnapshotReport Failed(std::string reason) {
  SnapshotReport report;
  report.is_placeholder = true;
  report.maps_unavailable = std::move(reason);
  return report;
}
Result<SampleValue> Switches(const SnapshotReport& report) {
  if (report.run_queues.empty()) return Bad("there is no run queue");
  return U(report.run_queues[0].nr_switches);
}

std::string Read(const RenderedValue& rendered) {
  const Result<SampleValue> value = ScalarOf(rendered);
  return value ? std::to_string(value->index()) + " " + ValueText(*value) : value.error().message;
}
RenderedValue Rendered(RenderedValue::Kind kind, std::uint64_t number = 0, std::string text = "") {
  RenderedValue value;
  value.kind = kind;
  value.number = number;
  value.text = std::move(text);
  return value;
}

}  // namespace

TEST_CASE("a projection keeps tags, times and phases") {
  const SnapshotReport a = WithSwitches(5), b = WithSwitches(9);
  const SampleSeries samples({{"periodic_000", &a, 100.0, 99.0, 1}, {"mine", &b}}, {"BASELINE", "warm"});
  const Series series = samples.Project("nr_switches", &Switches);
  CHECK(series.label == "nr_switches");
  CHECK(series.phase_names == std::vector<std::string>{"BASELINE", "warm"});
  REQUIRE(series.samples.size() == 2);
  CHECK(series.samples[0].tag == "periodic_000");
  CHECK(series.samples[0].elapsed_ms == 100.0);
  CHECK(series.samples[0].phase == 1U);
  CHECK(ValueText(*series.samples[0].value) == "5");
  CHECK(series.samples[1].elapsed_ms == std::nullopt);
  CHECK(series.samples[1].phase == std::nullopt);
  CHECK(ValueText(*series.samples[1].value) == "9");
}

TEST_CASE("placeholders are never read, and say why the capture failed") {
  const SnapshotReport why = Failed("the guest did not stop"), silent = Failed(""), empty;
  const Series series = SampleSeries({{"a", &why}, {"b", &silent}, {"c", nullptr}, {"d", &empty}}, {})
                            .Project("n", [](const SnapshotReport& report) -> Result<SampleValue> {
                              if (report.is_placeholder) return U(0);
                              return Switches(report);
                            });
  std::vector<std::string> errors;
  for (const Sample& sample : series.samples)
    errors.push_back(sample.value ? "read" : sample.value.error().message);
  CHECK(errors == std::vector<std::string>{
                      "placeholder sample: the guest did not stop", "placeholder sample: the capture failed",
                      "placeholder sample: there is no report of the capture", "there is no run queue"});
}

TEST_CASE("only the exact periodic tags are periodic") {
  const SnapshotReport report = WithSwitches(1);
  std::vector<std::string> kept;
  const SampleSeries all({{"periodic_001", &report},
                          {"periodic_kaslr", &report},
                          {"before", &report},
                          {"periodic_0", &report},
                          {"periodic_000", nullptr}},
                         {"BASELINE"});
  const SampleSeries periodic = all.PeriodicOnly();
  for (const SnapshotSample& sample : periodic.samples()) kept.push_back(sample.tag);
  CHECK(kept == std::vector<std::string>{"periodic_001", "periodic_000"});
  CHECK(periodic.Project("n", &Switches).phase_names == std::vector<std::string>{"BASELINE"});
}

TEST_CASE("rendered scalars become values of their type") {
  using Form = RenderedValue::Kind;
  // bool is 0, signed 1, unsigned 2, double 3
  CHECK(Read(Rendered(Form::kInt, static_cast<std::uint64_t>(-3))) == "1 -3");
  CHECK(Read(Rendered(Form::kEnum, 1024, "SCX_EXIT_ERROR")) == "1 1024");
  CHECK(Read(Rendered(Form::kUint, ~std::uint64_t{0})) == "2 18446744073709551615");
  CHECK(Read(Rendered(Form::kChar, 65)) == "2 65");
  CHECK(Read(Rendered(Form::kPtr, 4096)) == "2 4096");
  CHECK(Read(Rendered(Form::kBool, 1)) == "0 true");
  RenderedValue real = Rendered(Form::kFloat);
  real.real = 0.5;
  CHECK(Read(real) == "3 0.5");
}

TEST_CASE("what is not a single value says so") {
  using Form = RenderedValue::Kind;
  CHECK(Read(Rendered(Form::kStruct, 0, "rq")) == "a struct rq is not a single value");
  CHECK(Read(Rendered(Form::kStruct)) == "a struct is not a single value");
  RenderedValue array = Rendered(Form::kArray);
  array.length = 4;
  CHECK(Read(array) == "an array of 4 is not a single value");
  CHECK(Read(Rendered(Form::kCpuList, 0, "0-1")) == "a CPU list is not a single value");
  CHECK(Read(Rendered(Form::kBytes, 0, "00")) == "a run of bytes is not a single value");
  RenderedValue cut = Rendered(Form::kTruncated);
  cut.needed = 8;
  cut.had = 3;
  CHECK(Read(cut) == "the value was cut: 3 of its 8 bytes could be read");
  RenderedValue unsupported = Rendered(Form::kUnsupported);
  CHECK(Read(unsupported) == "the value could not be read");
  unsupported.reason = "a bit field of 3 bytes";
  CHECK(Read(unsupported) == "a bit field of 3 bytes");
}
