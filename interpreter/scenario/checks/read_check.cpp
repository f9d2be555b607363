// The kind `read`.
#include "interpreter/scenario/checks/read_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/observed_value.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  const auto& check = *static_cast<const ReadCheck*>(object);
  if (!check.over_time) return ObservedBoundRules(BoundsOf(check), check.equals.has_value(), sink);
  if (BoundsOf(check).any() || check.equals) sink.Diagnose("over_time", "over_time has bounds of its own");
}

void Resolve(const ReadCheck& check, CheckSite& site) {
  if (check.over_time) ResolvePattern(*check.over_time, site);
  site.Known("read", Refers::kTag, "read", check.read, site.names().reads);
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

ObservedValue LastValue(const std::string& tag, const RunFacts& run) {
  ObservedValue value;
  value.title = "read " + tag;
  const auto last = std::find_if(run.observed.reads.rbegin(), run.observed.reads.rend(),
                                 [&](const ReadRecord& read) { return read.tag == tag; });
  if (last == run.observed.reads.rend()) {
    value.verdict = Verdict::kInconclusive;
    value.fault = fmt::format("read {} was not reached", tag);
    return value;
  }
  value.title += fmt::format(" ({})", last->place);
  value.phase = PhaseName(run.record, last->phase);
  value.text = last->text;
  value.number = last->Exact();
  const std::optional<std::string> text = value.number ? std::nullopt : TextOfHex(last->text);
  if (text) {
    value.bare_text = last->text;  // the bytes are as good an answer
    value.text = *text;
  }
  return value;
}

Series AllValues(const std::string& tag, const RunFacts& run) {
  Series series;
  series.label = "read " + tag;
  series.phase_names = PhaseNames(run.record);
  std::size_t count = 0;
  for (const ReadRecord& read : run.observed.reads) {
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

CheckResult Judge(const ReadCheck& check, const RunFacts& run) {
  if (check.over_time) return JudgeSeries(AllValues(check.read, run), *check.over_time, run);
  return JudgeObserved(LastValue(check.read, run), BoundsOf(check), check.equals);
}

}  // namespace

const StructDecl& ReadCheck::Decl() {
  static constexpr auto kFields = JoinFields(
      std::array{
          Required<&ReadCheck::read>(
              "read", "The last value read under this tag is checked; with over_time all.", {}, Refers::kTag),
          Optional<&ReadCheck::over_time>("over_time",
                                          "How all values read under this tag must follow each other."),
          Optional<&ReadCheck::equals>(
              "equals", "The value in words or digits, exactly: an enumerator, `true`, `0-3`, 17.")},
      kBoundFields<ReadCheck>);
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<ReadCheck>("read", "A value that was read is within bounds.", kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_read;
const CheckKind check_read = DeclareCheck<ReadCheck, &Resolve, &Judge>();

}  // namespace ktstr
