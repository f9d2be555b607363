// The measurements of the thread it is used on, from the running kernel.
#pragma once

#include <string>
#include <string_view>

#include "workloads/worker/telemetry.h"

namespace ktstr {

/// What cannot be read is 0 or empty.
class SystemProbe : public WorkerProbe {
 public:
  std::uint64_t NowNs() override;
  std::uint64_t ThreadCpuNs() override;
  std::uint32_t CurrentCpu() override;
  std::vector<NodePages> ReadNumaPages(const void* region) override;
  std::uint64_t ReadNumaPagesMigrated() override;
};

// The parsers, apart from the files so that tests can feed them.
/// The three numbers of /proc/PID/schedstat; nullopt when there are not three.
std::optional<Schedstat> ParseSchedstat(std::string_view text);
/// Adds up the `N<node>=<pages>` of all lines of a numa_maps file; ascending by node.
std::vector<NodePages> ParseNumaMaps(std::string_view text);
/// The line of a numa_maps file about the mapping that begins at `address`; empty when there is none.
std::string_view NumaMapsLine(std::string_view text, std::uint64_t address);
/// The value behind `name` in /proc/vmstat; 0 when there is none.
std::uint64_t ParseVmstat(std::string_view text, std::string_view name);

}  // namespace ktstr
