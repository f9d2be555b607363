#include "vmm/machine/outbox.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <string_view>

#include "vmm/host/byte_stream.h"

namespace ktstr::vmm {

void Outbox::Append(std::span<const std::byte> bytes) {
  bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void Outbox::SendTo(int socket) {
  // What has gone is dropped now and then, not each time.
  constexpr std::size_t kKept = std::size_t{4} << 20;
  while (!held_ && size() > 0) {
    const std::size_t most = portioned_ ? std::min(kPortion, size()) : size();
    std::size_t sent = 0;
    SendSome(socket, std::string_view(bytes_).substr(sent_, most), sent);
    sent_ += sent;
    if (sent < most) break;
  }
  if (size() == 0 || sent_ > kKept) {
    bytes_.erase(0, sent_);
    sent_ = 0;
  }
}

std::size_t UnreadBytes(int socket) {
  int unread = 0;
  return ::ioctl(socket, SIOCOUTQ, &unread) == 0 ? static_cast<std::size_t>(unread) : 0;
}

void WidenSendBuffer(int socket, int bytes) {
  if (::setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) == 0) return;
  static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes));
}

}  // namespace ktstr::vmm
