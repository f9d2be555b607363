// How many scenarios run at a time when nobody says so, and why. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "vmm/host/host_capacity.h"
#include "vmm/machine/accel.h"

namespace ktstr {

/// What is to be run.
struct JobsNeed {
  std::size_t runs = 0;  // that need a machine
  vmm::Accel accel = vmm::Accel::kTcg;
  std::uint32_t vcpus = 1;       // of the largest machine
  std::uint32_t memory_mib = 0;  // of the guest with most
};

struct Jobs {
  std::size_t count = 1;
  std::string reason;  // "2 CPUs, one per TCG machine; memory for 40"
};

/// As many machines as keep the CPUs busy without taking turns: under TCG one thread does the work of all
/// virtual CPUs of a machine, under KVM each has a thread. No more than memory holds, nor than there are
/// runs. `asked` (-j) wins over CPUs and memory: memory is then seen to run by run.
Jobs ChooseJobs(std::optional<std::uint32_t> asked, const JobsNeed& need, const vmm::HostCapacity& host);

}  // namespace ktstr
