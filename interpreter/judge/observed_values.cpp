#include "interpreter/judge/observed_values.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/judge/judge_parts.h"
#include "interpreter/temporal/sample_series.h"
#include "vmm/introspection/snapshot/snapshot_view.h"

namespace ktstr {
namespace {

vmm::SnapshotSelector SelectorOf(const MetricCheck& check) {
  vmm::SnapshotSelector selector;
  selector.map = check.map;
  selector.var = check.var;
  if (check.key) selector.key = check.key->text;
  selector.field = check.field;
  selector.cpu = check.cpu;
  selector.path = check.at;
  return selector;
}

/// In words, for what was not found too.
std::string Describe(const MetricCheck& check) {
  std::string text = check.map   ? fmt::format("map '{}'", *check.map)
                     : check.var ? fmt::format("variable '{}'", *check.var)
                                 : check.at;
  if (check.key) text += ", key " + check.key->text;
  if (check.cpu) text += fmt::format(", CPU {}", *check.cpu);
  if (check.field) text += ", field " + *check.field;
  return text;
}

/// The error's message without the place in front of it, which the title of the check says too.
std::string WithoutPlace(const std::string& message, const MetricCheck& check) {
  const std::size_t colon = message.find(": ");
  const bool said = colon != std::string::npos && Describe(check).starts_with(message.substr(0, colon));
  return said ? message.substr(colon + 2) : message;
}

/// The value of a map that has no types, as those of per-CPU maps are shown; nothing when there is none.
std::optional<std::string> UntypedBytes(const vmm::SnapshotReport& report, const MetricCheck& check) {
  if (!check.map || !check.key || check.cpu || check.field) return std::nullopt;
  const auto map = vmm::SnapshotView(report).Map(*check.map);
  const auto entry = map.ok() ? map->Find(check.key->text) : map.error();
  if (!entry.ok() || !map->record().entries) return std::nullopt;
  for (const vmm::MapEntry& one : *map->record().entries)
    if (one.key_hex == entry->key_hex() && !one.value && !one.value_hex.empty())
      return "hex:" + one.value_hex;
  return std::nullopt;
}

/// The text that bytes in hex are, if they are one, filled up with zeros: an array of char.
std::optional<std::string> TextOfHex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    text += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  const std::size_t end = text.find('\0');
  if (end != std::string::npos && text.find_first_not_of('\0', end) != std::string::npos) return std::nullopt;
  if (end != std::string::npos) text.resize(end);
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (text.empty() || !printable) return std::nullopt;
  return text;
}

/// What could not be read is no fault of the scenario or of the scheduler; what is not there is.
Verdict VerdictOf(const vmm::SnapshotError& error) {
  using Kind = vmm::SnapshotError::Kind;
  switch (error.kind) {
    case Kind::kHostFieldUnavailable:
    case Kind::kMapRenderIncomplete:
    case Kind::kNoRendered:
    case Kind::kPerCpuSlot:
      return Verdict::kInconclusive;
    default:
      return Verdict::kError;
  }
}

SampleValue SampleOf(const vmm::SnapshotScalar& scalar) {
  if (scalar.kind == vmm::SnapshotScalar::Kind::kBool) return scalar.number.value_or(0) != 0;
  return scalar.number.value_or(0);
}

std::vector<std::string> PhaseNames(const RunRecord& record) {
  std::vector<std::string> names;
  for (const PhaseWindow& phase : record.phases) {
    names.resize(std::max<std::size_t>(names.size(), phase.index + 1));
    names[phase.index] = phase.name;
  }
  return names;
}

}  // namespace

ObservedValue ValueInSnapshot(const Observations& observed, const RunRecord& record,
                              const MetricCheck& check) {
  ObservedValue value;
  value.title = fmt::format("{} in snapshot {}", Describe(check), *check.snapshot);
  const DrainedSnapshot* snapshot = observed.FindSnapshot(*check.snapshot);
  if (snapshot == nullptr) {
    // The run ended before; that has a cause of its own.
    value.verdict = Verdict::kInconclusive;
    value.fault = fmt::format("{}: that snapshot was not taken", value.title);
    return value;
  }
  value.phase = PhaseName(record, snapshot->step_index.value_or(0));
  const auto found = vmm::Evaluate(snapshot->report, SelectorOf(check));
  if (!found.ok()) {
    if (const auto bytes = UntypedBytes(snapshot->report, check)) {
      value.text = *bytes;
      return value;
    }
    value.verdict = VerdictOf(found.error());
    value.fault = fmt::format("{}: {}", value.title, WithoutPlace(found.error().message, check));
    return value;
  }
  value.text = found->text;
  if (found->number) value.number = *found->number;
  return value;
}

ObservedValue ValueOfRead(const Observations& observed, const RunRecord& record, const std::string& tag) {
  ObservedValue value;
  value.title = "read " + tag;
  const auto last = std::find_if(observed.reads.rbegin(), observed.reads.rend(),
                                 [&](const ReadRecord& read) { return read.tag == tag; });
  if (last == observed.reads.rend()) {
    value.verdict = Verdict::kInconclusive;
    value.fault = fmt::format("read {} was not reached", tag);
    return value;
  }
  value.title += fmt::format(" ({})", last->place);
  value.phase = PhaseName(record, last->phase);
  value.text = last->text;
  value.number = last->Exact();
  const std::optional<std::string> text = value.number ? std::nullopt : TextOfHex(last->text);
  if (text) {
    value.bare_text = last->text;  // the bytes are as good an answer
    value.text = *text;
  }
  return value;
}

ObservedValue FiresOfWatch(const Observations& observed, const std::string& tag) {
  ObservedValue value;
  value.title = "the number of fires of watch " + tag;
  const auto watch = std::find_if(observed.watches.begin(), observed.watches.end(),
                                  [&](const WatchRecord& record) { return record.tag == tag; });
  if (watch == observed.watches.end()) {
    value.verdict = Verdict::kInconclusive;
    value.fault = fmt::format("watch {} was not set", tag);
    return value;
  }
  value.text = std::to_string(watch->fires);
  value.number = watch->fires;
  value.at_least = watch->lower_bound;
  return value;
}

Series SeriesOfReads(const Observations& observed, const RunRecord& record, const std::string& tag) {
  Series series;
  series.label = "read " + tag;
  series.phase_names = PhaseNames(record);
  std::size_t count = 0;
  for (const ReadRecord& read : observed.reads) {
    if (read.tag != tag) continue;
    Sample sample;
    sample.tag = fmt::format("#{}", count++);
    sample.elapsed_ms = static_cast<double>(read.elapsed_ms);
    sample.phase = read.phase;
    if (read.value)
      sample.value =
          read.is_signed ? SampleValue(static_cast<std::int64_t>(read.number)) : SampleValue(read.number);
    else
      sample.value = Error{ErrorKind::kInput, "the value is not a number"};
    series.samples.push_back(std::move(sample));
  }
  return series;
}

Series SeriesInSnapshots(const Observations& observed, const RunRecord& record, const MetricCheck& check) {
  std::vector<SnapshotSample> samples;
  for (const DrainedSnapshot& snapshot : observed.snapshots) {
    SnapshotSample sample{snapshot.tag, &snapshot.report};
    if (snapshot.elapsed_ms) sample.elapsed_ms = static_cast<double>(*snapshot.elapsed_ms);
    if (snapshot.boundary_offset_ms)
      sample.boundary_offset_ms = static_cast<double>(*snapshot.boundary_offset_ms);
    sample.phase = snapshot.step_index;
    samples.push_back(std::move(sample));
  }
  const vmm::SnapshotSelector selector = SelectorOf(check);
  return SampleSeries(std::move(samples), PhaseNames(record))
      .PeriodicOnly()
      .Project(Describe(check), [&](const vmm::SnapshotReport& report) -> Result<SampleValue> {
        const auto found = vmm::Evaluate(report, selector);
        if (!found.ok()) return Error{ErrorKind::kInput, found.error().message};
        if (!found->number) return Error{ErrorKind::kInput, found->text + " is not a number"};
        return SampleOf(*found);
      });
}

}  // namespace ktstr
