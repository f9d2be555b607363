// What a command may touch of the terminal.
#pragma once

#include <iosfwd>

namespace ktstr {

/// Where a command writes. Results go to `out`; progress, summaries and complaints to `err`. The streams
/// outlive it.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool color_out = false;  // ANSI escapes are welcome on `out`
  bool color_err = false;
  bool live = false;  // `err` is a terminal on which a line can be rewritten
};

}  // namespace ktstr
