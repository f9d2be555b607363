#include "vmm/introspection/watch/gdb_packets.h"

#include <fmt/format.h>

#include <charconv>

namespace ktstr::vmm {
namespace {

std::uint8_t Checksum(std::string_view payload) {
  std::uint8_t sum = 0;
  for (const char c : payload) sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(c));
  return sum;
}

/// All of `digits` as a hexadecimal number.
template <typename T>
std::optional<T> Number(std::string_view digits) {
  T value = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (failed != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// What stands for '#', '$', '*' and '}' in a payload: '}' and the character with one bit flipped.
std::string Unescape(std::string_view raw) {
  std::string payload;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const bool escaped = raw[i] == '}' && i + 1 < raw.size();
    payload += escaped ? static_cast<char>(raw[++i] ^ 0x20) : raw[i];
  }
  return payload;
}

}  // namespace

std::string FramePacket(std::string_view payload) {
  return fmt::format("${}#{:02x}", payload, Checksum(payload));
}

Result<std::optional<std::string>> PacketReader::Break(std::string what) {
  bytes_.clear();
  broken_ = Error{ErrorKind::kProtocol, "the debugger stub sent " + std::move(what)};
  return *broken_;
}

Result<std::optional<std::string>> PacketReader::Next() {
  if (broken_) return *broken_;
  bytes_.erase(0, bytes_.find_first_not_of('+'));
  if (bytes_.empty()) return std::optional<std::string>();
  if (bytes_[0] != '$') return Break("something between two packets");
  const std::size_t end = bytes_.find('#');
  if (end == std::string::npos || bytes_.size() < end + 3) {
    if (bytes_.size() > kMaxPacket) return Break(fmt::format("a packet of over {} bytes", kMaxPacket));
    return std::optional<std::string>();
  }
  const std::string_view raw = std::string_view(bytes_).substr(1, end - 1);
  if (raw.size() > kMaxPacket) return Break(fmt::format("a packet of over {} bytes", kMaxPacket));
  if (Number<std::uint8_t>(std::string_view(bytes_).substr(end + 1, 2)) != Checksum(raw))
    return Break("a packet with a wrong checksum");
  if (raw.find('*') != std::string_view::npos) return Break("a compressed packet");
  std::optional<std::string> payload = Unescape(raw);
  bytes_.erase(0, end + 3);
  return payload;
}

bool IsStopReply(std::string_view payload) {
  return !payload.empty() && std::string_view("TSWX").find(payload[0]) != std::string_view::npos;
}

Result<StopReply> ParseStopReply(std::string_view payload) {
  const auto wrong = [&](std::string_view why) {
    return Error{ErrorKind::kProtocol, fmt::format("the debugger stub sent a stop reply with {}", why)};
  };
  const auto signal = Number<std::uint8_t>(payload.substr(1, 2));
  if (!signal || payload.size() < 3) return wrong("no signal");
  StopReply stop;
  stop.signal = *signal;
  stop.ended = payload[0] == 'W' || payload[0] == 'X';
  if (payload[0] != 'T') return stop;
  std::string_view rest = payload.substr(3);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t colon = pair.find(':');
    if (colon == std::string_view::npos) return wrong("no name of a value");
    const std::string_view name = pair.substr(0, colon);
    std::string_view value = pair.substr(colon + 1);
    if (name == "thread") {
      // "02", or "p01.02" once processes are told apart.
      if (const std::size_t dot = value.find('.'); dot != std::string_view::npos)
        value.remove_prefix(dot + 1);
      const auto thread = Number<std::uint32_t>(value);
      if (!thread || *thread == 0) return wrong("no thread");
      stop.cpu = *thread - 1;
    } else if (name == "watch") {
      stop.watch = Number<std::uint64_t>(value);
      if (!stop.watch) return wrong("no address");
    }
  }
  return stop;
}

std::string ToHex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string digits;
  digits.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    digits += kDigits[std::to_integer<unsigned>(byte) >> 4];
    digits += kDigits[std::to_integer<unsigned>(byte) & 0xf];
  }
  return digits;
}

std::optional<std::string> FromHex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (; !digits.empty(); digits.remove_prefix(2)) {
    const auto byte = Number<std::uint8_t>(digits.substr(0, 2));
    if (!byte) return std::nullopt;
    bytes += static_cast<char>(*byte);
  }
  return bytes;
}

}  // namespace ktstr::vmm
