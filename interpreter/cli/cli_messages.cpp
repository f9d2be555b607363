// What commands say of themselves.
#include <ostream>

#include "guest-init/base/printable.h"
#include "interpreter/cli/cli_commands.h"

namespace ktstr {

int UsageError(Console& io, std::string_view message, std::string_view hint) {
  io.err << "ktstr-interp: " << Printable(message) << '\n';
  if (!hint.empty()) io.err << "  " << Printable(hint) << '\n';
  return kExitUsage;
}

int CommandError(Console& io, std::string_view message) {
  io.err << "ktstr-interp: " << Printable(message) << '\n';
  return kExitError;
}

void CommandWarning(Console& io, std::string_view message) {
  io.err << "ktstr-interp: warning: " << Printable(message) << std::endl;
}

void TellLine(Console& io, std::string_view line) { io.err << Printable(line) << std::endl; }

}  // namespace ktstr
