#include <catch2/catch.hpp>

#include "interpreter/fold/kernel_log_scan.h"
#include "vmm/host/line_pattern_fault.h"

using namespace ktstr;

namespace {

KernelMessage Message(std::uint32_t priority, const std::string& text) {
  return {7, 1'234'567, priority, text};
}

KernelMessages Event(std::vector<KernelMessage> messages) {
  KernelMessages event;
  event.messages = std::move(messages);
  return event;
}

std::string KindOfMessage(std::string_view text) {
  const ComplaintKind* kind = FindComplaint(text);
  return kind == nullptr ? "none" : std::string(kind->name);
}

TEST_CASE("complaints of the kernel are called by their names") {
  CHECK(KindOfMessage("BUG: scheduling while atomic: swapper/1/0/0x00000002") == "scheduling while atomic");
  CHECK(KindOfMessage("BUG: sleeping function called from invalid context at mm/slab.h:1") ==
        "sleeping in atomic context");
  CHECK(KindOfMessage("watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [spin:41]") == "soft lockup");
  CHECK(KindOfMessage("watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1") == "hard lockup");
  CHECK(KindOfMessage("BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 33s!") ==
        "workqueue lockup");
  CHECK(KindOfMessage("BUG: kernel NULL pointer dereference, address: 0000000000000008") == "kernel bug");
  CHECK(KindOfMessage("kernel BUG at kernel/sched/core.c:1!") == "kernel bug");
  CHECK(KindOfMessage("WARNING: CPU: 1 PID: 55 at kernel/sched/core.c:1 foo+0x1/0x2") == "warning");
  CHECK(KindOfMessage("Oops: general protection fault, probably for non-canonical address 0x1: 0000 [#1]") ==
        "oops");
  CHECK(KindOfMessage("INFO: task sh:77 blocked for more than 1 seconds.") == "hung task");
  CHECK(KindOfMessage("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:") == "RCU stall");
  CHECK(KindOfMessage("rcu: INFO: rcu_preempt self-detected stall on CPU") == "RCU stall");
  CHECK(KindOfMessage("rcu: rcu_preempt kthread starved for 2600 jiffies! g1 f0x0") == "RCU stall");
}

TEST_CASE("what the kernel says in passing is no complaint") {
  for (const char* text :
       {"sched: RT throttling activated", "sh (12): drop_caches: 3", "p[3]: segfault at 0 ip 0 sp 0 error 4",
        "sysrq: Show backtrace of all active CPUs", "NMI backtrace for cpu 1", "", "a WARNING: in the middle",
        "clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable",
        "INFO: lockdep is turned off."})
    CHECK(KindOfMessage(text) == "none");
}

TEST_CASE("CPUs that went offline are told once for each phase and the time after it") {
  KernelLogScan scan({});
  KernelLogRecord record;
  const KernelMessages twice = Event({Message(6, "smpboot: CPU 12 is now offline"),
                                      Message(6, "smpboot: Booting Node 0 Processor 12 APIC 0xc"),
                                      Message(6, "smpboot: CPU 12 is now offline")});
  scan.Take(twice, {2, false}, record);
  scan.Take(twice, {2, true}, record);
  // A program wrote these, and those are something else.
  scan.Take(Event({Message(12, "smpboot: CPU 3 is now offline"), Message(6, "smpboot: CPU 3 is now offline?"),
                   Message(6, "smpboot: CPU x is now offline"), Message(6, "smpboot: CPU 4")}),
            {2, false}, record);
  CHECK(record.offline == std::vector<CpuOffline>{{12, 2, false}, {12, 2, true}});
}

TEST_CASE("a complaint is kept with its phase and with the lines behind it") {
  KernelLogScan scan({});
  KernelLogRecord record;
  scan.Take(Event({Message(6, "harmless"), Message(4, "WARNING: CPU: 0 PID: 1 at a.c:1"),
                   Message(4, "Modules linked in:"), Message(4, "RIP: 0010:foo+0x1/0x2")}),
            {2, false}, record);
  scan.Take(Event({Message(4, "WARNING: CPU: 1 PID: 2 at b.c:2")}), {2, true}, record);
  CHECK(record.messages == 5);
  CHECK(record.complaints_seen == 2);
  REQUIRE(record.complaints.size() == 2);
  CHECK(record.complaints[0].text == "WARNING: CPU: 0 PID: 1 at a.c:1");
  CHECK(record.complaints[0].at_us == 1'234'567);
  CHECK(record.complaints[0].phase == 2);
  CHECK_FALSE(record.complaints[0].after_phase);
  CHECK(record.complaints[0].more == std::vector<std::string>{"Modules linked in:", "RIP: 0010:foo+0x1/0x2"});
  CHECK(record.complaints[1].after_phase);
}

TEST_CASE("programs that write to the kernel's log do not complain for it") {
  KernelLogScan scan({});
  KernelLogRecord record;
  scan.Take(Event({Message(8 + 4, "WARNING: CPU: 0 PID: 1 at a.c:1")}), {1, false}, record);
  CHECK(record.messages == 1);
  CHECK(record.complaints_seen == 0);
}

TEST_CASE("what was said before the scenario does not count") {
  KernelLogScan scan({});
  KernelLogRecord record;
  KernelMessages early = Event({Message(4, "WARNING: CPU: 0 PID: 1 at a.c:1")});
  early.early = true;
  early.lost = 3;
  early.taint = 512;
  scan.Take(early, {0, true}, record);
  CHECK(record.begun);
  CHECK(record.complaints_seen == 0);
  CHECK(record.lost == 0);
  CHECK(record.taint_before == 512U);
  CHECK(record.taint_after == 512U);
}

TEST_CASE("allowed complaints are counted apart and explain their taint") {
  KernelLogScan scan({"at a\\.c:"});
  KernelLogRecord record;
  scan.Take(Event({Message(4, "WARNING: CPU: 0 PID: 1 at a.c:1"), Message(4, "behind it"),
                   Message(4, "WARNING: CPU: 0 PID: 1 at b.c:1")}),
            {1, false}, record);
  CHECK(record.allowed == 1);
  CHECK(record.taint_allowed == 512);
  CHECK(record.complaints_seen == 1);
  REQUIRE(record.complaints.size() == 1);
  CHECK(record.complaints[0].text == "WARNING: CPU: 0 PID: 1 at b.c:1");
}

TEST_CASE("a flood of complaints is counted and only its begin kept") {
  KernelLogScan scan({});
  KernelLogRecord record;
  for (int i = 0; i < 1000; ++i)
    scan.Take(Event({Message(4, "WARNING: " + std::to_string(i))}), {1, false}, record);
  CHECK(record.complaints_seen == 1000);
  CHECK(record.complaints.size() == 100);
}

TEST_CASE("kernel.log is what dmesg shows raw") {
  KernelMessages event = Event({Message(4, "one"), Message(12, "two")});
  event.lost = 5;
  CHECK(RenderKernelMessages(event) ==
        "(5 messages were overwritten before they could be read)\n"
        "<4>[    1.234567] one\n<12>[    1.234567] two\n");
}

TEST_CASE("patterns on lines are checked before they are used") {
  CHECK(LinePatternFault("^WARNING: .*foo").empty());
  CHECK(LinePatternFault("(a") == "it is not a regular expression");
  CHECK(LinePatternFault("(a)\\1") == "back references and look-ahead are not supported");
  CHECK(LinePatternFault(std::string(257, 'a')) == "it is longer than 256 characters");
  CHECK(LinePatternFault("(a{100}){100}") == "its repetition counts multiply to more than 256");
  CHECK(LinePattern("^b").Found("bc"));
  CHECK_FALSE(LinePattern("^b").Found("abc"));
  CHECK(LinePattern("b|x").Found("abc"));
}

}  // namespace
