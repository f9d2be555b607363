// Payloads through the executor: output, ends of every kind, descendants, and backpressure.
#include <signal.h>

#include <catch2/catch.hpp>

#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

AwaitPayload Await(std::uint32_t handle, std::uint64_t timeout_ms = 60'000) {
  return {handle, timeout_ms * 1'000'000};
}

TEST_CASE("a payload's output and exit code come back") {
  GuestProcess guest;
  StartPayload request = Shell(1, "echo out $PATH $HOME $TMPDIR $EXTRA; echo err >&2; read x; exit 7");
  request.env = {"EXTRA=more"};
  CHECK(guest.Call(request).error.empty());
  CHECK(guest.Call(Await(1)).error.empty());
  CHECK(guest.out == "out /bin / /tmp more\n");
  CHECK(guest.err == "err\n");
  REQUIRE(guest.done.size() == 1);
  const PayloadDone& done = guest.done[0];
  CHECK(done.end == PayloadEnd::kExited);
  CHECK(done.exit_code == 7);
  CHECK(done.signal == 0);
  CHECK(done.stdout_bytes == guest.out.size());
  CHECK(done.stderr_bytes == 4);
  CHECK(done.started_ns <= done.ended_ns);
  CHECK(guest.Call(Await(1)).error.empty());  // still known, still over
  CHECK(guest.done.size() == 1);
}

TEST_CASE("a payload that ends by itself is finalised without being waited for") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(5, "exit 0")).error.empty());
  guest.AwaitDone(1);
  CHECK(guest.done[0].handle == 5);
  CHECK(guest.Call(Finish{}).error.empty());
  CHECK(guest.warnings.empty());
}

TEST_CASE("indices count finalisations, not starts") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "read x < /dev/zero; sleep 1000")).error.empty());
  REQUIRE(guest.Call(Shell(2, "exit 1")).error.empty());
  REQUIRE(guest.Call(Await(2)).error.empty());
  REQUIRE(guest.Call(StopPayload{1}).error.empty());
  REQUIRE(guest.done.size() == 2);
  CHECK(guest.done[0].handle == 2);
  CHECK(guest.done[0].payload_index == 0);
  CHECK(guest.done[1].handle == 1);
  CHECK(guest.done[1].payload_index == 1);
  CHECK(guest.done[1].end == PayloadEnd::kKilled);
  CHECK(guest.done[1].signal == SIGKILL);
  CHECK(guest.done[1].exit_code == -1);
}

TEST_CASE("ten megabytes of output do not block") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "head -c 10485760 /dev/zero; head -c 3000000 /dev/zero >&2")).error.empty());
  REQUIRE(guest.Call(Await(1)).error.empty());
  CHECK(guest.out.size() == 10'485'760);
  CHECK(guest.err.size() == 3'000'000);
  CHECK(guest.done[0].stdout_bytes == 10'485'760);
}

TEST_CASE("beyond the limit output is counted, not sent") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "head -c 20000000 /dev/zero")).error.empty());
  REQUIRE(guest.Call(Await(1)).error.empty());
  CHECK(guest.out.size() == kMaxPayloadOutput);
  CHECK(guest.done[0].stdout_bytes == 20'000'000);
}

TEST_CASE("while the host does not read, the guest keeps little and the payload waits") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "head -c 16000000 /dev/zero; echo x")).error.empty());
  // Nothing is read here until the executor sleeps with nothing left that it may do.
  guest.AwaitQuiet();
  CHECK(guest.Children().size() == 1);  // it could not write all it has
  const std::uint32_t id = guest.Send(Await(1));
  CHECK(guest.NextReply().request_id == id);
  CHECK(guest.out.size() == 16'000'002);
#ifndef KTSTR_SANITIZE  // which keeps what was freed
  CHECK(guest.ResidentKb() < 60'000);
#endif
}

TEST_CASE("a payload that outlives its wait is killed, and the error says what happened") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "echo begun; sleep 1000")).error.empty());
  CHECK(guest.Call(Await(1, 1500)).error == "payload 'p1' was still running after 1.5s");
  REQUIRE(guest.done.size() == 1);
  CHECK(guest.done[0].end == PayloadEnd::kTimedOut);
  CHECK(guest.out == "begun\n");
  while (!guest.Children().empty()) REQUIRE(guest.Call(Ping{}).error.empty());  // what it had started, too
}

TEST_CASE("descendants in the process group end with their leader") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "sleep 1000 & sleep 1000 & echo leader")).error.empty());
  REQUIRE(guest.Call(Await(1)).error.empty());
  CHECK(guest.out == "leader\n");
  CHECK(guest.done[0].end == PayloadEnd::kExited);
  while (!guest.Children().empty()) REQUIRE(guest.Call(Ping{}).error.empty());
}

TEST_CASE("a descendant that left the group and holds the pipes does not hold the payload") {
  GuestProcess guest;
  // The leader ends when the other one has its own session.
  REQUIRE(guest
              .Call(Shell(1,
                          "f=$(mktemp -u); mkfifo $f; setsid sh -c \"echo away; echo > $f; sleep 1000\" & "
                          "read x < $f; rm $f; exit 3"))
              .error.empty());
  REQUIRE(guest.Call(Await(1)).error.empty());
  CHECK(guest.done[0].exit_code == 3);
  CHECK(guest.out == "away\n");
}

TEST_CASE("a stray that floods the pipes does not hold the payload for ever") {
  GuestProcess guest;
  REQUIRE(
      guest.Call(Shell(1, "f=$(mktemp -u); mkfifo $f; setsid sh -c \"echo > $f; yes\" & read x < $f; rm $f"))
          .error.empty());
  REQUIRE(guest.Call(Await(1)).error.empty());
  CHECK(guest.done[0].end == PayloadEnd::kExited);
}

TEST_CASE("death by signal is reported as that") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "kill -SEGV $$")).error.empty());
  REQUIRE(guest.Call(Await(1)).error.empty());
  CHECK(guest.done[0].end == PayloadEnd::kExited);
  CHECK(guest.done[0].exit_code == -1);
  CHECK(guest.done[0].signal == SIGSEGV);
}

TEST_CASE("programs that cannot run are refused with the cause") {
  GuestProcess guest("/etc");
  StartPayload request = Shell(1, "");
  request.argv = {"no-such-program"};
  CHECK(guest.Call(request).error ==
        "payload 'p1': running /etc/no-such-program: No such file or directory (it is not in the guest's "
        "image)");
  request.argv = {"passwd"};
  CHECK(guest.Call(request).error ==
        "payload 'p1': running /etc/passwd: Permission denied (it is not marked executable)");
  request.argv = {};
  CHECK(guest.Call(request).error == "payload 'p1' has no program");
  request.argv = {"passwd"};
  request.cgroup = "none";
  CHECK(guest.Call(request).error == "there is no cgroup 'none'");
  REQUIRE(guest.Call(CreateCgroup{"plain"}).error.empty());
  request.cgroup = "plain";  // a directory without cgroup.procs
  CHECK(guest.Call(request).error == "payload 'p1': joining cgroup 'plain': No such file or directory");
  CHECK(guest.done.empty());
  CHECK(guest.Call(Await(1)).error == "there is no payload with handle 1");
  CHECK(guest.Call(StopPayload{9}).error == "there is no payload with handle 9");
}

TEST_CASE("a handle names one payload for ever") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "exit 0")).error.empty());
  REQUIRE(guest.Call(Await(1)).error.empty());
  CHECK(guest.Call(Shell(1, "exit 0")).error == "payload handle 1 was used before");
}

TEST_CASE("without a process group of its own only the leader is killed") {
  GuestProcess guest;
  StartPayload request = Shell(1, "sleep 1000 > /dev/null 2>&1 & echo $!; exec sleep 1000");
  request.own_process_group = false;
  REQUIRE(guest.Call(request).error.empty());
  while (guest.out.find('\n') == std::string::npos) guest.NextEvent<PayloadOutput>();
  REQUIRE(guest.Call(StopPayload{1}).error.empty());
  const pid_t other = std::stoi(guest.out);
  CHECK(kill(other, 0) == 0);
  kill(other, SIGKILL);
}

TEST_CASE("the end: each payload nobody waited for is named") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "sleep 1000")).error.empty());
  REQUIRE(guest.Call(Shell(2, "sleep 1000")).error.empty());
  REQUIRE(guest.Call(Workers(1, "SpinWait", 1)).error.empty());
  CHECK(guest.Call(Await(1, 1)).error == "payload 'p1' was still running after 1ms");
  CHECK(guest.Call(Finish{}).error.empty());
  CHECK(guest.warnings ==
        std::vector<std::string>{"payload 'p2' (cgroup '') was never waited for; it was killed at the end"});
  REQUIRE(guest.done.size() == 2);
  CHECK(guest.done[1].end == PayloadEnd::kCollected);
  CHECK(guest.reports.size() == 1);
}

TEST_CASE("stopping a cgroup's tasks collects its payloads") {
  GuestProcess guest;
  REQUIRE(guest.Call(Shell(1, "sleep 1000")).error.empty());
  CHECK(guest.Call(StopCgroupTasks{""}).error.empty());
  REQUIRE(guest.done.size() == 1);
  CHECK(guest.done[0].end == PayloadEnd::kCollected);
  CHECK(guest.warnings.empty());
}

}  // namespace
}  // namespace ktstr::guest
