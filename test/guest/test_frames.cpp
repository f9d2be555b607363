// Corrupt conversations, both ways: a QEMU that plays a broken guest to the real host side, and the real
// guest image with a broken host.
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

constexpr const char* kScenario =
    "steps:\n"
    "  - {name: one, cgroups: [{name: first, work: [{type: SpinWait}]}]}\n"
    "  - {name: two, cgroups: [{name: second, work: [{type: SpinWait}]}], hold: 100ms}\n";

/// A run against fake_qemu playing `part`; `cause` is a regular expression. `reports` is how many workers'
/// reports are kept all the same.
void ExpectCause(const std::string& part, const std::string& cause, std::size_t reports = 0) {
  GuestRun run(kScenario, {"--qemu", kFakeQemu, "--no-clone"}, {"KTSTR_FAKE=" + part});
  run.Finish("ERROR");
  CHECK_THAT(run.cause(), Catch::Matches(cause));
  CHECK(run.Reports().size() == reports);
}

TEST_CASE("the stand-in for QEMU plays a good guest when it is asked to") {
  GuestRun run(kScenario, {"--qemu", kFakeQemu, "--no-clone"}, {"KTSTR_FAKE=good"});
  run.Finish("PASS");
  CHECK(run.Reports().size() == 2);
}

TEST_CASE("the guest's first bytes are garbage") {
  ExpectCause("garbage", "corrupt frame at byte 0 of the channel: it does not begin with the frame magic");
}
TEST_CASE("the guest announces a frame that is too large") {
  ExpectCause("oversized",
              "corrupt frame at byte 0 of the channel: it announces 1073741824 bytes, more than the limit of "
              "16777216");
}
TEST_CASE("a frame's payload is damaged on its way") {
  ExpectCause("damaged", "corrupt frame at byte 0 of the channel: the payload checksum does not match");
}
TEST_CASE("a frame is missing in the guest's sequence") {
  ExpectCause("skipped", "corrupt frame at byte 0 of the channel: frame 1 arrived where frame 0 was due");
}
TEST_CASE("the guest image is of another build") {
  ExpectCause("other-build", "the guest image was built from other declarations than this program");
}
TEST_CASE("a guest's build id names no file unless it is hex") {
  ExpectCause("forged-id", "the guest's build id is not hex");
}
TEST_CASE("the guest comes up with fewer CPUs than asked for") {
  ExpectCause("one-cpu", "the guest came up with 1 of 2 CPUs");
}
TEST_CASE("garbage in the middle of a run keeps what came before") {
  ExpectCause("late-garbage",
              R"(corrupt frame at byte [0-9]{3,4} of the channel: it does not begin with the frame magic)",
              1);
}
TEST_CASE("garbage after all reports is an error still") {
  ExpectCause("garbage-after-reports",
              R"(corrupt frame at byte [0-9]{3,4} of the channel: it does not begin with the frame magic)",
              1);
}
TEST_CASE("a reply to another request") {
  ExpectCause("wrong-id", "the guest answered request 21 where 14 was due", 1);
}
TEST_CASE("a guest that sends a request") { ExpectCause("asks", "the guest sent a request", 1); }
TEST_CASE("an event that cannot be read") {
  ExpectCause("bad-event", "an event of the guest could not be read: its length is wrong");
}
TEST_CASE("QEMU exits in the middle of a run") { ExpectCause("dies", "QEMU exited with code 9", 1); }
TEST_CASE("a report that never comes") {
  ExpectCause("lost-report", "worker first/0 left no report: nothing was received from it");
}
TEST_CASE("a guest that sends without end is ended, and what came before is kept") {
  ExpectCause("floods-warnings", "the guest sent more than 10000 warnings", 1);
  ExpectCause("floods-files", "the guest sent more than 64 MiB of files", 1);
  ExpectCause("floods-reports", "the guest sent more than 2 reports of workers", 2);
}
TEST_CASE("a guest that floods the channel does not outlive the timeout") {
  GuestRun run(kScenario, {"--qemu", kFakeQemu, "--no-clone", "--timeout", "2s"},
               {"KTSTR_FAKE=floods-output"});
  run.Finish("ERROR");
  CHECK(run.cause() == "the scenario did not finish within its timeout of 2s; it was at: hold 100ms");
}
TEST_CASE("QEMU refuses to start") {
  ExpectCause("refuses",
              "QEMU would not start: qemu-system-x86_64: cannot set up guest memory 'ram': Cannot allocate "
              "memory");
}

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
