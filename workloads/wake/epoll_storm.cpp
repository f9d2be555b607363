// EpollStorm: bursts of events that several wait for with epoll.
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "guest-init/base/fd.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/parking.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct EpollStorm {
  std::uint32_t producers = 1;
  std::uint32_t consumers = 2;
  std::uint32_t events_per_burst = 32;
  [[nodiscard]] std::uint32_t GroupSize() const { return producers + consumers; }
  static const StructDecl& Decl();
};

const StructDecl& EpollStorm::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&EpollStorm::producers>("producers", "How many make events.", Between(1, 1000, "workers")),
      Optional<&EpollStorm::consumers>("consumers", "How many wait for them.", Between(1, 1000, "workers")),
      Optional<&EpollStorm::events_per_burst>("events_per_burst", "Events that a producer makes at once.",
                                              Between(1, 1e6, "events")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<EpollStorm>(
      "EpollStorm",
      "Producers put a burst of events into one eventfd and wait until none is left; consumers wait for it "
      "with epoll, which wakes them all, and take an event each. An event taken, or a burst, is one "
      "iteration; "
      "an event is one work unit.",
      kFields);
  return kDecl;
}

/// All use the eventfd of the first member, which was there before the fork; the group's word counts what is
/// in it.
void MakeEvents(const EpollStorm& storm, WorkerContext& context) {
  while (!context.ShouldStop()) {
    for (std::uint32_t consumer = 0; consumer < storm.consumers; ++consumer)
      context.NoteWake(storm.producers + consumer);
    context.GroupWord().fetch_add(storm.events_per_burst);
    const std::uint64_t events = storm.events_per_burst;
    if (write(context.PipeTo(0), &events, sizeof events) != sizeof events)
      context.FailCall("write to the eventfd");
    // One that took the last event of an earlier burst may wake it late.
    while (context.GroupWord().load() != 0)
      if (!ParkUnless(context, [&] { return context.GroupWord().load() == 0; })) return;
    context.EndIteration(storm.events_per_burst);
  }
}

/// Whether an event is there; false after a while, too.
bool AwaitEvent(int epoll, WorkerContext& context) {
  epoll_event event{};
  const std::uint64_t begin = context.BeginBlock();
  const int ready = epoll_wait(epoll, &event, 1, static_cast<int>(kStopPollNs / 1'000'000));
  const int code = errno;
  context.EndWait(begin);
  if (ready < 0 && code != EINTR) {
    errno = code;
    context.FailCall("epoll_wait");
  }
  return ready > 0;
}

void Run(const EpollStorm& storm, WorkerContext& context) {
  if (context.position() < storm.producers) return MakeEvents(storm, context);
  const Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  const int events = context.PipeTo(0);
  epoll_event interest{.events = EPOLLIN, .data = {}};
  if (!epoll.valid() || epoll_ctl(epoll.get(), EPOLL_CTL_ADD, events, &interest) != 0)
    context.FailCall("setting up an epoll of the eventfd");
  while (!context.ShouldStop()) {
    std::uint64_t taken = 0;
    if (!AwaitEvent(epoll.get(), context)) continue;
    if (read(events, &taken, sizeof taken) != sizeof taken) {
      if (errno != EAGAIN) context.FailCall("read of the eventfd");
      continue;  // another one was faster
    }
    context.EndIteration(1);
    if (context.GroupWord().fetch_sub(1) == 1)
      while (UnparkOne(context, 0, storm.producers, 0)) continue;
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_epoll_storm = DeclareWorkType<EpollStorm, Run>(
    {.group_doc = "producers + consumers",
     .wake_sample =
         "of consumers: from the burst that woke it until it runs; of producers: from the last event "
         "taken until it runs",
     .channel = GroupChannel::kEvents});

}  // namespace ktstr
