// ktstr-interp: runs Linux-scheduler tests written as YAML on a real kernel in a virtual machine.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "interpreter/cli/cli.h"
#include "interpreter/report/descriptor_stream.h"

int main(int argc, char** argv) {
  // https://no-color.org
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool color =
      (no_color == nullptr || *no_color == '\0') && term != nullptr && std::string_view(term) != "dumb";
  const bool out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  const bool err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  ktstr::DescriptorStream out(STDOUT_FILENO);
  ktstr::Console io{
      out,         std::cerr, color && out_is_terminal, color && err_is_terminal, color && err_is_terminal,
      &out.error()};
  return ktstr::RunCli({argv, static_cast<std::size_t>(argc)}, io);
}
