// The CPU time that QEMU's vCPU threads have had on the host.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "guest-init/base/fd.h"

namespace ktstr::vmm {

/// Finds the threads once, by the names QEMU gives them (debug-threads=on): "CPU 1/KVM", "CPU 1/TCG", or
/// "ALL CPUs/TCG" for all vCPUs together. A read costs some 2 us per thread.
class VcpuTimes {
 public:
  /// `proc` is where the process file system is, for tests. A process that is gone has no threads.
  explicit VcpuTimes(pid_t qemu, std::uint32_t cpus, const std::filesystem::path& proc = "/proc");

  /// Nanoseconds by vCPU; none where there is no thread or the host does not count (no CONFIG_SCHED_INFO).
  [[nodiscard]] std::vector<std::optional<std::uint64_t>> Read() const;
  [[nodiscard]] bool shared() const { return all_.valid(); }

 private:
  Fd all_;
  std::vector<Fd> each_;  // by vCPU
};

}  // namespace ktstr::vmm
