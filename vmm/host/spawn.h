// Starting programs of the host: finding them, and the one place that forks.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::vmm {

class Confinement;

/// $PATH, or what a shell takes when it is not set.
std::string SearchPath();

/// The first executable regular file `name` in the directories of `path` (as $PATH, where an empty entry is
/// the working directory); empty when there is none or `name` is.
std::filesystem::path FindOnPath(std::string_view name, std::string_view path);

/// Looks `program` up as the shell does: a name without a slash on $PATH, anything else as a path.
/// nullopt when there is no executable regular file.
std::optional<std::filesystem::path> FindProgram(std::string_view program);

/// Our environment without the variables named, then LC_ALL=C: what programs say has to be understood here.
std::vector<std::string> EnvironmentWithout(std::span<const std::string_view> names);

/// What a program that serves an untrusted guest may know of us: PATH, LD_LIBRARY_PATH, TMPDIR and KTSTR_*,
/// then LC_ALL=C. An access token in the user's environment stays with the user.
std::vector<std::string> MinimalEnvironment();

struct ChildSpec {
  std::filesystem::path program;         // a path, not searched for on $PATH
  std::vector<std::string> argv;         // with argv[0]
  std::vector<std::string> environment;  // all of it, "NAME=value"
  std::filesystem::path directory = "/";
  int output = -1;                 // becomes its standard output; -1: /dev/null
  int errors = -1;                 // becomes its standard error; -1: /dev/null
  std::vector<int> inherited_fds;  // keep their numbers; every other descriptor above 2 is closed
  /// What the kernel sends to it when the *thread* that started it ends, however that comes about; so that
  /// thread must live as long as the child is wanted.
  int death_signal = SIGKILL;
  bool own_group = true;  // in a process group of its own: a Ctrl-C at the terminal does not reach it
  const Confinement* confinement = nullptr;  // entered before its program runs; not owned
};

/// What comes back from a child that enters a confinement.
struct ConfinedStart {
  Fd listener;           // see Confinement::Enter; invalid when it is not brokered
  bool refused = false;  // this host does not allow that confinement: the reason for the error
};

/// Returns the child's id once its program runs; the caller reaps it. Its standard input is /dev/null; it
/// blocks no signal and ignores none. Error (kEnvironment): "cannot start /x: Permission denied", and there
/// is no child. `confined`: needed when `spec` has a confinement.
Result<pid_t> StartChild(const ChildSpec& spec, ConfinedStart* confined = nullptr);

/// Waits for the child's end and reaps it; kills it when that takes longer than `patience`. Returns its exit
/// code, 128 + N after signal N. One that hangs in the kernel even then, or that somebody traces, is left
/// behind after `exit_patience` (128 + SIGKILL).
int ReapChild(pid_t pid, std::chrono::milliseconds patience,
              std::chrono::milliseconds exit_patience = std::chrono::seconds(10));

}  // namespace ktstr::vmm
