// An executor in a child process, with a socket in place of the virtio port, plain directories in place of
// cgroups and the host's own programs as payloads; and the host's side of the conversation.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/wire/codec.h"
#include "guest-init/wire/frame.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

class GuestProcess {
 public:
  /// Starts it and takes in its Ready. Payloads are found in `payload_bin`. `may_fork` false: its kernel has
  /// no room for further processes.
  explicit GuestProcess(std::string payload_bin = "/bin", bool may_fork = true);
  /// Kills it and all that descends from it.
  ~GuestProcess();
  GuestProcess(const GuestProcess&) = delete;

  /// Sends a request and returns its id.
  template <typename T>
  std::uint32_t Send(T request) {
    std::vector<std::byte> body;
    EncodeAny(AnyStruct::Of(std::move(request)), body);
    return SendBody(body);
  }
  /// A request whose encoding is `body`, whatever that is.
  std::uint32_t SendBody(std::span<const std::byte> body);
  void SendRaw(std::span<const std::byte> bytes);
  /// While corked, nothing is sent; then all of it at once.
  void Cork(bool corked);
  /// From here on this is the host of a clone: sequence numbers begin anew in both directions.
  void BecomeNextHost();
  /// Takes events in until the next Reply.
  Reply NextReply();
  template <typename T>
  Reply Call(T request) {
    const std::uint32_t id = Send(std::move(request));
    Reply reply = NextReply();
    if (reply.request_id != id) reply.error = "the reply is for another request";
    return reply;
  }
  /// Takes events in until one of type T comes.
  template <typename T>
  T NextEvent() {
    for (;;) {
      AnyStruct event = TakeEvent();
      if (event.Is<T>()) return event.As<T>();
    }
  }
  /// Takes events in until so many payloads have been finalised since the start.
  void AwaitDone(std::size_t payloads) {
    while (done.size() < payloads) NextEvent<PayloadDone>();
  }
  /// True when the guest closes the channel next, without another frame.
  bool AtEnd();
  /// Waits for the executor's process to end by itself and returns its exit status.
  int WaitForExit();

  /// Waits until the executor and its children all sleep and have not run since the last look.
  void AwaitQuiet() const;

  /// The processes it has started and that still live, oldest first.
  [[nodiscard]] std::vector<pid_t> Children() const;
  /// The most memory the executor itself ever had resident.
  [[nodiscard]] std::size_t ResidentKb() const;
  [[nodiscard]] const std::string& cgroup_parent() const { return cgroup_parent_; }
  /// Holds sched_ext/ and sysrq, which stand for the kernel's files, when a test has made them, and kmsg, a
  /// pipe whose writes become records of the kernel's log.
  [[nodiscard]] const std::string& directory() const { return directory_; }

  Ready ready;
  // What came, in order of arrival.
  std::vector<WorkerReport> reports;
  std::vector<std::uint32_t> report_groups;
  std::vector<PayloadDone> done;
  std::vector<std::string> warnings;
  std::vector<SchedulerLook> looks;
  std::string out, err;     // of all payloads
  std::string event_order;  // one letter an event: W worker, P payload done, S look at a scheduler,
                            // K messages of the kernel, ! warning

 private:
  Frame NextFrame();
  std::optional<Frame> TryNextFrame();
  AnyStruct TakeEvent();
  void Note(const AnyStruct& event);

  std::string directory_;
  std::string cgroup_parent_;
  pid_t pid_ = 0;
  Fd socket_;
  Fd kmsg_;  // keeps that pipe open
  bool corked_ = false;
  std::vector<std::byte> held_back_;
  FrameAssembler assembler_;
  std::uint32_t sequence_ = 0;
  std::uint32_t next_id_ = 1;
};

/// A request with the work type's default parameters.
StartWorkers Workers(std::uint32_t group, const std::string& type, std::uint32_t count);
/// `sh -c script`, called "p<handle>".
StartPayload Shell(std::uint32_t handle, const std::string& script);

}  // namespace ktstr::guest
