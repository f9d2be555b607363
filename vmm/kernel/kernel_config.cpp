#include "vmm/kernel/kernel_config.h"

#include <fmt/format.h>

#include <cstdint>

#include "vmm/kernel/kernel_features.h"

extern "C" {
extern const char ktstr_kernel_fragment_begin[];  // NOLINT: defined by kernel_config_text.S
extern const std::uint64_t ktstr_kernel_fragment_size;
}

namespace ktstr::vmm {
namespace {

// In the order of asking: what the others depend on comes first.
constexpr RequiredOption kRequired[] = {
    {"CONFIG_64BIT", "guests are x86-64; does the fragment ask for 32 bits?"},
    {"CONFIG_SMP", "guests have several CPUs"},
    {"CONFIG_NUMA", "topologies have several memory nodes; needs CONFIG_SMP"},
    {"CONFIG_BLK_DEV_INITRD", "the guest's programs come as an initramfs"},
    {"CONFIG_RD_LZ4", "the initramfs is packed with LZ4; needs CONFIG_BLK_DEV_INITRD"},
    {"CONFIG_BINFMT_ELF", "without it nothing runs in the guest"},
    {"CONFIG_DEVTMPFS", "guest-init finds the host's channel in /dev"},
    {"CONFIG_TMPFS", "guest-init mounts one on /tmp"},
    {"CONFIG_PROC_FS", "guest-init reads /proc"},
    {"CONFIG_SYSFS", "guest-init reads /sys"},
    {"CONFIG_SERIAL_8250_CONSOLE",
     "the console, where a panic is read; needs CONFIG_TTY and CONFIG_SERIAL_8250"},
    {"CONFIG_PCI", "the channel to the host is a PCI device"},
    {"CONFIG_VIRTIO_PCI",
     "the channel to the host is a virtio device; needs CONFIG_PCI and CONFIG_VIRTIO_MENU"},
    {"CONFIG_VIRTIO_CONSOLE", "the channel to the host is a virtio port; needs CONFIG_TTY"},
    {"CONFIG_HIGH_RES_TIMERS", "latencies are measured in microseconds"},
    {"CONFIG_CGROUPS", "scenarios are made of cgroups"},
    {"CONFIG_CGROUP_SCHED", "the cgroup controller cpu"},
    {"CONFIG_FAIR_GROUP_SCHED", "cpu.weight; needs CONFIG_CGROUP_SCHED"},
    {"CONFIG_CFS_BANDWIDTH", "cpu.max; needs CONFIG_FAIR_GROUP_SCHED"},
    {"CONFIG_CPUSETS", "the cgroup controller cpuset; needs CONFIG_SMP"},
    {"CONFIG_MEMCG", "the cgroup controller memory"},
    {"CONFIG_CGROUP_PIDS", "the cgroup controller pids"},
    {"CONFIG_SCHEDSTATS", "run delays and wakeups of workers; needs CONFIG_PROC_FS"},
    {"CONFIG_TASK_DELAY_ACCT", "how long tasks waited; needs CONFIG_TASKSTATS and CONFIG_MULTIUSER"},
    {"CONFIG_KALLSYMS_ALL", "the kernel's variables by name; needs CONFIG_DEBUG_KERNEL and CONFIG_KALLSYMS"},
    {"CONFIG_IKCONFIG", "the image tells what it can do"},
    {"CONFIG_BPF_SYSCALL", "sched_ext schedulers are BPF programs"},
    {"CONFIG_BPF_JIT", "sched_ext needs compiled BPF programs; needs CONFIG_BPF_SYSCALL"},
    {"CONFIG_DEBUG_INFO_BTF",
     "types for BPF programs and for reading kernel memory; needs pahole 1.22 or later, CONFIG_BPF_SYSCALL "
     "and "
     "debug info that is neither reduced nor split"},
    {"CONFIG_SCHED_CLASS_EXT",
     "sched_ext; needs Linux 6.12 or later, CONFIG_BPF_SYSCALL, CONFIG_BPF_JIT and CONFIG_DEBUG_INFO_BTF"},
    {"CONFIG_EXT_GROUP_SCHED", "sched_ext in cgroups; needs CONFIG_SCHED_CLASS_EXT and CONFIG_CGROUP_SCHED"},
};

}  // namespace

std::string_view KernelFragment() {
  return {ktstr_kernel_fragment_begin, static_cast<std::size_t>(ktstr_kernel_fragment_size)};
}

std::string MergedFragment(std::string_view users, std::string_view local_version) {
  return fmt::format("{}\n{}\nCONFIG_LOCALVERSION=\"{}\"\n# CONFIG_LOCALVERSION_AUTO is not set\n",
                     KernelFragment(), users, local_version);
}

std::span<const RequiredOption> RequiredOptions() { return kRequired; }

std::vector<RequiredOption> LackingOptions(std::string_view config) {
  std::vector<RequiredOption> lacking;
  for (const RequiredOption& option : kRequired)
    if (!IsBuiltIn(config, option.name)) lacking.push_back(option);
  return lacking;
}

std::string LackingText(std::span<const RequiredOption> lacking) {
  std::string text = fmt::format("the configuration lacks {} required option{}", lacking.size(),
                                 lacking.size() == 1 ? "" : "s");
  for (const RequiredOption& option : lacking) text += fmt::format("\n  {}: {}", option.name, option.hint);
  return text;
}

}  // namespace ktstr::vmm
