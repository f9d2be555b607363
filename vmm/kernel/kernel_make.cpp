#include "vmm/kernel/kernel_make.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "vmm/host/elf_closure.h"
#include "vmm/host/fd.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};

Error Failed(std::string_view what, int error_number) {
  return {ErrorKind::kEnvironment, fmt::format("{}: {}", what, ErrnoText(error_number))};
}

/// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void ExecChild(const char* program, char* const* argv, char* const* environment,
                            const char* directory, int output) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // make passes it on
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0) ::_exit(127);
  if (::chdir(directory) != 0) ::_exit(127);
  ::execve(program, argv, environment);
  ::_exit(127);
}

/// A started command and its output; the destructor leaves nothing of its process group behind.
class Child {
 public:
  Child(pid_t pid, UniqueFd output) : pid_(pid), output_(std::move(output)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!reaped_) {
      ::kill(-pid_, SIGKILL);
      (void)Reap();
    }
  }

  [[nodiscard]] int output() const { return output_.get(); }
  void Stop() const { ::kill(-pid_, SIGTERM); }

  int Reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
  UniqueFd output_;
  bool reaped_ = false;
};

/// Cuts a stream into lines.
class LineCutter {
 public:
  explicit LineCutter(const std::function<void(std::string_view)>& line) : line_(line) {}
  void Add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\n') {
        if (rest_.size() < 4096) rest_ += c;
        continue;
      }
      if (line_) line_(rest_);
      rest_.clear();
    }
  }

 private:
  const std::function<void(std::string_view)>& line_;
  std::string rest_;
};

/// Reads until the last writer of the output is gone. Returns whether the command was cancelled.
Result<bool> Follow(const Child& child, const LoggedCommand& command, int log,
                    const CommandWatcher& watcher) {
  LineCutter lines(watcher.line);
  std::array<char, 65536> buffer;
  std::array<pollfd, 2> waits = {pollfd{child.output(), POLLIN, 0}, pollfd{command.cancel_fd, POLLIN, 0}};
  bool cancelled = false;
  Clock::time_point give_up;
  while (true) {
    if (::poll(waits.data(), waits.size(), 1000) < 0 && errno != EINTR) return Failed("poll", errno);
    if (watcher.tick) watcher.tick();
    if (!cancelled && waits[1].revents != 0) {
      cancelled = true;
      waits[1].fd = -1;
      give_up = Clock::now() + kPatience;
      child.Stop();
    }
    if (cancelled && Clock::now() > give_up) return true;
    if (waits[0].revents == 0) continue;
    const ssize_t got = ::read(child.output(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return cancelled;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (::write(log, bytes.data(), bytes.size()) < 0)
      return Failed(fmt::format("the log {} cannot be written", command.log.string()), errno);
    lines.Add(bytes);
  }
}

std::string_view Trimmed(std::string_view line) {
  const std::size_t start = line.find_first_not_of(" \t\r");
  if (start == std::string_view::npos) return {};
  return line.substr(start, line.find_last_not_of(" \t\r") - start + 1);
}

}  // namespace

Result<int> RunLogged(const LoggedCommand& command, const CommandWatcher& watcher) {
  const char* path = std::getenv("PATH");
  const fs::path program = FindOnPath(command.argv[0], path == nullptr ? "/usr/bin:/bin" : path);
  if (program.empty())
    return Error{ErrorKind::kEnvironment, fmt::format("{} was not found on PATH", command.argv[0])};
  const UniqueFd log(::open(command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return Failed(fmt::format("the log {} cannot be written", command.log.string()), errno);

  std::vector<std::string> words = command.argv;
  std::vector<char*> arguments, environment;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // What a caller's make or shell exports for its own build has no business in this one.
  constexpr std::string_view kDropped[] = {
      "LC_ALL=", "MAKEFLAGS=", "MFLAGS=", "KBUILD_OUTPUT=", "ARCH=", "CROSS_COMPILE="};
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    bool dropped = false;
    for (const std::string_view name : kDropped)
      dropped = dropped || std::string_view(*entry).starts_with(name);
    if (!dropped) environment.push_back(*entry);
  }
  std::string locale = "LC_ALL=C";
  environment.push_back(locale.data());
  environment.push_back(nullptr);

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Failed("pipe", errno);
  UniqueFd reader(ends[0]), writer(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return Failed("fork", errno);
  if (pid == 0)
    ExecChild(program.c_str(), arguments.data(), environment.data(), command.directory.c_str(), writer.get());
  ::setpgid(pid, pid);  // whichever of the two comes first
  Child child(pid, std::move(reader));
  writer = UniqueFd();
  if (TRY(Follow(child, command, log.get(), watcher))) return Error{ErrorKind::kCancelled, "interrupted"};
  return child.Reap();
}

std::string FirstErrorLine(std::string_view log) {
  std::string_view make, last;
  while (!log.empty()) {
    const std::size_t end = log.find('\n');
    const std::string_view line = Trimmed(log.substr(0, end));
    log.remove_prefix(end == std::string_view::npos ? log.size() : end + 1);
    if (line.find("error:") != std::string_view::npos) return std::string(line.substr(0, 400));
    if (make.empty() && line.find("***") != std::string_view::npos) make = line;
    if (!line.empty()) last = line;
  }
  return std::string((make.empty() ? last : make).substr(0, 400));
}

}  // namespace ktstr::vmm
