#include "guest-init/file_awaiting.h"

#include <charconv>
#include <cstring>
#include <memory>

#include "guest-init/base/clock.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/units.h"
#include "guest-init/request_handlers.h"

namespace ktstr::guest {
namespace {

// Between two looks at a file that nobody announces the changes of.
constexpr std::uint64_t kLookNs = 5'000'000;
constexpr std::string_view kBlanks = " \t\n";

/// Takes the next word from `text`; empty when there is none.
std::string_view TakeWord(std::string_view& text) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBlanks)));
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

}  // namespace

FileCondition::FileCondition(const AwaitFile& request) : wanted_(request) {
  if (!request.pattern.empty()) pattern_.emplace(request.pattern);
}

std::optional<std::int64_t> FileCondition::NumberIn(std::string_view text) const {
  std::string_view word;
  if (wanted_.key.empty()) {
    word = TakeWord(text);
  } else {
    while (!text.empty() && word.empty())
      if (std::string_view line = TakeLine(text); TakeWord(line) == wanted_.key) word = TakeWord(line);
  }
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (failed != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

bool FileCondition::Matches(std::string_view text) const {
  if (!pattern_) return true;
  while (!text.empty())
    if (pattern_->Found(TakeLine(text))) return true;
  return false;
}

bool FileCondition::Holds(std::string_view text) const {
  if (!Matches(text)) return false;
  if (!wanted_.min && !wanted_.max) return true;
  const std::optional<std::int64_t> number = NumberIn(text);
  return number && *number >= wanted_.min.value_or(*number) && *number <= wanted_.max.value_or(*number);
}

std::string FileCondition::WhyNot(std::string_view text) const {
  if (!Matches(text)) return "has no line with /" + wanted_.pattern + "/";
  const std::string where = wanted_.key.empty() ? "at its begin" : "behind '" + wanted_.key + "'";
  const std::optional<std::int64_t> number = NumberIn(text);
  if (!number) return "has no number " + where;
  std::string why = "has " + std::to_string(*number) + " " + where;
  if (wanted_.min && *number < *wanted_.min) return why + ", not at least " + std::to_string(*wanted_.min);
  return why + ", not at most " + std::to_string(wanted_.max.value_or(0));
}

Step On(GuestState& guest, const AwaitFile& request) {
  // A Step can be copied; the pattern is compiled once.
  const auto condition = std::make_shared<const FileCondition>(request);
  return [&guest, request, condition, deadline = MonotonicNs() + request.timeout_ns](
             std::uint64_t now_ns, std::uint64_t& wake_ns) -> std::optional<Result<>> {
    errno = 0;
    const std::string text = ReadSmallFile(request.path.c_str());
    const int code = errno;
    if (condition->Holds(text)) return Result<>();
    if (now_ns < deadline) {
      wake_ns = std::min({wake_ns, now_ns + kLookNs, deadline});
      return std::nullopt;
    }
    const std::string waited = " after " + FormatDuration(Nanoseconds(request.timeout_ns));
    if (text.empty() && code != 0)
      return Blame(guest, request.path + " still cannot be read" + waited + ": " + std::strerror(code));
    return Blame(guest, request.path + " still " + condition->WhyNot(text) + waited);
  };
}

}  // namespace ktstr::guest
