// How long the threads of a process had to wait for a CPU of this host.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace ktstr::vmm {

struct CpuTimes {
  std::uint64_t run_ns = 0;   // on a CPU
  std::uint64_t wait_ns = 0;  // runnable, but not on one
};

/// Measures from its construction on. Reads /proc/PID/task/*/schedstat, about 20 us a time.
class CpuWaitMeter {
 public:
  /// `proc` is where the process file system is, for tests.
  explicit CpuWaitMeter(pid_t pid, const std::filesystem::path& proc = "/proc");

  /// The sum over all threads there are now: QEMU's main loop, its virtual CPUs, its helpers. Those that
  /// ended meanwhile are not in it. Nothing when the kernel does not count (no CONFIG_SCHED_INFO) or the
  /// process is gone.
  [[nodiscard]] std::optional<CpuTimes> SoFar() const;

 private:
  using Threads = std::map<std::string, CpuTimes>;  // by thread id
  [[nodiscard]] Threads Read() const;

  std::filesystem::path tasks_;
  Threads begin_;
};

}  // namespace ktstr::vmm
