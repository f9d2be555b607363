#include "vmm/host/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "guest-init/base/signal_name.h"
#include "vmm/host/byte_stream.h"
#include "vmm/host/host_file.h"
#include "vmm/host/spawn.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kStderrLimit = 65536;
/// How long a killed process may take to be gone.
constexpr std::chrono::seconds kKillPatience{10};

// glibc 2.36 declares these two without extern "C", so C++ programs cannot link its wrappers.
int PidfdOpen(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }
void PidfdKill(int pidfd) { syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0); }

}  // namespace

std::string ExitStatus::Describe() const {
  return by_signal ? "was killed by " + SignalName(value) : "exited with code " + std::to_string(value);
}

Result<Process> Process::StartConfined(const ProcessSpec& spec, const Confinement* confinement,
                                       bool* refused) {
  FdPair errors = TRY(MakeReadPipe());
  ChildSpec child;
  child.program = spec.program;
  child.argv = spec.argv;
  child.environment = MinimalEnvironment();
  child.errors = errors.theirs.get();
  child.inherited_fds = spec.inherited_fds;
  child.confinement = confinement;
  ConfinedStart confined;
  const Result<pid_t> started = StartChild(child, &confined);
  *refused = confined.refused;
  const pid_t pid = TRY(started);
  Process process(pid, Fd(PidfdOpen(pid)), std::move(errors.ours));
  if (!process.pidfd_.valid()) {
    const int error_number = errno;
    ReapChild(pid, std::chrono::milliseconds(0));
    return Error{ErrorKind::kEnvironment,
                 "cannot start " + spec.program.string() + ": " + ErrnoText(error_number)};
  }
  if (confinement != nullptr) process.confinement_ = confinement->Describe();
  if (confined.listener.valid())
    process.broker_ =
        TRY(OpenBroker::Start(std::move(confined.listener), spec.confinement->opened, spec.confinement->kvm));
  return process;
}

Result<Process> Process::Start(const ProcessSpec& spec) {
  bool refused = false;
  if (!spec.confinement) return StartConfined(spec, nullptr, &refused);
  const auto confinement = [&](bool brokered) { return Confinement::Prepare(*spec.confinement, brokered); };
  const Confinement whole = confinement(/*brokered=*/true);
  Result<Process> process = StartConfined(spec, &whole, &refused);
  if (!refused) return process;
  const Confinement rest = confinement(/*brokered=*/false);
  return StartConfined(spec, &rest, &refused);
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = other.pid_;
    pidfd_ = std::move(other.pidfd_);
    stderr_ = std::move(other.stderr_);
    stderr_text_ = std::move(other.stderr_text_);
    exit_ = other.exit_;
    broker_ = std::move(other.broker_);
    confinement_ = std::move(other.confinement_);
  }
  return *this;
}

Process::~Process() { Kill(); }

void Process::DrainStderr() {
  while (stderr_.valid()) {
    std::string chunk;
    const IoState state = ReadSome(stderr_.get(), chunk);
    if (state == IoState::kBlocked) return;
    if (state != IoState::kMoved) return stderr_.Reset();
    stderr_text_.append(chunk, 0, kStderrLimit - std::min(kStderrLimit, stderr_text_.size()));
  }
}

std::optional<ExitStatus> Process::Wait(Deadline deadline) {
  if (exit_.has_value() || !pidfd_.valid()) return exit_;
  while (true) {
    siginfo_t info{};
    const int rc = waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG);
    if (rc == 0 && info.si_pid == pid_) {
      exit_ = ExitStatus{info.si_code != CLD_EXITED, info.si_status};
      return exit_;
    }
    if (rc != 0 && errno == ECHILD) {  // somebody else reaped it: ended, how is unknown
      exit_ = ExitStatus{false, 0};
      return exit_;
    }
    if (Passed(deadline)) return std::nullopt;
    pollfd wait{pidfd_.get(), POLLIN, 0};
    poll(&wait, 1, PollTimeout(deadline));
  }
}

void Process::Kill() {
  if (exit_.has_value() || !pidfd_.valid()) return;
  PidfdKill(pidfd_.get());
  // A process that hangs in the kernel cannot be reaped; it is init's once we are gone.
  static_cast<void>(Wait(After(kKillPatience)));
  DrainStderr();
}

}  // namespace ktstr::vmm
