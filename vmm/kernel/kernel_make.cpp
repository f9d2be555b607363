#include "vmm/kernel/kernel_make.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "vmm/host/byte_stream.h"
#include "vmm/host/host_file.h"
#include "vmm/host/spawn.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};

Error Failed(std::string_view what, int error_number) {
  return {ErrorKind::kEnvironment, fmt::format("{}: {}", what, ErrnoText(error_number))};
}

/// A started command and its output; the destructor leaves nothing of its process group behind.
class Child {
 public:
  Child(pid_t pid, Fd output) : pid_(pid), output_(std::move(output)) {}
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
    reaped_ = true;
    return ReapChild(pid_, kPatience);
  }

 private:
  pid_t pid_;
  Fd output_;
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
    std::string bytes;
    const IoState state = ReadSome(child.output(), bytes);
    if (state == IoState::kFailed) return Failed("what the build says cannot be read", errno);
    if (state == IoState::kClosed) return cancelled;
    if (const int failure = WriteAll(log, bytes); failure != 0)
      return Failed(fmt::format("the log {} cannot be written", command.log.string()), failure);
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
  const fs::path program = FindOnPath(command.argv[0], SearchPath());
  if (program.empty())
    return Error{ErrorKind::kEnvironment, fmt::format("{} was not found on PATH", command.argv[0])};
  const Fd log(::open(command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return Failed(fmt::format("the log {} cannot be written", command.log.string()), errno);
  FdPair output = TRY(MakeReadPipe());
  // What a caller's make or shell exports for its own build has no business in this one.
  constexpr std::string_view kDropped[] = {"MAKEFLAGS", "MFLAGS", "KBUILD_OUTPUT", "ARCH", "CROSS_COMPILE"};
  ChildSpec spec;
  spec.program = program;
  spec.argv = command.argv;
  spec.environment = EnvironmentWithout(kDropped);
  spec.directory = command.directory;
  spec.output = spec.errors = output.theirs.get();
  spec.death_signal = SIGTERM;  // make passes it on
  Child child(TRY(StartChild(spec)), std::move(output.ours));
  output.theirs.Reset();
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
