#include "interpreter/cli/run_jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/machine/memory_budget.h"

namespace ktstr {

Jobs ChooseJobs(std::optional<std::uint32_t> asked, const JobsNeed& need, const vmm::HostCapacity& host) {
  const std::size_t runs = std::max<std::size_t>(need.runs, 1);
  const std::uint64_t by_memory = vmm::MemoryBudget(host.memory_mib).Room(need.memory_mib);
  Jobs jobs;
  if (asked) {
    jobs.count = std::min<std::size_t>(*asked, runs);
    jobs.reason = "as asked for";
  } else {
    const bool kvm = need.accel == vmm::Accel::kKvm;
    const double per_machine = kvm ? std::max(need.vcpus, 1U) : 1;
    const auto by_cpu = static_cast<std::size_t>(std::max(host.cpus / per_machine, 1.0));
    jobs.count = std::min({by_cpu, static_cast<std::size_t>(std::max<std::uint64_t>(by_memory, 1)), runs});
    const std::string per = kvm ? fmt::format("{} per KVM machine", need.vcpus) : "one per TCG machine";
    jobs.reason = fmt::format("{:.3g} CPU{}, {}", host.cpus, host.cpus == 1 ? "" : "s", per);
  }
  const bool short_of_memory = by_memory < jobs.count;
  jobs.reason += fmt::format("; memory for {}{}", by_memory, short_of_memory ? " of the largest" : "");
  if (jobs.count == need.runs) jobs.reason += fmt::format("; {} to run", need.runs);
  if (short_of_memory) jobs.reason += ", so fewer may run at a time";
  return jobs;
}

}  // namespace ktstr
