// The built ktstr-interp as a child process, the way a user or a CI job runs it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace ktstr::test {

/// A directory of its own, removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A running ktstr-interp; killed and reaped with its process group when it goes out of scope.
class CliProcess {
 public:
  /// `env` is NAME=value, on top of the test's own environment. The child leads a process group of its own.
  explicit CliProcess(const std::vector<std::string>& args, const std::vector<std::string>& env = {});
  ~CliProcess();
  CliProcess(const CliProcess&) = delete;
  CliProcess& operator=(const CliProcess&) = delete;

  /// Reads output until it holds `text` (either stream) or the program ends; false in the latter case and
  /// after two minutes.
  bool WaitForOutput(const std::string& text);
  /// Polls until `done` says so or the program ends; false in the latter case and after two minutes.
  bool WaitUntil(const std::function<bool()>& done);
  /// Reads all output and waits for the end; the exit code, or 128 + the signal.
  int Finish();
  void Signal(int signal);

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Direct children whose command name contains "qemu" (or `comm`).
  [[nodiscard]] std::vector<pid_t> Children(const std::string& comm = "qemu") const;
  [[nodiscard]] const std::string& out() const { return out_; }
  [[nodiscard]] const std::string& err() const { return err_; }

 private:
  /// Waits up to `ms` for output and takes it; false when both streams have ended.
  bool Pump(int ms);

  pid_t pid_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  std::string out_;
  std::string err_;
  bool reaped_ = false;
  int status_ = 0;
};

struct CliResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};
CliResult RunCli(const std::vector<std::string>& args, const std::vector<std::string>& env = {});

/// Writes `yaml` to `dir`/`name` and returns the path.
std::string WriteFile(const std::filesystem::path& dir, const std::string& name, const std::string& text);
std::string ReadFile(const std::filesystem::path& path);
std::string FirstLine(const std::string& text);
/// Polls until `done` says so; false after two minutes.
bool WaitUntil(const std::function<bool()>& done);

/// The processes that have `marker` in their command line or environment, but for the caller.
std::vector<pid_t> ProcessesWith(const std::string& marker);

}  // namespace ktstr::test
