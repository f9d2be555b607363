// The client against a peer that the test plays.
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "vmm/introspection/watch/gdb_client.h"

namespace ktstr::vmm {
namespace {

struct Peer {
  Peer() : pair(std::move(*MakeSocketPair())), client(std::move(pair.ours)) {}
  void Say(const std::string& bytes) {
    REQUIRE(::write(pair.theirs.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  void Answer(const std::string& payload) { Say("+" + FramePacket(payload)); }
  std::string Heard() {
    char bytes[8192];
    const ssize_t got = ::recv(pair.theirs.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    return {bytes, got > 0 ? static_cast<std::size_t>(got) : 0};
  }

  FdPair pair;
  GdbClient client;
};

TEST_CASE("a register is asked of its CPU, in one go") {
  Peer peer;
  // What is said before it is asked for would be dropped.
  const auto answer = [&](const std::string& bytes) {
    return std::jthread([&peer, bytes] {
      char asked[64];
      if (::read(peer.pair.theirs.get(), asked, sizeof asked) > 0)
        static_cast<void>(::write(peer.pair.theirs.get(), bytes.data(), bytes.size()) > 0);
    });
  };
  {
    const auto peer_thread = answer("+$OK#9a+" + FramePacket("58c11811ffffffff"));
    CHECK(*peer.client.ReadRegister(1, GdbRegister::kRip) == 0xffffffff1118c158);
  }
  const auto peer_thread = answer("+$E22#a9+" + FramePacket("E22"));
  CHECK(peer.client.ReadRegister(9, GdbRegister::kRip).error().message ==
        "QEMU's debugger stub refused 'Hga': E22");
}

TEST_CASE("stops are kept in their order, whoever asked for them") {
  Peer peer;
  peer.Answer("T02thread:01;");
  peer.Answer("T05thread:02;watch:ffffffff82007a00;");
  peer.Answer("T05thread:02;");
  REQUIRE(peer.client.OnReadable().ok());
  CHECK(peer.client.TakeStop() == StopReply{2, 0, std::nullopt, false});
  CHECK(peer.client.TakeStop() == StopReply{kSignalTrap, 1, 0xffffffff82007a00, false});
  // Of its own accord, though no watchpoint was written to: the guest waits to be let go on.
  CHECK(peer.client.TakeStop() == StopReply{kSignalTrap, 1, std::nullopt, false});
  CHECK_FALSE(peer.client.TakeStop());
  CHECK(peer.Heard().empty());  // a byte would stop the machine
}

TEST_CASE("a peer that is gone or talks nonsense is named, for good") {
  Peer peer;
  SECTION("gone") {
    peer.pair.theirs.Reset();
    const auto asked = peer.client.Ask("?");
    CHECK(asked.error().message == "QEMU closed its debugger socket");
    CHECK(asked.error().kind == ErrorKind::kMachine);
  }
  SECTION("nonsense") {
    peer.Say("hello");
    CHECK(peer.client.OnReadable().error().message == "the debugger stub sent something between two packets");
    CHECK(peer.client.Ask("?").error().kind == ErrorKind::kProtocol);
    CHECK(peer.Heard().empty());
  }
  SECTION("a damaged stop") {
    peer.Answer("T05thread:00;");
    CHECK(peer.client.OnReadable().error().message == "the debugger stub sent a stop reply with no thread");
  }
  CHECK_FALSE(peer.client.InsertWatch(8, 8).ok());
}

}  // namespace
}  // namespace ktstr::vmm
