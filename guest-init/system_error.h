// Errors of system calls, as PID 1 tells them.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "guest-init/base/result.h"

namespace ktstr::guest {

/// "<doing>: <what `code` means>". `doing` names the object as well: "opening /dev/x".
/// Read errno before anything else can change it, or hand it in.
inline Error SystemError(const std::string& doing, int code = errno) {
  return {ErrorKind::kGuest, doing + ": " + std::strerror(code)};
}

}  // namespace ktstr::guest
