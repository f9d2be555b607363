// The kind `console`: what the kernel's log must have said while the scenario ran, or must not.
#pragma once

#include <optional>
#include <string>

#include "guest-init/base/decl.h"

namespace ktstr {

/// Regular expressions for single messages; at least one is given.
struct ConsoleText {
  std::optional<std::string> present = {};  // one message has it
  std::optional<std::string> absent = {};   // no message has it
  static const StructDecl& Decl();
};

/// Messages are those of the kernel's ring buffer from the scenario's begin to its end, also those that
/// programs of the guest put there; the console itself shows them unless `quiet` keeps them away. What was
/// not found is INCONCLUSIVE as long as the log was not read whole.
struct ConsoleCheck {
  ConsoleText console;
  std::optional<std::string> phase = {};  // none: that of the step it stands in, else the whole run
  static const StructDecl& Decl();
};

}  // namespace ktstr
