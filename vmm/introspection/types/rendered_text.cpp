// Rendered values for people.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "guest-init/base/printable.h"
#include "vmm/introspection/types/rendered_value.h"

namespace ktstr::vmm {
namespace {

using Kind = RenderedValue::Kind;

constexpr std::size_t kLine = 76;  // what is no longer, and has no line break inside, is put on one line
constexpr std::size_t kMaxHex = 128;
constexpr std::size_t kMinText = 3;  // printable bytes that make an array of u8 a string
constexpr int kMaxTextNesting = 200;

bool IsPrintable(std::uint64_t byte) { return (byte >= ' ' && byte <= '~') || byte == '\n' || byte == '\t'; }

bool IsZero(const RenderedValue& value, int nesting = 0) {
  switch (value.kind) {
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kBool:
    case Kind::kChar:
    case Kind::kEnum:
    case Kind::kPtr:
      return value.number == 0;
    case Kind::kFloat:
      return value.real == 0;
    case Kind::kCpuList:
      return value.text.empty();
    case Kind::kBytes:
      return value.text.find_first_not_of('0') == std::string::npos;
    case Kind::kStruct:
    case Kind::kArray:
      return nesting < kMaxTextNesting &&
             std::all_of(value.members.begin(), value.members.end(),
                         [&](const RenderedMember& member) { return IsZero(member.value, nesting + 1); });
    default:
      return false;
  }
}

/// Whether an array of bytes is text: characters up to a NUL (what follows it is rubbish), or u8 that can all
/// be printed up to a NUL and are zero from there on.
bool IsText(const RenderedValue& array) {
  if (array.members.empty()) return false;
  const auto& all = array.members;
  const bool chars = std::all_of(all.begin(), all.end(),
                                 [](const auto& member) { return member.value.kind == Kind::kChar; });
  const bool bytes = std::all_of(all.begin(), all.end(), [](const auto& member) {
    const RenderedValue& value = member.value;
    return (value.kind == Kind::kUint || value.kind == Kind::kInt) && value.bits == 8;
  });
  if (!chars && !bytes) return false;
  const auto end =
      std::find_if(all.begin(), all.end(), [](const auto& member) { return member.value.number == 0; });
  if (!std::all_of(all.begin(), end, [](const auto& member) { return IsPrintable(member.value.number); }))
    return false;
  if (chars) return true;
  return end - all.begin() >= static_cast<std::ptrdiff_t>(kMinText) &&
         std::all_of(end, all.end(), [](const auto& member) { return member.value.number == 0; });
}

std::string Quoted(const RenderedValue& array) {
  std::string text;
  for (const RenderedMember& member : array.members) {
    const char c = static_cast<char>(member.value.number);
    if (c == '\0') break;
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return '"' + Printable(text) + '"';
}

std::string Format(const RenderedValue& value, std::size_t indent, int nesting);

/// "{a, b}" on one line when that is short, else a line each.
std::string Block(const std::vector<std::string>& parts, std::size_t indent, char open, char close) {
  std::size_t length = 2;
  bool flat = true;
  for (const std::string& part : parts) {
    length += part.size() + 2;
    flat = flat && part.find('\n') == std::string::npos;
  }
  std::string text(1, open);
  if (flat && length <= kLine) {
    for (std::size_t i = 0; i < parts.size(); ++i) text += (i == 0 ? "" : ", ") + parts[i];
    return text + close;
  }
  for (const std::string& part : parts) text += '\n' + std::string(indent + 2, ' ') + part;
  return text + '\n' + std::string(indent, ' ') + close;
}

std::string FormatStruct(const RenderedValue& value, std::size_t indent, int nesting) {
  std::vector<std::string> parts;
  for (const RenderedMember& member : value.members) {
    const std::string text = Format(member.value, indent + 2, nesting + 1);
    parts.push_back(member.name.empty() ? text : member.name + ": " + text);
  }
  return (value.text.empty() ? "" : value.text + ' ') + Block(parts, indent, '{', '}');
}

/// Short elements side by side, as many in a line as there is room for.
std::vector<std::string> Filled(const std::vector<std::string>& parts) {
  std::vector<std::string> lines;
  for (const std::string& part : parts) {
    if (lines.empty() || lines.back().size() + part.size() + 2 > kLine) {
      if (!lines.empty()) lines.back() += ',';
      lines.push_back(part);
    } else {
      lines.back() += ", " + part;
    }
  }
  return lines;
}

std::string FormatArray(const RenderedValue& value, std::size_t indent, int nesting) {
  const std::size_t shown = value.members.size();
  const std::string rest = shown < value.length ? fmt::format("{} of {} elements", shown, value.length) : "";
  if (shown > 0 && IsZero(value)) {
    return rest.empty() ? fmt::format("[all {} zero]", value.length)
                        : fmt::format("[the first {}, zero]", rest);
  }
  if (IsText(value)) return Quoted(value) + (rest.empty() ? "" : " [" + rest + "]");
  std::vector<std::string> parts;
  bool flat = true;
  for (const RenderedMember& member : value.members) {
    parts.push_back(Format(member.value, indent + 2, nesting + 1));
    flat = flat && parts.back().find('\n') == std::string::npos && parts.back().size() <= 24;
  }
  if (!flat)
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i].insert(0, fmt::format("[{}] ", i));
  if (!rest.empty()) parts.push_back("[" + rest + "]");
  return Block(flat ? Filled(parts) : parts, indent, '[', ']');
}

std::string FormatPointer(const RenderedValue& value, std::size_t indent, int nesting) {
  std::string text = fmt::format("{:#x}", value.number);
  if (!value.members.empty()) return text + " -> " + Format(value.members.front().value, indent, nesting + 1);
  if (value.reason.empty()) return text;
  return text + (value.reason == "[cycle]" ? " [cycle]" : " [chase: " + value.reason + "]");
}

std::string FormatBytes(const std::string& hex) {
  if (hex.size() <= kMaxHex) return "hex " + hex;
  return fmt::format("hex {}... ({} bytes)", hex.substr(0, kMaxHex), hex.size() / 2);
}

std::string FormatChar(std::uint64_t byte) {
  const bool plain = IsPrintable(byte) && byte >= ' ';
  return plain ? fmt::format("'{}'", static_cast<char>(byte)) : fmt::format("'\\x{:02x}'", byte);
}

std::string Format(const RenderedValue& value, std::size_t indent, int nesting) {
  if (nesting > kMaxTextNesting) return "...";
  switch (value.kind) {
    case Kind::kInt:
      return fmt::format("{}", static_cast<std::int64_t>(value.number));
    case Kind::kUint:
      return fmt::format("{}", value.number);
    case Kind::kBool:
      return value.number != 0 ? "true" : "false";
    case Kind::kChar:
      return FormatChar(value.number);
    case Kind::kFloat:
      return fmt::format("{}", value.real);
    case Kind::kEnum: {
      const std::string number = fmt::format("{}", static_cast<std::int64_t>(value.number));
      return value.text.empty() ? number : value.text + " (" + number + ")";
    }
    case Kind::kStruct:
      return FormatStruct(value, indent, nesting);
    case Kind::kArray:
      return FormatArray(value, indent, nesting);
    case Kind::kCpuList:
      return value.text.empty() ? "no CPU" : "CPUs " + value.text;
    case Kind::kPtr:
      return FormatPointer(value, indent, nesting);
    case Kind::kBytes:
      return FormatBytes(value.text);
    case Kind::kTruncated: {
      std::string text = fmt::format("[truncated: {} of {} bytes]", value.had, value.needed);
      if (!value.members.empty()) text += ' ' + Format(value.members.front().value, indent, nesting + 1);
      return text;
    }
    case Kind::kUnsupported:
      return "[unsupported: " + value.reason + "]";
  }
  return "";
}

}  // namespace

std::string FormatRendered(const RenderedValue& value, std::size_t indent) {
  return Format(value, indent, 0);
}

}  // namespace ktstr::vmm
