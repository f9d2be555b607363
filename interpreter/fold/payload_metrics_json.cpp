#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/fold/payload_metrics_parse.h"

namespace ktstr {
namespace {

constexpr int kMaxAttempts = 64;  // regions tried; each costs at most one pass over the text
constexpr std::size_t kMaxPath = 1024;

/// Walks a document while it is parsed, so that nothing is built in memory.
class Walker : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Walker(MetricSink* sink) : sink_(sink) {}

  [[nodiscard]] std::size_t numbers() const { return numbers_; }

  bool null() override { return Skip(); }
  bool boolean(bool) override { return Skip(); }
  bool number_integer(number_integer_t value) override { return Number(static_cast<double>(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Number(static_cast<double>(value)); }
  bool number_float(number_float_t value, const string_t&) override { return Number(value); }
  bool string(string_t&) override { return Skip(); }
  bool binary(binary_t&) override { return Skip(); }
  bool start_object(std::size_t) override { return Open(false); }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(true); }
  bool end_array() override { return Close(); }
  bool key(string_t& value) override {
    if (depth_ <= kMaxJsonDepth && !levels_.empty()) levels_.back().key = value.substr(0, kMaxPath);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  struct Level {
    bool list = false;
    std::uint64_t index = 0;
    std::string key;
  };

  bool Open(bool list) {
    ++depth_;
    if (depth_ <= kMaxJsonDepth)
      levels_.push_back({list, 0, {}});
    else if (depth_ == kMaxJsonDepth + 1 && sink_ != nullptr)
      sink_->Note("numbers nested deeper than " + std::to_string(kMaxJsonDepth) +
                  " levels are left out, at " + Path());
    return true;
  }
  bool Close() {
    if (depth_ <= kMaxJsonDepth) levels_.pop_back();
    --depth_;
    return Skip();
  }
  /// A value has ended: the next element of a list is another one.
  bool Skip() {
    if (depth_ <= kMaxJsonDepth && !levels_.empty()) ++levels_.back().index;
    return true;
  }
  bool Number(double value) {
    if (depth_ <= kMaxJsonDepth) {
      ++numbers_;
      if (sink_ != nullptr) sink_->Add(Path(), value, {});
    }
    return Skip();
  }
  [[nodiscard]] std::string Path() const {
    std::string path;
    for (const Level& level : levels_) {
      if (!path.empty()) path += '.';
      path += level.list ? std::to_string(level.index) : level.key;
      if (path.size() > kMaxPath) break;
    }
    return path.empty() ? "value" : path;
  }

  MetricSink* sink_;
  std::size_t depth_ = 0;
  std::size_t numbers_ = 0;
  std::vector<Level> levels_;
};

/// Parses the whole of `text`; nothing is added unless all of it is valid. Returns how many numbers it holds.
std::optional<std::size_t> ParseStrictly(std::string_view text, MetricSink& sink) {
  Walker dry(nullptr);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &dry)) return std::nullopt;
  Walker walker(&sink);
  nlohmann::json::sax_parse(text.begin(), text.end(), &walker);
  return walker.numbers();
}

/// The end (past the closer) of the region that the bracket at `at` opens; npos when it is never closed.
/// Brackets of that kind are counted, outside strings.
std::size_t RegionEnd(std::string_view text, std::size_t at) {
  const char open = text[at];
  const char close = open == '{' ? '}' : ']';
  std::size_t depth = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\')
        ++at;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == open) {
      ++depth;
    } else if (c == close && --depth == 0) {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

constexpr std::string_view kBlanks = " \t\r\n";

bool BeginsLine(std::string_view text, std::size_t at) {
  const std::size_t before = text.substr(0, at).find_last_not_of(" \t");
  return before == std::string_view::npos || text[before] == '\n' || text[before] == '\r';
}
bool EndsLine(std::string_view text, std::size_t end) {
  const std::size_t after = text.find_first_not_of(" \t", end);
  return after == std::string_view::npos || text[after] == '\n' || text[after] == '\r';
}

bool TryRegions(std::string_view text, bool whole_lines, MetricSink& sink) {
  int attempts = 0;
  for (std::size_t at = text.find_first_of("{["); at != std::string_view::npos && attempts < kMaxAttempts;) {
    if (!whole_lines || BeginsLine(text, at)) {
      ++attempts;
      const std::size_t end = RegionEnd(text, at);
      if (end != std::string_view::npos && (!whole_lines || EndsLine(text, end))) {
        const auto numbers = ParseStrictly(text.substr(at, end - at), sink);
        if (numbers.value_or(0) > 0) return true;
        if (numbers) at = end - 1;  // valid but without numbers: what follows it is next
      }
    }
    at = text.find_first_of("{[", at + 1);
  }
  return false;
}

}  // namespace

void ParseJsonOutput(std::string_view text, MetricSink& sink) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return;
  text = text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
  if (ParseStrictly(text, sink)) return;
  if (TryRegions(text, true, sink) || TryRegions(text, false, sink)) return;
  sink.Note("no JSON document with numbers was found in the output");
}

}  // namespace ktstr
