#include "vmm/host/host_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "vmm/host/elf_closure.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

/// A pipe whose ends close themselves.
struct Pipe {
  std::array<int, 2> ends = {-1, -1};

  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    Close(0);
    Close(1);
  }
  bool Open() { return ::pipe2(ends.data(), O_CLOEXEC) == 0; }
  void Close(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

Error Failed(std::string_view what, int error_number) {
  return {ErrorKind::kEnvironment, fmt::format("{}: {}", what, ErrnoText(error_number))};
}

/// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void ExecChild(const char* program, char* const* argv, char* const* environment,
                            const char* directory, int output, int errors) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(errors, 2) < 0) ::_exit(127);
  if (::chdir(directory) != 0) ::_exit(127);
  ::execve(program, argv, environment);
  ::_exit(127);
}

/// Reads both pipes until their writers are gone. What exceeds the limit is read and dropped, so that the
/// child never blocks on a full pipe.
void Drain(Pipe& output, Pipe& errors, CommandResult& result) {
  std::array<pollfd, 2> waits = {pollfd{output.ends[0], POLLIN, 0}, pollfd{errors.ends[0], POLLIN, 0}};
  const std::array<std::string*, 2> texts = {&result.output, &result.errors};
  std::array<char, 65536> buffer;
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) continue;
      const ssize_t got = ::read(waits[i].fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        waits[i].fd = -1;
      } else if (texts[i]->size() < kMaxCommandOutput) {
        texts[i]->append(buffer.data(), static_cast<std::size_t>(got));
      }
    }
  }
}

}  // namespace

Result<CommandResult> RunCommand(const std::vector<std::string>& argv,
                                 const std::filesystem::path& directory) {
  const char* path = std::getenv("PATH");
  const std::filesystem::path program = argv[0].find('/') == std::string::npos
                                            ? FindOnPath(argv[0], path == nullptr ? "/usr/bin:/bin" : path)
                                            : std::filesystem::path(argv[0]);
  if (program.empty()) {
    return Error{ErrorKind::kEnvironment, fmt::format("{} was not found on PATH", argv[0])};
  }
  std::vector<std::string> words = argv;
  std::vector<char*> arguments, environment;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("LC_ALL=")) environment.push_back(*entry);
  }
  std::string locale = "LC_ALL=C";
  environment.push_back(locale.data());
  environment.push_back(nullptr);

  Pipe output, errors;
  if (!output.Open() || !errors.Open()) return Failed("pipe", errno);
  const pid_t child = ::fork();
  if (child < 0) return Failed("fork", errno);
  if (child == 0) {
    ExecChild(program.c_str(), arguments.data(), environment.data(), directory.c_str(), output.ends[1],
              errors.ends[1]);
  }
  output.Close(1);
  errors.Close(1);
  CommandResult result;
  Drain(output, errors, result);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Failed("waitpid", errno);
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::string CommandCause(const CommandResult& result) {
  std::string_view rest = result.errors;
  while (!rest.empty()) {
    const std::size_t end = rest.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos) break;
    rest = rest.substr(0, end + 1);
    const std::size_t start = rest.rfind('\n') == std::string_view::npos ? 0 : rest.rfind('\n') + 1;
    std::string_view line = rest.substr(start);
    rest = rest.substr(0, start);
    // apt marks causes "E: " and remarks "W: "; a remark after the cause is not the cause.
    if (line.starts_with("W: ") || line.starts_with("N: ")) continue;
    if (line.starts_with("E: ")) line.remove_prefix(3);
    return std::string(line);
  }
  return fmt::format("exit code {}", result.exit_code);
}

}  // namespace ktstr::vmm
