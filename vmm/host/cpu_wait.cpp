#include "vmm/host/cpu_wait.h"

#include <fstream>

#include "vmm/host/directory_entries.h"

namespace ktstr::vmm {

CpuWaitMeter::CpuWaitMeter(pid_t pid, const std::filesystem::path& proc)
    : tasks_(proc / std::to_string(pid) / "task"), begin_(Read()) {}

CpuWaitMeter::Threads CpuWaitMeter::Read() const {
  Threads threads;
  for (const std::filesystem::directory_entry& task : DirectoryEntries(tasks_)) {
    std::ifstream file(task.path() / "schedstat");  // "run_ns wait_ns timeslices"
    CpuTimes times;
    if (file >> times.run_ns >> times.wait_ns) threads[task.path().filename().string()] = times;
  }
  return threads;
}

std::optional<CpuTimes> CpuWaitMeter::SoFar() const {
  const Threads now = Read();
  if (now.empty() || begin_.empty()) return std::nullopt;
  CpuTimes sum;
  for (const auto& [thread, times] : now) {
    const auto before = begin_.find(thread);
    const CpuTimes start = before == begin_.end() ? CpuTimes{} : before->second;
    sum.run_ns += times.run_ns - start.run_ns;
    sum.wait_ns += times.wait_ns - start.wait_ns;
  }
  return sum;
}

}  // namespace ktstr::vmm
