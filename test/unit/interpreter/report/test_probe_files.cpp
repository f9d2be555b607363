// What is read out of the probe's output, and what is said of it: only what was seen.
#include <catch2/catch.hpp>

#include "guest-init/base/xorshift.h"
#include "interpreter/fold/probe_log.h"
#include "interpreter/fold/stats.h"
#include "interpreter/report/probe_files.h"
#include "interpreter/report/probe_story.h"

namespace ktstr {
namespace {

constexpr std::string_view kFunctions =
    "self 46\n"
    "function 0 kprobe scx_ops_exit_kind - kind:u4 exit_code:s8 fmt:p\n"
    "function 1 fexit dequeue_task_scx b rq:r p:t deq_flags:s4\n"
    "function 2 fentry set_next_task_scx - rq:r p:t first:b\n"
    "missing check_rq_for_timeouts the kernel has no such function of its own\n"
    "function 3 fentry dispatch_enqueue - dsq:q p:t enq_flags:u8\n"
    "armed\n"
    "function 6 callback ops.enqueue - p:t enq_flags:u8\n"
    "function 4 callback ops.select_cpu s4 p:t prev_cpu:s4 wake_flags:u8\n"
    "function 5 fentry put_prev_task_scx - rq:r p:t next:t\n"
    "scheduler 500000000 900000000\n";
constexpr std::string_view kEnd =
    "name enq_flags SCX_ENQ_WAKEUP 1\n"
    "name enq_flags SCX_ENQ_REENQ 10000000000\n"
    "name enq_flags __SCX_ENQ_INTERNAL_MASK ff00000000000000\n"
    "name kind SCX_EXIT_ERROR_STALL 402\n"
    "end ejected 9000000000 1026\n"
    "lost 0\n";

std::string Log(const std::string& events, const std::string& end = std::string(kEnd)) {
  return std::string(kFunctions) + end + events + "done\n";
}

// 0x35 is 53.
constexpr const char* kSelected = "event 1 4900000000 4 0 1 1 35 0 8 0 0 0\n";
constexpr const char* kEnqueued = "event 2 4990000000 6 0 1 0 35 10000000401 0 0 0 0\n";
constexpr const char* kDispatched = "event 3 4991000000 3 0 1 0 8000000000000002 35 400 0 0 0\n";
constexpr const char* kRan = "event 4 5000000000 2 1 48 0 1 35 1 0 0 0\n";

std::string LastOfVictim(const std::string& events, const std::string& end = std::string(kEnd)) {
  return LastOf(ReadProbeLog(Log("task 53 4 lost\n" + events, end)), 53);
}

TEST_CASE("the last thing that happened to a task is told with its arguments and no more than was seen") {
  CHECK(
      LastOfVictim(kSelected + std::string(kEnqueued)) ==
      "lost[53]: ops.select_cpu(prev_cpu=0, wake_flags=8) -> 1, "
      "ops.enqueue(enq_flags=SCX_ENQ_WAKEUP|SCX_ENQ_REENQ|0x400) on CPU 0 at -4.010 s; what came then is not "
      "known: some of its events were lost");
  const auto whole = [](const std::string& events, const char* seen) {
    return LastOf(ReadProbeLog(Log(std::string("task 53 ") + seen + " lost\n" + events)), 53);
  };
  CHECK(whole(kSelected + std::string(kEnqueued), "2").ends_with(" on CPU 0 at -4.010 s, never dispatched"));
  CHECK(whole(kSelected + std::string(kEnqueued) + kDispatched, "3")
            .ends_with(" at -4.010 s, dispatch_enqueue(dsq=local, enq_flags=0x400) at -4.009 s, never run"));
  CHECK(whole(kSelected + std::string(kEnqueued) + kDispatched + kRan, "4")
            .ends_with(" at -4.010 s, ran on CPU 1 from -4.000 s"));
  CHECK(whole(std::string(kSelected) + kEnqueued + kRan + "event 5 5001000000 5 1 53 0 1 35 0 0 0 0\n", "5")
            .ends_with(" at -4.010 s, ran on CPU 1 until -3.999 s"));
  CHECK(whole("event 1 8999000000 6 1 1 0 35 0 0 0 0 0\n", "1") ==
        "lost[53]: ops.enqueue(enq_flags=0x0) on CPU 1 at -0.001 s, not dispatched by then");
  CHECK(whole("event 1 4900000000 2 1 48 0 1 35 1 0 0 0\n", "1") ==
        "lost[53]: set_next_task_scx(rq=CPU 1, first=true) on CPU 1 at -4.100 s");
  // What the kernel did with it afterwards is not the scheduler's doing.
  CHECK(whole(std::string(kEnqueued) + "event 3 9000000001 2 1 48 0 1 35 1 0 0 0\n", "3").find("ran on") ==
        std::string::npos);
}

TEST_CASE("a select_cpu that an earlier run of the task came of is not told with its last enqueue") {
  const std::string story =
      LastOf(ReadProbeLog(
                 Log("task 53 3 lost\n" + std::string(kSelected) +
                     "event 2 4950000000 2 1 48 0 1 35 1 0 0 0\nevent 3 4990000000 6 0 1 0 35 0 0 0 0 0\n")),
             53);
  CHECK(story == "lost[53]: ops.enqueue(enq_flags=0x0) on CPU 0 at -4.010 s, never dispatched");
}

TEST_CASE("that nothing happened is not claimed where it could not have been seen") {
  std::string text = Log("task 53 2 lost\n" + std::string(kSelected) + kEnqueued);
  text.replace(text.find("fentry dispatch_enqueue"), 23, "fentry enqueue_dispatch");
  CHECK(LastOf(ReadProbeLog(text), 53)
            .ends_with("; what came then is not known: dispatch_enqueue was not probed"));
  CHECK(LastOf(ReadProbeLog(Log("")), 53) == "task 53: nothing was noted of it");
  CHECK(LastOf(ReadProbeLog(Log("lost 7\n")), 53) ==
        "task 53: nothing was noted of it, as there was no room");
  CHECK(LastOf(ReadProbeLog(Log("task 53 1 lost\nevent 1 9000000001 6 0 1 0 35 0 0 0 0 0\n")), 53) ==
        "lost[53]: nothing was kept of what happened to it before");
}

TEST_CASE("the file of a probed run has the named task first, and why something was not probed") {
  const ProbeLog log =
      ReadProbeLog(Log("task 7 40 idle one\nevent 40 8000000000 5 1 46 0 1 7 35 0 0 0\n"
                       "task 53 2 lost\n" +
                       std::string(kSelected) + kEnqueued));
  CHECK(log.not_understood == 0);
  CHECK(ProbeText(log, 53) == R"(The kernel ejected the scheduler (SCX_EXIT_ERROR_STALL).
Times are relative to that. Of each task its last 32 calls are kept.
The scheduler's callbacks are all in it from -8.100 s on.

lost[53]: ops.select_cpu(prev_cpu=0, wake_flags=8) -> 1, ops.enqueue(enq_flags=SCX_ENQ_WAKEUP|SCX_ENQ_REENQ|0x400) on CPU 0 at -4.010 s, never dispatched

lost[53], the task that the failure is about: all of 2 calls
   -4.100000 s  CPU 0   ops.select_cpu(prev_cpu=0, wake_flags=8) -> 1  by task 1
   -4.010000 s  CPU 0   ops.enqueue(enq_flags=SCX_ENQ_WAKEUP|SCX_ENQ_REENQ|0x400)  by task 1

idle one[7]: the last 1 of 40 calls
   -1.000000 s  CPU 1   put_prev_task_scx(rq=CPU 1, next=lost[53])  by the probe[46]

Probed:
  kprobe    scx_ops_exit_kind
  fexit     dequeue_task_scx
  fentry    set_next_task_scx
  fentry    dispatch_enqueue
  callback  ops.select_cpu
  fentry    put_prev_task_scx
  callback  ops.enqueue

Not probed:
  check_rq_for_timeouts: the kernel has no such function of its own
)");
  const auto json = ProbeJson(log, 53);
  CHECK(json.at("task") == 53);
  CHECK(json.at("tasks").at(0).at("events").at(1).at("function") == "ops.enqueue");
  CHECK(json.at("missing").dump() ==
        R"([{"function":"check_rq_for_timeouts","why":"the kernel has no such function of its own"}])");
}

TEST_CASE("an output that broke off, or of a kernel that cannot be probed, is told as that") {
  CHECK(
      EndText(
          ReadProbeLog("unable the kernel has no types of its own: CONFIG_DEBUG_INFO_BTF (No such file or "
                       "directory)\narmed\n")) ==
      "This kernel cannot be probed: the kernel has no types of its own: CONFIG_DEBUG_INFO_BTF (No such file "
      "or directory).");
  const std::string broken = "The probe's output broke off: the guest or the run ended before it.";
  CHECK(EndText(ReadProbeLog("")) == broken);
  const std::string whole = Log("task 53 1 lost\nevent 1 4900000000 2 1 48 0 1 35 1 0 0 0\n");
  CHECK(EndText(ReadProbeLog(whole.substr(0, whole.size() - 1))) == broken);
  CHECK(EndText(ReadProbeLog(whole + "task 54 1 x\n")) == broken);
  CHECK(EndText(ReadProbeLog(Log("", "end detached 5 0\n"))) ==
        "The kernel did not eject the scheduler; it was detached.");
  CHECK(EndText(ReadProbeLog(Log("", "end stopped 5 0\n"))) ==
        "The run ended while the scheduler was attached.");
}

TEST_CASE("a guest that lies to the reader of probes is bounded, and its text harmless") {
  for (const std::string_view line :
       {"function 1 fentry other - p:t", "function 192 fentry x -", "function 9 fentry x",
        "function 9 fentry x z", "function 9 fentry x u3", "function 9 fentry \x1b[2J - p:t",
        "function 9 fentry x - p", "function 9 x", "task -1 2 x", "task 99999999999 2 x", "task 5",
        "event 1 1 0 0 0 0 0 0 0 0 0 0", "end killed 1 2", "name enq_flags X", "scheduler 1", "\x1b]0;x",
        "event"}) {
    const ProbeLog log = ReadProbeLog(std::string(kFunctions) + std::string(line) + "\n");
    INFO(line);
    CHECK(log.not_understood == 1);
    CHECK(log.tasks.empty());
    CHECK(log.functions.size() == 7);
  }
  const std::string events = "task 53 40 lost\n" + std::string(kSelected);
  for (const std::string_view event :
       {"event 1 1 4 0 1 0 0 0 0 0 0 0", "event 0 1 4 0 1 0 0 0 0 0 0 0", "event 41 1 4 0 1 0 0 0 0 0 0 0",
        "event 2 1 7 0 1 0 0 0 0 0 0 0", "event 2 1 4 0 1 0 0 0 0 0 0", "event 2 x 4 0 1 0 0 0 0 0 0 0"}) {
    const ProbeLog log = ReadProbeLog(Log(events + std::string(event) + "\n"));
    INFO(event);
    CHECK(log.not_understood == 1);
    CHECK(log.tasks.at(0).events.size() == 1);
  }
  std::string flood = std::string(kFunctions);
  for (int i = 0; i < 2000; ++i) flood += "task " + std::to_string(i) + " 1 x\nmissing f w\nname a b 1\n";
  const ProbeLog log = ReadProbeLog(flood);
  CHECK(log.tasks.size() == ProbeLog::kMaxTasks);
  CHECK(log.missing.size() == ProbeLog::kMaxMissing);
  CHECK(log.names.size() == ProbeLog::kMaxNames);
  const ProbeLog evil =
      ReadProbeLog(Log("task 53 1 \x1b[31mred\t\nmissing f \x1b[31m\n", "end stopped 5 0\n"));
  CHECK(evil.FindTask(53)->comm == "\\x1b[31mred");
  CHECK(ProbeText(evil, 53).find('\x1b') == std::string::npos);
}

TEST_CASE("whatever is done to a probe's output, it can be read and shown") {
  const std::string whole = Log("task 53 2 lost\n" + std::string(kSelected) + kEnqueued);
  Xorshift64 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole.substr(0, random.Next() % (whole.size() + 1));
    for (int i = 0; i < 4 && !text.empty(); ++i)
      text[random.Next() % text.size()] = static_cast<char>(random.Next());
    const ProbeLog log = ReadProbeLog(text);
    const std::string shown = ProbeText(log, 53) + ProbeJson(log, 53).dump();
    CHECK(shown.find('\x1b') == std::string::npos);
  }
}

SchedulerRecord Ended(SchedulerEnd end, std::string message) {
  SchedulerRecord record;
  record.end = end;
  record.message = std::move(message);
  return record;
}

TEST_CASE("the task that a failure is about is the one that the kernel names, else who waited for longest") {
  RunRecord record;
  CHECK_FALSE(WorthProbing(record));
  CHECK_FALSE(NamedTask(record));
  record.queued_tasks = {{0, 61, 0, 900, {}}};
  record.schedulers = {Ended(SchedulerEnd::kDetached, "x[7]")};
  CHECK_FALSE(WorthProbing(record));  // nobody waited for long
  CHECK_FALSE(NamedTask(record));
  record.queued_tasks.push_back({0, 62, 0, 4000, {}});
  CHECK(WorthProbing(record));
  CHECK(NamedTask(record) == 62);
  record.schedulers = {Ended(SchedulerEnd::kStall, "watchdog failed to check in for 3.003s")};
  CHECK(NamedTask(record) == 62);
  record.schedulers = {Ended(SchedulerEnd::kStall, "a] [9[53] failed to run for 3.031s")};
  CHECK(NamedTask(record) == 53);
  record.schedulers = {
      Ended(SchedulerEnd::kError, "SCX_DSQ_LOCAL[_ON] target CPU 1 not allowed for Bursty[46]")};
  CHECK(NamedTask(record) == 46);
  record.queued_tasks.clear();
  for (const char* message : {"[", "x[99999999999]", "x[-3]", "x[]", "x[5", "SCX_DSQ_LOCAL[_ON]"}) {
    INFO(message);
    record.schedulers = {Ended(SchedulerEnd::kExit, message)};
    CHECK(WorthProbing(record));
    CHECK_FALSE(NamedTask(record));
  }
}

}  // namespace
}  // namespace ktstr
