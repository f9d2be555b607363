// Corrupt conversations: the real guest image with a broken host. (The other way round: test_lies.cpp.)
#include <catch2/catch.hpp>

#include "guest-init/wire/codec.h"
#include "guest-init/wire/messages.h"
#include "test/checkout.h"
#include "test/guest/guest_run.h"
#include "vmm/image/guest_image.h"
#include "vmm/image/initramfs.h"
#include "vmm/machine/guest_channel.h"
#include "vmm/machine/machine.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ktstr::test {
namespace {

/// The real guest, past its Ready.
struct RealGuest {
  TempDir dir;
  std::unique_ptr<vmm::Machine> machine;
  std::unique_ptr<vmm::GuestChannel> channel;

  RealGuest() {
    vmm::MachineConfig config;
    config.kernel = DefaultKernel();
    config.initrd = dir.path() / "initramfs.img";
    config.accel = vmm::Accel::kTcg;
    REQUIRE(vmm::PackGuestImage({}, config.initrd).ok());
    auto built = vmm::Machine::Build(config);
    REQUIRE(built.ok());
    machine = std::move(*built);
    REQUIRE(machine->Resume().ok());
    channel = std::make_unique<vmm::GuestChannel>(*machine);
    REQUIRE(Event().Is<Ready>());
  }

  AnyStruct Event() {
    const Result<Frame> frame = channel->Receive(vmm::After(std::chrono::seconds(120)));
    INFO((frame.ok() ? "" : frame.error().message));
    REQUIRE(frame.ok());
    REQUIRE(frame->type == FrameType::kEvent);
    std::span<const std::byte> payload = frame->payload;
    Result<AnyStruct> event = DecodeAny(EventTypes(), payload);
    REQUIRE(event.ok());
    return *std::move(event);
  }

  void Send(const std::vector<std::byte>& bytes) { REQUIRE(machine->QueueOutgoing(bytes).ok()); }
  void ExpectFault(const std::string& text) {
    const AnyStruct event = Event();
    REQUIRE(event.Is<ChannelFault>());
    CHECK(event.As<ChannelFault>().text == text);
  }
};

TEST_CASE("the real guest is sent garbage") {
  RealGuest guest;
  guest.Send(std::vector<std::byte>(100, std::byte{'x'}));
  guest.ExpectFault("corrupt frame at byte 0 of the channel: it does not begin with the frame magic");
}

TEST_CASE("the real guest is sent a frame that is too large") {
  RealGuest guest;
  std::vector<std::byte> frame = EncodeFrame(FrameType::kRequest, 0, {});
  const std::uint32_t length = 1U << 30;
  std::memcpy(&frame[8], &length, sizeof length);
  const std::uint64_t hash = XXH3_64bits(frame.data(), 24);
  std::memcpy(&frame[24], &hash, sizeof hash);
  guest.Send(frame);
  guest.ExpectFault(
      "corrupt frame at byte 0 of the channel: it announces 1073741824 bytes, more than the limit of "
      "16777216");
}

TEST_CASE("the real guest is sent a request that was damaged on its way") {
  RealGuest guest;
  std::vector<std::byte> payload(4);  // the request's id
  EncodeAny(AnyStruct::Of(CreateCgroup{"a"}), payload);
  std::vector<std::byte> frame = EncodeFrame(FrameType::kRequest, 0, payload);
  frame.back() ^= std::byte{1};
  guest.Send(frame);
  guest.ExpectFault("corrupt frame at byte 0 of the channel: the payload checksum does not match");
}

}  // namespace
}  // namespace ktstr::test
