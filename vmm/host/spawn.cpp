#include "vmm/host/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "guest-init/base/fd.h"
#include "vmm/host/confinement.h"
#include "vmm/host/deadline.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

/// How long a process that could not become its program may take to be gone.
constexpr std::chrono::seconds kExitPatience{10};
/// How often a child is looked for, in ms, where nothing tells of its end.
constexpr int kLook = 5;

bool IsExecutable(const fs::path& path) {
  std::error_code missing;
  return fs::is_regular_file(path, missing) && ::access(path.c_str(), X_OK) == 0;
}

/// What the child needs after fork(), prepared before it: only async-signal-safe calls are allowed there.
struct ChildPlan {
  const ChildSpec* spec;
  const char* program;  // absolute: the child changes its directory first
  char* const* argv;
  char* const* environment;
  int null_fd;
  int report_fd;  // close-on-exec; carries errno when the program cannot be started, negative when confining
                  // it failed
  pid_t parent;
};

[[noreturn]] void Fail(const ChildPlan& plan, int sign = 1) {
  const int error_number = errno * sign;
  const ssize_t ignored = ::write(plan.report_fd, &error_number, sizeof error_number);
  static_cast<void>(ignored);
  ::_exit(127);
}

[[noreturn]] void BecomeChild(const ChildPlan& plan) {
  const ChildSpec& spec = *plan.spec;
  if (spec.own_group) ::setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int ignored_by_parent : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGXFSZ})
    ::signal(ignored_by_parent, SIG_DFL);
  const int output = spec.output < 0 ? plan.null_fd : spec.output;
  const int errors = spec.errors < 0 ? plan.null_fd : spec.errors;
  if (::dup2(plan.null_fd, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(errors, 2) < 0) Fail(plan);
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) Fail(plan);
  for (const int fd : spec.inherited_fds)
    if (::fcntl(fd, F_SETFD, 0) != 0) Fail(plan);
  if (::chdir(spec.directory.c_str()) != 0) Fail(plan);
  if (spec.confinement != nullptr && !spec.confinement->Enter(plan.report_fd)) Fail(plan, -1);
  // Last, for a change of the user undoes it. A parent that died before would never send the signal, hence
  // the look at getppid() after it.
  if (::prctl(PR_SET_PDEATHSIG, spec.death_signal) != 0) Fail(plan);
  if (::getppid() != plan.parent) ::_exit(127);
  ::execve(plan.program, plan.argv, plan.environment);
  Fail(plan);
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> EnvironmentWhere(const std::function<bool(std::string_view name)>& wanted) {
  std::vector<std::string> kept;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    if (name != "LC_ALL" && wanted(name)) kept.emplace_back(*entry);
  }
  kept.emplace_back("LC_ALL=C");
  return kept;
}

/// The next message of the child: an errno, or with a descriptor 0; nullopt at its end.
std::optional<int> NextReport(int report, Fd& descriptor) {
  int value = 0;
  iovec bytes{&value, sizeof value};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = 0;
  do got = ::recvmsg(report, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got != sizeof value) return std::nullopt;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    descriptor = Fd(fd);
  }
  return value;
}

/// Waits until `report` closes, which exec does when it succeeds; returns 0, or what the child said instead.
/// The child is between fork and exec meanwhile, where nothing takes long.
int AwaitExec(int report, Fd& listener) {
  while (const std::optional<int> said = NextReport(report, listener))
    if (*said != 0) return *said;
  return 0;
}

}  // namespace

std::string SearchPath() {
  const char* const path = std::getenv("PATH");
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

fs::path FindOnPath(std::string_view name, std::string_view path) {
  if (name.empty()) return {};
  while (true) {
    const std::size_t colon = path.find(':');
    const std::string_view directory = path.substr(0, colon);
    fs::path candidate = fs::path(directory.empty() ? "." : directory) / name;
    if (IsExecutable(candidate)) return candidate;
    if (colon == std::string_view::npos) return {};
    path.remove_prefix(colon + 1);
  }
}

std::optional<fs::path> FindProgram(std::string_view program) {
  if (program.find('/') == std::string_view::npos) {
    fs::path found = FindOnPath(program, SearchPath());
    return found.empty() ? std::nullopt : std::optional(std::move(found));
  }
  fs::path path(program);
  if (!IsExecutable(path)) return std::nullopt;
  return path;
}

std::vector<std::string> EnvironmentWithout(std::span<const std::string_view> names) {
  return EnvironmentWhere(
      [&](std::string_view name) { return std::find(names.begin(), names.end(), name) == names.end(); });
}

std::vector<std::string> MinimalEnvironment() {
  return EnvironmentWhere([](std::string_view name) {
    return name == "PATH" || name == "LD_LIBRARY_PATH" || name == "TMPDIR" || name.starts_with("KTSTR_");
  });
}

Result<pid_t> StartChild(const ChildSpec& spec, ConfinedStart* confined) {
  const auto cannot = [&](int error_number) {
    return Error{ErrorKind::kEnvironment,
                 "cannot start " + spec.program.string() + ": " + ErrnoText(error_number)};
  };
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return cannot(errno);
  const Fd report(ends[0]);
  Fd theirs(ends[1]);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null.valid()) return cannot(errno);

  std::vector<std::string> words = spec.argv;
  std::vector<std::string> variables = spec.environment;
  const std::vector<char*> argv = Pointers(words);
  const std::vector<char*> environment = Pointers(variables);
  const std::string program = fs::absolute(spec.program).string();
  const ChildPlan plan{&spec,      program.c_str(), argv.data(), environment.data(),
                       null.get(), theirs.get(),    ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return cannot(errno);
  if (pid == 0) BecomeChild(plan);
  if (spec.own_group) ::setpgid(pid, pid);  // whichever of the two comes first
  theirs.Reset();
  Fd listener;
  const int said = AwaitExec(report.get(), listener);
  if (said == 0 && confined != nullptr) confined->listener = std::move(listener);
  if (said == 0) return pid;
  ReapChild(pid, kExitPatience);
  if (confined != nullptr) confined->refused = said < 0;
  return cannot(std::abs(said));
}

int ReapChild(pid_t pid, std::chrono::milliseconds patience, std::chrono::milliseconds exit_patience) {
  // glibc 2.36 declares its wrapper without extern "C", so C++ programs cannot link it.
  const Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  int status = 0;
  const auto reap = [&](Deadline deadline) {
    while (true) {
      const pid_t reaped = ::waitpid(pid, &status, WNOHANG);
      if (reaped != 0 || Passed(deadline)) return reaped;
      // Without a descriptor (we may have none left) there is nothing to wait for but time. With one, it may
      // have ended and still be its tracer's: then it is readable at once, each time.
      pollfd wait{ended.get(), POLLIN, 0};
      if (!ended.valid() || ::poll(&wait, 1, PollTimeout(deadline)) > 0)
        ::poll(nullptr, 0, std::min(PollTimeout(deadline), kLook));
    }
  };
  pid_t reaped = reap(After(patience));
  if (reaped == 0) {
    ::kill(pid, SIGKILL);
    reaped = reap(After(exit_patience));
  }
  if (reaped != pid) return 128 + SIGKILL;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ktstr::vmm
