// What signals are called, for host and guest.
#pragma once

#include <csignal>
#include <cstring>
#include <string>

namespace ktstr {

/// "SIGKILL"; "signal 64" for numbers without a name.
inline std::string SignalName(int number) {
  const char* const name = sigabbrev_np(number);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(number);
}

}  // namespace ktstr
