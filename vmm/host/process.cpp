#include "vmm/host/process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kStderrLimit = 65536;

bool IsExecutable(const std::filesystem::path& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

// glibc 2.36 declares these two without extern "C", so C++ programs cannot link its wrappers.
int PidfdOpen(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }
void PidfdKill(int pidfd) { syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0); }

/// What the child needs after fork(), prepared before it: only async-signal-safe calls are allowed there.
struct ChildPlan {
  const char* program;
  char* const* argv;
  const std::vector<int>* inherited_fds;
  int null_fd;
  int stderr_fd;
  int report_fd;  // close-on-exec; carries errno when exec fails
  pid_t parent;
};

[[noreturn]] void Fail(const ChildPlan& plan) {
  const int error_number = errno;
  const ssize_t ignored = write(plan.report_fd, &error_number, sizeof error_number);
  static_cast<void>(ignored);
  _exit(127);
}

[[noreturn]] void BecomeChild(const ChildPlan& plan) {
  // A parent that died before prctl() would never send the signal, hence the second look at getppid().
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) Fail(plan);
  if (getppid() != plan.parent) _exit(127);
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int ignored_by_parent : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
    signal(ignored_by_parent, SIG_DFL);
  }
  if (dup2(plan.null_fd, 0) < 0 || dup2(plan.null_fd, 1) < 0 || dup2(plan.stderr_fd, 2) < 0) Fail(plan);
  if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) Fail(plan);
  for (const int fd : *plan.inherited_fds) {
    if (fcntl(fd, F_SETFD, 0) != 0) Fail(plan);
  }
  execv(plan.program, plan.argv);
  Fail(plan);
}

}  // namespace

std::string SignalName(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(number);
}

std::string ExitStatus::Describe() const {
  return by_signal ? "was killed by " + SignalName(value) : "exited with code " + std::to_string(value);
}

std::optional<std::filesystem::path> FindProgram(std::string_view program) {
  if (program.empty()) return std::nullopt;
  if (program.find('/') != std::string_view::npos) {
    std::filesystem::path path(program);
    if (!IsExecutable(path)) return std::nullopt;
    return path;
  }
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable != nullptr ? variable : "/usr/bin:/bin";
  while (true) {
    const std::size_t colon = rest.find(':');
    const std::string_view directory = rest.substr(0, colon);
    const auto path = std::filesystem::path(directory.empty() ? "." : directory) / program;
    if (IsExecutable(path)) return path;
    if (colon == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(colon + 1);
  }
}

Result<Process> Process::Start(const ProcessSpec& spec) {
  const auto cannot = [&](int error_number) {
    return Error{ErrorKind::kEnvironment,
                 "cannot start " + spec.program.string() + ": " + ErrnoText(error_number)};
  };
  FdPair errors = TRY(MakeReadPipe());
  FdPair report = TRY(MakeReadPipe());
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return cannot(errno);

  std::vector<std::string> words = spec.argv;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const ChildPlan plan{
      spec.program.c_str(), argv.data(), &spec.inherited_fds, null.get(), errors.theirs.get(),
      report.theirs.get(),  getpid()};

  const pid_t pid = fork();
  if (pid < 0) return cannot(errno);
  if (pid == 0) BecomeChild(plan);
  Process process(pid, UniqueFd(PidfdOpen(pid)), std::move(errors.ours));
  if (!process.pidfd_.valid()) {
    const int error_number = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return cannot(error_number);
  }
  report.theirs.Reset();

  // The pipe closes when exec succeeds; until then the child is between fork and exec, which cannot hang.
  std::string told;
  pollfd wait{report.ours.get(), POLLIN, 0};
  while (poll(&wait, 1, -1) < 0 && errno == EINTR) {
  }
  ReadSome(report.ours.get(), told);
  if (told.size() == sizeof(int)) {
    int error_number = 0;
    std::memcpy(&error_number, told.data(), sizeof error_number);
    return cannot(error_number);
  }
  return process;
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = other.pid_;
    pidfd_ = std::move(other.pidfd_);
    stderr_ = std::move(other.stderr_);
    stderr_text_ = std::move(other.stderr_text_);
    exit_ = other.exit_;
  }
  return *this;
}

Process::~Process() { Kill(); }

void Process::DrainStderr() {
  while (stderr_.valid()) {
    std::string chunk;
    const IoState state = ReadSome(stderr_.get(), chunk);
    if (state == IoState::kBlocked) return;
    if (state == IoState::kClosed) return stderr_.Reset();
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
  while (!Wait(After(std::chrono::hours(1))).has_value()) {
  }
  DrainStderr();
}

}  // namespace ktstr::vmm
