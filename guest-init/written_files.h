// Files of the guest that a scenario writes to (sysctl, sysfs, debugfs, cgroupfs), and what they held before.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "guest-init/base/result.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// What has to be written so that a file holds `old` again after `written` was written to it: all of `old`,
/// but of a choice ("always [madvise] never") the chosen word, of a list of switches ("FOO NO_BAR") the one
/// that `written` names, and of "+x -y" their opposites.
std::string TextToPutBack(std::string_view old, std::string_view written);

class WrittenFiles {
 public:
  /// Errors (kGuest) name the path, the value and the cause: "writing 'x' to /proc/y: Invalid argument",
  /// "writing 'x' to /proc/y succeeded, and EINVAL was expected".
  Result<> Write(const WriteGuestFile& request);
  /// Returns "", or a line that says that the file holds something else now.
  Result<std::string> PutBack(std::uint32_t saved);

 private:
  struct Saved {
    std::string path;
    std::string content;
    std::string written;
  };
  std::map<std::uint32_t, Saved> saved_;
};

}  // namespace ktstr::guest
