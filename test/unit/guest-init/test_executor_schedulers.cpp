// Schedulers are attached and detached. Files stand for the kernel's sched_ext, and shells for schedulers:
// they write into those files what the kernel would.
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr AttachBudget kAmple{60 * kSecond, 60 * kSecond};

/// A guest whose kernel has sched_ext; four schedulers have been attached before, and none is.
class SchedExtGuest : public GuestProcess {
 public:
  explicit SchedExtGuest(bool may_fork = true) : GuestProcess("/bin", may_fork) {
    std::filesystem::create_directories(directory() + "/sched_ext/root");
    std::ofstream(directory() + "/sysrq");
    Put("state", "disabled");
    Put("enable_seq", "4");
  }
  void Put(const std::string& file, const std::string& text) {
    std::ofstream(directory() + "/sched_ext/" + file) << text << "\n";
  }
  [[nodiscard]] std::string Sysrq() const {
    std::ostringstream text;
    text << std::ifstream(directory() + "/sysrq").rdbuf();
    return text.str();
  }
  /// `script` is run where the kernel's files are; `put FILE TEXT` changes one of them at once, `attach` is
  /// what the kernel does when "mine" is, `say TEXT` is a message of the kernel.
  [[nodiscard]] StartPayload Script(std::uint32_t handle, const std::string& script) const {
    return Shell(handle, "cd " + directory() +
                             "/sched_ext; put() { echo $2 > $1.new; mv $1.new $1; };"
                             "attach() { put root/ops mine; put state enabled; put enable_seq 5; };"
                             "say() { printf '3,1,5,-;%s' \"$1\" > ../kmsg; };" +
                             script);
  }
  [[nodiscard]] StartPayload Scheduler(std::uint32_t handle, const std::string& script,
                                       AttachBudget budget = kAmple) const {
    StartPayload request = Script(handle, script);
    request.attach = budget;
    return request;
  }
  /// A kernel that answers sysrq-S.
  [[nodiscard]] StartPayload Kernel(std::uint32_t handle) const {
    return Script(
        handle, "until [ -s ../sysrq ]; do sleep 0.01; done; say 'disabled by sysrq-S'; put state disabled");
  }
  /// "attached: enabled, ops mine, 5", one each look.
  [[nodiscard]] std::string Looks() const {
    std::string all;
    for (const SchedulerLook& look : looks)
      all += std::string(kSchedulerMoments[static_cast<std::size_t>(look.moment)].name) + " " +
             std::to_string(look.handle) + ": " + look.state + ", ops " + look.ops + ", " +
             std::to_string(look.attached) + "\n";
    return all;
  }
};

constexpr const char* kRuns = "; exec sleep 1000";
constexpr const char* kEndsWhenAsked = "trap 'echo bye; exit 3' TERM; attach; while :; do sleep 0.01; done";

}  // namespace

TEST_CASE("an attach is done when the kernel has counted it") {
  SchedExtGuest guest;
  const Reply reply = guest.Call(guest.Scheduler(1, std::string("attach") + kRuns));
  CHECK(reply.error.empty());
  CHECK(reply.pid);
  CHECK(guest.Looks() == "attached 1: enabled, ops mine, 5\n");
  CHECK(guest.done.empty());
}

TEST_CASE("nothing is started where no scheduler can be attached") {
  SchedExtGuest guest;
  guest.Put("root/ops", "other");
  guest.Put("state", "enabled");
  const StartPayload scheduler = guest.Scheduler(1, "attach");
  CHECK(guest.Call(scheduler).error == "scheduler 'p1' cannot be attached: 'other' is attached");
  guest.Put("root/ops", "");
  guest.Put("state", "disabling");
  Reply reply = guest.Call(scheduler);
  CHECK(reply.error == "scheduler 'p1' cannot be attached: sched_ext is disabling");
  CHECK_FALSE(reply.of_payload);
  CHECK(guest.Call(PollPayload{1, true}).error == "there is no payload with handle 1");
  CHECK(GuestProcess().Call(scheduler).error ==
        "scheduler 'p1' cannot be attached: this kernel has no sched_ext");
  CHECK(guest.looks.empty());
}

TEST_CASE("a scheduler's program that ends before it is attached says how") {
  SchedExtGuest guest;
  Reply reply = guest.Call(guest.Scheduler(1, "echo first; echo 'libbpf: failed to load' >&2; exit 1"));
  CHECK(reply.error ==
        "scheduler 'p1' was not attached: it exited with code 1; its last output: libbpf: failed to load");
  CHECK(reply.of_payload);
  CHECK(guest.done.size() == 1);  // before the reply
  reply = guest.Call(guest.Scheduler(2, "kill -SEGV $$"));
  CHECK(reply.error == "scheduler 'p2' was not attached: it was killed by SIGSEGV");
  CHECK(reply.of_payload);
  StartPayload nothing = guest.Scheduler(3, "");
  nothing.argv = {"no-such-program"};
  reply = guest.Call(nothing);
  CHECK(reply.error ==
        "payload 'p3': running /bin/no-such-program: No such file or directory (it is not in the guest's "
        "image)");
  CHECK(guest.looks.empty());
  // None of them is in the way of the next.
  CHECK(guest.Call(guest.Scheduler(3, std::string("attach") + kRuns)).error.empty());
}

TEST_CASE(
    "a scheduler's program that cannot be started for want of processes is an error, and in nobody's way") {
  SchedExtGuest guest(false);
  for (std::uint32_t handle : {1U, 2U}) {
    const Reply reply = guest.Call(guest.Scheduler(handle, "attach"));
    CHECK(reply.error == "payload 'p" + std::to_string(handle) + "': fork: Resource temporarily unavailable");
    CHECK_FALSE(reply.of_payload);  // the guest's affair, not the scheduler's
  }
  CHECK(guest.Call(StopScheduler{1, kSecond}).error == "there is no payload with handle 1");
  CHECK(guest.looks.empty());
  CHECK(guest.done.empty());
}

TEST_CASE("a scheduler that uses up its CPU time, or all its time, is killed") {
  SchedExtGuest guest;
  Reply reply = guest.Call(guest.Scheduler(1, "while :; do :; done", {kSecond / 50, 600 * kSecond}));
  CHECK(reply.error ==
        "scheduler 'p1' was not attached: it has used 20ms of CPU time; the kernel's state is 'disabled'");
  CHECK(reply.of_payload);
  REQUIRE(guest.done.size() == 1);
  CHECK(guest.done[0].signal == SIGKILL);
  CHECK(guest.done[0].end == PayloadEnd::kTimedOut);
  reply = guest.Call(guest.Scheduler(2, "exec sleep 1000", {60 * kSecond, kSecond / 20}));
  const std::string begin = "scheduler 'p2' was not attached: it took 50ms, in which it used ";
  const std::string end = " of CPU time; the kernel's state is 'disabled'";
  CHECK(reply.error.starts_with(begin));
  CHECK(reply.error.ends_with(end));
  CHECK(guest.done.size() == 2);
  CHECK(guest.looks.empty());
}

TEST_CASE("a scheduler that was attached and is gone at once was attached") {
  for (int i = 0; i < 5; ++i) {  // whether its program has ended before PID 1 looks again is a matter of luck
    SchedExtGuest guest;
    CHECK(guest.Call(guest.Scheduler(1, "put enable_seq 5; exit 7")).error.empty());
    CHECK(guest.Looks() == "attached 1: disabled, ops , 5\n");
    guest.AwaitDone(1);
    CHECK(guest.done[0].exit_code == 7);
    CHECK(guest.Call(StopScheduler{1, kSecond}).error.empty());
    CHECK(guest.Looks() == "attached 1: disabled, ops , 5\nstopping 1: disabled, ops , 5\n");
    CHECK(guest.Sysrq().empty());
  }
}

TEST_CASE("a scheduler is detached by sysrq, and its program may end by itself") {
  SchedExtGuest guest;
  REQUIRE(guest.Call(guest.Scheduler(1, kEndsWhenAsked)).error.empty());
  REQUIRE(guest.Call(guest.Kernel(2)).error.empty());
  CHECK(guest.Call(StopScheduler{1, 60 * kSecond}).error.empty());
  CHECK(guest.Sysrq() == "S");
  CHECK(guest.Looks() == "attached 1: enabled, ops mine, 5\nstopping 1: enabled, ops mine, 5\n");
  const auto program = std::find_if(guest.done.begin(), guest.done.end(),
                                    [](const PayloadDone& done) { return done.handle == 1; });
  REQUIRE(program != guest.done.end());
  CHECK(program->exit_code == 3);
  CHECK(guest.out == "bye\n");
  CHECK(guest.Call(StopScheduler{1, kSecond}).error == "scheduler 'p1' is not attached");
  // The next one is attached as if it were the first.
  guest.Put("enable_seq", "4");
  CHECK(guest.Call(guest.Scheduler(3, std::string("attach") + kRuns)).error.empty());
}

TEST_CASE("a scheduler's program that does not end when it is asked to is killed") {
  SchedExtGuest guest;
  REQUIRE(guest.Call(guest.Scheduler(1, "trap '' TERM; attach; while :; do sleep 0.01; done")).error.empty());
  REQUIRE(guest.Call(guest.Kernel(2)).error.empty());
  CHECK(guest.Call(StopScheduler{1, 60 * kSecond}).error.empty());
  REQUIRE(guest.done.size() == 2);
  CHECK(guest.done[1].handle == 1);
  CHECK(guest.done[1].signal == SIGKILL);
  CHECK(guest.done[1].end == PayloadEnd::kKilled);
}

TEST_CASE("a kernel that does not disable a scheduler in time is an error") {
  SchedExtGuest guest;
  REQUIRE(guest.Call(guest.Scheduler(1, std::string("attach") + kRuns)).error.empty());
  const Reply reply = guest.Call(StopScheduler{1, kSecond / 20});
  CHECK(reply.error == "scheduler 'p1' is not disabled after 50ms: the kernel's state is 'enabled'");
  CHECK_FALSE(reply.of_payload);
  CHECK(guest.Sysrq() == "S");
  CHECK(guest.done.size() == 1);  // before the reply
}

TEST_CASE("a scheduler outlives what is stopped around it") {
  SchedExtGuest guest;
  StartPayload scheduler = guest.Scheduler(1, std::string("attach") + kRuns);
  REQUIRE(guest.Call(scheduler).error.empty());
  REQUIRE(guest.Call(Shell(2, "exec sleep 1000")).error.empty());
  CHECK(guest.Call(StopCgroupTasks{""}).error.empty());
  guest.AwaitDone(1);
  CHECK(guest.done[0].handle == 2);
  CHECK(guest.Call(PollPayload{1, true}).error.empty());
}

TEST_CASE("what the kernel said of a scheduler comes before the look, and that before the reply") {
  SchedExtGuest guest;
  REQUIRE(guest.Call(Program{}).error.empty());
  REQUIRE(guest.Call(guest.Scheduler(1, std::string("say enabled; attach") + kRuns)).error.empty());
  CHECK(guest.event_order == "KS");
  REQUIRE(guest.Call(guest.Script(2, "say ejected; put state disabled")).error.empty());
  guest.AwaitDone(1);
  CHECK(guest.Call(StopScheduler{1, kSecond}).error.empty());
  CHECK(guest.event_order.substr(2).find('K') < guest.event_order.substr(2).find('S'));
  CHECK(guest.event_order.back() == 'P');
  CHECK(guest.Sysrq().empty());
}

TEST_CASE("a scheduler that nobody detached is at the end of all") {
  SchedExtGuest guest;
  REQUIRE(guest.Call(guest.Scheduler(1, std::string("attach") + kRuns)).error.empty());
  CHECK(guest.Call(Finish{}).error.empty());
  CHECK(guest.Looks() == "attached 1: enabled, ops mine, 5\nstopping 1: enabled, ops mine, 5\n");
  CHECK(guest.event_order == "SSP");  // and no word about a payload that nobody waited for
  CHECK(guest.Sysrq() == "S");
}

TEST_CASE("the end of all tells of a scheduler whose program is long gone") {
  SchedExtGuest guest;
  REQUIRE(guest.Call(guest.Scheduler(1, "attach; put state disabled; exit 1")).error.empty());
  guest.AwaitDone(1);
  CHECK(guest.Call(Finish{}).error.empty());
  CHECK(guest.Looks().ends_with("stopping 1: disabled, ops mine, 5\n"));
  CHECK(guest.Sysrq().empty());
}

TEST_CASE("a run that is given up tells of no scheduler twice, and of none that was not attached") {
  SECTION("while it is detached") {
    SchedExtGuest guest;
    REQUIRE(
        guest.Call(guest.Scheduler(1, "trap '' TERM; attach; while :; do sleep 0.01; done")).error.empty());
    guest.Send(StopScheduler{1, 60 * kSecond});
    guest.NextEvent<SchedulerLook>();
    guest.Send(Finish{.at_once = true});
    CHECK(guest.NextReply().error == kGivenUp);
    CHECK(guest.NextReply().error.empty());
    CHECK(guest.Looks() == "attached 1: enabled, ops mine, 5\nstopping 1: enabled, ops mine, 5\n");
  }
  SECTION("while it is attached") {
    SchedExtGuest guest;
    guest.Send(guest.Scheduler(1, "echo loads; exec sleep 1000"));
    guest.NextEvent<PayloadOutput>();
    guest.Send(Finish{.at_once = true});
    CHECK(guest.NextReply().error == kGivenUp);
    CHECK(guest.NextReply().error.empty());
    CHECK(guest.looks.empty());
    CHECK(guest.done.size() == 1);
  }
}

TEST_CASE("a built-in scheduler is switched by writes, up to the first that the kernel refuses") {
  SchedExtGuest guest;
  const std::string first = guest.directory() + "/first", second = guest.directory() + "/second";
  for (const std::string& file : {first, second}) std::ofstream(file) << "";
  const auto text = [](const std::string& file) {
    std::ostringstream all;
    all << std::ifstream(file).rdbuf();
    return all.str();
  };
  CHECK(guest.Call(SwitchBuiltIn{"tuned", true, {{first, "NO_A"}, {second, "2"}}}).error.empty());
  CHECK(text(first) == "NO_A\n");
  CHECK(text(second) == "2\n");
  const std::string gone = guest.directory() + "/gone";
  Reply reply = guest.Call(SwitchBuiltIn{"tuned", true, {{first, "A"}, {gone, "x"}, {second, "3"}}});
  CHECK(reply.error ==
        "scheduler 'tuned' was not attached: writing 'x' to " + gone + ": No such file or directory");
  CHECK(reply.of_payload);
  CHECK(text(second) == "2\n");
  reply = guest.Call(SwitchBuiltIn{"tuned", false, {{"/dev/full", "x"}}});
  CHECK(reply.error ==
        "scheduler 'tuned' was not detached: writing 'x' to /dev/full: No space left on device");
  guest.Put("root/ops", "other");
  guest.Put("state", "enabled");
  reply = guest.Call(SwitchBuiltIn{"tuned", true, {{second, "3"}}});
  CHECK(reply.error == "scheduler 'tuned' cannot be attached: 'other' is attached");
  CHECK(text(second) == "2\n");
  CHECK(guest.looks.empty());
}

}  // namespace ktstr::guest
