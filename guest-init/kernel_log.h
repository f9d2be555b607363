// The kernel's log as the host gets it: every message from /dev/kmsg, whatever its level, as it comes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/event_loop.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// One record of /dev/kmsg, "priority,sequence,microseconds,flags;text\n" and further lines that belong to
/// devices; nullopt when it is none.
std::optional<KernelMessage> ParseKmsgRecord(std::string_view record);

/// One thread. Nothing is sent before Begin(). The order of what is sent is the order of the log, so what
/// the kernel said before a phase ended has been sent before the host learns of that end.
class KernelLog {
 public:
  using Send = std::function<void(KernelMessages)>;
  static constexpr const char* kKmsg = "/dev/kmsg";
  static constexpr const char* kTainted = "/proc/sys/kernel/tainted";

  /// `loop` outlives it. Files that cannot be opened are named by Begin().
  KernelLog(EventLoop& loop, const std::string& kmsg, const std::string& tainted, Send send);
  KernelLog(const KernelLog&) = delete;
  ~KernelLog();

  /// Takes in what is there, so that the clones of a saved guest need not read it one by one.
  void ReadAhead();
  /// The scenario begins: sends what the kernel said before, marked as early, and from now on everything.
  void Begin();
  /// Sends what there is, and the taint mask. Does nothing before Begin().
  void Flush();
  /// While paused nothing is read as it comes; Flush() still works, as its work is bounded by the buffer.
  void SetPaused(bool paused);

 private:
  /// Reads messages into `into` until there are none or it is large enough; false when there are none.
  bool ReadSome(KernelMessages& into);
  void Watch();
  [[nodiscard]] std::optional<std::uint64_t> Taint() const;

  EventLoop& loop_;
  Send send_;
  Fd kmsg_;
  Fd tainted_;
  std::string fault_;  // "": the log could be read so far
  std::vector<KernelMessages> early_;
  std::uint64_t next_sequence_ = 0;  // a later one: messages were lost
  bool begun_ = false;
  bool paused_ = false;
};

}  // namespace ktstr::guest
