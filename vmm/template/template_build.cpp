#include "vmm/template/template_build.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <chrono>

#include "guest-init/base/one_line.h"
#include "guest-init/wire/codec.h"
#include "guest-init/wire/messages.h"
#include "vmm/host/host_file.h"
#include "vmm/image/guest_image.h"
#include "vmm/machine/accel.h"
#include "vmm/machine/boot_deadline.h"
#include "vmm/machine/claims.h"
#include "vmm/machine/guest_channel.h"
#include "vmm/machine/guest_files.h"
#include "vmm/machine/machine.h"

namespace ktstr::vmm {
namespace {

constexpr std::chrono::seconds kParkTimeout{30};
constexpr std::chrono::seconds kSaveTimeout{60};
constexpr std::size_t kMostForeignText = 4096;

Error CannotWrite(std::string_view why) {
  return {ErrorKind::kEnvironment, fmt::format("a template cannot be written: {}", why)};
}

Result<Fd> CreateFile(const std::filesystem::path& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return CannotWrite(fmt::format("{}: {}", path.string(), ErrnoText(errno)));
  return file;
}

/// The guest's first frame.
Result<Ready> AwaitReady(GuestChannel& channel, const Machine& machine, std::chrono::seconds patience) {
  Result<Frame> frame = channel.Receive(After(patience));
  if (!frame.ok() && frame.error().kind == ErrorKind::kTimeout)
    return Error{ErrorKind::kTimeout, fmt::format("the guest did not come up within {} s{}", patience.count(),
                                                  machine.LastConsoleLine())};
  const Frame first = TRY(std::move(frame));
  std::span<const std::byte> payload = first.payload;
  AnyStruct event = TRY(DecodeAny(EventTypes(), payload));
  if (!event.Is<Ready>()) return Error{ErrorKind::kProtocol, "the guest's first frame is not Ready"};
  TRY(CheckClaims(event.As<Ready>()));
  return std::move(event.As<Ready>());
}

/// The reply to the last of the requests 1..`last_id`; all must have been carried out.
Result<Reply> AwaitReplies(GuestChannel& channel, std::uint32_t last_id, Deadline deadline) {
  while (true) {
    const Frame frame = TRY(channel.Receive(deadline));
    if (frame.type != FrameType::kReply) continue;
    Reply reply = TRY(Decode<Reply>(frame.payload));
    if (!reply.error.empty()) return Error{ErrorKind::kGuest, OneLine(reply.error, kMostForeignText)};
    if (reply.request_id == last_id) return reply;
  }
}

Result<std::unique_ptr<Machine>> Boot(const TemplateSpec& spec, const std::filesystem::path& image,
                                      int cancel_fd) {
  TRY(PackGuestImage({}, image));
  MachineConfig config = spec.machine;
  config.initrd = image;
  config.disk_directory = image.parent_path();
  MachineHooks hooks;
  hooks.cancel_fd = cancel_fd;
  std::unique_ptr<Machine> machine = TRY(Machine::Build(config, std::move(hooks)));
  TRY(machine->Resume());
  return machine;
}

Result<> Save(Machine& machine, const std::filesystem::path& directory, TemplateFacts& facts) {
  const Fd state = TRY(CreateFile(directory / "state"));
  TRY(machine.SaveState(state.get(), After(kSaveTimeout)));
  const Result<std::uint64_t> state_hash = HashPages(state.get());
  if (!state_hash.ok()) return CannotWrite(state_hash.error().message);
  facts.state_hash = *state_hash;
  for (std::size_t node = 0; node < machine.ram().size(); ++node) {
    const Fd ram = TRY(CreateFile(directory / fmt::format("ram{}", node)));
    const Result<std::uint64_t> copied = CopyPages(machine.ram()[node].get(), ram.get());
    if (!copied.ok()) return CannotWrite(copied.error().message);
    facts.ram_hashes.push_back(*copied);
  }
  return {};
}

}  // namespace

Result<TemplateFacts> BuildTemplate(const TemplateSpec& spec, const std::filesystem::path& directory,
                                    int cancel_fd) {
  const auto begin = std::chrono::steady_clock::now();
  const std::filesystem::path image = directory / "initramfs.img";
  const std::unique_ptr<Machine> machine = TRY(Boot(spec, image, cancel_fd));
  GuestChannel channel(*machine);
  const Ready ready = TRY(AwaitReady(channel, *machine, BootDeadline(spec.machine)));
  std::error_code ignored;
  std::filesystem::remove(image, ignored);

  const GuestFilesSent sent = TRY(SendGuestFiles(channel, spec.files, 1, After(kParkTimeout)));
  const std::uint32_t park_id = sent.requests + 1;
  TRY(channel.SendRequest(park_id, AnyStruct::Of(Park{})));
  const Reply parked = TRY(AwaitReplies(channel, park_id, After(kParkTimeout)));

  TemplateFacts facts;
  facts.kernel_release = ready.kernel_release;
  facts.boot_id = ready.boot_id;
  facts.parked_ns = parked.clock_ns;
  facts.description =
      fmt::format("{}, {}, {} MiB, {}, {} clock", ready.kernel_release, FormatTopology(spec.machine.topology),
                  spec.machine.memory_mib, AccelName(spec.machine.accel),
                  spec.machine.clock == Clock::kVirtual ? "virtual" : "wall");
  TRY(Save(*machine, directory, facts));
  facts.build_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  return facts;
}

}  // namespace ktstr::vmm
