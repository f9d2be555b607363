// The debugger's remote protocol as QEMU's stub speaks it: packets out of a byte stream, and what the stub
// says unasked. Pure; nothing that QEMU sends makes it crash, wait or grow.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// "$payload#checksum". REQUIRES: no '$', '#', '}' or '*' in `payload`.
std::string FramePacket(std::string_view payload);

/// Puts packets together. Acknowledgements between them are skipped. Errors are permanent.
class PacketReader {
 public:
  /// QEMU's own packets have at most 4096 characters.
  static constexpr std::size_t kMaxPacket = 16384;

  void Append(std::string_view bytes) { bytes_ += bytes; }
  /// The payload of the next whole packet; nullopt: more bytes are needed. Errors (kProtocol): "the debugger
  /// stub sent ..." "... something between two packets", "... a packet of over N bytes", "... a packet with a
  /// wrong checksum", "... a compressed packet".
  Result<std::optional<std::string>> Next();

 private:
  Result<std::optional<std::string>> Break(std::string what);

  std::string bytes_;
  std::optional<Error> broken_;
};

/// Why the machine is paused, as the stub tells it.
struct StopReply {
  std::uint8_t signal = 0;             // kSignalTrap: the stub stopped it; 2: QMP did
  std::optional<std::uint32_t> cpu;    // from 0 on
  std::optional<std::uint64_t> watch;  // the address of the watchpoint that was written to
  bool ended = false;                  // QEMU exits

  friend bool operator==(const StopReply&, const StopReply&) = default;
};
inline constexpr std::uint8_t kSignalTrap = 5;

/// Whether a packet came without a request, so that it answers none.
bool IsStopReply(std::string_view payload);
/// REQUIRES: IsStopReply(payload). Error (kProtocol): "the debugger stub sent the stop reply 'T0': ...".
Result<StopReply> ParseStopReply(std::string_view payload);

/// Lower-case hexadecimal digits of bytes, and back. nullopt: an odd number of digits or other characters.
std::string ToHex(std::span<const std::byte> bytes);
std::optional<std::string> FromHex(std::string_view digits);

}  // namespace ktstr::vmm
