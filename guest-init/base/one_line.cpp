#include "guest-init/base/one_line.h"

#include <algorithm>

#include "guest-init/base/printable.h"

namespace ktstr {

std::string OneLine(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view kWhite = " \t\n\v\f\r";
  std::string line;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of(kWhite, i), text.size());
    if (const std::string_view run = text.substr(i, end - i); !run.empty()) {
      if (i > 0 && end < text.size()) line += run.find_first_not_of(' ') == run.npos ? run : " ";
      i = end;
      continue;
    }
    line += text[i++];
  }
  line = Printable(line);
  if (line.size() <= max_bytes) return line;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end) + "...";
}

}  // namespace ktstr
