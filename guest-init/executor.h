// Serves the host's requests: one loop that never blocks, with requests answered strictly in order. While one
// waits (a Hold, a payload, a collection) output and reports keep flowing and later requests queue up; a
// Finish with `at_once` ends the waiting.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "guest-init/bpf_pins.h"
#include "guest-init/cgroup_tree.h"
#include "guest-init/channel.h"
#include "guest-init/payload_process.h"
#include "guest-init/wire/messages.h"
#include "guest-init/worker_processes.h"

namespace ktstr::guest {

struct ExecutorConfig {
  std::string cgroup_root = "/sys/fs/cgroup";
  std::string cgroup_parent = kCgroupParent;
  std::string payload_bin = kPayloadBin;
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
  /// Advances a request: nullopt while it waits; `wake_ns` is lowered to when it wants to be looked at again.
  using Step = std::function<std::optional<Result<>>(std::uint64_t now_ns, std::uint64_t& wake_ns)>;
  struct Active {
    std::uint32_t id = 0;
    Step step;
    std::optional<PhaseMark> mark;
  };
  /// What is being stopped on behalf of one request.
  struct Stopping {
    std::vector<std::uint32_t> groups;
    std::vector<std::uint32_t> payloads;
  };

  Executor(EventLoop loop, Fd children, ExecutorConfig config);
  Result<> Open(Fd port);

  // executor.cpp: the loop.
  void OnConnected();
  void OnFrame(Frame frame);
  void OnFault(const Error& error);
  void Reap();
  void UpdatePressure();
  std::uint64_t TickAll(std::uint64_t now_ns);
  std::uint64_t AdvanceRequests(std::uint64_t now_ns);
  void BeginRequest(const Frame& frame);
  void GiveUpRequests();
  void Answer(const Result<>& result);
  template <typename T>
  void SendEvent(T event);
  void Linger();

  // requests.cpp: one function a request.
  Step Handle(const AnyStruct& request);
  template <typename T>
  bool TryHandle(const AnyStruct& request, Step& step);
  Step On(const EnableControllers& request);
  Step On(const CreateCgroup& request);
  Step On(const WriteCgroupFile& request);
  Step On(const DestroyCgroup& request);
  Step On(const StartWorkers& request);
  Step On(const StopCgroupTasks& request);
  Step On(const StopWorkers& request);
  Step On(const StartPayload& request);
  Step On(const AwaitPayload& request);
  Step On(const StopPayload& request);
  Step On(const MarkPhase& request);
  Step On(const Hold& request);
  Step On(const SetHoldMark& request);
  Step On(const Finish& request);
  Step On(const Program& request);
  Step On(const PutFile& request);
  Step On(const ReadFile& request);
  Step On(const PinMap& request);
  Step On(const StandStill& request);
  Step On(const SetIdentity& request);
  Step On(const Park& request);
  Step On(const Ping& request);
  Result<> LaunchWorkers(const StartWorkers& request);
  Result<> LaunchPayload(const StartPayload& request);
  Stopping StopTasksOf(const std::string& cgroup);
  void KillPayloads(const std::vector<std::uint32_t>& handles, PayloadEnd why);
  bool Stopped(const Stopping& stopping);
  Result<PayloadProcess*> FindPayload(std::uint32_t handle);

  EventLoop loop_;
  Fd children_;  // signalfd
  ExecutorConfig config_;
  CgroupTree tree_;
  std::unique_ptr<Channel> channel_;
  std::deque<Frame> requests_;
  std::optional<Active> active_;
  std::map<std::uint32_t, std::unique_ptr<WorkerProcesses>> groups_;
  std::set<std::uint32_t> collected_groups_;
  std::map<std::uint32_t, std::unique_ptr<PayloadProcess>> payloads_;
  std::uint64_t retired_iterations_ = 0;  // of collected groups
  std::uint32_t epoch_ = 0;
  std::uint32_t finalised_payloads_ = 0;
  std::uint64_t hold_mark_ns_ = 0;
  BpfPins pins_;
  Ready ready_;            // but for clock_ns
  bool program_ = false;   // a refused request is the last one tried
  bool refused_ = false;   // and there was one
  bool park_ = false;      // once the port has taken everything, the conversation is over
  bool pressed_ = false;   // the host does not take what we have
  bool faulted_ = false;   // the host's frames were corrupt
  bool finished_ = false;  // Finish was answered
  bool ended_ = false;     // the channel was closed and config_ says that this is the end
};

}  // namespace ktstr::guest
