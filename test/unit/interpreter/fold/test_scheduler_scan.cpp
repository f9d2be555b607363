// What became of schedulers, found out from the events of a run. The messages are those of Linux 6.12.
#include <signal.h>

#include <catch2/catch.hpp>
#include <utility>

#include "guest-init/base/xorshift.h"
#include "interpreter/fold/scheduler_scan.h"

using namespace ktstr;

namespace {

constexpr std::uint64_t kMs = 1'000'000;

/// A run in which phase 1 is under way. Each message comes one millisecond after the one before.
class Run {
 public:
  void Begin() { scan_.Begin(); }
  void Look(SchedulerMoment moment, const std::string& state, std::uint32_t handle = 1,
            std::uint64_t count = 5) {
    now_ += kMs;
    scan_.Take({handle, moment, state, state == "enabled" ? "mine" : "", count, now_}, "scx", at);
  }
  void Attach(std::uint32_t handle = 1, std::uint64_t count = 5) {
    Begin();
    Look(SchedulerMoment::kAttached, "enabled", handle, count);
  }
  void Stop(const std::string& state, std::uint32_t handle = 1, std::uint64_t count = 5) {
    Look(SchedulerMoment::kStopping, state, handle, count);
  }
  void Say(const std::string& text, std::uint32_t priority = 3) {
    now_ += kMs;
    KernelMessages event;
    event.messages.push_back({1, now_ / 1000, priority, text});
    scan_.Take(event, at);
  }
  void Disabled(const std::string& reason) {
    Say("sched_ext: BPF scheduler \"mine\" disabled (" + reason + ")");
  }
  void Program(std::int32_t code, std::int32_t signal = 0, std::uint32_t handle = 1,
               const std::string& output = "last words") {
    now_ += kMs;
    PayloadDone done;
    done.handle = handle;
    done.exit_code = code;
    done.signal = signal;
    done.ended_ns = now_;
    scan_.Take(done, output);
  }
  /// "error: runtime error: bad call".
  [[nodiscard]] std::string Ends() const {
    std::string all;
    for (const SchedulerRecord& record : records)
      all += (all.empty() ? "" : "; ") +
             std::string(kSchedulerEnds[static_cast<std::size_t>(record.end)].name) + ": " +
             HowSchedulerEnded(record);
    return all;
  }
  [[nodiscard]] std::string WhyRefused() const { return scan_.WhyRefused(); }

  std::vector<SchedulerRecord> records;
  RunPosition at{1, false};

 private:
  SchedulerScan scan_{records};
  std::uint64_t now_ = 0;
};

constexpr const char* kSysrq = "disabled by sysrq-S";
constexpr const char* kUser = "unregistered from user space";

}  // namespace

TEST_CASE("each word of the kernel for a scheduler's end has its own end") {
  const auto ended = [](const std::string& reason, const std::string& message = "") {
    Run run;
    run.Attach();
    run.Disabled(reason);
    if (!message.empty()) run.Say("sched_ext: mine: " + message);
    run.Stop("disabled");
    return run.Ends();
  };
  CHECK(ended("runtime error", "invalid CPU 4711 from ops.select_cpu()") ==
        "error: runtime error: invalid CPU 4711 from ops.select_cpu()");
  CHECK(ended("scx_bpf_error", "ran out of luck") == "error: scx_bpf_error: ran out of luck");
  CHECK(ended("runnable task stall", "sh[68] failed to run for 3.052s") ==
        "stall: runnable task stall: sh[68] failed to run for 3.052s");
  CHECK(ended("unregistered from BPF", "enough") == "exit: unregistered from BPF: enough");
  CHECK(ended("unregistered from the main kernel") == "kernel: unregistered from the main kernel");
  CHECK(ended(kSysrq) == "sysrq: disabled by sysrq-S");
  CHECK(ended(kUser) == "unregistered: its program unregistered it and ran on");
  CHECK(ended("out of phlogiston (42)", "none left") == "error: out of phlogiston (42): none left");
  CHECK(ended("<UNKNOWN>") == "error: <UNKNOWN>");
}

TEST_CASE("a scheduler that stayed to the end was detached") {
  Run run;
  run.Attach();
  run.Say("sched_ext: BPF scheduler \"mine\" enabled", 6);
  run.at = {2, true};
  run.Stop("enabled");
  run.Disabled(kSysrq);
  run.Program(0, SIGTERM);
  CHECK(run.Ends() == "detached: it was detached");
  CHECK(run.records[0].ended_ns == 0);
  CHECK(run.records[0].ops == "mine");
  CHECK(run.records[0].phase == 1);
  // Also where there is no sysrq, and the end of its program ended it.
  Run without;
  without.Attach();
  without.Stop("enabled");
  without.Program(0);
  without.Disabled(kUser);
  CHECK(without.Ends() == "detached: it was detached");
}

TEST_CASE("the kernel's words, its stack and where they came belong to the record") {
  Run run;
  run.Attach();
  run.at = {2, true};
  run.Disabled("runtime error");
  run.Say("sched_ext: mine: sh[7] has zero slice: or so");
  run.Say("   scx_ops_error+0x1/0x2");
  run.Say("a program wrote this", 14);
  run.Say("   do_enqueue_task+0x3/0x4");
  run.Say("rcu: something else");
  run.Say("   not_of_this+0x5/0x6");
  run.at = {3, false};
  run.Disabled("scx_bpf_error");  // of another one; ours has ended
  const SchedulerRecord& record = run.records.at(0);
  CHECK(record.message == "sh[7] has zero slice: or so");
  CHECK(record.stack == std::vector<std::string>{"scx_ops_error+0x1/0x2", "do_enqueue_task+0x3/0x4"});
  CHECK(record.end_phase == 2);
  CHECK(record.after_phase);
  CHECK(record.ended_ns == 2 * kMs);
  CHECK(run.Ends() == "error: runtime error: sh[7] has zero slice: or so");
}

TEST_CASE("a scheduler that was ejected before anybody looked is known to have been") {
  for (const char* state : {"disabled", "disabling"}) {
    Run before;
    before.Begin();
    before.Disabled("runtime error");
    before.Look(SchedulerMoment::kAttached, state);
    before.Say("sched_ext: mine: at once");
    CHECK(before.Ends() == "error: runtime error: at once");
    Run after;
    after.Begin();
    after.Look(SchedulerMoment::kAttached, state);
    after.Disabled("runtime error");
    CHECK(after.Ends() == "error: runtime error");
    Run never;  // its words were lost, and so it is not known
    never.Begin();
    never.Look(SchedulerMoment::kAttached, state);
    never.Stop("disabled");
    CHECK(never.Ends() == "unknown: the kernel had disabled it, and its log does not say why");
  }
}

TEST_CASE("an attempt that its program made before it was attached is not its end") {
  Run run;
  run.Begin();
  run.Disabled("unregistered from the main kernel");  // a CPU came; the program tries once more
  run.Look(SchedulerMoment::kAttached, "enabled");
  run.Stop("enabled");
  run.Disabled(kSysrq);
  CHECK(run.Ends() == "detached: it was detached");
}

TEST_CASE("a scheduler is unregistered from user space by how its program ended") {
  const auto ends = [](auto events) {
    Run run;
    run.Attach();
    events(run);
    return run.Ends();
  };
  const std::string killed = "program_killed: its program was killed by SIGSEGV";
  CHECK(ends([](Run& run) { run.Program(0, SIGSEGV), run.Disabled(kUser), run.Stop("disabled"); }) == killed);
  CHECK(ends([](Run& run) { run.Disabled(kUser), run.Program(0, SIGSEGV), run.Stop("disabled"); }) == killed);
  CHECK(ends([](Run& run) { run.Disabled(kUser), run.Stop("disabled"), run.Program(0, SIGSEGV); }) == killed);
  const std::string exited = "program_exited: its program exited with code 1";
  CHECK(ends([](Run& run) { run.Program(1), run.Disabled(kUser), run.Stop("disabled"); }) == exited);
  CHECK(ends([](Run& run) { run.Disabled(kUser), run.Program(1), run.Stop("disabled"); }) == exited);
  // It ran on until we ended it.
  const std::string ran_on = "unregistered: its program unregistered it and ran on";
  CHECK(ends([](Run& run) { run.Disabled(kUser), run.Stop("disabled"), run.Program(0, SIGTERM); }) == ran_on);
  CHECK(ends([](Run& run) { run.Disabled(kUser), run.Stop("disabled"), run.Program(0, SIGKILL); }) == ran_on);
  CHECK(ends([](Run& run) { run.Disabled(kUser), run.Stop("disabled"), run.Program(3); }) == ran_on);
  // Its program may end when the kernel has ejected it.
  CHECK(ends([](Run& run) { run.Disabled("runtime error"), run.Program(1), run.Stop("disabled"); }) ==
        "error: runtime error");
}

TEST_CASE("a program that has ended before its scheduler's attach is told is known all the same") {
  Run run;
  run.Begin();
  run.Disabled(kUser);
  run.Program(0, SIGSEGV);
  run.Look(SchedulerMoment::kAttached, "disabled");
  CHECK(run.Ends() == "program_killed: its program was killed by SIGSEGV");
  CHECK(run.records[0].stderr_end == "last words");
}

TEST_CASE("a scheduler whose program has ended may still be attached") {
  Run run;  // as when its link is pinned
  run.Attach();
  run.Program(0);
  run.Stop("enabled");
  run.Disabled(kSysrq);
  CHECK(run.Ends() == "detached: it was detached");
}

TEST_CASE("a scheduler that is gone when it is to be detached was not detached") {
  for (const char* state : {"disabled", "disabling", "enabling", ""}) {
    Run run;
    run.Attach();
    run.at = {2, false};
    run.Stop(state);
    CHECK(run.Ends() == "unknown: the kernel had disabled it, and its log does not say why");
    CHECK(run.records[0].end_phase == 2);
    CHECK(run.records[0].ended_ns == 2 * kMs);
    run.Disabled("runnable task stall");  // the kernel was about to say it
    CHECK(run.Ends() == "stall: runnable task stall");
  }
  Run by_sysrq;  // of somebody else: we had not written anything yet
  by_sysrq.Attach();
  by_sysrq.Stop("disabling");
  by_sysrq.Disabled(kSysrq);
  CHECK(by_sysrq.Ends() == "sysrq: disabled by sysrq-S");
}

TEST_CASE("a scheduler that was ejected in the moment of its detach was ejected") {
  Run run;
  run.Attach();
  run.Stop("enabled");
  run.Disabled("runnable task stall");  // our sysrq came too late, or the kernel would have said that
  run.Say("sched_ext: mine: sh[68] failed to run for 3.052s");
  run.Program(0, SIGTERM);
  CHECK(run.Ends() == "stall: runnable task stall: sh[68] failed to run for 3.052s");
}

TEST_CASE("a scheduler in whose place its program put another one, unseen, was not detached") {
  Run run;
  run.Attach(1, 5);
  run.Stop("enabled", 1, 6);
  run.Disabled(kSysrq);
  CHECK(run.Ends() == "sysrq: disabled by sysrq-S");
}

TEST_CASE("what the kernel says of one scheduler is not about the next one, nor about one of a payload") {
  Run run;
  run.Attach(1, 5);
  run.Stop("enabled", 1, 5);
  run.Disabled(kSysrq);
  run.Program(0, SIGTERM, 1);
  run.Disabled("runtime error");  // of one that a payload attached when ours was gone
  run.Attach(2, 7);
  run.Disabled("scx_bpf_error");
  run.Stop("disabled", 2, 7);
  run.Attach(3, 8);
  run.Stop("enabled", 3, 8);
  run.Disabled(kSysrq);
  CHECK(run.Ends() == "detached: it was detached; error: scx_bpf_error; detached: it was detached");
}

TEST_CASE("programs of the guest cannot write the kernel's words") {
  Run run;
  run.Attach();
  for (const std::uint32_t priority : {8U, 11U, 14U, 191U})
    run.Say("sched_ext: BPF scheduler \"mine\" disabled (runtime error)", priority);
  for (const char* text : {"sched_ext: BPF scheduler \"mine\" disabled (runtime error",
                           " sched_ext: BPF scheduler \"mine\" disabled (runtime error)",
                           "sched_ext: BPF scheduler \"mine\"", "sched_ext: BPF scheduler \"", ")", ""})
    run.Say(text);
  KernelMessages early;
  early.early = true;
  early.messages.push_back({1, 1, 3, "sched_ext: BPF scheduler \"mine\" disabled (runtime error)"});
  std::vector<SchedulerRecord> none;
  SchedulerScan scan(none);
  scan.Take(early, {});
  CHECK(scan.WhyRefused().empty());
  run.Stop("enabled");
  CHECK(run.Ends() == "detached: it was detached");
}

TEST_CASE("what the kernel said of a scheduler that it refused is known until the next one begins") {
  Run run;
  run.Begin();
  CHECK(run.WhyRefused().empty());
  run.Disabled("runtime error");
  run.Say("sched_ext: mine: ops.init() failed (-22)");
  CHECK(run.WhyRefused() == "the kernel said: runtime error: ops.init() failed (-22)");
  run.Begin();
  CHECK(run.WhyRefused().empty());
  CHECK(run.records.empty());
}

namespace {

/// A kernel with one scheduler at a time, whose words may be lost, and are read late.
class Model {
 public:
  explicit Model(Xorshift64& random) : random_(random) {}

  /// One run to its end.
  void Play() {
    run.Begin();
    if (OneOf(3) == 0) unread_.emplace_back("unregistered from the main kernel");  // an attempt before
    const std::uint64_t attach_at = OneOf(3), stop_at = attach_at + 1 + OneOf(5);
    for (std::uint64_t step = 0; step <= stop_at + 3; ++step) {
      if (step == attach_at) {
        Read();
        run.Look(SchedulerMoment::kAttached, enabled_ ? "enabled" : "disabled", 1, count_);
      }
      if (step == stop_at) Stop();
      if (step > attach_at && step < stop_at && OneOf(3) == 0) Reattach();
      if (OneOf(4) == 0) Disable(kWays[OneOf(5)]);
      if (OneOf(6) == 0) run.Say("sched_ext: BPF scheduler \"mine\" disabled (runtime error)", 14);
      if (OneOf(2) == 0) Read();
    }
    Disable(kSysrq);
    Read();
  }

  Run run;
  bool ejected = false;         // by anybody but the one who detaches it
  bool ejected_before = false;  // the look before its detach
  bool lost = false;

 private:
  static constexpr const char* kWays[] = {"runtime error", "runnable task stall", "unregistered from BPF",
                                          kSysrq, kUser};

  std::uint64_t OneOf(std::uint64_t n) { return random_.Next() % n; }
  void Read() {
    for (const std::string& reason : unread_) {
      if (OneOf(8) != 0)
        run.Disabled(reason);
      else
        lost = true;
    }
    unread_.clear();
  }
  void Disable(const std::string& reason) {
    if (!std::exchange(enabled_, false)) return;
    ejected = ejected || !(stopped_ && (reason == kSysrq || reason == kUser));
    unread_.push_back(reason);
  }
  /// Its program attaches it once more.
  void Reattach() {
    if (!std::exchange(enabled_, true)) ++count_;
  }
  void Stop() {
    const bool was_enabled = enabled_;
    ejected_before = ejected;
    if (OneOf(4) == 0) Disable("runtime error");
    Read();
    run.Stop(was_enabled ? "enabled" : "disabled", 1, count_);
    stopped_ = true;
  }

  Xorshift64& random_;
  std::vector<std::string> unread_;
  std::uint64_t count_ = 5;
  bool enabled_ = true;
  bool stopped_ = false;
};

}  // namespace

TEST_CASE("no order of events makes an ejected scheduler a detached one, nor the other way round") {
  Xorshift64 random(20261130);
  std::size_t ejected = 0, detached = 0;
  for (int i = 0; i < 20'000; ++i) {
    Model model(random);
    model.Play();
    REQUIRE(model.run.records.size() == 1);
    const bool said_detached = model.run.records[0].end == SchedulerEnd::kDetached;
    INFO("run " << i << ": " << model.run.Ends());
    if (!model.ejected) {
      CHECK(said_detached);
      ++detached;
    } else if (model.ejected_before || !model.lost) {  // of the moment of its detach only the log can tell
      CHECK_FALSE(said_detached);
      ++ejected;
    }
  }
  CHECK(ejected > 1000);
  CHECK(detached > 1000);
}
