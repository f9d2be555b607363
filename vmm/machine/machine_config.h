// Everything that decides what machine QEMU builds. Plain data; each default is written here only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vmm/machine/topology.h"

namespace ktstr::vmm {

enum class Accel {
  kTcg,  // QEMU translates the guest's code: works everywhere
  kKvm,  // the host's processor runs it
};

enum class Clock {
  kWall,     // guest time is host time
  kVirtual,  // guest time is the number of instructions executed; idle time is skipped
};

struct MachineConfig {
  /// A name looked up on PATH, or a path.
  std::string qemu = "qemu-system-x86_64";
  /// A bzImage or PVH vmlinux. Empty: no kernel, the firmware finds nothing to boot.
  std::filesystem::path kernel;
  /// A (compressed) newc archive with /init. Empty: none. Needs a kernel.
  std::filesystem::path initrd;

  Topology topology;
  /// Guest RAM in MiB, spread evenly over the NUMA nodes (what is left over goes to the last).
  std::uint32_t memory_mib = 512;
  /// The size of a throw-away disk in MiB (throwaway_disk.h), at most kMaxDiskMib; 0: the machine has none.
  std::uint32_t disk_mib = 0;
  /// Where the file behind it is made; empty: the system's directory for temporary files. It decides how
  /// durable the disk is, but not what the guest sees: no part of a template's name.
  std::filesystem::path disk_directory;

  /// Two network cards (kNicAddresses) on a wire between them, which leads neither to the host nor elsewhere.
  bool nics = false;

  Accel accel = Accel::kTcg;
  Clock clock = Clock::kWall;
  /// With the virtual clock one guest instruction takes 2^icount_shift nanoseconds: 6 is a processor of 16
  /// million instructions per second. A larger value makes holds cheaper and gets less work done in them;
  /// measured in VIRTUAL-CLOCK.md.
  std::uint32_t icount_shift = 6;

  /// What the guest is told of how fast its time-stamp counter counts, in kHz; 0: it measures by itself.
  /// Without a value HostTscKhz(). Only with TCG and the wall clock, where it sees the host's counter. One
  /// that measures on a busy host is easily wrong by a factor of ten, and so are then all its clocks.
  std::optional<std::uint32_t> tsc_khz;

  /// A clone goes on as soon as it has loaded. Otherwise, and when it boots, it waits for Machine::Resume().
  bool autostart = false;

  /// Put after our own kernel parameters, so it overrides them.
  std::string extra_cmdline;
  /// Fixes the randomness QEMU hands to the guest (RDRAND, the boot seed). None: taken from the host.
  std::optional<std::uint64_t> rng_seed;
};

/// Descriptors open in the QEMU process: its byte streams and its files.
struct MachineFds {
  int qmp = -1;          // control
  int console = -1;      // the guest's ttyS0: kernel messages
  int crash = -1;        // the guest's ttyS1: the last words of PID 1
  int channel = -1;      // the virtio-serial port kChannelPortName (wire/messages.h)
  int gdb = -1;          // the debugger's stub, which is attached to it on demand; -1: none
  std::vector<int> ram;  // guest memory, a file per NUMA node
  int state = -1;        // what a clone continues from; -1: the machine boots
  int disk = -1;         // what is behind the disk, when the configuration asks for one
};

}  // namespace ktstr::vmm
