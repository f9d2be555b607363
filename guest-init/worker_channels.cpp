#include "guest-init/worker_channels.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>

#include "guest-init/system_error.h"

namespace ktstr::guest {

Result<OwnedPipe> MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError("making a pipe");
  return OwnedPipe{Fd(ends[0]), Fd(ends[1])};
}

Result<WorkerChannels> WorkerChannels::Make(GroupChannel channel, std::uint32_t count) {
  WorkerChannels channels;
  for (std::uint32_t i = 0; channel == GroupChannel::kPipes && i < count; ++i) {
    const OwnedPipe& pipe = channels.owned_.emplace_back(TRY(MakePipe()));
    channels.ends_.push_back({pipe.read_end.get(), pipe.write_end.get()});
  }
  for (std::uint32_t i = 0; channel == GroupChannel::kEvents && i < count; ++i) {
    Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
    if (!event.valid()) return SystemError("making an event descriptor");
    channels.ends_.push_back({event.get(), event.get()});
    channels.owned_.push_back({std::move(event), Fd()});
  }
  return channels;
}

}  // namespace ktstr::guest
