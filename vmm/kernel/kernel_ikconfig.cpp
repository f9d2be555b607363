#include "vmm/kernel/kernel_ikconfig.h"

#include <lz4.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ktstr::vmm {
namespace {

// Offsets in the boot sector, from the kernel's Documentation/arch/x86/boot.rst.
constexpr std::size_t kSetupSectorsOffset = 0x1F1;
constexpr std::size_t kPayloadOffset = 0x248;  // from the start of the protected-mode code
constexpr std::size_t kPayloadLength = 0x24C;

constexpr std::size_t kMaxUnpacked = std::size_t{1} << 30;
constexpr std::size_t kLz4Block = std::size_t{8} << 20;  // the legacy format's fixed size of a full block
constexpr std::size_t kLz4Ratio = 255;                   // no byte of a block stands for more
constexpr std::string_view kLz4Magic = "\x02\x21\x4C\x18";
constexpr std::string_view kGzipMagic = "\x1F\x8B\x08";
constexpr std::string_view kConfigMark = "IKCFG_ST";  // then a gzip stream, then IKCFG_ED

std::uint32_t Word(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// The gzip stream at the front of `packed`; what follows it is passed over. Empty when it is damaged.
std::string Gunzip(std::string_view packed) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return {};  // 16: a gzip header
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  std::string text;
  int status = Z_OK;
  while (status == Z_OK && text.size() < kMaxUnpacked) {
    const std::size_t before = text.size();
    text.resize(before + std::max<std::size_t>(before, 65536));
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + before);
    stream.avail_out = static_cast<uInt>(text.size() - before);
    status = ::inflate(&stream, Z_NO_FLUSH);
    // zlib writes no more than it was given room for; g++ 12 does not know that and warns of a growing
    // resize.
    text.erase(text.size() - std::min<std::size_t>(stream.avail_out, text.size()));
    if (stream.avail_in == 0 && status == Z_OK && stream.avail_out != 0) break;  // cut short
  }
  ::inflateEnd(&stream);
  return status == Z_STREAM_END ? text : std::string();
}

/// LZ4's legacy format: blocks with their packed length in front. Ends at the first that is damaged.
std::string UnpackLz4(std::string_view packed) {
  std::string text;
  for (std::size_t at = kLz4Magic.size(); at + 4 < packed.size() && text.size() < kMaxUnpacked;) {
    const std::size_t length = Word(packed, at);
    at += 4;
    if (length == 0 || length > packed.size() - at) break;
    const std::size_t before = text.size();
    // Room for a whole block each time would let an image of small ones cost hours.
    const std::size_t room = std::min(kLz4Block, length * kLz4Ratio);
    text.resize(before + room);
    const int got = ::LZ4_decompress_safe(packed.data() + at, text.data() + before, static_cast<int>(length),
                                          static_cast<int>(room));
    text.resize(before + static_cast<std::size_t>(std::max(got, 0)));
    if (got < 0) break;
    at += length;
  }
  return text;
}

std::optional<std::string> ConfigIn(std::string_view kernel) {
  for (std::size_t at = kernel.find(kConfigMark); at != std::string_view::npos;
       at = kernel.find(kConfigMark, at + 1)) {
    std::string config = Gunzip(kernel.substr(at + kConfigMark.size()));
    if (config.find("CONFIG_") != std::string::npos) return config;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> EmbeddedConfig(std::span<const std::byte> image) {
  const std::string_view bytes(reinterpret_cast<const char*>(image.data()), image.size());
  if (bytes.size() < kPayloadLength + 4) return std::nullopt;
  const auto sectors = static_cast<unsigned char>(bytes[kSetupSectorsOffset]);
  const std::size_t start =
      (std::size_t{sectors == 0 ? 4U : sectors} + 1) * 512 + Word(bytes, kPayloadOffset);
  if (start >= bytes.size()) return std::nullopt;
  const std::string_view payload = bytes.substr(start, Word(bytes, kPayloadLength));
  if (payload.starts_with(kLz4Magic)) return ConfigIn(UnpackLz4(payload));
  if (payload.starts_with(kGzipMagic)) return ConfigIn(Gunzip(payload));
  return ConfigIn(payload);
}

}  // namespace ktstr::vmm
