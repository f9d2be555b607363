#include "vmm/machine/guest_files.h"

#include <algorithm>

#include "guest-init/wire/messages.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

/// Small enough that neither side ever holds much of a file, large enough that frames cost nothing.
constexpr std::size_t kPiece = std::size_t{1} << 20;

}  // namespace

Result<GuestFilesSent> SendGuestFiles(GuestChannel& channel, std::span<const InitramfsFile> files,
                                      std::uint32_t first_id, Deadline deadline) {
  GuestFilesSent sent;
  for (const InitramfsFile& file : files) {
    std::vector<std::byte> read;
    const auto* content = std::get_if<std::vector<std::byte>>(&file.content);
    if (content == nullptr) {
      read = TRY(ReadHostFile(std::get<std::filesystem::path>(file.content)));
      content = &read;
    }
    std::size_t at = 0;
    do {
      const std::size_t size = std::min(kPiece, content->size() - at);
      PutFile piece{file.guest_path, file.mode, at > 0, {}};
      piece.content.assign(reinterpret_cast<const char*>(content->data()) + at, size);
      TRY(channel.SendRequest(first_id + sent.requests++, AnyStruct::Of(std::move(piece))));
      TRY(channel.Flush(deadline));
      at += size;
      sent.bytes += size;
    } while (at < content->size());
  }
  return sent;
}

}  // namespace ktstr::vmm
