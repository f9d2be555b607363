#include "guest-init/payload_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/base/one_line.h"
#include "guest-init/base/signal_name.h"
#include "guest-init/payload_exec.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

// A larger pipe lets a burst of output pass without the payload having to wait for us.
constexpr int kPipeSize = 256 << 10;
constexpr std::size_t kChunk = std::size_t{64} << 10;
// Of the output, for the words about a payload that ended too early.
constexpr std::size_t kOutputEnd = 240;

Result<std::array<Fd, 2>> MakePipe(const StartPayload& request) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError("payload '" + request.name + "': making a pipe");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return std::array{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace

Result<std::unique_ptr<PayloadProcess>> PayloadProcess::Start(EventLoop& loop, const CgroupTree& tree,
                                                              const std::string& bin, StartPayload request,
                                                              Callbacks callbacks) {
  TRY(tree.CheckExists(request.cgroup));
  if (request.argv.empty() || request.argv[0].empty())
    return Error{ErrorKind::kGuest, "payload '" + request.name + "' has no program"};
  std::unique_ptr<PayloadProcess> payload(new PayloadProcess(loop, std::move(request), std::move(callbacks)));
  const StartPayload& asked = payload->request_;
  payload->program_ = bin + "/" + asked.argv[0];
  auto [out_read, out_write] = TRY(MakePipe(asked));
  auto [err_read, err_write] = TRY(MakePipe(asked));
  auto [status_read, status_write] = TRY(MakePipe(asked));
  fcntl(out_read.get(), F_SETPIPE_SZ, kPipeSize);
  const std::string procs = asked.cgroup.empty() ? "" : tree.Path(asked.cgroup) + "/cgroup.procs";
  payload->started_ns_ = MonotonicNs();
  if (asked.ready)
    payload->readiness_ = std::make_unique<PayloadReadiness>(loop, *asked.ready, payload->started_ns_);
  payload->pid_ = fork();
  if (payload->pid_ < 0) {
    const int code = errno;
    payload->pid_ = 0;
    return SystemError("payload '" + asked.name + "': fork", code);
  }
  if (payload->pid_ == 0)
    ExecPayload({asked, payload->program_, bin, procs, out_write.get(), err_write.get(), status_write.get()});
  payload->start_status_ = std::move(status_read);
  payload->pipes_[0] = {std::move(out_read), Stream::kStdout};
  payload->pipes_[1] = {std::move(err_read), Stream::kStderr};
  payload->WatchStatus();
  for (Pipe& pipe : payload->pipes_) payload->Watch(pipe);
  return payload;
}

PayloadProcess::~PayloadProcess() {
  loop_.Remove(start_status_.get());
  for (Pipe& pipe : pipes_) Close(pipe);
  if (pid_ > 0 && !reaped_) SignalGroup();
}

void PayloadProcess::WatchStatus() {
  const Result<> added = loop_.Add(start_status_.get(), EPOLLIN, [this](std::uint32_t) {
    StartFault fault;
    const ssize_t got = read(start_status_.get(), &fault, sizeof fault);
    if (got < 0) return;
    loop_.Remove(start_status_.get());
    start_status_.Reset();
    if (got == sizeof fault) return FailStart(DescribeStartFault(fault, request_, program_));
    started_ = Result<>();
    // A short program may have ended already.
    if (stage_ == Stage::kStarting) stage_ = reaped_ ? Stage::kDraining : Stage::kRunning;
  });
  if (!added.ok()) FailStart(added.error().message);
}

void PayloadProcess::FailStart(std::string cause) {
  started_ = Result<>(Error{ErrorKind::kGuest, std::move(cause)});
  stage_ = Stage::kFinal;
  loop_.Remove(start_status_.get());
  start_status_.Reset();
  for (Pipe& pipe : pipes_) Close(pipe);
  if (!reaped_) SignalGroup();
}

void PayloadProcess::Watch(Pipe& pipe) {
  if (!pipe.fd.valid() || paused_) return;
  const Result<> added = loop_.Add(pipe.fd.get(), EPOLLIN, [this, &pipe](std::uint32_t) { Read(pipe); });
  if (!added.ok()) Close(pipe);
}

void PayloadProcess::Close(Pipe& pipe) {
  loop_.Remove(pipe.fd.get());
  pipe.fd.Reset();
}

void PayloadProcess::Read(Pipe& pipe) {
  std::string bytes(kChunk, '\0');
  const ssize_t got = read(pipe.fd.get(), bytes.data(), bytes.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return Close(pipe);
  const auto size = static_cast<std::uint64_t>(got);
  const std::uint64_t room =
      request_.whole_output ? size : kMaxPayloadOutput - std::min(pipe.total, kMaxPayloadOutput);
  pipe.total += size;
  last_output_ns_ = MonotonicNs();
  const std::string_view whole = std::string_view(bytes).substr(0, size);
  if (readiness_) readiness_->TakeOutput(pipe.stream, whole);
  output_end_ += whole;
  output_end_.erase(0, output_end_.size() - std::min(output_end_.size(), kOutputEnd));
  bytes.resize(std::min(size, room));
  if (!bytes.empty()) callbacks_.output({request_.handle, pipe.stream, std::move(bytes)});
}

void PayloadProcess::SetPaused(bool paused) {
  if (std::exchange(paused_, paused) == paused) return;
  for (Pipe& pipe : pipes_) paused ? loop_.Remove(pipe.fd.get()) : Watch(pipe);
  // The time spent paused does not count as silence, nor towards the longest drain.
  last_output_ns_ = drain_began_ns_ = MonotonicNs();
}

void PayloadProcess::SignalGroup() const {
  if (request_.own_process_group) kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);
}

void PayloadProcess::Kill(PayloadEnd why, std::uint64_t now_ns) {
  if (reaped_ || stage_ == Stage::kFinal || killed_ns_ != 0) return;
  end_ = why;
  killed_ns_ = now_ns;
  SignalGroup();
}

void PayloadProcess::Terminate(PayloadEnd why) {
  if (reaped_ || stage_ == Stage::kFinal || killed_ns_ != 0) return;
  end_ = why;
  kill(pid_, SIGTERM);
}

bool PayloadProcess::Signal(int signal) {
  if (Gone()) return false;
  signals_.insert(signal);
  kill(request_.own_process_group ? -pid_ : pid_, signal);
  return true;
}

bool PayloadProcess::OnReaped(pid_t pid, int status) {
  if (pid != pid_ || reaped_) return false;
  reaped_ = true;
  wait_status_ = status;
  ended_ns_ = drain_began_ns_ = last_output_ns_ = MonotonicNs();
  if (request_.own_process_group) kill(-pid_, SIGKILL);  // what it left behind in its group
  if (stage_ == Stage::kRunning) stage_ = Stage::kDraining;
  return true;
}

bool PayloadProcess::Gone() const {
  if (ended()) return true;
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

std::string PayloadProcess::HowItEnded() const {
  std::string how = WIFSIGNALED(wait_status_)
                        ? "was killed by " + SignalName(WTERMSIG(wait_status_))
                        : "exited with code " + std::to_string(WEXITSTATUS(wait_status_));
  std::string_view last = output_end_;
  while (!last.empty() && static_cast<unsigned char>(last.back()) <= ' ') last.remove_suffix(1);
  if (const std::size_t end = last.find_last_of("\r\n"); end != std::string_view::npos)
    last.remove_prefix(end + 1);
  return last.empty() ? how : how + "; its last output: " + OneLine(last);
}

std::uint64_t PayloadProcess::Tick(std::uint64_t now_ns) {
  if (stage_ == Stage::kStarting) {
    const std::uint64_t limit = started_ns_ + kStartPatienceNs;
    if (now_ns >= limit)
      FailStart("payload '" + request_.name + "' did not start within 10s (is its cgroup '" +
                request_.cgroup + "' frozen or without CPU time?)");
    return limit;
  }
  if (stage_ == Stage::kRunning) {
    if (killed_ns_ == 0) return EventLoop::kNever;
    const std::uint64_t limit = killed_ns_ + kReapPatienceNs;
    if (now_ns < limit) return limit;
    callbacks_.warning("payload '" + request_.name + "' is still there 5s after SIGKILL");
    ended_ns_ = now_ns;
    wait_status_ = SIGKILL;
    Finalise();
    return EventLoop::kNever;
  }
  if (stage_ != Stage::kDraining) return EventLoop::kNever;
  const bool silent =
      std::none_of(pipes_.begin(), pipes_.end(), [](const Pipe& pipe) { return pipe.fd.valid(); });
  if (paused_ && !silent) return EventLoop::kNever;
  const std::uint64_t limit = std::min(last_output_ns_ + kSilenceNs, drain_began_ns_ + kLongestDrainNs);
  if (!silent && now_ns < limit) return limit;
  Finalise();
  return EventLoop::kNever;
}

void PayloadProcess::Finalise() {
  stage_ = Stage::kFinal;
  for (Pipe& pipe : pipes_) Close(pipe);
  PayloadDone done;
  done.handle = request_.handle;
  done.pid = pid_;
  done.end = end_;
  if (WIFSIGNALED(wait_status_)) {
    done.signal = WTERMSIG(wait_status_);
    if (end_ == PayloadEnd::kExited && signals_.contains(done.signal)) done.end = PayloadEnd::kKilled;
  } else {
    done.exit_code = WEXITSTATUS(wait_status_);
    done.end = PayloadEnd::kExited;  // it was faster than the kill
  }
  done.started_ns = started_ns_;
  done.ended_ns = ended_ns_;
  done.stdout_bytes = pipes_[0].total;
  done.stderr_bytes = pipes_[1].total;
  callbacks_.done(done);
}

}  // namespace ktstr::guest
