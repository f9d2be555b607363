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
  /// Once `out` has failed: the errno, where the stream knows it. It outlives the console.
  const int* out_error = nullptr;
};

}  // namespace ktstr
