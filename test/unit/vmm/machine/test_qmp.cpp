// The client against a peer that is a script: the test holds the other end of the socket.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "vmm/host/byte_stream.h"
#include "vmm/machine/qmp.h"

namespace ktstr::vmm {
namespace {

using nlohmann::json;

constexpr char kGreeting[] = R"({"QMP": {"version": {}, "capabilities": []}})"
                             "\r\n";

struct Peer {
  Fd fd;

  void Say(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t put = write(fd.get(), text.data(), text.size());
      REQUIRE(put > 0);
      text.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  /// One line the client has sent, without its newline. Blocks.
  [[nodiscard]] std::string Line() const {
    std::string line;
    char c = 0;
    while (read(fd.get(), &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
};

struct Wire {
  QmpClient client;
  Peer peer;
};

Wire Connect() {
  auto pair = MakeSocketPair();
  REQUIRE(pair.ok());
  return {QmpClient(std::move(pair->ours)), {std::move(pair->theirs)}};
}

/// A client that has greeted and negotiated; the next command has id 2.
Wire Ready() {
  Wire wire = Connect();
  std::string asked;
  std::thread qemu([&] {
    wire.peer.Say(kGreeting);
    asked = wire.peer.Line();
    wire.peer.Say("{\"return\": {}, \"id\": 1}\r\n");
  });
  const Result<> shaken = wire.client.Handshake(After(std::chrono::seconds(10)));
  qemu.join();
  REQUIRE(shaken.ok());
  CHECK(asked == R"({"execute":"qmp_capabilities","id":1})");
  return wire;
}

Deadline Soon() { return After(std::chrono::seconds(10)); }
Deadline Now() { return After(std::chrono::seconds(0)); }

std::string Message(const Result<json>& r) { return r.ok() ? "ok: " + r->dump() : r.error().message; }
std::string Message(const Result<>& r) { return r.ok() ? "ok" : r.error().message; }

TEST_CASE("the greeting tells QEMU's version, or none") {
  CHECK(Ready().client.qemu_version().empty());
  Wire wire = Connect();
  wire.peer.Say(
      R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}}})"
      "\r\n{\"return\": {}, \"id\": 1}\r\n");
  CHECK(Message(wire.client.Handshake(Soon())) == "ok");
  CHECK(wire.client.qemu_version() == "7.2.22");
}

TEST_CASE("a command goes out as one line and its reply comes back") {
  Wire wire = Ready();
  wire.peer.Say("{\"return\": {\"status\": \"paused\"}, \"id\": 2}\r\n");
  CHECK(Message(wire.client.Execute("query-status", nullptr, Soon())) == R"(ok: {"status":"paused"})");
  CHECK(wire.peer.Line() == R"({"execute":"query-status","id":2})");
  wire.peer.Say("{\"id\": 3, \"return\": 7}\n");
  CHECK(Message(wire.client.Execute("x", {{"a", 1}}, Soon())) == "ok: 7");
  CHECK(wire.peer.Line() == R"({"arguments":{"a":1},"execute":"x","id":3})");
}

TEST_CASE("events between a command and its reply are kept in order") {
  Wire wire = Ready();
  wire.peer.Say(R"({"event": "STOP", "timestamp": {}})"
                "\n"
                R"({"event": "SHUTDOWN", "data": {"reason": "guest-reset"}})"
                "\n"
                R"({"return": {}, "id": 2})"
                "\n");
  CHECK(wire.client.Execute("stop", nullptr, Soon()).ok());
  auto event = wire.client.TakeEvent();
  REQUIRE(event.has_value());
  CHECK(event->name == "STOP");
  CHECK(event->data == json::object());
  event = wire.client.TakeEvent();
  REQUIRE(event.has_value());
  CHECK(event->name == "SHUTDOWN");
  CHECK(event->data["reason"] == "guest-reset");
  CHECK(!wire.client.TakeEvent().has_value());
}

TEST_CASE("a message may come in any number of pieces") {
  Wire wire = Ready();
  REQUIRE(wire.client.Begin("x", nullptr, Soon()).ok());
  const std::string reply = "{\"return\": \"abc\", \"id\": 2}\r\n";
  for (const char c : reply) {
    CHECK(!wire.client.TakeReply().has_value());
    wire.peer.Say(std::string_view(&c, 1));
    REQUIRE(wire.client.OnReadable().ok());
  }
  auto got = wire.client.TakeReply();
  REQUIRE(got.has_value());
  CHECK(Message(*got) == "ok: \"abc\"");
}

TEST_CASE("a refused command is an error and the connection goes on") {
  Wire wire = Ready();
  wire.peer.Say(R"({"error": {"class": "GenericError", "desc": "no such thing"}, "id": 2})"
                "\n");
  const auto refused = wire.client.Execute("eject", nullptr, Soon());
  CHECK(Message(refused) == "QEMU refused 'eject': no such thing");
  CHECK(refused.error().kind == ErrorKind::kMachine);
  wire.peer.Say("{\"return\": 1, \"id\": 3}\n");
  CHECK(Message(wire.client.Execute("again", nullptr, Soon())) == "ok: 1");
}

TEST_CASE("a reply that comes after its deadline is not taken for the next one") {
  Wire wire = Ready();
  const auto late = wire.client.Execute("slow", nullptr, Now());
  CHECK(Message(late) == "QEMU did not answer 'slow' in time");
  CHECK(late.error().kind == ErrorKind::kTimeout);
  REQUIRE(wire.client.Begin("next", nullptr, Soon()).ok());
  wire.peer.Say("{\"return\": \"late\", \"id\": 2}\n");
  REQUIRE(wire.client.OnReadable().ok());
  CHECK(!wire.client.TakeReply().has_value());
  wire.peer.Say("{\"return\": \"mine\", \"id\": 3}\n");
  REQUIRE(wire.client.OnReadable().ok());
  CHECK(Message(*wire.client.TakeReply()) == "ok: \"mine\"");
}

TEST_CASE("the end of the socket is an error for good") {
  Wire wire = Ready();
  wire.peer.fd.Reset();
  CHECK(Message(wire.client.Execute("x", nullptr, Soon())) == "QEMU closed its control socket");
  CHECK(Message(wire.client.OnReadable()) == "QEMU closed its control socket");
  CHECK(wire.client.broken()->kind == ErrorKind::kMachine);
}

TEST_CASE("a reply that came before the end is still returned") {
  Wire wire = Ready();
  REQUIRE(wire.client.Begin("quit", nullptr, Soon()).ok());
  wire.peer.Say("{\"return\": {}, \"id\": 2}\n{\"event\": \"SHUTDOWN\"}\n");
  wire.peer.fd.Reset();
  CHECK(!wire.client.OnReadable().ok());
  auto reply = wire.client.TakeReply();
  REQUIRE(reply.has_value());
  CHECK(reply->ok());
  CHECK(wire.client.TakeEvent().has_value());
}

TEST_CASE("bytes that are not QMP are protocol errors that show them") {
  const auto after_saying = [](std::string_view text) {
    Wire wire = Ready();
    wire.peer.Say(text);
    const auto r = wire.client.Execute("x", nullptr, Soon());
    CHECK((r.ok() || r.error().kind == ErrorKind::kProtocol));
    return Message(r);
  };
  CHECK(after_saying("{\"return\": \n") ==
        "QEMU sent a control message that is not a JSON object: {\"return\": ");
  CHECK(after_saying("[1]\n") == "QEMU sent a control message that is not a JSON object: [1]");
  CHECK(after_saying("\x01\xff\n") == "QEMU sent a control message that is not a JSON object: ??");
  CHECK(after_saying("{\"surprise\": 1}\n") ==
        "QEMU sent a control message of an unknown kind: {\"surprise\": 1}");
  CHECK(after_saying("{\"return\": 1}\n") == "QEMU answered a control command that was never sent");
  CHECK(after_saying("{\"return\": 1, \"id\": 99}\n") ==
        "QEMU answered a control command that was never sent");
  CHECK(after_saying("{\"return\": 1, \"id\": \"2\"}\n") ==
        "QEMU answered a control command that was never sent");
  CHECK(after_saying(std::string(100, 'z') + "\n") ==
        "QEMU sent a control message that is not a JSON object: " + std::string(60, 'z') + "...");
}

TEST_CASE("an endless message is cut off") {
  Wire wire = Ready();
  REQUIRE(wire.client.Begin("x", nullptr, Soon()).ok());
  std::thread writer([&] {
    const std::string chunk(1 << 16, ' ');
    while (send(wire.peer.fd.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  Result<> r;
  while (r.ok()) r = wire.client.OnReadable();
  CHECK(Message(r) == "QEMU sent a control message of over 4194304 bytes");
  shutdown(wire.peer.fd.get(), SHUT_RDWR);
  writer.join();
}

TEST_CASE("a handshake needs a greeting") {
  SECTION("nothing comes") {
    Wire wire = Connect();
    CHECK(Message(wire.client.Handshake(Now())) == "QEMU did not answer in time");
  }
  SECTION("something else comes") {
    Wire wire = Connect();
    wire.peer.Say("{\"return\": {}, \"id\": 1}\n");
    CHECK(Message(wire.client.Handshake(Soon())) ==
          "QEMU's control socket did not greet, it sent: {\"return\": {}, \"id\": 1}");
  }
  SECTION("the socket ends") {
    Wire wire = Connect();
    wire.peer.fd.Reset();
    CHECK(Message(wire.client.Handshake(Soon())) == "QEMU closed its control socket");
  }
}

TEST_CASE("events that nobody takes are dropped beyond a limit") {
  Wire wire = Ready();
  for (std::size_t i = 0; i < QmpClient::kMaxEvents + 5; ++i) {
    wire.peer.Say("{\"event\": \"E" + std::to_string(i) + "\"}\n");
    REQUIRE(wire.client.OnReadable().ok());
  }
  CHECK(wire.client.TakeEvent()->name == "E5");
}

}  // namespace
}  // namespace ktstr::vmm
