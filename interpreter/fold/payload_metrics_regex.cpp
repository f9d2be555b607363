// Metrics by regular expression.
#include <algorithm>
#include <regex>
#include <vector>

#include "guest-init/base/line_pattern.h"
#include "guest-init/base/units.h"
#include "interpreter/fold/payload_metrics_parse.h"
#include "vmm/host/line_pattern_fault.h"

namespace ktstr {
namespace {

/// Characters of text times size of the pattern: about half a second of the worst pattern.
constexpr std::size_t kMaxWork = std::size_t{1} << 26;

/// The last kMaxRegexText bytes of `text`, without the line that begins before them: a part of it could give
/// another number than the line.
std::string_view WholeLines(std::string_view text) {
  if (text.size() <= kMaxRegexText) return text;
  const std::size_t begin = text.find_first_of("\r\n", text.size() - kMaxRegexText - 1);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin + 1);
}

/// Tries the lines from the last one on, at most `allowed` characters of them; false when none matched.
bool SearchBackwards(const std::string& name, const std::string& pattern,
                     const std::vector<std::string_view>& lines, std::size_t allowed, MetricSink& sink) {
  const std::regex regex(LinePattern::Anywhere(pattern), kLineRegexFlags);
  for (auto line = lines.rbegin(); line != lines.rend() && line->size() <= allowed; ++line) {
    allowed -= line->size();
    std::match_results<std::string_view::const_iterator> match;
    if (!std::regex_search(line->begin(), line->end(), match, regex, std::regex_constants::match_continuous))
      continue;
    const std::string captured = match[1].str();
    if (double value = 0; ParseDouble(captured, value))
      sink.Add(name, value, {});
    else
      sink.Note("'" + captured.substr(0, 40) + "', captured for " + name + ", is not a number");
    return true;
  }
  return false;
}

}  // namespace

std::string RegexFault(const std::string& pattern) {
  if (std::string fault = LinePatternFault(pattern); !fault.empty()) return fault;
  const std::regex regex(pattern, kLineRegexFlags);
  if (regex.mark_count() == 1) return {};
  return "one capture is wanted, this has " + std::to_string(regex.mark_count()) +
         "; write (?: ) for groups that are none";
}

void ParseRegexOutput(const NamedMap<std::string>& patterns, std::string_view text, MetricSink& sink) {
  std::vector<std::string_view> lines;
  EachLine(WholeLines(text), [&](std::string_view line) {
    if (!line.empty()) lines.push_back(line);
  });
  for (const auto& [name, pattern] : patterns.items) {
    if (std::string fault = RegexFault(pattern); !fault.empty()) {
      sink.Note("the regular expression of " + name + " is not used: " + fault);
      continue;
    }
    const std::size_t allowed =
        std::min(kMaxRegexText, kMaxWork / ((pattern.size() + 1) * PatternRepetitions(pattern)));
    try {
      if (!SearchBackwards(name, pattern, lines, allowed, sink) && text.size() > allowed)
        sink.Unread("only the last " + std::to_string(allowed / 1024) +
                    " KiB of the output were searched for " + name);
    } catch (const std::regex_error&) {
      sink.Note("the regular expression of " + name + " is too complex");
    }
  }
}

}  // namespace ktstr
