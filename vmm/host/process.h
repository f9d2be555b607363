// One child process: started with exactly the descriptors it is given, never outliving its owner.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "vmm/host/confinement.h"
#include "vmm/host/deadline.h"
#include "vmm/host/open_broker.h"

namespace ktstr::vmm {

/// How a process ended.
struct ExitStatus {
  bool by_signal = false;
  int value = 0;  // the signal's number or the exit code

  /// "was killed by SIGKILL" or "exited with code 1".
  [[nodiscard]] std::string Describe() const;
};

struct ProcessSpec {
  std::filesystem::path program;  // a path, not searched for on PATH
  std::vector<std::string> argv;  // with argv[0]
  std::vector<int>
      inherited_fds;  // keep their numbers in the child; every other descriptor above 2 is closed
  /// What it may still do; its program is `program`. Where the host allows only a part of it, that part
  /// holds: Process::confinement() tells.
  std::optional<ConfinementSpec> confinement = std::nullopt;
};

/// A running or ended child: in a process group of its own, in the directory /, with MinimalEnvironment(),
/// its stdin and stdout /dev/null, its stderr collected here. The destructor kills and reaps it.
///
/// The kernel kills the child when the thread that called Start() ends: see ChildSpec::death_signal. All
/// calls belong on that thread.
class Process {
 public:
  /// Error (kEnvironment): "cannot start /x: Permission denied".
  static Result<Process> Start(const ProcessSpec& spec);

  Process(Process&&) = default;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// What holds it, as Confinement::Describe() has it; empty when it is not confined.
  [[nodiscard]] const std::string& confinement() const { return confinement_; }
  /// Readable once the process has ended. Stays open until the object is destroyed.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  /// Readable when there is something for DrainStderr(); -1 once the stream has ended.
  [[nodiscard]] int stderr_fd() const { return stderr_.get(); }

  /// Moves what is waiting on stderr into stderr_text(); does not block.
  void DrainStderr();
  /// The first 64 KiB the process wrote on stderr.
  [[nodiscard]] const std::string& stderr_text() const { return stderr_text_; }

  /// Waits for the end and reaps; nullopt when the deadline passes first.
  std::optional<ExitStatus> Wait(Deadline deadline);
  /// The status once Wait() or Kill() has reaped it.
  [[nodiscard]] const std::optional<ExitStatus>& exit_status() const { return exit_; }
  /// SIGKILL, then reaps; gives the reaping up after 10 s. Does nothing when it has ended already.
  void Kill();

 private:
  static Result<Process> StartConfined(const ProcessSpec& spec, const Confinement* confinement,
                                       bool* refused);

  Process(pid_t pid, Fd pidfd, Fd stderr_fd)
      : pid_(pid), pidfd_(std::move(pidfd)), stderr_(std::move(stderr_fd)) {}

  pid_t pid_ = -1;
  Fd pidfd_;  // invalid in a moved-from object, which owns nothing
  Fd stderr_;
  std::string stderr_text_;
  std::optional<ExitStatus> exit_;
  std::unique_ptr<OpenBroker> broker_;
  std::string confinement_;
};

}  // namespace ktstr::vmm
