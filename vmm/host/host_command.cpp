#include "vmm/host/host_command.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "guest-init/base/fd.h"
#include "vmm/host/byte_stream.h"
#include "vmm/host/spawn.h"

namespace ktstr::vmm {
namespace {

/// How long a command may live on after it has closed both of its outputs.
constexpr std::chrono::seconds kExitPatience{10};

/// Reads both pipes until their writers are gone. What exceeds the limit is read and dropped, so that the
/// child never blocks on a full pipe.
void Drain(const Fd& output, const Fd& errors, CommandResult& result) {
  std::array<pollfd, 2> waits = {pollfd{output.get(), POLLIN, 0}, pollfd{errors.get(), POLLIN, 0}};
  const std::array<std::string*, 2> texts = {&result.output, &result.errors};
  std::array<char, 65536> buffer;
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) continue;
      const ssize_t got = ::read(waits[i].fd, buffer.data(), buffer.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
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
  const std::optional<std::filesystem::path> program = FindProgram(argv[0]);
  if (!program) return Error{ErrorKind::kEnvironment, fmt::format("{} was not found on PATH", argv[0])};
  FdPair output = TRY(MakeReadPipe());
  FdPair errors = TRY(MakeReadPipe());
  ChildSpec child;
  child.program = *program;
  child.argv = argv;
  child.environment = EnvironmentWithout({});
  child.directory = directory;
  child.output = output.theirs.get();
  child.errors = errors.theirs.get();
  child.own_group = false;  // a Ctrl-C ends it, too
  const pid_t pid = TRY(StartChild(child));
  output.theirs.Reset();
  errors.theirs.Reset();
  CommandResult result;
  Drain(output.ours, errors.ours, result);
  result.exit_code = ReapChild(pid, kExitPatience);
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
