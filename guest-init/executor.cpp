#include "guest-init/executor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <utility>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/kernel_identity.h"
#include "guest-init/system_error.h"
#include "guest-init/wire/codec.h"
#include "workloads/work_type.h"
#include "workloads/worker/system_probe.h"

namespace ktstr::guest {
namespace {

// Above kHighWater bytes that the host has not taken, payloads and reports are not read; below kLowWater they
// are again. With the chunks and reports under way this bounds the memory of PID 1.
constexpr std::size_t kHighWater = std::size_t{4} << 20;
constexpr std::size_t kLowWater = std::size_t{1} << 20;
// Requests that are queued before the channel is left alone until some are answered; a Finish with `at_once`
// behind that many is not seen before.
constexpr std::size_t kMaxRequests = 4096;
// How long a host may take to close the channel after the Reply to Finish.
constexpr std::uint64_t kLingerNs = 2'000'000'000;

// A machine that did not run for less than this is not told from one whose CPUs are slow.
constexpr std::uint64_t kNoticedStopNs = 20'000'000;
// So much of a CPU, or of waiting for one, is never needed between two sleeps.
constexpr std::uint64_t kLongTurnNs = 500'000'000;

/// How long the process has waited for a CPU in its life, from its open /proc/self/schedstat.
std::uint64_t RunDelay(int schedstat) {
  std::array<char, 128> text{};
  const ssize_t got = pread(schedstat, text.data(), text.size(), 0);
  if (got <= 0) return 0;
  const auto stat = ParseSchedstat(std::string_view(text.data(), static_cast<std::size_t>(got)));
  return stat ? stat->run_delay_ns : 0;
}

Ready MakeReady(const CgroupTree& tree) {
  Ready ready;
  ready.decl_hash = WireHash(WorkTypes::Alternatives());
  utsname name{};
  uname(&name);
  ready.kernel_release = name.release;
  ready.online_cpus = static_cast<std::uint32_t>(sysconf(_SC_NPROCESSORS_ONLN));
  ready.boot_id = ReadLine("/proc/sys/kernel/random/boot_id");
  ready.sched_ext_state = ReadLine("/sys/kernel/sched_ext/state");
  ready.controllers = tree.AvailableControllers();
  ready.kernel_text = KernelTextAddress();
  ready.kernel_build_id = KernelBuildId();
  return ready;
}

/// Takes the id off the front of a request; nullopt when there is none.
std::optional<std::uint32_t> TakeRequestId(std::span<const std::byte>& in) {
  std::uint32_t id = 0;
  if (in.size() < sizeof id) return std::nullopt;
  std::memcpy(&id, in.data(), sizeof id);
  in = in.subspan(sizeof id);
  return id;
}

bool EndsAtOnce(const Frame& frame) {
  std::span<const std::byte> in = frame.payload;
  if (!TakeRequestId(in)) return false;
  const Result<AnyStruct> request = DecodeAny(RequestTypes(), in);
  return request.ok() && request->Is<Finish>() && request->As<Finish>().at_once;
}

}  // namespace

Executor::Executor(EventLoop loop, Fd children, ExecutorConfig config)
    : loop_(std::move(loop)),
      children_(std::move(children)),
      schedstat_(open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC)),
      config_(std::move(config)),
      guest_(loop_, CgroupTree(config_.cgroup_root, config_.cgroup_parent), config_.payload_bin, config_.kmsg,
             config_.tainted, config_.sched_ext, [this](const AnyStruct& event) { SendEvent(event); }) {}

Executor::~Executor() = default;

Result<std::unique_ptr<Executor>> Executor::Create(Fd port, ExecutorConfig config) {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  signal(SIGPIPE, SIG_IGN);
  Fd children(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!children.valid()) return SystemError("making the signal descriptor");
  EventLoop loop = TRY(EventLoop::Create());
  std::unique_ptr<Executor> executor(new Executor(std::move(loop), std::move(children), std::move(config)));
  TRY(executor->Open(std::move(port)));
  return executor;
}

Result<> Executor::Open(Fd port) {
  TRY(guest_.tree.Create());
  ready_ = MakeReady(guest_.tree);  // now, so that a clone only has to send it
  TRY(loop_.Add(children_.get(), EPOLLIN, [this](std::uint32_t) { Reap(); }));
  Channel::Callbacks callbacks;
  callbacks.connected = [this] { OnConnected(); };
  callbacks.disconnected = [this] { OnDisconnected(); };
  callbacks.frame = [this](Frame frame) { OnFrame(std::move(frame)); };
  callbacks.fault = [this](const Error& error) { OnFault(error); };
  channel_ = std::make_unique<Channel>(loop_, std::move(port), std::move(callbacks));
  return channel_->Open();
}

void Executor::Run() {
  std::uint64_t wake_ns = EventLoop::kNever;
  while (stage_ < Stage::kFinished) {
    Sleep(wake_ns);
    UpdatePressure();
    const std::uint64_t now = MonotonicNs();
    guest_.tasks.Tick(now);
    // What a request asks for may be done at once, which may be what the request waits for.
    std::size_t ended = 0;
    do {
      ended = guest_.tasks.ended();
      wake_ns = AdvanceRequests(now);
      wake_ns = std::min(wake_ns, guest_.tasks.Tick(now));
    } while (ended != guest_.tasks.ended());
    channel_->PauseReading(requests_.size() >= kMaxRequests);
    if (stage_ == Stage::kParking && channel_->queued() == 0) {
      stage_ = Stage::kServing;
      channel_->Park();
    }
    // Frames that had been read ahead come out of the channel right there, without another event.
    if (!active_ && !requests_.empty()) wake_ns = 0;
  }
  Linger();
}

/// A stop that hits while PID 1 is at work looks, to the guest's kernel, as if it had run all the time, or
/// waited for a CPU all the time. Nobody but a deadline task makes it wait, and its own turns are short.
void Executor::NoteLongTurn() {
  const std::uint64_t cpu_ns = ReadClockNs(CLOCK_THREAD_CPUTIME_ID);
  const std::uint64_t delay_ns = RunDelay(schedstat_.get());
  const std::uint64_t ran_ns = cpu_ns - std::exchange(cpu_ns_, cpu_ns);
  const std::uint64_t waited_ns = delay_ns - std::exchange(delay_ns_, delay_ns);
  if (ran_ns == cpu_ns) return;  // the first turn
  if (ran_ns >= kLongTurnNs) guest_.tasks.OnMachineStopped(ran_ns);
  if (waited_ns >= kLongTurnNs && !guest_.tasks.HaveDeadlines()) guest_.tasks.OnMachineStopped(waited_ns);
}

/// Waits for what comes next. Who runs before everybody else and still wakes late, without having waited for
/// a CPU in the guest, had no machine to run on.
void Executor::Sleep(std::uint64_t wake_ns) {
  NoteLongTurn();
  const std::uint64_t waited_ns = delay_ns_;
  const std::uint64_t due_ns = std::max(wake_ns, MonotonicNs());
  const std::uint64_t woken_ns = loop_.RunOnce(wake_ns);
  if (woken_ns < due_ns || woken_ns - due_ns < kNoticedStopNs) return;
  const std::uint64_t late_ns = woken_ns - due_ns;
  const std::uint64_t own_ns = RunDelay(schedstat_.get()) - waited_ns;
  if (late_ns >= own_ns + kNoticedStopNs) guest_.tasks.OnMachineStopped(late_ns - own_ns);
}

/// The last frames are in the port, not yet with the host: powering off now could lose them. The host closes
/// the channel once it has read the last Reply.
void Executor::Linger() {
  const std::uint64_t limit = MonotonicNs() + kLingerNs;
  while (stage_ != Stage::kEnded && MonotonicNs() < limit) loop_.RunOnce(limit);
}

void Executor::SendEvent(const AnyStruct& event) {
  std::vector<std::byte> payload;
  EncodeAny(event, payload);
  channel_->Send(FrameType::kEvent, payload);
}

/// A new conversation: nothing of an earlier one is answered any more.
void Executor::OnConnected() {
  requests_.clear();
  active_.reset();
  program_ = ProgramStage::kNone;
  if (stage_ < Stage::kFinished) stage_ = Stage::kServing;
  ready_.clock_ns = MonotonicNs();
  SendEvent(AnyStruct::Of(ready_));
}

void Executor::OnDisconnected() {
  if (config_.end_with_channel || stage_ == Stage::kFinished) stage_ = Stage::kEnded;
}

void Executor::OnFrame(Frame frame) {
  if (frame.type != FrameType::kRequest)
    return OnFault({ErrorKind::kProtocol, "frame " + std::to_string(frame.sequence) + " is not a request"});
  if (stage_ == Stage::kFaulted) return;
  if ((active_ || !requests_.empty()) && EndsAtOnce(frame)) GiveUpRequests();
  requests_.push_back(std::move(frame));
  if (requests_.size() >= kMaxRequests) channel_->PauseReading(true);
}

void Executor::OnFault(const Error& error) {
  if (stage_ == Stage::kFaulted) return;
  if (stage_ < Stage::kFinished) stage_ = Stage::kFaulted;
  requests_.clear();
  active_.reset();
  SendEvent(AnyStruct::Of(ChannelFault{error.message}));
}

void Executor::Reap() {
  signalfd_siginfo ignored;
  while (read(children_.get(), &ignored, sizeof ignored) > 0) continue;
  for (siginfo_t died{}; waitid(P_ALL, 0, &died, WEXITED | WNOHANG | WNOWAIT) == 0 && died.si_pid > 0;
       died = {}) {
    guest_.tasks.OnDied(died.si_pid);  // the kernel's account of it goes with it
    int status = 0;
    if (waitpid(died.si_pid, &status, 0) == died.si_pid) guest_.tasks.OnReaped(died.si_pid, status);
  }
}

void Executor::UpdatePressure() {
  const bool pressed = channel_->queued() > (guest_.pressed ? kLowWater : kHighWater);
  if (pressed == guest_.pressed) return;
  guest_.pressed = pressed;
  guest_.tasks.SetPaused(pressed);
  guest_.log.SetPaused(pressed);
}

std::uint64_t Executor::AdvanceRequests(std::uint64_t now_ns) {
  std::uint64_t wake_ns = EventLoop::kNever;
  while (stage_ < Stage::kFinished) {
    if (!active_) {
      if (requests_.empty()) break;
      const Frame frame = std::move(requests_.front());
      requests_.pop_front();
      Begin(frame);
      if (!active_) continue;
    }
    // Out of the request while it runs, because what it does may end the conversation and the request with
    // it.
    Step step = std::move(active_->step);
    const std::optional<Result<>> result = step(now_ns, wake_ns);
    if (!active_) continue;
    active_->step = std::move(step);
    if (!result) break;
    Answer(*result);
  }
  return wake_ns;
}

void Executor::Begin(const Frame& frame) {
  std::span<const std::byte> in = frame.payload;
  const std::optional<std::uint32_t> id = TakeRequestId(in);
  if (!id) return OnFault({ErrorKind::kProtocol, "a request is too short to hold its id"});
  const Result<AnyStruct> request = DecodeAny(RequestTypes(), in);
  active_ = Active{*id, {}};
  if (!request.ok()) return Answer(request.error().Within("a request could not be read"));
  if (!in.empty() || request->decl() == nullptr)
    return Answer(Error{ErrorKind::kProtocol, "a request could not be read: its length is wrong"});
  if (program_ == ProgramStage::kRefused && !request->Is<Finish>())
    return Answer(Error{ErrorKind::kGuest, kNotTried});
  Step step = BeginRequest(guest_, *request);
  if (active_) active_->step = std::move(step);
}

/// What a dropped request has begun (a collection, say) goes on; Finish waits for it too.
void Executor::GiveUpRequests() {
  const Error given_up{ErrorKind::kGuest, kGivenUp};
  if (active_) Answer(given_up);
  for (const Frame& frame : std::exchange(requests_, {})) {
    std::span<const std::byte> in = frame.payload;
    const std::optional<std::uint32_t> id = TakeRequestId(in);
    if (!id) continue;
    active_ = Active{*id, {}};
    Answer(given_up);
  }
}

void Executor::Answer(const Result<>& result) {
  Reply reply;
  reply.request_id = active_->id;
  reply.clock_ns = MonotonicNs();
  reply.mark = std::exchange(guest_.mark, std::nullopt);
  reply.pid = std::exchange(guest_.pid, std::nullopt);
  reply.of_payload = std::exchange(guest_.of_payload, false);
  const GuestState::Then then = std::exchange(guest_.then, GuestState::Then::kNextRequest);
  if (!result.ok()) {
    reply.error = result.error().message;
    if (program_ == ProgramStage::kRunning) program_ = ProgramStage::kRefused;
  }
  active_.reset();
  channel_->Send(FrameType::kReply, Encode(reply));
  Follow(then);
}

void Executor::Follow(GuestState::Then then) {
  switch (then) {
    case GuestState::Then::kNextRequest:
      break;
    case GuestState::Then::kProgram:
      program_ = ProgramStage::kRunning;
      break;
    case GuestState::Then::kPark:
      if (stage_ == Stage::kServing) stage_ = Stage::kParking;
      break;
    case GuestState::Then::kEnd:
      stage_ = Stage::kFinished;
      break;
  }
}

}  // namespace ktstr::guest
