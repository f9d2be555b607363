// Programs of this build, started by tests.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "guest-init/base/fd.h"

namespace ktstr::test {

/// How a program ended, with what it said until then.
struct Ending {
  int code = -1;  // the exit code, 128 + N after signal N
  std::string output;
  std::string errors;
};

/// A running child. The destructor kills and reaps it.
class Started {
 public:
  /// `argv[0]` without a slash is a program of this build. `environment` is added to ours, "NAME=value".
  explicit Started(std::vector<std::string> argv, const std::vector<std::string>& environment = {});
  Started(const Started&) = delete;
  ~Started();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The next line of its standard output without its end; blocks; empty when the output has ended.
  std::string ReadLine();
  /// Reads both streams to their ends and reaps it.
  Ending Finish();
  /// Kills it by SIGKILL and reaps it.
  void Kill();

 private:
  pid_t pid_ = -1;
  Fd output_;
  Fd errors_;
};

/// Starts the program and waits for its end.
Ending RunToEnd(std::vector<std::string> argv, const std::vector<std::string>& environment = {});

/// The state letter of a thread in /proc, 'R', 'S', 't' ...; 0 when it is gone. Read by the test itself.
char StateOf(pid_t tid);
/// The field of /proc/PID/status, such as "TracerPid"; empty when the process is gone.
std::string StatusField(pid_t pid, const std::string& name);

/// A directory of the test's own, removed at the end with all that is in it.
class OwnDirectory {
 public:
  OwnDirectory();
  ~OwnDirectory();
  OwnDirectory(const OwnDirectory&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace ktstr::test
