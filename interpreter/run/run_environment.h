// What a run needs of the host.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "vmm/kernel/kernels.h"
#include "vmm/machine/accel.h"

namespace ktstr {

namespace vmm {
class MachinePool;  // vmm/template/machine_pool.h
}
class ObserverCache;    // guest_observer.h
struct VariantNumbers;  // interpreter/scenario/checks/variant_numbers.h

/// What a run needs of the host; the same for all scenarios of one invocation.
struct RunEnvironment {
  vmm::Kernel kernel;
  vmm::Accel accel = vmm::Accel::kTcg;
  std::string qemu = "qemu-system-x86_64";
  std::filesystem::path scratch;     // a private directory; exists
  int cancel_fd = -1;                // readable once SIGINT or SIGTERM came
  vmm::MachinePool* pool = nullptr;  // of the thread that runs; not null
  bool host_files = false;           // payloads may be files outside the scenario's directory
  bool clone = true;                 // false: boot each machine
  /// Called once the machine of the run is under way: the time to make the next one ready. May be empty.
  std::function<void()> after_take = {};
  ObserverCache* observers = nullptr;             // shared by all threads; not null
  std::span<const VariantNumbers> compared = {};  // of the variants that the run is compared with
  bool fixed_entropy = false;  // the guest's randomness comes from the scenario's seed on any clock
};

}  // namespace ktstr
