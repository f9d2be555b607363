#include "guest-init/kernel_identity.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/wire/elf_notes.h"

namespace ktstr::guest {
namespace {

/// _text comes right after the per-CPU symbols, some hundred lines; a file without it is not read to its end.
constexpr std::size_t kMostSearched = std::size_t{1} << 20;

}  // namespace

std::uint64_t KernelTextAddress(const char* kallsyms) {
  const Fd file(open(kallsyms, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return 0;
  constexpr std::string_view kText = " T _text\n";
  std::string seen;
  char chunk[4096];
  for (std::size_t from = 0; seen.size() < kMostSearched;) {
    const ssize_t got = read(file.get(), chunk, sizeof chunk);
    if (got <= 0) return 0;
    seen.append(chunk, static_cast<std::size_t>(got));
    const std::size_t at = seen.find(kText, from);
    if (at == std::string::npos) {
      from = seen.size() - std::min(seen.size(), kText.size());
      continue;
    }
    const std::size_t line = at == 0 ? 0 : seen.rfind('\n', at) + 1;
    std::uint64_t address = 0;
    const auto [end, code] = std::from_chars(&seen[line], &seen[at], address, 16);
    return code == std::errc{} && end == &seen[at] ? address : 0;
  }
  return 0;
}

std::string KernelBuildId(const char* notes) {
  const std::string bytes = ReadSmallFile(notes);
  return BuildIdIn(std::as_bytes(std::span(bytes)));
}

}  // namespace ktstr::guest
