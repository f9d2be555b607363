// Between the parsers of payload output. Internal to payload_metrics.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

#include "interpreter/fold/payload_metrics.h"

namespace ktstr {

/// ASCII only, whatever the locale is.
inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Collects what a parser finds: applies hints, keeps the bounds. `hints` must outlive it.
class MetricSink {
 public:
  MetricSink(const NamedMap<MetricHint>& hints, Stream stream);

  /// `found_as` is the name in the output; a hint may rename it. `unit` gives way to the hint's.
  void Add(std::string_view found_as, double value, std::string_view unit);
  /// Output was not read because of this; so what is missing may have been in it.
  void Unread(std::string why);
  /// Made one line; the first 20 are kept.
  void Note(std::string text);
  [[nodiscard]] bool empty() const { return found_.metrics.empty(); }
  /// What was found, once.
  PayloadMetrics Take();

 private:
  struct Hinted {
    std::string name;
    const MetricHint* hint = nullptr;
    std::size_t kept = 0;
  };
  Stream stream_;
  std::unordered_map<std::string, Hinted> hints_;  // by what it is found as
  std::size_t unhinted_ = 0;
  bool full_ = false;
  PayloadMetrics found_;
};

/// Finds the JSON document in `text` and walks its numbers. The whole text; else the first region that fills
/// its lines (from an opening bracket that begins a line to its closer at the end of one); else the first
/// region anywhere that parses and holds a number. So a banner with brackets does not hide the document.
void ParseJsonOutput(std::string_view text, MetricSink& sink);

/// Adds each `name=value unit` and `name: value unit` of a line.
void ParseKvLine(std::string_view line, MetricSink& sink);

/// Of the output no more than so many bytes at its end are searched.
inline constexpr std::size_t kMaxRegexText = std::size_t{1} << 20;
/// The last line that matches each pattern gives its number. Time is linear in text and pattern.
void ParseRegexOutput(const NamedMap<std::string>& patterns, std::string_view text, MetricSink& sink);
/// What is wrong with a pattern, in one line; "" when nothing is.
std::string RegexFault(const std::string& pattern);

inline constexpr std::size_t kMaxOutputLine = 1024;
/// Calls `use` with each line, without its end, cut at kMaxOutputLine.
template <typename Use>
void EachLine(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\r\n");
    use(text.substr(0, std::min({end, text.size(), kMaxOutputLine})));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace ktstr
