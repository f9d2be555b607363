// One payload process: started in its cgroup, its output forwarded while it runs, ended with everything in
// its process group, finalised exactly once.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "guest-init/cgroup_tree.h"
#include "guest-init/event_loop.h"
#include "guest-init/payload_readiness.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// One thread, that of `loop`; all times are the guest's monotonic clock.
class PayloadProcess {
 public:
  /// After the leader's end, this long a silence on pipes that descendants outside its process group still
  /// hold ends the wait for them; and this is the longest such wait.
  static constexpr std::uint64_t kSilenceNs = 200'000'000;
  static constexpr std::uint64_t kLongestDrainNs = 2'000'000'000;
  /// A start that takes longer than this has failed (its cgroup may be frozen, or out of CPU time).
  static constexpr std::uint64_t kStartPatienceNs = 10'000'000'000;
  /// So long after SIGKILL, and a leader that is not gone is given up.
  static constexpr std::uint64_t kReapPatienceNs = 5'000'000'000;

  struct Callbacks {
    std::function<void(PayloadOutput output)> output;
    /// All fields but payload_index are filled in.
    std::function<void(PayloadDone done)> done;
    std::function<void(std::string text)> warning;
  };

  /// Forks the process; it places itself and then runs the program. `started()` tells how that went.
  /// `bin` is the folder of the executables. `loop` outlives the payload.
  static Result<std::unique_ptr<PayloadProcess>> Start(EventLoop& loop, const CgroupTree& tree,
                                                       const std::string& bin, StartPayload request,
                                                       Callbacks callbacks);
  /// Kills what is left, without a record.
  ~PayloadProcess();
  PayloadProcess(const PayloadProcess&) = delete;

  /// nullopt until it is known whether the program runs; an error means that it never did.
  [[nodiscard]] const std::optional<Result<>>& started() const { return started_; }
  [[nodiscard]] bool finalised() const { return stage_ == Stage::kFinal; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// What it waits for to be called ready; nullptr when nothing was asked for.
  [[nodiscard]] PayloadReadiness* readiness() { return readiness_.get(); }
  /// Whether the process itself has ended, by the kernel's word: it may not have been reaped yet.
  [[nodiscard]] bool Gone() const;
  /// "exited with code 1; its last output: no such device". REQUIRES: it was reaped.
  [[nodiscard]] std::string HowItEnded() const;
  /// The process has ended by itself or was told to; nothing new will begin.
  [[nodiscard]] bool ended() const { return stage_ != Stage::kRunning || killed_ns_ != 0; }

  /// Kills its process group. The record says `why`, unless it had ended before.
  void Kill(PayloadEnd why, std::uint64_t now_ns);
  /// Asks it to end by SIGTERM. The record says `why`, unless it ends with a code of its own.
  void Terminate(PayloadEnd why);
  /// Sends a signal to its process group, or to itself when it has none of its own; one that ends it counts
  /// as the scenario's. False, and nothing is sent, when it has ended.
  bool Signal(int signal);
  /// While paused no output is read and no time passes towards the end of a drain.
  void SetPaused(bool paused);
  /// Does what is due, perhaps the end of it all; returns when to be called again at the latest.
  std::uint64_t Tick(std::uint64_t now_ns);
  /// A child has ended: false when it is not this one. Kills what it left behind in its process group.
  bool OnReaped(pid_t pid, int status);

  [[nodiscard]] const StartPayload& request() const { return request_; }
  bool awaited = false;  // an AwaitPayload has named it

 private:
  enum class Stage { kStarting, kRunning, kDraining, kFinal };
  struct Pipe {
    Fd fd;
    Stream stream{};
    std::uint64_t total = 0;  // bytes read, forwarded or not
  };

  PayloadProcess(EventLoop& loop, StartPayload request, Callbacks callbacks)
      : loop_(loop), request_(std::move(request)), callbacks_(std::move(callbacks)) {}
  void WatchStatus();
  void FailStart(std::string cause);
  void Watch(Pipe& pipe);
  void Read(Pipe& pipe);
  void Close(Pipe& pipe);
  void SignalGroup() const;
  void Finalise();

  EventLoop& loop_;
  StartPayload request_;
  Callbacks callbacks_;
  std::string program_;  // its path
  pid_t pid_ = 0;
  Stage stage_ = Stage::kStarting;
  std::optional<Result<>> started_;
  Fd start_status_;
  std::array<Pipe, 2> pipes_;
  bool paused_ = false;
  bool reaped_ = false;
  int wait_status_ = 0;  // as waitpid(2) gives it
  PayloadEnd end_ = PayloadEnd::kExited;
  std::uint64_t started_ns_ = 0;
  std::uint64_t ended_ns_ = 0;
  std::uint64_t killed_ns_ = 0;  // 0: it was not
  std::set<int> signals_;        // that the scenario has sent
  std::uint64_t last_output_ns_ = 0;
  std::uint64_t drain_began_ns_ = 0;
  std::unique_ptr<PayloadReadiness> readiness_;
  std::string output_end_;  // the last bytes of its output, of both streams
};

}  // namespace ktstr::guest
