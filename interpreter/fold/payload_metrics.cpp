#include "interpreter/fold/payload_metrics.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <unordered_map>

#include "guest-init/base/units.h"
#include "interpreter/fold/payload_metrics_parse.h"

namespace ktstr {
namespace {

constexpr std::size_t kMaxKvName = 64;
constexpr std::size_t kMaxNotes = 20;

bool IsSpace(char c) { return c == ' ' || c == '\t'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsNameChar(char c) {
  return IsLetter(c) || IsDigit(c) || c == '_' || c == '.' || c == '-' || c == '%' || c == '/';
}

/// The length of the decimal number that `text` begins with; 0 when there is none.
std::size_t NumberLength(std::string_view text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t digits = at;
  while (at < text.size() && IsDigit(text[at])) ++at;
  if (at == digits) return 0;
  if (at + 1 < text.size() && text[at] == '.' && IsDigit(text[at + 1])) {
    ++at;
    while (at < text.size() && IsDigit(text[at])) ++at;
  }
  std::size_t exponent = at;
  if (exponent < text.size() && (text[exponent] == 'e' || text[exponent] == 'E')) {
    ++exponent;
    if (exponent < text.size() && (text[exponent] == '-' || text[exponent] == '+')) ++exponent;
    const std::size_t first = exponent;
    while (exponent < text.size() && IsDigit(text[exponent])) ++exponent;
    if (exponent > first) at = exponent;
  }
  return at;
}

std::size_t UnitLength(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && (IsLetter(text[at]) || text[at] == '%' || text[at] == '/')) ++at;
  return at;
}

/// The name that ends where a separator stands: the whole beginning of the line ("Total operations") when it
/// is the line's first and consists of words, else one word. Spaces inside become '_'.
std::string NameBefore(std::string_view before, bool first) {
  while (!before.empty() && IsSpace(before.back())) before.remove_suffix(1);
  if (first) {
    while (!before.empty() && IsSpace(before.front())) before.remove_prefix(1);
    const bool words =
        std::all_of(before.begin(), before.end(), [](char c) { return IsNameChar(c) || c == ' '; });
    if (words && !before.empty() && IsLetter(before.front()) && before.size() <= kMaxKvName) {
      std::string name(before);
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    }
  }
  std::size_t begin = before.size();
  while (begin > 0 && IsNameChar(before[begin - 1])) --begin;
  const std::string_view word = before.substr(begin);
  if (word.empty() || word.size() > kMaxKvName || !(IsLetter(word.front()) || word.front() == '_')) return {};
  return std::string(word);
}

/// Reads "12.5 us" at the start of `text`. Advances past it; false (and no advance) when it is no number.
bool TakeAmount(std::string_view& text, double& value, std::string& unit) {
  std::string_view rest = text;
  while (!rest.empty() && IsSpace(rest.front())) rest.remove_prefix(1);
  const std::size_t length = NumberLength(rest);
  if (length == 0 || !ParseDouble(rest.substr(0, length), value)) return false;
  rest.remove_prefix(length);
  std::size_t letters = UnitLength(rest);
  if (letters > 0) {
    unit = rest.substr(0, letters);
    rest.remove_prefix(letters);
  } else if (rest.size() > 1 && rest[0] == ' ') {
    letters = UnitLength(rest.substr(1));
    const std::string_view after = rest.substr(1 + letters);
    const bool next_name = !after.empty() && (after[0] == '=' || after[0] == ':' || IsNameChar(after[0]));
    if (letters > 0 && !next_name && !after.starts_with(" =")) {
      unit = rest.substr(1, letters);
      rest.remove_prefix(1 + letters);
    }
  }
  // 1.2.3, 12:30 and 0x1f are something else than the number they begin with.
  if (!rest.empty() && (IsDigit(rest[0]) || IsLetter(rest[0]) || rest[0] == ':' || rest[0] == '_' ||
                        (rest[0] == '.' && rest.size() > 1 && IsDigit(rest[1]))))
    return false;
  text = rest;
  return true;
}

void OutputSpecRules(const void* object, RuleSink& sink) {
  const auto& spec = *static_cast<const OutputSpec*>(object);
  if (spec.parse == OutputParse::kRegex && spec.regex.items.empty())
    sink.Diagnose("parse", "`parse: regex` needs the expressions: `regex: {name: 'count: ([0-9]+)'}`");
  if (spec.parse != OutputParse::kRegex && !spec.regex.items.empty())
    sink.Diagnose("regex", "regular expressions go with `parse: regex`");
  for (const auto& [name, pattern] : spec.regex.items)
    if (std::string fault = RegexFault(pattern); !fault.empty())
      sink.Diagnose("regex/" + name, std::move(fault));
}

}  // namespace

void ParseKvLine(std::string_view line, MetricSink& sink) {
  bool first = true;
  std::size_t from = 0;
  while (from < line.size()) {
    const std::size_t separator = line.find_first_of("=:", from);
    if (separator == std::string_view::npos) return;
    const std::string name = NameBefore(line.substr(from, separator - from), first);
    first = false;
    std::string_view rest = line.substr(separator + 1);
    double value = 0;
    std::string unit;
    if (!name.empty() && TakeAmount(rest, value, unit)) sink.Add(name, value, unit);
    from = line.size() - rest.size();
  }
}

MetricSink::MetricSink(const NamedMap<MetricHint>& hints, Stream stream) : stream_(stream) {
  for (const auto& [name, hint] : hints.items)
    hints_[hint.path.empty() ? name : hint.path] = {name, &hint};  // of equal paths the last one
}

void MetricSink::Add(std::string_view found_as, double value, std::string_view unit) {
  if (!std::isfinite(value)) return;
  const auto hint = hints_.find(std::string(found_as));
  if (hint == hints_.end()) {
    if (unhinted_ == kMaxPayloadMetrics) {
      full_ = true;
      return;
    }
    ++unhinted_;
    found_.metrics.push_back({std::string(found_as), value, std::string(unit), Polarity::kInfo, stream_});
    return;
  }
  // The same hinted number over and over would make the list endless.
  if (hint->second.kept == kMaxPayloadMetrics) return;
  ++hint->second.kept;
  const MetricHint& wanted = *hint->second.hint;
  found_.metrics.push_back({hint->second.name, value, wanted.unit.empty() ? std::string(unit) : wanted.unit,
                            wanted.better, stream_});
}

void MetricSink::Note(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  if (found_.notes.size() < kMaxNotes) found_.notes.push_back(std::move(text));
}

void MetricSink::Unread(std::string why) {
  if (found_.unread.empty()) found_.unread = why;
  Note(std::move(why));
}

PayloadMetrics MetricSink::Take() {
  if (full_)
    Unread("more than " + std::to_string(kMaxPayloadMetrics) + " numbers were found; the rest is left out");
  return std::move(found_);
}

const PayloadMetric* PayloadMetrics::Find(std::string_view name) const {
  for (const PayloadMetric& metric : metrics)
    if (metric.name == name) return &metric;
  return nullptr;
}

std::optional<std::vector<std::string>> KnownMetricNames(const OutputSpec& spec) {
  std::vector<std::string> names;
  if (spec.parse == OutputParse::kJson || spec.parse == OutputParse::kKv) return std::nullopt;
  if (spec.parse == OutputParse::kRegex)
    for (const auto& [name, pattern] : spec.regex.items) names.push_back(name);
  return names;
}

const StructDecl& OutputSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&OutputSpec::parse>("parse", "How metrics are found in what it prints."),
      Optional<&OutputSpec::regex>(
          "regex",
          "With `parse: regex`: metric name to ECMA regular expression with exactly one "
          "capture. Tried line by line; the last line that matches counts."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<OutputSpec>("OutputSpec", "How a payload's metrics are found.", kFields);
    decl.rules = &OutputSpecRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& MetricHint::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&MetricHint::path>(
          "path",
          "Where it is found: in JSON jobs.0.read.iops, else the printed name (spaces as "
          "_); by default the metric's own name."),
      Optional<&MetricHint::unit>("unit", "Its unit; a bound such as 2s is converted to it."),
      Optional<&MetricHint::better>("better", "Which way is better."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<MetricHint>("MetricHint", "What is known of a payload's metric.", kFields);
  return kDecl;
}

const StructDecl& PayloadMetric::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadMetric::name>("name", ""),     Required<&PayloadMetric::value>("value", ""),
      Required<&PayloadMetric::unit>("unit", ""),     Required<&PayloadMetric::better>("better", ""),
      Required<&PayloadMetric::stream>("stream", ""),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadMetric>("PayloadMetric", "A number out of a payload's output.", kFields);
  return kDecl;
}

const StructDecl& PayloadMetrics::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadMetrics::metrics>("metrics", "in the order found"),
      Required<&PayloadMetrics::notes>("notes", "what was left out, and why"),
      Required<&PayloadMetrics::unread>("unread", "why a number that is missing may have been printed"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<PayloadMetrics>("PayloadMetrics", "The numbers out of a payload's output.", kFields);
  return kDecl;
}

}  // namespace ktstr
