// The counters of another process' threads: where they are, and what they hold.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "workloads/jemalloc/probe/calibration.h"

namespace ktstr::jemalloc {

/// Where a process has its counters, valid as long as it runs the same program.
struct CounterMap {
  enum class Linkage { kStatic, kShared };
  Linkage linkage = Linkage::kStatic;
  std::string file;      // the program or the library, as the process sees it
  CounterPlaces places;  // in the block
  /// The block begins this far before the thread pointer in every thread, or else is a module's own.
  std::optional<std::uint64_t> distance;
  std::uint64_t module = 0;  // the loader's number, when there is no `distance`
};

/// Errors: no jemalloc or several, one without symbols, of another version or configuration than can be
/// known, of another architecture; a process that cannot be read or has ended.
Result<CounterMap> FindCounters(pid_t pid);

/// One thread. Exactly one of four: figures, `unused`, `ended`, `error`.
struct ThreadReading {
  pid_t tid = 0;
  std::string comm;
  std::uint64_t start_time = 0;  // clock ticks since boot
  std::uint64_t allocated = 0;   // bytes since the thread began
  std::uint64_t deallocated = 0;
  bool unused = false;  // it has not yet used the library, and has no block of it
  bool ended = false;   // it came to its end while it was looked at
  std::string error;

  [[nodiscard]] bool has_figures() const { return !unused && !ended && error.empty(); }
};

/// Every thread that was there at the beginning, in ascending order, one stopped at a time. Both figures of a
/// thread are of one moment.
std::vector<ThreadReading> ReadThreads(pid_t pid, const CounterMap& map);

}  // namespace ktstr::jemalloc
