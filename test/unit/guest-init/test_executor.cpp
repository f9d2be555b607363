// The conversation itself: order, waiting, bad requests, corrupt frames, the end.
#include <catch2/catch.hpp>

#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

std::vector<std::byte> Text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

TEST_CASE("requests are answered in order, those behind a waiting one too") {
  GuestProcess guest;
  // All of it is there at once, and more than is queued at a time.
  guest.Cork(true);
  const std::uint32_t hold = guest.Send(Hold{50'000'000, false});
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 4500; ++i) ids.push_back(guest.Send(Ping{}));
  guest.Cork(false);
  const Reply first = guest.NextReply();
  CHECK(first.request_id == hold);
  for (const std::uint32_t id : ids) {
    const Reply reply = guest.NextReply();
    REQUIRE(reply.request_id == id);
    REQUIRE(reply.clock_ns >= first.clock_ns);
  }
}

TEST_CASE("a hold lasts as long as it says, on the guest's clock") {
  GuestProcess guest;
  const std::uint64_t before = guest.Call(Ping{}).clock_ns;
  const std::uint64_t after = guest.Call(Hold{30'000'000, false}).clock_ns;
  CHECK(after - before >= 30'000'000);
}

TEST_CASE("a hold from the mark counts what has passed since") {
  GuestProcess guest;
  const std::uint64_t mark = guest.Call(SetHoldMark{}).clock_ns;
  guest.Call(Hold{40'000'000, false});
  const std::uint64_t end = guest.Call(Hold{60'000'000, true}).clock_ns;
  CHECK(end - mark >= 59'000'000);
  // The mark is long past: these are over at once, where they would take 8 s if they began anew.
  for (int i = 0; i < 200; ++i) guest.Send(Hold{40'000'000, true});
  for (int i = 0; i < 199; ++i) guest.NextReply();
  CHECK(guest.NextReply().clock_ns - end < 5'000'000'000);
}

TEST_CASE("a Finish at once overtakes what waits and still collects everything") {
  GuestProcess guest;
  REQUIRE(guest.Call(Workers(1, "SpinWait", 2)).error.empty());
  REQUIRE(guest.Call(Shell(7, "while :; do :; done")).error.empty());
  const std::uint32_t waits = guest.Send(AwaitPayload{7, 3'600'000'000'000});
  const std::uint32_t behind = guest.Send(Hold{3'600'000'000'000, false});
  const std::uint32_t finish = guest.Send(Finish{.at_once = true});
  for (const std::uint32_t id : {waits, behind}) {
    const Reply given_up = guest.NextReply();
    CHECK(given_up.request_id == id);
    CHECK(given_up.error == "given up: the run ends");
  }
  const Reply end = guest.NextReply();
  CHECK(end.request_id == finish);
  CHECK(end.error.empty());
  CHECK(guest.reports.size() == 2);
  REQUIRE(guest.done.size() == 1);
  CHECK(guest.done[0].end == PayloadEnd::kCollected);
}

TEST_CASE("a payload whose wait was given up is not called forgotten") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "sleep 1000")).error.empty());
  guest.Send(AwaitPayload{1, 3'600'000'000'000});
  guest.AwaitQuiet();  // the wait has begun
  guest.Send(Finish{.at_once = true});
  CHECK(guest.NextReply().error == "given up: the run ends");
  CHECK(guest.NextReply().error.empty());
  CHECK(guest.warnings.empty());
}

TEST_CASE("an ordinary Finish waits its turn") {
  GuestProcess guest;
  const std::uint32_t hold = guest.Send(Hold{30'000'000, false});
  const std::uint32_t finish = guest.Send(Finish{});
  const Reply held = guest.NextReply();
  CHECK(held.request_id == hold);
  CHECK(held.error.empty());
  CHECK(guest.NextReply().request_id == finish);
}

TEST_CASE("output flows while a hold waits") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "head -c 2000000 /dev/zero; echo end")).error.empty());
  const std::uint32_t hold = guest.Send(Hold{3'600'000'000'000, false});
  guest.AwaitDone(1);
  CHECK(guest.out.size() == 2'000'004);
  CHECK(guest.done[0].stdout_bytes == 2'000'004);
  CHECK(hold > 0);
}

TEST_CASE("requests that cannot be read are answered with the reason") {
  GuestProcess guest;
  std::vector<std::byte> body;
  EncodeAny(AnyStruct::Of(CreateCgroup{"a"}), body);
  body.push_back(std::byte{0});
  guest.SendBody(body);
  CHECK(guest.NextReply().error == "a request could not be read: its length is wrong");
  body.erase(body.end() - 2, body.end());
  guest.SendBody(body);
  CHECK(guest.NextReply().error ==
        "a request could not be read: CreateCgroup.cgroup: the message ends too early");
  guest.SendBody(Text(std::string("\x03\0\0\0Box", 7)));
  CHECK(guest.NextReply().error == "a request could not be read: unknown message 'Box'");
  guest.SendBody(Text(std::string(4, '\0')));
  CHECK(guest.NextReply().error == "a request could not be read: its length is wrong");
  CHECK(guest.Call(Ping{}).error.empty());
}

TEST_CASE("after a corrupt frame the guest says so once and answers nothing") {
  GuestProcess guest;
  const std::uint32_t hold = guest.Send(Hold{1'000'000, false});
  CHECK(guest.NextReply().request_id == hold);
  guest.SendRaw(Text(std::string(100, 'x')));
  CHECK(guest.NextEvent<ChannelFault>().text ==
        "corrupt frame at byte 53 of the channel: it does not begin with the frame magic");
  guest.SendRaw(Text(std::string(100, 'y')));
  guest.Send(Ping{});
  // A payload's output still arrives; a reply would be a frame of another type and fail the test.
  CHECK(guest.Children().empty());
}

TEST_CASE("a frame of a type that only the guest sends is a broken channel") {
  GuestProcess guest;
  guest.SendRaw(EncodeFrame(FrameType::kReply, 0, {}));
  CHECK(guest.NextEvent<ChannelFault>().text == "frame 0 is not a request");
}

TEST_CASE("a request without room for its id is a broken channel") {
  GuestProcess guest;
  guest.SendRaw(EncodeFrame(FrameType::kRequest, 0, Text("ab")));
  CHECK(guest.NextEvent<ChannelFault>().text == "a request is too short to hold its id");
}

TEST_CASE("cgroups by name") {
  GuestProcess guest;
  CHECK(guest.Call(CreateCgroup{"a"}).error.empty());
  CHECK(guest.Call(CreateCgroup{"a"}).error == "making the cgroup 'a': File exists");
  CHECK(guest.Call(CreateCgroup{"b/c"}).error.empty());
  CHECK(guest.Call(CreateCgroup{"b"}).error.empty());  // it existed only for b/c's sake
  for (const char* wrong : {"", "/a", "a/", "a//b", "..", "a/../b", ".hidden"}) {
    INFO(wrong);
    CHECK(guest.Call(CreateCgroup{wrong}).error == "'" + std::string(wrong) + "' is not a name for a cgroup");
  }
  CHECK(
      guest.Call(WriteCgroupFile{"a", "cpu.max", "max"}).error ==
      "writing 'max' to cpu.max of cgroup 'a': No such file or directory (the cpu controller is not enabled "
      "here)");
  CHECK(guest.Call(WriteCgroupFile{"a", "../x", "max"}).error == "'../x' is not a file of a cgroup");
  CHECK(guest.Call(DestroyCgroup{"b"}).error ==
        "removing the cgroup 'b': Directory not empty (it still has the cgroup 'c' below it)");
  CHECK(guest.Call(DestroyCgroup{"b/c"}).error.empty());
  CHECK(guest.Call(DestroyCgroup{"b"}).error.empty());
  CHECK(guest.Call(DestroyCgroup{"b"}).error == "there is no cgroup 'b'");
  CHECK(guest.Call(DestroyCgroup{""}).error == "the runner's own cgroup cannot be destroyed");
  CHECK(guest.Call(EnableControllers{{"cpu"}}).error ==
        "this kernel offers no 'cpu' controller (available: )");
}

TEST_CASE("after Finish the guest waits for the host to close the channel") {
  GuestProcess guest;
  CHECK(guest.Call(Finish{}).error.empty());
  CHECK(guest.AtEnd());
  CHECK(guest.WaitForExit() == 0);
}

}  // namespace
}  // namespace ktstr::guest
