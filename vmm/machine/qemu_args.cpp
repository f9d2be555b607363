#include "vmm/machine/qemu_args.h"

#include <fmt/format.h>

#include "guest-init/wire/messages.h"
#include "vmm/host/host_tsc.h"
#include "vmm/machine/guest_ram.h"
#include "vmm/machine/throwaway_disk.h"

namespace ktstr::vmm {
namespace {

using Args = std::vector<std::string>;

void AddMachine(const MachineConfig& config, Args& args) {
  // Devices a test guest never uses cost boot time under TCG. The keyboard controller stays: Linux resets
  // the machine through it (reboot=k).
  std::string machine = "q35,hpet=off,sata=off,smbus=off,vmport=off,dump-guest-core=off";
  if (config.topology.numa_nodes == 1) machine += ",memory-backend=ram0";
  args.insert(args.end(), {"-machine", machine});
  if (config.accel == Accel::kKvm) {
    args.insert(args.end(), {"-accel", "kvm", "-cpu", "host,la57=off,l3-cache=on"});
  } else {
    // One thread per vCPU would use more of the host, but in QEMU 7.2 a vCPU may translate code while another
    // rewrites it: a kernel that flips a static key under load (a cgroup switched on, sched_ext attached)
    // then hits a stale breakpoint and panics with "Oops: int3". One thread for all has no such race, boots
    // as fast and gave vCPUs shorter gaps. The vendor makes Linux read die ids and SMT siblings from the
    // leaves QEMU fills; without la57 early boot skips a trip through real mode.
    args.insert(args.end(), {"-accel", "tcg,thread=single", "-cpu", "max,la57=off,vendor=GenuineIntel"});
  }
}

void AddTopology(const MachineConfig& config, const MachineFds& fds, Args& args) {
  const Topology& t = config.topology;
  args.insert(args.end(),
              {"-smp", fmt::format("{},sockets={},dies={},cores={},threads={}", CpuCount(t), t.numa_nodes,
                                   t.llcs / t.numa_nodes, t.cores_per_llc, t.threads_per_core)});
  args.insert(args.end(), {"-m", fmt::format("{}M", config.memory_mib)});
  for (std::uint32_t node = 0; node < t.numa_nodes; ++node) {
    // A clone maps its template's pages and keeps what it writes to itself.
    args.insert(args.end(),
                {"-object",
                 fmt::format("memory-backend-file,id=ram{},size={}M,mem-path=/proc/self/fd/{},share={}", node,
                             NodeMib(config, node), fds.ram.at(node), fds.state >= 0 ? "off" : "on")});
    if (t.numa_nodes == 1) continue;
    args.insert(args.end(), {"-numa", fmt::format("node,nodeid={},memdev=ram{},cpus={}", node, node,
                                                  FormatCpus(CpusOfNode(t, node)))});
  }
}

void AddClock(const MachineConfig& config, Args& args) {
  if (config.clock == Clock::kVirtual) {
    // The date is fixed too, or every run would start at another one.
    args.insert(args.end(), {"-icount", fmt::format("shift={},sleep=off", config.icount_shift), "-rtc",
                             "base=2025-01-01T00:00:00,clock=vm"});
    // By it the guest pauses itself where the host is to look at it (PauseMachine in wire/messages.h).
    args.insert(args.end(), {"-device", "pvpanic-pci", "-action", "panic=pause"});
  }
  if (config.rng_seed.has_value()) args.insert(args.end(), {"-seed", std::to_string(*config.rng_seed)});
}

void AddDisk(const MachineConfig& config, const MachineFds& fds, Args& args) {
  if (config.disk_mib == 0) return;
  // cache.direct=off: writes go through the host's page cache, for O_DIRECT is not to be had on every file
  // system. cache.no-flush=off and write-cache=on: the guest knows of the cache, so its fdatasync sends a
  // flush, and QEMU answers that after fdatasync(2) of the file. locking=off: the file has no name, so nobody
  // else can open it.
  args.insert(args.end(), {"-blockdev", fmt::format("driver=file,node-name=disk0,filename=/proc/self/fd/{},"
                                                    "aio=threads,locking=off,cache.direct=off,"
                                                    "cache.no-flush=off,discard=unmap",
                                                    fds.disk)});
  // A host whose file system is full would otherwise pause the machine: the guest gets the error instead.
  args.insert(args.end(), {"-device", fmt::format("virtio-blk-pci,drive=disk0,serial={},write-cache=on,"
                                                  "werror=report,rerror=report",
                                                  kDiskSerial)});
}

/// Both ends of a hub inside QEMU, with nothing else on it: no socket, no interface of the host. A frame that
/// goes into one card comes out of the other.
void AddNics(const MachineConfig& config, Args& args) {
  if (!config.nics) return;
  int end = 0;
  for (const char* address : kNicAddresses) {
    args.insert(args.end(), {"-netdev", fmt::format("hubport,id=wire{},hubid=0", end)});
    // Without a ROM to boot from, and without an announcement of a clone, which would be frames of nobody.
    args.insert(args.end(), {"-device", fmt::format("virtio-net-pci,netdev=wire{},mac={},romfile=,"
                                                    "guest_announce=off",
                                                    end, address)});
    ++end;
  }
}

void AddStreams(const MachineConfig& config, const MachineFds& fds, Args& args) {
  const auto chardev = [&](const char* id, int fd) {
    args.insert(args.end(), {"-chardev", fmt::format("socket,id={},fd={}", id, fd)});
  };
  chardev("qmp", fds.qmp);
  args.insert(args.end(), {"-mon", "chardev=qmp,mode=control"});
  chardev("console", fds.console);
  args.insert(args.end(), {"-device", "isa-serial,chardev=console"});
  chardev("crash", fds.crash);
  args.insert(args.end(), {"-device", "isa-serial,chardev=crash"});
  chardev("channel", fds.channel);
  // Port 0 is reserved for a console, so one named port needs room for two.
  std::string serial = "virtio-serial-pci,max_ports=2";
  // By an ioeventfd QEMU's main loop would take what the guest writes, at a moment of the host's time;
  // without one the CPU that writes does it itself, at that instruction.
  if (config.clock == Clock::kVirtual) serial += ",ioeventfd=off";
  args.insert(args.end(), {"-device", serial, "-device",
                           fmt::format("virtserialport,chardev=channel,name={}", kChannelPortName)});
  if (fds.gdb >= 0) chardev("gdb", fds.gdb);
}

}  // namespace

Result<> ValidateMachineConfig(const MachineConfig& config) {
  const auto wrong = [](std::string why) { return Error{ErrorKind::kInput, std::move(why)}; };
  TRY(ValidateTopology(config.topology));
  TRY(CheckApicIds(config.topology));
  if (config.memory_mib / config.topology.numa_nodes < kMinNodeMib) {
    return wrong(fmt::format("{} MiB of memory are too few for {} NUMA nodes, each needs {} MiB",
                             config.memory_mib, config.topology.numa_nodes, kMinNodeMib));
  }
  if (config.clock == Clock::kVirtual && config.accel != Accel::kTcg) {
    return wrong("the virtual clock needs the accelerator tcg");
  }
  if (config.disk_mib > kMaxDiskMib) {
    return wrong(
        fmt::format("a disk of {} MiB is too large, the limit is {} MiB", config.disk_mib, kMaxDiskMib));
  }
  // When the host has carried out a write is a moment of the host's time, which no run repeats.
  if (config.disk_mib > 0 && config.clock == Clock::kVirtual) {
    return wrong("a machine with a disk needs the wall clock");
  }
  if (config.nics && config.clock == Clock::kVirtual) {
    return wrong("a machine with network cards needs the wall clock");
  }
  if (config.icount_shift > 10) return wrong("the virtual clock's shift must be between 0 and 10");
  if (config.kernel.empty() && !config.initrd.empty()) return wrong("an initrd needs a kernel");
  if (config.extra_cmdline.find('\n') != std::string::npos ||
      config.extra_cmdline.find('\0') != std::string::npos) {
    return wrong("the kernel command line must be one line");
  }
  const std::size_t length = BuildKernelCmdline(config).size();
  if (length > kMaxCmdline) {
    return wrong(fmt::format("the kernel command line has {} bytes, Linux reads {}", length, kMaxCmdline));
  }
  return {};
}

std::string BuildKernelCmdline(const MachineConfig& config) {
  std::string line =
      // Errors and worse reach the console, from the first instruction on; a panic raises the level by
      // itself.
      "console=ttyS0 earlyprintk=ttyS0 loglevel=4 edd=off "
      // A fault in the kernel ends the run at once: with -no-reboot the reset ends QEMU.
      "panic=-1 oops=panic reboot=k "
      "mitigations=off random.trust_cpu=on cryptomgr.notests no_timer_check tsc=reliable "
      // Page migration in the background would disturb what scheduler tests measure.
      "numa_balancing=disable "
      // delayacct creates the accounting, the sysctl switches it on.
      "delayacct sysctl.kernel.task_delayacct=1 sysctl.kernel.sched_schedstats=1 "
      // Run times of BPF programs, for snapshots.
      "sysctl.kernel.bpf_stats_enabled=1 "
      "rdinit=/init";
  const bool sees_host_tsc = config.accel == Accel::kTcg && config.clock == Clock::kWall;
  const std::uint32_t tsc_khz = sees_host_tsc ? config.tsc_khz.value_or(HostTscKhz()) : 0;
  if (tsc_khz != 0) line += fmt::format(" tsc_early_khz={}", tsc_khz);
  if (!config.extra_cmdline.empty()) line += " " + config.extra_cmdline;
  return line;
}

std::vector<std::string> BuildQemuArgs(const MachineConfig& config, const MachineFds& fds) {
  Args args = {"-name", "ktstr,debug-threads=on", "-nodefaults", "-no-user-config", "-display", "none",
               "-no-reboot",
               // QEMU may neither start programs nor raise its rights, whatever the guest does to it.
               "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"};
  if (!config.autostart) args.push_back("-S");
  AddMachine(config, args);
  AddTopology(config, fds, args);
  AddClock(config, args);
  AddStreams(config, fds, args);
  AddDisk(config, fds, args);
  AddNics(config, args);
  if (fds.state >= 0) {
    args.insert(args.end(), {"-incoming", "defer"});
  } else if (!config.kernel.empty()) {
    args.insert(args.end(), {"-kernel", config.kernel.string(), "-append", BuildKernelCmdline(config)});
    if (!config.initrd.empty()) args.insert(args.end(), {"-initrd", config.initrd.string()});
  }
  return args;
}

}  // namespace ktstr::vmm
