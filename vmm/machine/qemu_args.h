// From a machine's description to QEMU's command line.
#pragma once

#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/machine/machine_config.h"

namespace ktstr::vmm {

/// The smallest share of memory a NUMA node may get; below it, Linux does not come up.
inline constexpr std::uint32_t kMinNodeMib = 64;
/// x86 Linux reads no more bytes of its command line than this.
inline constexpr std::size_t kMaxCmdline = 2047;

/// What QEMU or Linux would refuse or silently cut. Error (kInput) with the reason, e.g.
/// "the virtual clock needs the accelerator tcg".
Result<> ValidateMachineConfig(const MachineConfig& config);

/// The guest kernel's command line. Depends on nothing but `config`, and on HostTscKhz() where that asks for
/// it.
std::string BuildKernelCmdline(const MachineConfig& config);

/// QEMU's arguments without argv[0]: a machine that starts paused, with nothing on it that is not named here.
/// REQUIRES: ValidateMachineConfig(config).ok().
std::vector<std::string> BuildQemuArgs(const MachineConfig& config, const MachineFds& fds);

}  // namespace ktstr::vmm
