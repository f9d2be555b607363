#include "guest-init/wire/elf_notes.h"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string_view>

namespace ktstr {
namespace {

constexpr std::uint64_t Padded(std::uint64_t bytes) { return (bytes + 3) / 4 * 4; }

std::string Hex(std::span<const std::byte> bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte b : bytes) {
    text += kDigits[std::to_integer<unsigned>(b) >> 4];
    text += kDigits[std::to_integer<unsigned>(b) & 15];
  }
  return text;
}

}  // namespace

std::string BuildIdIn(std::span<const std::byte> notes) {
  Elf64_Nhdr note;
  while (notes.size() >= sizeof note) {
    std::memcpy(&note, notes.data(), sizeof note);
    notes = notes.subspan(sizeof note);
    const std::uint64_t name = Padded(note.n_namesz);
    const std::uint64_t all = name + Padded(note.n_descsz);
    if (all > notes.size()) return {};
    const bool gnu = note.n_namesz == 4 && std::memcmp(notes.data(), "GNU", 4) == 0;
    if (gnu && note.n_type == NT_GNU_BUILD_ID && note.n_descsz <= kMostBuildIdBytes)
      return Hex(notes.subspan(name, note.n_descsz));
    notes = notes.subspan(all);
  }
  return {};
}

}  // namespace ktstr
