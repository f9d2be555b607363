#include "interpreter/temporal/sample_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "ops/host/stored_snapshot.h"

namespace ktstr {
namespace {

Error Placeholder(const vmm::SnapshotReport* report) {
  if (report == nullptr)
    return {ErrorKind::kMachine, "placeholder sample: there is no report of the capture"};
  // The reason stands in every part that could have been unavailable.
  const std::string& reason = report->maps_unavailable;
  return {ErrorKind::kMachine, "placeholder sample: " + (reason.empty() ? "the capture failed" : reason)};
}

Error NotSingle(std::string_view what) {
  return {ErrorKind::kInput, fmt::format("{} is not a single value", what)};
}

}  // namespace

SampleSeries SampleSeries::PeriodicOnly() const {
  std::vector<SnapshotSample> periodic;
  std::copy_if(samples_.begin(), samples_.end(), std::back_inserter(periodic),
               [](const SnapshotSample& sample) { return IsPeriodicTag(sample.tag); });
  return {std::move(periodic), phase_names_};
}

Series SampleSeries::Project(
    std::string label, const std::function<Result<SampleValue>(const vmm::SnapshotReport&)>& read) const {
  Series series{std::move(label), {}, phase_names_};
  for (const SnapshotSample& sample : samples_) {
    const bool readable = sample.report != nullptr && !sample.report->is_placeholder;
    series.samples.push_back({sample.tag, sample.elapsed_ms,
                              readable ? read(*sample.report) : Placeholder(sample.report), sample.phase});
  }
  return series;
}

Result<SampleValue> ScalarOf(const vmm::RenderedValue& value) {
  using Form = vmm::RenderedValue::Kind;
  switch (value.kind) {
    case Form::kInt:
    case Form::kEnum:
      return SampleValue(static_cast<std::int64_t>(value.number));
    case Form::kUint:
    case Form::kChar:
    case Form::kPtr:
      return SampleValue(value.number);
    case Form::kBool:
      return SampleValue(value.number != 0);
    case Form::kFloat:
      return SampleValue(value.real);
    case Form::kStruct:
      return NotSingle(value.text.empty() ? "a struct" : "a struct " + value.text);
    case Form::kArray:
      return NotSingle(fmt::format("an array of {}", value.length));
    case Form::kCpuList:
      return NotSingle("a CPU list");
    case Form::kBytes:
      return NotSingle("a run of bytes");
    case Form::kTruncated:
      return Error{ErrorKind::kInput, fmt::format("the value was cut: {} of its {} bytes could be read",
                                                  value.had, value.needed)};
    case Form::kUnsupported:
      break;
  }
  return Error{ErrorKind::kInput, value.reason.empty() ? "the value could not be read" : value.reason};
}

}  // namespace ktstr
