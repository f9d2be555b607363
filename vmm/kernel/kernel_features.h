// What a kernel can do, told from its build configuration: what scenarios may ask for in `kernel:
// {features}`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

/// A kernel has a feature when all its options are built in (kernel_features.cpp lists them). By number: the
/// name of a feature is in kKernelFeatures[feature].
enum class KernelFeature : std::uint8_t {
  kSchedExt,  // in cgroups too: EXT_GROUP_SCHED
  kBtf,
  kBpf,  // with the JIT compiler
  kKprobes,
  kPsi,
  kSchedstats,
  kDelayacct,
  kCpuset,
  kMemcg,
  kCfsBandwidth,
  kUclamp,  // of cgroups too: UCLAMP_TASK_GROUP
  kCoreSched,
  kNuma,
  kVirtioBlk,  // on PCI
  kVirtioNet,  // on PCI, with sockets for raw frames
};
inline constexpr EnumValue kKernelFeatures[] = {
    {"sched_ext", 0, "Schedulers loaded as BPF programs, in cgroups too."},
    {"btf", 1, "The kernel's own type information."},
    {"bpf", 2, "BPF programs, compiled to machine code."},
    {"kprobes", 3, "BPF programs at nearly every kernel function."},
    {"psi", 4, "Pressure stall information: cpu.pressure and its kin."},
    {"schedstats", 5, "The scheduler's counters per CPU and task."},
    {"delayacct", 6, "How long each task waited for the CPU, memory and I/O."},
    {"cpuset", 7, "The cgroup controller cpuset."},
    {"memcg", 8, "The cgroup controller memory."},
    {"cfs_bandwidth", 9, "cpu.max: quotas of the cgroup controller cpu."},
    {"uclamp", 10, "Utilisation clamps of tasks and cgroups."},
    {"core_sched", 11, "Core scheduling: SMT siblings run only tasks that trust each other."},
    {"numa", 12, "More than one memory node."},
    {"virtio_blk", 13,
     "A disk, for workers that write to storage. Debian's cloud kernel has its driver as a module only, and "
     "the guest loads none."},
    {"virtio_net", 14,
     "Network cards, for workers that send frames to each other. Debian's cloud kernel has their driver as a "
     "module only, and the guest loads none."},
};
constexpr EnumDecl DescribeEnum(KernelFeature) {
  return {"KernelFeature", kKernelFeatures, nullptr, nullptr};
}

/// As it is written in a scenario: "sched_ext".
std::string_view FeatureName(KernelFeature feature);

/// Whether `config`, the text of a .config, has `option` (with CONFIG_) built in: `=y`. A module does not
/// count, for the guest loads none. Pure.
bool IsBuiltIn(std::string_view config, std::string_view option);

/// The features a .config has, in the order of the enum. Pure.
std::vector<KernelFeature> FeaturesIn(std::string_view config);

/// The configuration a kernel was built with: the file beside the image, else the copy that CONFIG_IKCONFIG
/// puts into the image. Nothing when there is neither or the image is packed in a way not known here (gzip
/// and LZ4 are).
std::optional<std::string> ConfigOf(const Kernel& kernel);

/// Why `kernel` does not have all of `wanted`; empty when it does. E.g.
/// "needs sched_ext, psi, which kernel 6.12.1 does not have" (only those it lacks), or
/// "cannot tell whether kernel 6.12.1 has sched_ext: no config beside the image".
std::string MissingFeatures(const Kernel& kernel, std::span<const KernelFeature> wanted);

}  // namespace ktstr::vmm
