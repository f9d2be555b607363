#include "workloads/worker/wire_frames.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace ktstr {
namespace {

constexpr std::uint16_t kEtherType = 0x88B5;  // free for experiments
constexpr std::array<std::uint8_t, 4> kMarker = {'K', 'T', 'S', 'T'};
// Of a frame: receiver, sender, type, marker, token.
constexpr std::uint32_t kMarkerAt = 14;
constexpr std::uint32_t kTokenAt = 18;

std::uint64_t Ns(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

/// Of the clock by which the kernel stamps frames.
std::uint64_t RealtimeNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return Ns(now);
}

Fd RawSocket(WorkerContext& context) {
  // Of no protocol: it receives nothing until it is bound to one.
  Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) context.FailCall("making a socket for raw frames");
  return socket;
}

/// Lets frames with `token` pass, and no others.
void FilterBy(std::uint32_t token, int socket, WorkerContext& context) {
  const std::uint32_t marker = std::uint32_t{kMarker[0]} << 24 | std::uint32_t{kMarker[1]} << 16 |
                               std::uint32_t{kMarker[2]} << 8 | kMarker[3];
  std::array<sock_filter, 6> program = {{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, kMarkerAt},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, marker},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, kTokenAt},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, token},
      {BPF_RET | BPF_K, 0, 0, 0xffff},
      {BPF_RET | BPF_K, 0, 0, 0},
  }};
  const sock_fprog filter{program.size(), program.data()};
  if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
    context.FailCall("setting a socket's filter");
}

}  // namespace

FrameSender::FrameSender(std::uint64_t frame_bytes, std::uint32_t token, WorkerContext& context)
    : context_(context), socket_(RawSocket(context)), frame_(frame_bytes) {
  const NicPair& nics = context.nics();
  const std::uint16_t type = htons(kEtherType);
  const std::uint32_t big_endian = htonl(token);
  auto* at = std::copy(nics.receives.address.begin(), nics.receives.address.end(), frame_.data());
  at = std::copy(nics.sends.address.begin(), nics.sends.address.end(), at);
  std::memcpy(at, &type, sizeof type);
  std::copy(kMarker.begin(), kMarker.end(), frame_.data() + kMarkerAt);
  std::memcpy(frame_.data() + kTokenAt, &big_endian, sizeof big_endian);
  sockaddr_ll card{};
  card.sll_family = AF_PACKET;
  card.sll_ifindex = nics.sends.index;
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&card), sizeof card) != 0)
    context.FailCall("binding a socket to the first network card");
}

bool FrameSender::Send() {
  while (!context_.ShouldStop()) {
    if (send(socket_.get(), frame_.data(), frame_.size(), 0) == static_cast<ssize_t>(frame_.size()))
      return true;
    if (errno == ENOBUFS) {
      context_.CountRefusals(1);
      return false;
    }
    if (errno != EAGAIN) context_.FailCall("sending a frame");
    pollfd room{socket_.get(), POLLOUT, 0};
    const std::uint64_t begin = context_.BeginBlock();
    poll(&room, 1, static_cast<int>(kStopPollNs / 1'000'000));
    context_.EndBlock(begin);
  }
  return false;
}

FrameReceiver::FrameReceiver(std::uint32_t token, WorkerContext& context)
    : context_(context), socket_(RawSocket(context)) {
  FilterBy(token, socket_.get(), context);
  // With SO_TIMESTAMPNS the kernel would stamp a frame that has no stamp when it is read: a latency of
  // nothing.
  const int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  if (setsockopt(socket_.get(), SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps) != 0)
    context.FailCall("asking for the time at which frames arrive");
  sockaddr_ll card{};
  card.sll_family = AF_PACKET;
  card.sll_protocol = htons(kEtherType);
  card.sll_ifindex = context.nics().receives.index;
  if (bind(socket_.get(), reinterpret_cast<const sockaddr*>(&card), sizeof card) != 0)
    context.FailCall("binding a socket to the second network card");
}

/// Its stamp; 0 when it has none. Nothing when there is no frame.
std::optional<std::uint64_t> FrameReceiver::TakeFrame() {
  std::array<std::uint8_t, kTokenAt + 4> begin{};
  alignas(cmsghdr) std::array<char, 256> control{};
  iovec into{begin.data(), begin.size()};
  msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (recvmsg(socket_.get(), &message, 0) < 0) {
    if (errno != EAGAIN) context_.FailCall("receiving a frame");
    return std::nullopt;
  }
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SO_TIMESTAMPING) continue;
    timespec stamp{};  // the first of three is by software
    std::memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
    return Ns(stamp);
  }
  return 0;
}

bool FrameReceiver::Receive() {
  if (TakeFrame()) return true;  // it was there already
  const std::uint64_t begin_real = RealtimeNs();
  pollfd frame{socket_.get(), POLLIN, 0};
  const std::uint64_t begin = context_.BeginBlock();
  while (!context_.ShouldStop() && poll(&frame, 1, static_cast<int>(kStopPollNs / 1'000'000)) == 0) continue;
  const std::uint64_t now_real = RealtimeNs();
  context_.EndBlock(begin);
  const std::optional<std::uint64_t> stamp = TakeFrame();
  if (!stamp) return false;
  if (*stamp >= begin_real && *stamp <= now_real) context_.RecordWake(now_real - *stamp);
  return true;
}

}  // namespace ktstr
