#include <catch2/catch.hpp>

#include "guest-init/base/xorshift.h"
#include "vmm/introspection/watch/gdb_packets.h"

namespace ktstr::vmm {
namespace {

/// All packets of a stream, and the error it ends with.
std::string Packets(std::string_view bytes) {
  PacketReader reader;
  reader.Append(bytes);
  std::string found;
  while (true) {
    const auto packet = reader.Next();
    if (!packet.ok()) return found + "! " + packet.error().message;
    if (!*packet) return found;
    found += "<" + **packet + ">";
  }
}

std::string Stop(std::string_view payload) {
  REQUIRE(IsStopReply(payload));
  const auto stop = ParseStopReply(payload);
  return stop.ok() ? "a stop" : stop.error().message;
}

TEST_CASE("packets are framed with the sum of their characters") {
  CHECK(FramePacket("") == "$#00");
  CHECK(FramePacket("p10") == "$p10#d1");  // 0x70 + 0x31 + 0x30
  CHECK(FramePacket("OK") == "$OK#9a");
}

TEST_CASE("packets are found in a stream, in whatever pieces it comes") {
  CHECK(Packets("") == "");
  CHECK(Packets("+$OK#9a") == "<OK>");
  CHECK(Packets("$OK#9a++$#00+$p10#D1$p1") == "<OK><><p10>");
  CHECK(Packets("$}\x03x#f8") == "<#x>");  // 0x7d + 0x03 + 0x78
  PacketReader reader;
  for (const char c : std::string_view("+$OK#9")) {
    reader.Append(std::string_view(&c, 1));
    CHECK_FALSE(reader.Next()->has_value());
  }
  reader.Append("a");
  CHECK(**reader.Next() == "OK");
}

TEST_CASE("what is no packet is named, and nothing more is read") {
  CHECK(Packets("$OK#9a-$OK#9a") == "<OK>! the debugger stub sent something between two packets");
  CHECK(Packets("$OK#9b") == "! the debugger stub sent a packet with a wrong checksum");
  CHECK(Packets("$OK#zz") == "! the debugger stub sent a packet with a wrong checksum");
  CHECK(Packets("$0* #7a") == "! the debugger stub sent a compressed packet");
  const std::string endless = "$" + std::string(PacketReader::kMaxPacket, 'a');
  CHECK(Packets(endless) == "! the debugger stub sent a packet of over 16384 bytes");
  CHECK(Packets(endless + "a#00") == "! the debugger stub sent a packet of over 16384 bytes");
  PacketReader reader;
  reader.Append("x");
  CHECK_FALSE(reader.Next().ok());
  reader.Append("$OK#9a");
  CHECK(reader.Next().error().kind == ErrorKind::kProtocol);
}

TEST_CASE("stop replies of QEMU 7.2") {
  CHECK(*ParseStopReply("T02thread:01;") == StopReply{2, 0, {}, false});
  CHECK(*ParseStopReply("T05thread:02;watch:ffffffff82007a00;") ==
        StopReply{kSignalTrap, 1, 0xffffffff82007a00, false});
  CHECK(*ParseStopReply("T05thread:p01.0a;watch:ffffffff82007a00") ==
        StopReply{kSignalTrap, 9, 0xffffffff82007a00, false});
  CHECK(*ParseStopReply("T0510:0011223344556677;thread:1;") == StopReply{kSignalTrap, 0, {}, false});
  CHECK(*ParseStopReply("S05") == StopReply{kSignalTrap, {}, {}, false});
  CHECK(*ParseStopReply("W00") == StopReply{0, {}, {}, true});
  CHECK_FALSE(IsStopReply("OK"));
  CHECK_FALSE(IsStopReply("E22"));
  CHECK_FALSE(IsStopReply(""));
}

TEST_CASE("damaged stop replies are refused") {
  const std::string sent = "the debugger stub sent a stop reply with ";
  CHECK(Stop("T") == sent + "no signal");
  CHECK(Stop("Tx5") == sent + "no signal");
  CHECK(Stop("T5") == sent + "no signal");
  CHECK(Stop("T05thread") == sent + "no name of a value");
  CHECK(Stop("T05thread:00;") == sent + "no thread");
  CHECK(Stop("T05thread:p1.;") == sent + "no thread");
  CHECK(Stop("T05thread:100000000;") == sent + "no thread");
  CHECK(Stop("T05watch:;") == sent + "no address");
  CHECK(Stop("T05watch:10000000000000000;") == sent + "no address");
}

TEST_CASE("hexadecimal digits") {
  const std::byte bytes[] = {std::byte{0}, std::byte{0xa5}, std::byte{0xff}};
  CHECK(ToHex(bytes) == "00a5ff");
  CHECK(*FromHex("00A5ff") == std::string("\0\xa5\xff", 3));
  CHECK_FALSE(FromHex("0"));
  CHECK_FALSE(FromHex("0g"));
  CHECK_FALSE(FromHex("-1"));
}

TEST_CASE("random bytes: packets or a typed error, and no growth") {
  Xorshift64 random(1);
  constexpr std::string_view kAlphabet = "$#+}*T05thread:watch;p1.fffW";
  for (int round = 0; round < 10000; ++round) {
    PacketReader reader;
    for (int piece = 0; piece < 4; ++piece) {
      std::string bytes(random.Next() % 20, '\0');
      for (char& c : bytes)
        c = round % 2 == 0 ? static_cast<char>(random.Next()) : kAlphabet[random.Next() % kAlphabet.size()];
      if (piece % 2 != 0) bytes = FramePacket("T05" + bytes.substr(0, bytes.find_first_of("$#}*")));
      reader.Append(bytes);
      const auto packet = reader.Next();
      if (!packet.ok()) CHECK(packet.error().kind == ErrorKind::kProtocol);
      if (!packet.ok() || !*packet || !IsStopReply(**packet)) continue;
      const auto stop = ParseStopReply(**packet);
      if (!stop.ok()) CHECK(stop.error().kind == ErrorKind::kProtocol);
    }
  }
}

}  // namespace
}  // namespace ktstr::vmm
