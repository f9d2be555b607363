// What is read out of the dumps of sched_ext, as the kernel writes them.
#include <catch2/catch.hpp>

#include "interpreter/fold/scheduler_dump.h"

namespace ktstr {
namespace {

constexpr std::string_view kDump =
    "Debug dump triggered by SysRq-D\n"
    "\n"
    "queued 7 in all\n"  // of the scheduler itself
    "\n"
    "CPU states\n"
    "----------\n"
    "\n"
    "CPU 0   : nr_run=1 flags=0x9 cpu_rel=0 pnt_seq=9\n"
    "          curr=SpinWait[49] class=ext_sched_class\n"
    "\n"
    " *R SpinWait[49] -38ms\n"
    "      scx_state/flags=3/0x5 dsq_flags=0x0 ops_state/qseq=0/0\n"
    "      sticky/holding_cpu=-1/-1 dsq_id=(n/a) dsq_vtime=3949810783\n"
    "      cpus=3\n"
    "\n"
    "CPU 13  : nr_run=3 flags=0x1 cpu_rel=0 pnt_seq=151\n"
    "          curr=init[1] class=rt_sched_class\n"
    "\n"
    "  R a] [9[50] -3848ms\n"
    "      scx_state/flags=3/0x1 dsq_flags=0x0 ops_state/qseq=2/18\n"
    "      sticky/holding_cpu=-1/-1 dsq_id=(n/a) dsq_vtime=168073535\n"
    "      cpus=3\n"
    "\n"
    "    asm_sysvec_apic_timer_interrupt+0x16/0x20\n"
    "\n"
    "  R local[51] +2ms\n"
    "      sticky/holding_cpu=-1/-1 dsq_id=0x8000000000000002 dsq_vtime=1\n"
    "\n"
    "  S shared[52] -5ms\n"
    "      sticky/holding_cpu=-1/-1 dsq_id=0x7 dsq_vtime=1\n";

std::string Text(const std::vector<QueuedTask>& tasks) {
  std::string text;
  for (const QueuedTask& task : tasks)
    text += std::to_string(task.phase) + ": " + std::to_string(task.pid) + " on " + std::to_string(task.cpu) +
            " for " + std::to_string(task.waited_ms) + " ms, " + WhereItWaited(task) + "\n";
  return text;
}

const std::string kFound =
    "2: 49 on 0 for 38 ms, its own code held it, in no dispatch queue\n"
    "2: 50 on 13 for 3848 ms, its own code held it, in no dispatch queue\n"
    "2: 51 on 13 for 0 ms, it was in the local dispatch queue of CPU 13\n"
    "2: 52 on 13 for 5 ms, it was in its dispatch queue 0x7\n";

TEST_CASE("a dump of sched_ext tells which tasks waited, where and for how long") {
  std::vector<QueuedTask> tasks;
  SchedulerDumpReader().Take(kDump, 2, tasks);
  CHECK(Text(tasks) == kFound);
}

TEST_CASE("a dump of sched_ext may come in pieces of whole lines") {
  for (std::size_t cut = kDump.find('\n'); cut != std::string_view::npos; cut = kDump.find('\n', cut + 1)) {
    std::vector<QueuedTask> tasks;
    SchedulerDumpReader reader;
    reader.Take(kDump.substr(0, cut + 1), 2, tasks);
    reader.Take(kDump.substr(cut + 1), 2, tasks);
    CHECK(Text(tasks) == kFound);
  }
}

TEST_CASE("a task in sched_ext's global queue is said to be there") {
  CHECK(WhereItWaited({0, 1, 0, 0, 0x8000000000000001}) == "it was in the global dispatch queue");
}

TEST_CASE("what a scheduler adds to a dump makes no task, and no number of tasks is kept without end") {
  for (const char* line :
       {"  R x[5] -3s", "  R x[5 -3ms", "x[5] -3ms", "  R x[-] -3ms", "  R x[99999999999] -3ms",
        "  R x[5] 3ms", "] -3ms", "[", "", "   ", "CPU x : nr_run=", "  R x[5] -3ms\n dsq", " dsq_id=0x1"}) {
    std::vector<QueuedTask> tasks;
    SchedulerDumpReader().Take(line, 0, tasks);
    CHECK(tasks.empty());
  }
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "  R x[5] -3ms\n dsq_id=0x1\n";
  std::vector<QueuedTask> tasks;
  SchedulerDumpReader().Take(many, 0, tasks);
  CHECK(tasks.size() == SchedulerDumpReader::kMaxTasks);
}

}  // namespace
}  // namespace ktstr
