// Serves the host's requests: one loop that never blocks, with requests answered strictly in order. While one
// waits (a Hold, a payload, a collection) output and reports keep flowing and later requests queue up; a
// Finish with `at_once` ends the waiting.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "guest-init/channel.h"
#include "guest-init/event_loop.h"
#include "guest-init/requests.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// Where things are in the guest; tests put other places there.
struct ExecutorConfig {
  std::string cgroup_root = kCgroupRoot;
  std::string cgroup_parent = kCgroupParent;
  std::string payload_bin = kPayloadBin;
  std::string kmsg = KernelLog::kKmsg;
  std::string tainted = KernelLog::kTainted;
  SchedExt sched_ext;
  /// Return from Run when the host closes the channel. For tests; a guest waits for the next host.
  bool end_with_channel = false;
};

class Executor {
 public:
  /// Blocks SIGCHLD and SIGPIPE for the process: from here on it reaps every child it has.
  static Result<std::unique_ptr<Executor>> Create(Fd port, ExecutorConfig config);
  ~Executor();

  /// Serves until a Finish has been answered and the host has closed the channel, or had time to.
  void Run();

 private:
  /// A conversation and what comes after it.
  enum class Stage {
    kServing,   // also while no host is there
    kFaulted,   // the host's frames were corrupt: nothing is answered until the next conversation
    kParking,   // once the port has taken everything, the conversation is over
    kFinished,  // Finish was answered
    kEnded,     // the channel was closed, and there is no next host
  };
  /// Whether a refused request is the last one tried.
  enum class ProgramStage { kNone, kRunning, kRefused };
  struct Active {
    std::uint32_t id = 0;  // of the request, for its Reply
    Step step;
  };

  Executor(EventLoop loop, Fd children, ExecutorConfig config);
  Result<> Open(Fd port);

  void OnConnected();
  void OnDisconnected();
  void OnFrame(Frame frame);
  void OnFault(const Error& error);
  void Reap();
  void NoteLongTurn();
  void Sleep(std::uint64_t wake_ns);
  void UpdatePressure();
  std::uint64_t AdvanceRequests(std::uint64_t now_ns);
  void Begin(const Frame& frame);
  void GiveUpRequests();
  void Answer(const Result<>& result);
  void Follow(GuestState::Then then);
  void SendEvent(const AnyStruct& event);
  void Linger();

  EventLoop loop_;
  Fd children_;                 // signalfd
  Fd schedstat_;                // its own
  std::uint64_t cpu_ns_ = 0;    // its CPU time when it last went to sleep; 0: it never did
  std::uint64_t delay_ns_ = 0;  // and how long it had waited for a CPU
  ExecutorConfig config_;
  GuestState guest_;
  std::unique_ptr<Channel> channel_;
  std::deque<Frame> requests_;    // not begun yet, in their order
  std::optional<Active> active_;  // the one that is being carried out
  Ready ready_;                   // but for clock_ns
  Stage stage_ = Stage::kServing;
  ProgramStage program_ = ProgramStage::kNone;
};

}  // namespace ktstr::guest
