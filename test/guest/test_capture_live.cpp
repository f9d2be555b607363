// Captures of guests in which things go on: a sched_ext scheduler at work, maps and tasks that come and go.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "test/guest/bpf_truth.h"
#include "test/guest/guest_run.h"
#include "test/guest/truth_guest.h"

namespace ktstr::test {
namespace {

using vmm::DsqState;
using vmm::SnapshotReport;

void StartSpinners(TruthGuest& guest, std::uint32_t count) {
  StartWorkers workers;
  workers.group = 1;
  workers.count = count;
  workers.work_type = "SpinWait";
  workers.comm = "spinner";
  REQUIRE(guest.live().Call(workers).error.empty());
}

/// What the guest shows of a map of one entry: its first number.
std::uint64_t CounterOf(TruthGuest& guest, std::uint32_t map) {
  const auto dump = guest.BpfTool({"map", "dump", "id", std::to_string(map)});
  std::uint64_t counter = 0;
  for (int i = 7; i >= 0; --i)
    counter = counter << 8 | std::stoul(dump.at(0).at("value").at(i).get<std::string>(), nullptr, 16);
  return counter;
}

const vmm::MapRecord& Map(const SnapshotReport& report, const std::string& name) {
  for (const vmm::MapRecord& map : report.maps)
    if (map.name == name) return map;
  throw std::runtime_error("the capture has no map '" + name + "'");
}

std::set<std::int32_t> PidsOn(const SnapshotReport& report, std::uint64_t id) {
  std::set<std::int32_t> pids;
  for (const DsqState& dsq : report.dsq_states)
    if (dsq.id == id) pids.insert(dsq.pids.begin(), dsq.pids.end());
  return pids;
}

std::set<std::int32_t> PidsOf(const SnapshotReport& report, const std::string& comm) {
  std::set<std::int32_t> pids;
  for (const auto& task : report.tasks)
    if (task.comm == comm) pids.insert(task.pid);
  return pids;
}

/// Whether no CPU was stopped in the middle of a switch: all spinners run or are runnable, and the run queues
/// count them so. (The kernel takes the task that runs off the list of runnable ones.)
bool Settled(const SnapshotReport& report) {
  std::set<std::int32_t> seen;
  bool counted = true;
  for (const auto& queue : report.rq_scx_states) {
    const std::size_t running = queue.curr_comm == "spinner" ? 1 : 0;
    if (running != 0) seen.insert(queue.curr_pid.value());
    seen.insert(queue.runnable_pids.begin(), queue.runnable_pids.end());
    counted = counted && queue.nr_running == queue.runnable_pids.size() + running;
  }
  for (const DsqState& dsq : report.dsq_states) counted = counted && dsq.nr == dsq.pids.size();
  return counted && PidsOf(report, "spinner").size() == 6 && PidsOf(report, "spinner") == seen &&
         PidsOn(report, kTruthDsq).size() >= 3;
}

void CheckScheduler(TruthGuest& guest, const SnapshotReport& report) {
  const auto& sched = report.scx_sched_state.value();
  CHECK(sched.ops == "truth");
  CHECK(sched.state + "\n" == guest.live().ReadFile("/sys/kernel/sched_ext/state"));
  CHECK(sched.ops + "\n" == guest.live().ReadFile("/sys/kernel/sched_ext/root/ops"));
  CHECK(sched.exit_kind_name == "SCX_EXIT_NONE");
  CHECK_FALSE(sched.aborting);
  CHECK(sched.watchdog_timeout == 30'000U);  // jiffies of this kernel are milliseconds
  CHECK(report.scx_walker_unavailable.empty());
}

TEST_CASE("capture: a sched_ext scheduler at work") {
  const auto kernel = CachedKernel("built");
  if (!kernel) return Skip("no kernel was built");
  TruthGuest guest(*kernel, Start::kClone);
  const auto said = guest.Plant("scheduler", "hot");
  REQUIRE(std::count(said.begin(), said.end(), "scheduler") == 1);
  StartSpinners(guest, 6);

  // Six that spin on two CPUs: four or so wait on the scheduler's queue whenever one looks.
  SnapshotReport report = guest.Capture();
  for (int tries = 0; tries < 200 && !Settled(report); ++tries) {
    guest.live().Call(Hold{5'000'000, false});
    report = guest.Capture();
  }
  REQUIRE(Settled(report));
  for (const auto& task : report.tasks) {
    if (task.comm != "spinner") continue;
    CHECK(task.sched_class == "ext");
    CHECK(task.scx_weight == 100U);
    CHECK(task.on_rq);
  }
  for (const DsqState& dsq : report.dsq_states) {
    CHECK_FALSE(dsq.truncated);
    for (const std::int32_t pid : dsq.pids) CHECK(PidsOf(report, "spinner").contains(pid));
  }
  std::vector<std::string> origins;
  for (const DsqState& dsq : report.dsq_states) origins.push_back(dsq.origin);
  CHECK(origins == std::vector<std::string>{"local cpu 0", "local cpu 1", "global node 0", "user"});

  CheckScheduler(guest, report);

  CHECK(report.active_obj_name == "truth");
  CHECK(report.active_map_kvas == std::vector<std::uint64_t>{Map(report, "truth.bss").map_kva});
  const auto& ops = Map(report, "truth_ops").value.value();
  REQUIRE(ops.members.size() == 2);
  CHECK(ops.text == "bpf_struct_ops_sched_ext_ops");
  CHECK(ops.members[0].value.members.at(1).value.text == "BPF_STRUCT_OPS_STATE_INUSE");

  // A counter that only grows lies between what the guest says of it before and after.
  const std::uint32_t bss = Map(report, "truth.bss").id;
  const std::uint64_t before = CounterOf(guest, bss);
  report = guest.Capture();
  const std::uint64_t captured = Map(report, "truth.bss").value.value().members.at(0).value.number;
  CHECK(before <= captured);
  CHECK(captured <= CounterOf(guest, bss));
  CHECK(before > 41);
  for (const auto& prog : report.prog_runtime_stats) {
    if (prog.name != "truth_running") continue;
    CHECK(prog.type == "struct_ops");
    CHECK(prog.cnt + 41 <= captured);  // it counts itself before the kernel does so, on two CPUs
    CHECK(captured <= prog.cnt + 43);
    CHECK(prog.nsecs > 0);
  }
}

void Churn(const std::string& kind, Start start) {
  const auto kernel = CachedKernel(kind);
  if (!kernel) return Skip("no kernel was " + kind);
  TruthGuest guest(*kernel, start);
  guest.Plant("");
  for (int i = 0; i < 3; ++i) guest.Plant("churn");
  std::set<std::int32_t> pids;
  std::size_t gone = 0;
  // Tasks and maps have come and gone meanwhile, however slow the guest is.
  for (int i = 0; i < 100 || pids.size() <= 100 || gone == 0; ++i) {
    const SnapshotReport report = guest.Capture();
    CHECK_FALSE(report.dump_truncated_at_us.has_value());
    CHECK(report.maps_unavailable.empty());
    CHECK(std::any_of(report.tasks.begin(), report.tasks.end(),
                      [](auto& t) { return t.comm == "truth-fifo"; }));
    CHECK(Map(report, "t_single").value.value().members.at(0).value.number == PointOf(0).x);
    CHECK(Map(report, "c_kept").entries.has_value());
    for (const auto& map : report.maps) gone += map.name == "c_gone" ? 1 : 0;
    for (const auto& task : report.tasks) pids.insert(task.pid);
    CHECK_FALSE(guest.live().ReadFile("/proc/version").empty());  // the guest goes on
  }
}

TEST_CASE("capture: while maps and tasks come and go, with our kernel") { Churn("built", Start::kClone); }
TEST_CASE("capture: while maps and tasks come and go, with Debian's kernel") {
  Churn("fetched", Start::kBoot);
}

}  // namespace
}  // namespace ktstr::test
