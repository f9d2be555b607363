// Round trips to a booted guest, and the cold boot of a plain QEMU to compare ours with. Prints one JSON
// object: name -> list of measured values.
//
//   bench_guest pings SCRATCH_DIRECTORY        round trips in microseconds: guest idle, guest loaded
//   bench_guest plain_boot SCRATCH_DIRECTORY   one boot in milliseconds: QEMU with default settings and the
//                                              same kernel and initramfs, to guest-init's first frame
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "guest-init/wire/codec.h"
#include "guest-init/wire/messages.h"
#include "vmm/host/process.h"
#include "vmm/host/spawn.h"
#include "vmm/image/guest_image.h"
#include "vmm/image/initramfs.h"
#include "vmm/kernel/kernels.h"
#include "vmm/machine/guest_channel.h"
#include "vmm/machine/machine.h"

namespace {

using namespace ktstr;
using Clock = std::chrono::steady_clock;

constexpr int kWarmUp = 200;
constexpr int kPings = 2000;
constexpr std::chrono::seconds kPatience{120};
/// A plain QEMU lets each vCPU translate in its own thread, and its guest now and then dies of that while it
/// boots (vmm/machine/qemu_args.cpp): then another one is booted.
constexpr std::chrono::seconds kPlainPatience{20};
constexpr int kPlainTries = 5;

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

std::filesystem::path BootKernel() {
  const char* const wanted = std::getenv("KTSTR_KERNEL");
  return Need(vmm::ResolveKernel({"", wanted == nullptr ? "" : wanted},
                                 [](std::string_view line) {
                                   std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
                                 }))
      .image;
}

std::filesystem::path PackImage(const std::filesystem::path& scratch) {
  const std::filesystem::path image = scratch / "bench-guest.img";
  if (const Result<> packed = vmm::PackGuestImage({}, image); !packed.ok())
    throw std::runtime_error(packed.error().message);
  return image;
}

// ---- round trips -------------------------------------------------------------------------------------

class Guest {
 public:
  Guest(const std::filesystem::path& kernel, const std::filesystem::path& image)
      : machine_(Boot(kernel, image)), channel_(*machine_) {
    Need(channel_.Receive(vmm::After(kPatience)));  // Ready
  }

  /// One request to its reply; the events on the way are dropped.
  void Call(const AnyStruct& request) {
    const std::uint32_t id = next_++;
    Need(channel_.SendRequest(id, request));
    while (true) {
      const Frame frame = Need(channel_.Receive(vmm::After(kPatience)));
      if (frame.type != FrameType::kReply) continue;
      const Reply reply = Need(Decode<Reply>(frame.payload));
      if (!reply.error.empty()) throw std::runtime_error("the guest refused: " + reply.error);
      if (reply.request_id != id) throw std::runtime_error("the guest answered another request");
      return;
    }
  }

  std::vector<double> Ping(int count) {
    std::vector<double> microseconds;
    for (int i = 0; i < count; ++i) {
      const auto start = Clock::now();
      Call(AnyStruct::Of(ktstr::Ping{}));
      microseconds.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    return microseconds;
  }

 private:
  static std::unique_ptr<vmm::Machine> Boot(const std::filesystem::path& kernel,
                                            const std::filesystem::path& image) {
    vmm::MachineConfig config;  // two CPUs under TCG, the default of a scenario
    config.kernel = kernel;
    config.initrd = image;
    std::unique_ptr<vmm::Machine> machine = Need(vmm::Machine::Build(config));
    Need(machine->Resume());
    return machine;
  }

  std::unique_ptr<vmm::Machine> machine_;
  vmm::GuestChannel channel_;
  std::uint32_t next_ = 1;
};

nlohmann::json MeasurePings(const std::filesystem::path& scratch) {
  Guest guest(BootKernel(), PackImage(scratch));
  nlohmann::json series;
  guest.Ping(kWarmUp);
  series["ping_idle_us"] = guest.Ping(kPings);
  StartWorkers workers;
  workers.group = 1;
  workers.count = 2;  // one per CPU
  workers.work_type = "SpinWait";
  guest.Call(AnyStruct::Of(workers));
  guest.Ping(kWarmUp);
  series["ping_loaded_us"] = guest.Ping(kPings);
  return series;
}

// ---- a plain boot ------------------------------------------------------------------------------------

/// What somebody would type who has only read QEMU's manual. The console is thrown away, which is the fastest
/// thing to do with it; the channel port is there because its first frame is what we wait for.
nlohmann::json BootPlainly(const std::filesystem::path& scratch) {
  const std::string kernel = BootKernel().string();
  const std::string image = PackImage(scratch).string();
  const auto program = vmm::FindProgram("qemu-system-x86_64");
  if (!program) throw std::runtime_error("qemu-system-x86_64 was not found on PATH");
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  vmm::ProcessSpec spec;
  spec.program = *program;
  spec.inherited_fds = {theirs.get()};
  spec.argv = {spec.program.string(),
               "-accel",
               "tcg",
               "-smp",
               "2",
               "-m",
               "512",
               "-display",
               "none",
               "-monitor",
               "none",
               "-serial",
               "null",
               "-kernel",
               kernel,
               "-initrd",
               image,
               "-append",
               "console=ttyS0 rdinit=/init",
               "-chardev",
               fmt::format("socket,id=channel,fd={}", theirs.get()),
               "-device",
               "virtio-serial-pci",
               "-device",
               fmt::format("virtserialport,chardev=channel,name={}", ktstr::kChannelPortName)};
  const auto start = Clock::now();
  vmm::Process qemu = Need(vmm::Process::Start(spec));
  theirs.Reset();
  pollfd first_frame{ours.get(), POLLIN, 0};
  const int timeout =
      std::chrono::duration_cast<std::chrono::duration<int, std::milli>>(kPlainPatience).count();
  const bool came = poll(&first_frame, 1, timeout) == 1;
  const double took = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  char byte = 0;
  if (!came || recv(ours.get(), &byte, 1, MSG_PEEK) != 1) {
    qemu.DrainStderr();
    throw std::runtime_error("the plain QEMU's guest did not come up: " + qemu.stderr_text());
  }
  return {{"plain_boot_ms", {took}}};
}

nlohmann::json MeasurePlainBoot(const std::filesystem::path& scratch) {
  for (int tries = 1;; ++tries) {
    try {
      return BootPlainly(scratch);
    } catch (const std::runtime_error& error) {
      if (tries == kPlainTries) throw;
      std::fprintf(stderr, "bench_guest: %s\n", error.what());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc == 3 ? argv[1] : "";
  if (mode != "pings" && mode != "plain_boot") {
    std::fputs("usage: bench_guest pings|plain_boot SCRATCH_DIRECTORY\n", stderr);
    return 64;
  }
  try {
    std::puts((mode == "pings" ? MeasurePings(argv[2]) : MeasurePlainBoot(argv[2])).dump().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_guest: %s\n", error.what());
    return 2;
  }
}
