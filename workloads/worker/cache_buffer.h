// Memory that work types press on caches with.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/worker/worker_context.h"

namespace ktstr {

/// One Touch() of so many is short enough for a worker to notice a stop between two.
inline constexpr std::uint64_t kTouchesAtOnce = 1024;

/// Walks round and round through `kib` KiB in steps of `stride` bytes.
class CacheBuffer {
 public:
  /// REQUIRES: both more than 0.
  CacheBuffer(std::uint64_t kib, std::uint64_t stride);

  /// Reads, changes and writes back so many bytes, each a stride behind the last.
  void Touch(std::uint64_t steps);
  /// However many: notices a stop and a phase mark. Counts nothing.
  void TouchInPieces(std::uint64_t steps, WorkerContext& context);

 private:
  std::vector<std::uint8_t> bytes_;
  std::uint64_t stride_;
  std::uint64_t at_ = 0;  // the byte that comes next
};

}  // namespace ktstr
