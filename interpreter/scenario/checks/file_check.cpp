// The kind `file`.
#include "interpreter/scenario/checks/file_check.h"

#include <fmt/format.h>

#include "guest-init/base/line_pattern.h"
#include "guest-init/base/one_line.h"
#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/observed_value.h"
#include "vmm/host/line_pattern_fault.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  const auto& check = *static_cast<const FileCheck*>(object);
  if (check.line.has_value() + check.key.has_value() + check.json.has_value() > 1)
    sink.Diagnose("", "give only one of line, key and json");
  const bool bounded = BoundsOf(check).any() || check.equals;
  const bool searched = check.present || check.absent;
  for (const auto& [name, pattern] :
       {std::pair("present", &check.present), std::pair("absent", &check.absent)})
    if (const std::string fault = *pattern ? LinePatternFault(**pattern) : ""; !fault.empty())
      sink.Diagnose(name, fault);
  if (searched && (bounded || check.over_time || !check.Place().Describe().empty()))
    sink.Diagnose(check.present ? "present" : "absent",
                  "present and absent look at all lines; put other conditions into a check of their own");
  if (check.over_time && bounded) sink.Diagnose("over_time", "over_time has bounds of its own");
  if (!searched && !check.over_time) ObservedBoundRules(BoundsOf(check), check.equals.has_value(), sink);
}

void Resolve(const FileCheck& check, CheckSite& site) {
  if (check.over_time) ResolvePattern(*check.over_time, site);
  site.Known("file", Refers::kTag, "guest file", check.file, site.names().files);
}

std::string Title(const FileCheck& check, const FileRecord* record) {
  const std::string place = check.Place().Describe();
  return fmt::format("file {}{}{}", check.file, record != nullptr ? fmt::format(" ({})", record->file) : "",
                     place.empty() ? "" : ", " + place);
}

/// The last one; of a check that stands in a step, the last one of that step.
const FileRecord* LastOf(const FileCheck& check, const RunFacts& run) {
  const FileRecord* last = nullptr;
  for (const FileRecord& record : run.observed.files) {
    const bool here = run.step.empty() || PhaseName(run.record, record.phase) == run.step;
    if (record.tag == check.file && here) last = &record;
  }
  return last;
}

ObservedValue ValueOf(const FileCheck& check, const RunFacts& run) {
  ObservedValue value;
  const FileRecord* const record = LastOf(check, run);
  value.title = Title(check, record);
  value.verdict = Verdict::kInconclusive;
  if (record == nullptr) {
    value.fault = fmt::format("file {} was not read{}", check.file,
                              run.step.empty() ? "" : fmt::format(" in step {}", run.step));
    return value;
  }
  value.phase = PhaseName(run.record, record->phase);
  const Result<std::string> text = TextAt(record->text, check.Place());
  if (!text.ok()) {
    value.fault = fmt::format("{}: {}{}", value.title, text.error().message,
                              record->cut ? " (only its first 64 KiB were kept)" : "");
    return value;
  }
  value.verdict = Verdict::kPass;
  value.number = NumberIn(*text);
  value.bare_text = *text;
  value.text = OneLine(*text);
  return value;
}

CheckResult JudgePattern(const FileCheck& check, const RunFacts& run) {
  CheckResult result;
  const FileRecord* const record = LastOf(check, run);
  result.check = Title(check, record);
  const bool wanted = check.present.has_value();
  const std::string& pattern = wanted ? *check.present : *check.absent;
  if (record == nullptr) {
    result.verdict = Verdict::kInconclusive;
    result.message = fmt::format("file {} was not read", check.file);
    return result;
  }
  result.phase = PhaseName(run.record, record->phase);
  const LinePattern search(pattern);
  std::string_view rest = record->text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!search.Found(line)) continue;
    result.verdict = wanted ? Verdict::kPass : Verdict::kFail;
    result.message = fmt::format("{} has the line '{}'{}", result.check, OneLine(line),
                                 wanted ? "" : fmt::format(", which matches '{}'", pattern));
    return result;
  }
  result.verdict = wanted ? Verdict::kFail : Verdict::kPass;
  result.message = fmt::format("no line of {} matches '{}'", result.check, pattern);
  if (record->cut) {
    result.verdict = Verdict::kInconclusive;
    result.message += ", but only its first 64 KiB were kept";
  }
  return result;
}

Series AllValues(const FileCheck& check, const RunFacts& run) {
  Series series;
  series.label = Title(check, nullptr);
  series.phase_names = PhaseNames(run.record);
  std::size_t count = 0;
  for (const FileRecord& record : run.observed.files) {
    if (record.tag != check.file) continue;
    Sample sample;
    sample.tag = fmt::format("#{}", count++);
    sample.elapsed_ms = static_cast<double>(record.elapsed_ms);
    sample.phase = record.phase;
    const Result<std::string> text = TextAt(record.text, check.Place());
    const std::optional<long double> number = text.ok() ? NumberIn(*text) : std::nullopt;
    if (number)
      sample.value = SampleValue(static_cast<double>(*number));
    else
      sample.value = text.ok() ? InputError("the value is not a number") : text.error();
    series.samples.push_back(std::move(sample));
  }
  return series;
}

CheckResult Judge(const FileCheck& check, const RunFacts& run) {
  if (check.over_time) return JudgeSeries(AllValues(check, run), *check.over_time, run);
  if (check.present && check.absent) {  // the one that fails is the one to tell of
    FileCheck only = check;
    only.present.reset();
    CheckResult absent = JudgePattern(only, run);
    if (absent.verdict != Verdict::kPass) return absent;
  }
  if (check.present || check.absent) return JudgePattern(check, run);
  return JudgeObserved(ValueOf(check, run), BoundsOf(check), check.equals);
}

}  // namespace

const StructDecl& FileCheck::Decl() {
  static constexpr auto kFields = JoinFields(
      std::array{
          Required<&FileCheck::file>("file",
                                     "What was read last under this tag is checked (of a check in a step: in "
                                     "that step); with over_time all of it.",
                                     {}, Refers::kTag),
          Optional<&FileCheck::line>("line", "The line of this number, from 1.", AtLeast(1)),
          Optional<&FileCheck::key>("key",
                                    "The rest of the line that begins with this; `some.avg10` is the word "
                                    "`avg10=` of the line `some`."),
          Optional<&FileCheck::json>("json", "The value at this path of a JSON document: `a.b.0`."),
          Optional<&FileCheck::word>("word", "The word of this number in that, from 1.", AtLeast(1)),
          Optional<&FileCheck::present>("present", "A line of it matches this regular expression."),
          Optional<&FileCheck::absent>("absent", "No line of it matches this regular expression."),
          Optional<&FileCheck::over_time>("over_time",
                                          "How the values read under this tag must follow each other."),
          Optional<&FileCheck::equals>("equals", "The value as text, without blanks around it.")},
      kBoundFields<FileCheck>);
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<FileCheck>(
        "file", "What ReadGuestFile read of a file of the guest: a number within bounds, a text, a line.",
        kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_file;
const CheckKind check_file = DeclareCheck<FileCheck, &Resolve, &Judge>();

}  // namespace ktstr
