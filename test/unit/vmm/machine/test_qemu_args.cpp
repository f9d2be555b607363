#include <fmt/ranges.h>

#include <catch2/catch.hpp>

#include "vmm/host/host_tsc.h"
#include "vmm/machine/qemu_args.h"

namespace ktstr::vmm {
namespace {

std::string Line(const MachineConfig& config, int state = -1) {
  const MachineFds fds{10, 11, 12, 13, 14, {20, 21}, state};
  return fmt::format("{}", fmt::join(BuildQemuArgs(config, fds), " "));
}

constexpr char kHead[] =
    "-name ktstr,debug-threads=on -nodefaults -no-user-config -display none -no-reboot "
    "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny -S ";
constexpr char kStreams[] =
    "-chardev socket,id=qmp,fd=10 -mon chardev=qmp,mode=control "
    "-chardev socket,id=console,fd=11 -device isa-serial,chardev=console "
    "-chardev socket,id=crash,fd=12 -device isa-serial,chardev=crash "
    "-chardev socket,id=channel,fd=13 -device virtio-serial-pci,max_ports=2 "
    "-device virtserialport,chardev=channel,name=ktstr.channel.0 -chardev socket,id=gdb,fd=14";
constexpr char kCmdline[] =
    "console=ttyS0 earlyprintk=ttyS0 loglevel=4 edd=off panic=-1 oops=panic reboot=k mitigations=off "
    "random.trust_cpu=on cryptomgr.notests no_timer_check tsc=reliable numa_balancing=disable delayacct "
    "sysctl.kernel.task_delayacct=1 sysctl.kernel.sched_schedstats=1 sysctl.kernel.bpf_stats_enabled=1 "
    "rdinit=/init";

std::string Why(const MachineConfig& config) {
  const Result<> r = ValidateMachineConfig(config);
  return r.ok() ? "valid" : r.error().message;
}

TEST_CASE("the default machine with a kernel") {
  MachineConfig config;
  config.kernel = "/k/bzImage";
  config.initrd = "/k/initrd";
  config.tsc_khz = 2'595'000;
  CHECK(Line(config) ==
        std::string(kHead) +
            "-machine q35,hpet=off,sata=off,smbus=off,vmport=off,dump-guest-core=off,memory-backend=ram0 "
            "-accel tcg,thread=single -cpu max,la57=off,vendor=GenuineIntel "
            "-smp 2,sockets=1,dies=1,cores=2,threads=1 -m 512M "
            "-object memory-backend-file,id=ram0,size=512M,mem-path=/proc/self/fd/20,share=on " +
            kStreams + " -kernel /k/bzImage -append " + kCmdline +
            " tsc_early_khz=2595000 -initrd /k/initrd");
}

TEST_CASE("a guest that sees the host's time-stamp counter is told its speed") {
  MachineConfig config;
  const std::string cmdline = kCmdline;
  const std::string host = HostTscKhz() == 0 ? "" : " tsc_early_khz=" + std::to_string(HostTscKhz());
  CHECK(BuildKernelCmdline(config) == cmdline + host);
  config.tsc_khz = 0;
  CHECK(BuildKernelCmdline(config) == cmdline);
  config.tsc_khz = 2'595'000;
  config.extra_cmdline = "quiet";
  CHECK(BuildKernelCmdline(config) == cmdline + " tsc_early_khz=2595000 quiet");
  config.clock = Clock::kVirtual;  // its counter counts instructions
  CHECK(BuildKernelCmdline(config) == cmdline + " quiet");
  config.clock = Clock::kWall;
  config.accel = Accel::kKvm;
  CHECK(BuildKernelCmdline(config) == cmdline + " quiet");
}

TEST_CASE("a clone keeps what it writes to itself and needs no kernel") {
  MachineConfig config;
  config.kernel = "/k/bzImage";
  CHECK(Line(config, 30) ==
        std::string(kHead) +
            "-machine q35,hpet=off,sata=off,smbus=off,vmport=off,dump-guest-core=off,memory-backend=ram0 "
            "-accel tcg,thread=single -cpu max,la57=off,vendor=GenuineIntel "
            "-smp 2,sockets=1,dies=1,cores=2,threads=1 -m 512M "
            "-object memory-backend-file,id=ram0,size=512M,mem-path=/proc/self/fd/20,share=off " +
            kStreams + " -incoming defer");
  config.autostart = true;
  CHECK(Line(config, 30).find(" -S ") == std::string::npos);
}

TEST_CASE("a disk is a file that the guest's flushes reach, and a clone has its own") {
  MachineConfig config;
  config.disk_mib = 64;
  config.disk_directory = "/scratch";
  for (const int state : {-1, 30}) {
    const MachineFds fds{10, 11, 12, 13, 14, {20}, state, 40};
    CHECK_THAT(fmt::format("{}", fmt::join(BuildQemuArgs(config, fds), " ")),
               Catch::Contains(std::string(kStreams) +
                               " -blockdev driver=file,node-name=disk0,filename=/proc/self/fd/40,aio=threads,"
                               "locking=off,cache.direct=off,cache.no-flush=off,discard=unmap "
                               "-device virtio-blk-pci,drive=disk0,serial=ktstr-disk,write-cache=on,"
                               "werror=report,rerror=report"));
  }
  config.disk_mib = 0;
  CHECK_THAT(Line(config), !Catch::Contains("disk") && !Catch::Contains("blk"));
}

TEST_CASE("network cards are two ends of a hub that has no other") {
  MachineConfig config;
  config.nics = true;
  for (const int state : {-1, 30})
    CHECK_THAT(Line(config, state),
               Catch::Contains(std::string(kStreams) +
                               " -netdev hubport,id=wire0,hubid=0 -device virtio-net-pci,netdev=wire0,"
                               "mac=02:6b:74:73:74:01,romfile=,guest_announce=off"
                               " -netdev hubport,id=wire1,hubid=0 -device virtio-net-pci,netdev=wire1,"
                               "mac=02:6b:74:73:74:02,romfile=,guest_announce=off"));
  config.nics = false;
  CHECK_THAT(Line(config), !Catch::Contains("net"));
}

TEST_CASE("two NUMA nodes on KVM, memory that does not divide evenly") {
  MachineConfig config;
  config.kernel = "/k/bzImage";
  config.topology = {2, 4, 3, 2};
  config.memory_mib = 1025;
  config.accel = Accel::kKvm;
  config.extra_cmdline = "nokaslr loglevel=7";
  CHECK(Line(config) ==
        std::string(kHead) +
            "-machine q35,hpet=off,sata=off,smbus=off,vmport=off,dump-guest-core=off "
            "-accel kvm -cpu host,la57=off,l3-cache=on "
            "-smp 24,sockets=2,dies=2,cores=3,threads=2 -m 1025M "
            "-object memory-backend-file,id=ram0,size=512M,mem-path=/proc/self/fd/20,share=on "
            "-numa node,nodeid=0,memdev=ram0,cpus=0-11 "
            "-object memory-backend-file,id=ram1,size=513M,mem-path=/proc/self/fd/21,share=on "
            "-numa node,nodeid=1,memdev=ram1,cpus=12-23 " +
            kStreams + " -kernel /k/bzImage -append " + kCmdline + " nokaslr loglevel=7");
}

TEST_CASE("the virtual clock with a fixed seed, no kernel, one CPU per node") {
  MachineConfig config;
  config.topology = {2, 2, 1, 1};
  config.memory_mib = 256;
  config.clock = Clock::kVirtual;
  config.icount_shift = 6;
  config.rng_seed = 18446744073709551615ULL;
  // The device of the channel does without QEMU's main loop then.
  std::string streams = kStreams;
  const std::string ports = "max_ports=2";
  streams.insert(streams.find(ports) + ports.size(), ",ioeventfd=off");
  CHECK(Line(config) ==
        std::string(kHead) +
            "-machine q35,hpet=off,sata=off,smbus=off,vmport=off,dump-guest-core=off "
            "-accel tcg,thread=single -cpu max,la57=off,vendor=GenuineIntel "
            "-smp 2,sockets=2,dies=1,cores=1,threads=1 -m 256M "
            "-object memory-backend-file,id=ram0,size=128M,mem-path=/proc/self/fd/20,share=on "
            "-numa node,nodeid=0,memdev=ram0,cpus=0 "
            "-object memory-backend-file,id=ram1,size=128M,mem-path=/proc/self/fd/21,share=on "
            "-numa node,nodeid=1,memdev=ram1,cpus=1 "
            "-icount shift=6,sleep=off -rtc base=2025-01-01T00:00:00,clock=vm "
            "-device pvpanic-pci -action panic=pause "
            "-seed 18446744073709551615 " +
            streams);
}

TEST_CASE("machines that QEMU would refuse or Linux would misread are refused with the reason") {
  MachineConfig config;
  CHECK(Why(config) == "valid");

  config.topology = {2, 3, 1, 1};
  CHECK(Why(config) == "topology 2n3l1c1t: 3 LLCs cannot be spread evenly over 2 NUMA nodes");
  config.topology = {1, 3, 65, 1};  // an LLC takes 128 APIC ids: 2 * 128 + 64
  CHECK(Why(config) ==
        "topology 1n3l65c1t needs APIC ids up to 320 and QEMU's end at 254; the nearest preset that fits is "
        "128cpu-4llc-nosmt");

  config = {};
  config.topology = {4, 4, 1, 1};
  config.memory_mib = 255;
  CHECK(Why(config) == "255 MiB of memory are too few for 4 NUMA nodes, each needs 64 MiB");

  config = {};
  config.clock = Clock::kVirtual;
  config.accel = Accel::kKvm;
  CHECK(Why(config) == "the virtual clock needs the accelerator tcg");

  config = {};
  config.disk_mib = 65537;
  CHECK(Why(config) == "a disk of 65537 MiB is too large, the limit is 65536 MiB");
  config.disk_mib = 64;
  CHECK(Why(config) == "valid");
  config.clock = Clock::kVirtual;
  CHECK(Why(config) == "a machine with a disk needs the wall clock");
  config.disk_mib = 0;
  config.nics = true;
  CHECK(Why(config) == "a machine with network cards needs the wall clock");

  config = {};
  config.icount_shift = 11;
  CHECK(Why(config) == "the virtual clock's shift must be between 0 and 10");

  config = {};
  config.initrd = "/i";
  CHECK(Why(config) == "an initrd needs a kernel");

  config = {};
  config.extra_cmdline = "a\nb";
  CHECK(Why(config) == "the kernel command line must be one line");

  config.extra_cmdline = std::string(kMaxCmdline - BuildKernelCmdline({}).size() - 1, 'x');
  CHECK(Why(config) == "valid");
  config.extra_cmdline += "x";
  CHECK(Why(config) == "the kernel command line has 2048 bytes, Linux reads 2047");
}

}  // namespace
}  // namespace ktstr::vmm
