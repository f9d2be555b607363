#include "vmm/host/byte_stream.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/host/host_file.h"

namespace ktstr::vmm {

namespace {

Error NoDescriptor(int error_number) {
  return {ErrorKind::kEnvironment, "a pipe to another program cannot be made: " + ErrnoText(error_number)};
}

bool MakeNonBlocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

}  // namespace

Result<FdPair> MakeSocketPair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return NoDescriptor(errno);
  FdPair pair{Fd(fds[0]), Fd(fds[1])};
  if (!MakeNonBlocking(pair.ours.get())) return NoDescriptor(errno);
  return pair;
}

Result<FdPair> MakeReadPipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return NoDescriptor(errno);
  FdPair pair{Fd(fds[0]), Fd(fds[1])};
  if (!MakeNonBlocking(pair.ours.get())) return NoDescriptor(errno);
  return pair;
}

IoState ReadSome(int fd, std::string& to, std::size_t limit) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(fd, buffer.data(), std::min(limit, buffer.size()));
    if (got > 0) {
      to.append(buffer.data(), static_cast<std::size_t>(got));
      return IoState::kMoved;
    }
    if (got == 0) return IoState::kClosed;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return IoState::kBlocked;
    return errno == ECONNRESET ? IoState::kClosed : IoState::kFailed;
  }
}

namespace {

ssize_t SendOnce(int fd, std::span<const char> from, int passed_fd) {
  if (passed_fd < 0) return send(fd, from.data(), from.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  iovec bytes{const_cast<char*>(from.data()), from.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof passed_fd)] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof passed_fd);
  std::memcpy(CMSG_DATA(header), &passed_fd, sizeof passed_fd);
  return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

IoState SendSome(int fd, std::span<const char> from, std::size_t& sent, int passed_fd) {
  sent = 0;
  while (sent < from.size()) {
    const ssize_t put = SendOnce(fd, from.subspan(sent), sent == 0 ? passed_fd : -1);
    if (put >= 0) {
      sent += static_cast<std::size_t>(put);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      return sent > 0 ? IoState::kMoved : IoState::kBlocked;
    } else if (errno != EINTR) {
      return IoState::kClosed;
    }
  }
  return IoState::kMoved;
}

}  // namespace ktstr::vmm
