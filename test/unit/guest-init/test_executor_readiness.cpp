// Payloads that are waited for until they are ready, looked at, and known to others by their process ids.
#include <catch2/catch.hpp>
#include <fstream>

#include "test/unit/guest-init/guest_process.h"
#include "test/unit/vmm/host/temp_dir.h"

namespace ktstr::guest {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// Ready when `file` is there, or else when its output matches `pattern`.
StartPayload UntilReady(std::uint32_t handle, const std::string& script, const std::string& file,
                        const std::string& pattern, std::uint64_t timeout_ns = 60 * kSecond) {
  StartPayload request = Shell(handle, script);
  request.ready = AwaitReadiness{file, pattern, timeout_ns};
  return request;
}

TEST_CASE("a payload is ready once its file is there, made or moved") {
  const vmm::TempDir dir;
  GuestProcess guest;
  const std::string made = dir / "made";
  CHECK(guest.Call(UntilReady(1, "echo x > " + made + "; sleep 1000", made, "")).error.empty());
  const std::string moved = dir / "moved";
  CHECK(guest.Call(UntilReady(2, "mv " + made + " " + moved + "; sleep 1000", moved, "")).error.empty());
  // It is there already.
  CHECK(guest.Call(UntilReady(3, "sleep 1000", moved, "")).error.empty());
}

TEST_CASE("a file in a directory that is still to be made is seen too") {
  const vmm::TempDir dir;
  GuestProcess guest;
  const std::string file = dir / "a/b/socket";
  CHECK(guest
            .Call(UntilReady(1, "mkdir -p " + (dir / "a/b").string() + "; echo > " + file + "; sleep 1000",
                             file, ""))
            .error.empty());
}

TEST_CASE("a payload is ready once a line of its output says so, also one without an end") {
  GuestProcess guest;
  CHECK(guest.Call(UntilReady(1, "echo starting; echo listening on 42 >&2; sleep 1000", "", "on [0-9]+$"))
            .error.empty());
  CHECK(guest.err == "listening on 42\n");
  CHECK(guest.Call(UntilReady(2, "printf 'prompt> '; sleep 1000", "", "^prompt> $")).error.empty());
}

TEST_CASE("a payload that ends before it is ready is told from one that takes too long") {
  const vmm::TempDir dir;
  GuestProcess guest;
  Reply reply = guest.Call(UntilReady(1, "echo first; echo cannot bind >&2; exit 3", "", "listening"));
  CHECK(reply.error ==
        "payload 'p1' ended before it was ready: it exited with code 3; its last output: cannot bind");
  CHECK(reply.of_payload);
  reply = guest.Call(UntilReady(2, "kill -SEGV $$", dir / "never", ""));
  CHECK(reply.error == "payload 'p2' ended before it was ready: it was killed by SIGSEGV");
  reply = guest.Call(UntilReady(3, "sleep 1000", "", "listening", kSecond / 20));
  CHECK(reply.error == "payload 'p3' was not ready within 50ms: no line of its output matched 'listening'");
  CHECK(reply.of_payload);
  const std::string never = dir / "never";
  reply = guest.Call(UntilReady(4, "sleep 1000", never, "", kSecond / 20));
  CHECK(reply.error == "payload 'p4' was not ready within 50ms: " + never + " was not there");
  REQUIRE(guest.done.size() == 2);  // those that took too long still run
  reply = guest.Call(PollPayload{4, true});
  CHECK(reply.error.empty());
}

TEST_CASE("a payload that was ready before it ended was ready") {
  const vmm::TempDir dir;
  GuestProcess guest;
  CHECK(guest.Call(UntilReady(1, "echo listening; exit 3", "", "listening")).error.empty());
  const std::string file = dir / "file";
  CHECK(guest.Call(UntilReady(2, "echo > " + file + "; exit 3", file, "")).error.empty());
}

TEST_CASE("process ids are in replies and records, and in what others are started with") {
  GuestProcess guest;
  const Reply server = guest.Call(Shell(1, "sleep 1000"));
  REQUIRE(server.pid);
  CHECK(*server.pid == guest.Children().back());
  const std::string pid = std::to_string(*server.pid);
  StartPayload client = Shell(2, "echo ${pid:1} ${pid:1}x $SERVER '${pid:name}'");
  client.env = {"SERVER=<${pid:1}>"};
  REQUIRE(guest.Call(client).error.empty());
  REQUIRE(guest.Call(AwaitPayload{2, 60 * kSecond}).error.empty());
  CHECK(guest.out == pid + " " + pid + "x <" + pid + "> ${pid:name}\n");
  REQUIRE(guest.Call(StopPayload{1}).error.empty());
  CHECK(guest.done[1].pid == *server.pid);
  CHECK(guest.Call(Shell(3, "echo ${pid:9}")).error == "there is no payload with handle 9");
}

TEST_CASE("a look at a payload says whether it runs") {
  GuestProcess guest;
  const Reply started = guest.Call(Shell(1, "sleep 1000"));
  CHECK(guest.Call(PollPayload{1, true}).error.empty());
  Reply reply = guest.Call(PollPayload{1, false});
  CHECK(reply.error == "payload 'p1' still runs where it should have ended");
  CHECK(reply.of_payload);
  CHECK(reply.pid == started.pid);
  REQUIRE(guest.Call(Shell(2, "echo bye; exit 4")).error.empty());
  guest.AwaitDone(1);
  CHECK(guest.Call(PollPayload{2, false}).error.empty());
  reply = guest.Call(PollPayload{2, true});
  CHECK(reply.error == "payload 'p2' should still run, but it exited with code 4; its last output: bye");
  CHECK_FALSE(guest.Call(Ping{}).of_payload);
}

TEST_CASE("all output of a payload is sent where it is asked for") {
  GuestProcess guest;
  StartPayload request = Shell(1, "head -c 20000000 /dev/zero; echo end");
  request.whole_output = true;
  REQUIRE(guest.Call(Ping{}).error.empty());
  [[maybe_unused]] const std::size_t before = guest.ResidentKb();
  REQUIRE(guest.Call(request).error.empty());
  REQUIRE(guest.Call(AwaitPayload{1, 60 * kSecond}).error.empty());
  CHECK(guest.out.size() == 20'000'004);
  CHECK(guest.out.ends_with("end\n"));
// AddressSanitizer keeps what was freed.
#ifndef KTSTR_SANITIZE
  CHECK(guest.ResidentKb() < before + 12 * 1024);  // what the host has not taken yet is bounded
#endif
}

}  // namespace
}  // namespace ktstr::guest
