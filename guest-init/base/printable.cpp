#include "guest-init/base/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <iterator>

#include "guest-init/base/utf8.h"

namespace ktstr {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};

/// Controls, and what Unicode calls default ignorable: nothing is seen of it, or it reorders its neighbours.
constexpr Range kNotShown[] = {
    {0x00, 0x1F},     {0x7F, 0x9F},       {0xAD, 0xAD},       {0x34F, 0x34F},     {0x61C, 0x61C},
    {0x115F, 0x1160}, {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x200B, 0x200F},   {0x2028, 0x202E},
    {0x2060, 0x206F}, {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

bool IsShown(std::uint32_t point) {
  return std::none_of(std::begin(kNotShown), std::end(kNotShown),
                      [&](const Range& range) { return point >= range.first && point <= range.last; });
}

std::string Escape(const char* format, std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string EscapedPoint(std::uint32_t point) {
  if (point == '\n') return "\\n";
  if (point == '\t') return "\\t";
  if (point < 0x80) return Escape("\\x%02x", point);
  return Escape(point <= 0xFFFF ? "\\u%04x" : "\\U%08x", point);
}

/// Whether the '#' at `at` is the second one of "##[" or "##word[". Azure and GitHub look for these anywhere
/// in a line.
bool EndsCommandMark(std::string_view text, std::size_t at) {
  if (at == 0 || text[at - 1] != '#') return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::size_t end = at + 1;
  while (end < text.size() && is_letter(text[end])) ++end;
  return end < text.size() && text[end] == '[';
}

/// Whether the ':' at `at` begins the first thing in the text, "::". GitHub passes over blanks before it.
bool BeginsCommand(std::string_view text, std::size_t at) {
  return text.substr(at).starts_with("::") && text.find_first_not_of(' ') == at;
}

/// What is shown of the character at `at`; its length goes to `bytes`.
std::string Shown(std::string_view text, std::size_t at, std::size_t& bytes) {
  bytes = Utf8Length(text, at);
  if (bytes == 0) {
    bytes = 1;
    return Escape("\\x%02x", static_cast<unsigned char>(text[at]));
  }
  const std::uint32_t point = Utf8Point(text, at, bytes);
  const bool command =
      (point == '#' && EndsCommandMark(text, at)) || (point == ':' && BeginsCommand(text, at));
  return IsShown(point) && !command ? std::string(text.substr(at, bytes)) : EscapedPoint(point);
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string shown;
  for (std::size_t at = 0, bytes = 0; at < text.size(); at += bytes) shown += Shown(text, at, bytes);
  return shown;
}

std::string PrintableLines(std::string_view lines) {
  std::string text;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    text += Printable(lines.substr(0, end));
    if (end == std::string_view::npos) break;
    text += '\n';
    lines.remove_prefix(end + 1);
  }
  return text;
}

std::vector<std::string> PrintableCharacters(std::string_view text) {
  std::vector<std::string> shown;
  for (std::size_t at = 0, bytes = 0; at < text.size(); at += bytes) shown.push_back(Shown(text, at, bytes));
  return shown;
}

std::string ShellWord(std::string_view word) {
  constexpr std::string_view kHarmless =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=+@%";
  if (!word.empty() && word.find_first_not_of(kHarmless) == std::string_view::npos) return std::string(word);
  std::string plain = "'";
  std::string escaped = "$'";
  bool all_shown = true;
  for (std::size_t at = 0, bytes = 0; at < word.size(); at += bytes) {
    const std::string shown = Shown(word, at, bytes);
    const std::string_view character = word.substr(at, bytes);
    plain += character == "'" ? "'\\''" : character;
    if (shown == character) {
      escaped += character == "'" || character == "\\" ? "\\" + shown : shown;
    } else {
      all_shown = false;
      // Octal, for it ends after three digits in every shell.
      for (const char c : character) escaped += Escape("\\%03o", static_cast<unsigned char>(c));
    }
  }
  return (all_shown ? plain : escaped) + "'";
}

}  // namespace ktstr
