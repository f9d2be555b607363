// Waiting until a file of the guest says something.
#pragma once

#include <string>
#include <string_view>

#include "guest-init/base/line_pattern.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// What an AwaitFile waits for, held against the text of its file. Pure.
class FileCondition {
 public:
  /// REQUIRES: the request's pattern, if it has one, is a regular expression (checked by the host).
  explicit FileCondition(const AwaitFile& request);

  [[nodiscard]] bool Holds(std::string_view text) const;
  /// Why it does not hold, to follow the file's name: "has no line with /x/", "has no number behind 'a'",
  /// "has 3 behind 'a', not at least 5".
  [[nodiscard]] std::string WhyNot(std::string_view text) const;

 private:
  [[nodiscard]] std::optional<std::int64_t> NumberIn(std::string_view text) const;
  [[nodiscard]] bool Matches(std::string_view text) const;

  AwaitFile wanted_;
  std::optional<LinePattern> pattern_;
};

}  // namespace ktstr::guest
