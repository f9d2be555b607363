// `snapshot show` and `snapshot diff` on snapshots made by hand.
#include <nlohmann/json.hpp>

#include "interpreter/report/snapshot_files.h"
#include "test/unit/interpreter/cli/test_cli_fixture.h"
#include "test/unit/vmm/introspection/snapshot/snapshot_samples.h"

using namespace ktstr;
using namespace ktstr::test;
using namespace ktstr::vmm::test;
using Json = nlohmann::json;

namespace {

CliResult Snapshot(std::vector<std::string> args) {
  args.insert(args.begin(), "snapshot");
  return Cli(args);
}
CliResult Show(std::vector<std::string> args) {
  args.insert(args.begin(), "show");
  return Snapshot(std::move(args));
}

/// Without a time and a phase the file does not say when the snapshot was taken.
void Write(const std::string& run, const std::string& tag, const vmm::SnapshotReport& report,
           std::optional<std::uint64_t> elapsed_ms = {}, const std::string& phase = {}) {
  REQUIRE(WriteSnapshotFile(run, {tag, report, elapsed_ms.value_or(0)}, phase).ok());
  const std::string file = run + "/snapshots/" + SnapshotFileName(tag);
  Json json = Json::parse(ReadText(file));
  if (!elapsed_ms) json.erase("elapsed_ms");
  if (phase.empty()) json.erase("phase_index");
  WriteText(file, json.dump());
}

/// FullReport some time later.
vmm::SnapshotReport Later() {
  vmm::SnapshotReport report = FullReport();
  report.guest_ns = 1;
  report.tasks[0].sum_exec_runtime += 2'500'000;
  report.tasks[0].prio = 5;
  report.tasks[0].task_kva = 1;
  report.tasks.pop_back();
  report.maps[0].map_kva = 1;
  report.maps[0].entries->at(1).value->members[0].value.number += 4;
  report.maps[0].entries->push_back(
      Entry(Uint(9, 32), Struct("stat", {{"total", Uint(1)}, {"cpu", Int(-1)}}), "09000000"));
  report.maps[1].value->members[0].value.number = 70;
  report.maps.pop_back();
  report.maps.push_back(report.maps[0]);
  report.maps.back().name = "fresh";
  report.per_cpu_time[0].user += 1'500'000;
  return report;
}

}  // namespace

TEST_CASE("snapshot show lists the snapshots of a run by time") {
  const WorkDir dir;
  Write("run", "b", FullReport(), 900, "shrink");
  Write("run", "a", vmm::MakePlaceholder("the guest did not stop"), 1200, "grow");
  Write("run", "c", vmm::SnapshotReport());
  const CliResult list = Show({"run"});
  CHECK(list.code == 0);
  CHECK(list.out ==
        "  tag  phase     ms  maps  tasks\n"
        "  c                     0      0\n"
        "  b    shrink   900     9      2\n"
        "  a    grow    1200     0      0  failed: the guest did not stop\n");
  CHECK(Json::parse(Show({"run", "--json"}).out).at(1) == Json{{"run", "run"},
                                                               {"tag", "b"},
                                                               {"phase", "shrink"},
                                                               {"elapsed_ms", 900},
                                                               {"maps", 9},
                                                               {"tasks", 2},
                                                               {"placeholder", false}});
}

TEST_CASE("snapshot show lists each run of an invocation") {
  const WorkDir dir;
  Write("runs/x", "t", vmm::SnapshotReport());
  Write("runs/y", "t", vmm::SnapshotReport());
  Write("runs/y", "only", vmm::SnapshotReport());
  CHECK(Show({"runs"}).out ==
        "runs/x\n"
        "  tag  phase  ms  maps  tasks\n"
        "  t                  0      0\n"
        "runs/y\n"
        "  tag   phase  ms  maps  tasks\n"
        "  only                0      0\n"
        "  t                   0      0\n");
  const CliResult both = Show({"runs", "t"});
  CHECK(both.code == 64);
  CHECK(both.err ==
        "ktstr-interp: 'runs' has several runs with a snapshot 't'; say which\n  there are runs/x, runs/y\n");
  CHECK(Show({"runs", "only"}).code == 0);
}

TEST_CASE("snapshot show prints a snapshot for people") {
  const WorkDir dir;
  vmm::SnapshotReport report = FullReport();
  report.guest_ns = 1'234'567'890;
  report.dump_truncated_at_us.reset();
  report.tasks_truncated = false;
  Write("run", "mid", report, 1200, "shrink");
  const CliResult show = Show({"run", "mid"});
  CHECK(show.code == 0);
  CHECK(show.err.empty());
  CHECK(show.out == R"(snapshot 'mid', shrink at 1200 ms
  guest clock 1.234568 s; paused for 2.5 ms of host time

CPUs
  cpu  running  switches  current    at                user ms  system ms  idle ms
    0        2       300  spin [42]  default_idle+0xb      0.0        0.0      0.0
    1        0       301                                   0.0        0.0      0.0

tasks  2
  pid  comm         class  prio  cpu  on     run ms  vol  invol  allowed  cgroup
   42  spin         fair     -1    1  queue     0.0    0      0      0-2  /ktstr/hot
    7  kworker/0:1  fair     -1    1  queue     0.0    0      0      0-2  /

sched_ext  simple enabled, exit kind SCX_EXIT_UNREG 64, bypass depth 0
  event                              count
  SCX_EV_DISPATCH_LOCAL_DSQ_OFFLINE      1
  SCX_EV_SELECT_CPU_FALLBACK            -2
  dispatch queue  id                  tasks  pids
  global node 0   0xc000000000000000      1  42 ...

BPF programs
  name                 id  type        verified insns  runs   ns  misses
  simple_enqueue_task  31  struct_ops              87   100  200       1

map 'counts'  hash, id 12, 2 entries of at most 64
  1: stat {total: 7, cpu: -1}
  3: stat {total: 17, cpu: -1}

map 'simple.bss'  array, id 0
  .bss {nr_dispatched: 77, mode: MODE_FIFO (2)}

map 'percpu'  percpu_array, id 0, 2 entries of at most 0
  0:
    cpu 0: 4
    cpu 1: (not mapped)
    cpu 2: 6
  1:
    cpu 0: 7
    cpu 1: 8
    cpu 2: 9

map 'pch'  percpu_hash, id 0, 2 entries of at most 0
  5:
    cpu 0: 1
    cpu 1: 2
  hex:06:

map 'arena'  arena, id 0
  2 pages mapped at 0x1000
  0x0: 00ff
  0x1000: 01

map 'events'  ringbuf, id 0
  4096 bytes, 16 pending (consumed up to 8, produced up to 24)

map 'stacks'  stack_trace, id 0
  9: schedule+0x10 0x55

map 'progs'  prog_array, id 0
  slots in use: 0 2 (of 4 looked at)
  only a part was read

map 'lpm'  lpm_trie, id 0
  maps of this type are not read
)");
  CHECK(Json::parse(Show({"run", "mid", "--json"}).out) == vmm::ToJson(report));
  CHECK(Show({"run/snapshots/mid.json"}).out == show.out);
}

TEST_CASE("snapshot show of what was not read says why") {
  const WorkDir dir;
  vmm::SnapshotReport report;
  report.tasks_unavailable = vmm::kNoTaskWalker;
  report.scx_walker_unavailable = vmm::kScxRootNull;
  report.run_queues_unavailable = "no symbol 'runqueues'";
  report.dump_truncated_at_us = 1500;
  Write("run", "a", report);
  CHECK(Show({"run", "a"}).out == R"(snapshot 'a'
  guest clock 0.000000 s; paused for 0.0 ms of host time
  the time limit passed after 1500 us: later parts are missing

CPUs
  run queues not read: no symbol 'runqueues'

tasks
  not read: no task walker available

sched_ext
  not read: scx_root is NULL (no scheduler attached)

BPF programs
  not read: the capture's time limit passed after 1500 us

BPF maps
  not read: the capture's time limit passed after 1500 us
)");
  Write("run", "p", vmm::MakePlaceholder("the guest did not stop"), 7);
  CHECK(Show({"run", "p"}).out == "snapshot 'p', at 7 ms\n  the capture failed: the guest did not stop\n");
}

TEST_CASE("snapshot show folds long lists unless told otherwise") {
  const WorkDir dir;
  vmm::SnapshotReport report;
  for (int pid = 1; pid <= 25; ++pid) report.tasks.emplace_back().pid = pid;
  vmm::MapRecord map = Map("m", "array");
  map.entries.emplace();
  for (std::uint64_t key = 0; key < 22; ++key) map.entries->push_back(Entry(Uint(key), Uint(key)));
  report.maps.push_back(map);
  Write("run", "a", report);
  const std::string folded = Show({"run", "a"}).out;
  CHECK(folded.find("  20                  0    0") != std::string::npos);
  CHECK(folded.find("  21                  0    0") == std::string::npos);
  CHECK(folded.find("\n  ... and 5 more\n") != std::string::npos);
  CHECK(folded.find("  19: 19\n  ... and 2 more\n") != std::string::npos);
  const std::string all = Show({"run", "a", "--all"}).out;
  CHECK(all.find("  21                  0    0") != std::string::npos);
  CHECK(all.find("  21: 21\n") != std::string::npos);
  CHECK(all.find("more") == std::string::npos);
}

TEST_CASE("snapshot show prints the value that is addressed") {
  const WorkDir dir;
  Write("run", "a", FullReport());
  CHECK(Show({"run", "a", "tasks[comm=spin].nr_threads"}).out == "3\n");
  CHECK(Show({"run", "a", "scx_sched_state.exit_kind_name"}).out == "SCX_EXIT_UNREG\n");
  CHECK(Show({"run", "a", "scx_sched_state.exit_kind_name", "--json"}).out == "\"SCX_EXIT_UNREG\"\n");
  CHECK(Show({"run", "a", "dsq_states"}).out ==
        "[0]:\n  id: 13835058055282163712\n  nr: 1\n  origin: global node 0\n  pids:\n    [0]: 42\n  seq: 2\n"
        "  truncated: true\n");
  CHECK(Show({"run", "a", "maps[name=counts].entries[0]"}).out ==
        "key: 1\nkey_hex: 01000000\nvalue: stat {total: 7, cpu: -1}\n");
  CHECK(Show({"run", "a", "tasks"}).out.starts_with("tasks  2, the list was cut\n  pid  comm"));
  CHECK(Show({"run", "a", "--map", "counts"}).out ==
        "map 'counts'  hash, id 12, 2 entries of at most 64\n  1: stat {total: 7, cpu: -1}\n"
        "  3: stat {total: 17, cpu: -1}\n");
  CHECK(Json::parse(Show({"run", "a", "--map", "counts", "--json"}).out)["id"] == 12);
  CHECK(Show({"run", "a", "--map", "counts", "--key", "3"}).out == "stat {total: 17, cpu: -1}\n");
  CHECK(Show({"run", "a", "--map", "counts", "--key", "3", "--field", "total"}).out == "17\n");
  CHECK(Show({"run", "a", "--map", "percpu", "--key", "0", "--cpu", "2"}).out == "6\n");
  CHECK(Show({"run", "a", "--var", "mode"}).out == "MODE_FIFO (2)\n");
  CHECK(Json::parse(Show({"run", "a", "--var", "mode", "--json"}).out)["variant"] == "MODE_FIFO");
}

TEST_CASE("snapshot show: what is not there is one line with what there is") {
  const WorkDir dir;
  Write("run", "before", FullReport());
  Write("run", "after", FullReport());
  const auto error = [](const std::vector<std::string>& args, int code = 64) {
    const CliResult result = Show(args);
    CHECK(result.code == code);
    CHECK(result.out.empty());
    return result.err;
  };
  CHECK(error({"run", "x"}) == "ktstr-interp: 'run' has no snapshot 'x'\n  there are after, before\n");
  CHECK(error({"run", "befor"}) == "ktstr-interp: 'run' has no snapshot 'befor'\n  did you mean 'before'?\n");
  CHECK(error({"none", "x"}) == "ktstr-interp: 'none' does not exist\n");
  CHECK(error({"run", "after", "--map", "count"}) ==
        "ktstr-interp: no map 'count'; did you mean 'counts'?\n"
        "  there are counts, simple.bss, percpu, pch, arena, events, stacks, progs, lpm\n");
  CHECK(error({"run", "after", "--map", "counts", "--key", "4"}) ==
        "ktstr-interp: map 'counts': no key 4; there are 1 and 3\n  there are 1, 3\n");
  CHECK(error({"run", "after", "tasks[pid=1]", "--map", "counts"}) ==
        "ktstr-interp: of --map, --var and PATH only one can be shown\n");
  CHECK(error({"run", "after", "--key", "1"}) == "ktstr-interp: --key and --cpu belong to --map\n");
  CHECK(error({"run", "after", "--field", "x"}) == "ktstr-interp: --field belongs to --map or --var\n");
  CHECK(error({}) ==
        "ktstr-interp: show what? RUN lists its snapshots, RUN TAG [PATH] or FILE [PATH] shows one\n");
  WriteText("run/snapshots/after.json", "{");
  CHECK(error({"run", "after"}, 2) == "ktstr-interp: 'run/snapshots/after.json' is not JSON\n");
  const CliResult wrong = Snapshot({"shwo"});
  CHECK(wrong.code == 64);
  CHECK(wrong.err ==
        "ktstr-interp: 'shwo' is nothing to do with snapshots; use show or diff\n  did you mean 'show'?\n");
}

TEST_CASE("snapshot diff says what changed, sorted, and exits 1") {
  const WorkDir dir;
  Write("run", "a", FullReport());
  Write("run", "b", Later());
  const CliResult diff = Snapshot({"diff", "run:a", "run:b"});
  CHECK(diff.code == 1);
  CHECK(diff.err.empty());
  CHECK(diff.out == R"(CPU time  1 changed
  ~ 0  user 1 -> 1500001 (+1.500 ms)
tasks  1 removed, 1 changed
  - 7 (kworker/0:1)
  ~ 42 (spin)  prio -1 -> 5 (+6), sum_exec_runtime 0 -> 2500000 (+2.500 ms)
map 'counts'  1 added, 1 changed
  ~ 3  total 17 -> 21 (+4)
  + 9  total 1, cpu -1
+ map 'fresh'  3 items
- map 'lpm'  1 item
map 'simple.bss'  1 changed
  ~ nr_dispatched  77 -> 70 (-7)
)");
  const Json json = Json::parse(Snapshot({"diff", "run:a", "run:b", "--json"}).out);
  REQUIRE(json.size() == 6);
  CHECK(json[2]["section"] == "map 'counts'");
  CHECK(json[2]["items"][0] == Json{{"item", "3"},
                                    {"status", "changed"},
                                    {"values", {{{"field", "total"}, {"before", "17"}, {"after", "21"}}}}});
  CHECK(json[3]["status"] == "added");
  CHECK(Snapshot({"diff", "run:a", "run:b", "--all"})
            .out.find("  - 7 (kworker/0:1)  cgroup /, comm kworker/0:1,") != std::string::npos);
}

TEST_CASE("snapshot diff of equal contents is silent and exits 0") {
  const WorkDir dir;
  Write("run", "a", FullReport(), 5);
  vmm::SnapshotReport same = FullReport();
  same.guest_ns = 1;
  same.paused_ms = 9;
  for (vmm::MapRecord& map : same.maps) map.map_kva += 4096;
  for (vmm::TaskRecord& task : same.tasks) task.task_kva += 4096;
  Write("other", "b", same, 6);
  for (const char* side : {"run:a", "other:b", "other/snapshots/b.json"}) {
    const CliResult diff = Snapshot({"diff", "run:a", side});
    CHECK(diff.code == 0);
    CHECK(diff.out.empty());
  }
  CHECK(Snapshot({"diff", "run:a", "other:b", "--json"}).out == "[]\n");
}

TEST_CASE(
    "snapshot diff notices what is read at all, values behind pointers, and the lesser of two maps of a "
    "name") {
  const WorkDir dir;
  vmm::SnapshotReport before = FullReport(), after = FullReport();
  after.tasks.clear();
  after.tasks_unavailable = vmm::kNoTaskWalker;
  for (vmm::SnapshotReport* report : {&before, &after}) {
    const bool late = report == &after;
    vmm::MapRecord twin = Map("counts", "array");
    twin.value =
        Struct("", {{"p", PtrTo(0x10, Uint(late ? 2 : 1))}, {"list", Array({Uint(1), Uint(late ? 20 : 3)})}});
    report->maps.push_back(twin);
    report->vcpu_regs[1] = late ? std::optional(vmm::VcpuRegisters{1, "x", 2, 3, {}}) : std::nullopt;
  }
  Write("run", "a", before);
  Write("run", "b", after);
  CHECK(Snapshot({"diff", "run:a", "run:b"}).out == R"(capture  1 added
  + tasks_unavailable  no task walker available
CPU registers  1 added
  + 1
tasks  2 removed
  - 7 (kworker/0:1)
  - 42 (spin)
map 'counts' #2  2 changed
  ~ list  [1] 3 -> 20 (+17)
  ~ p  * 1 -> 2 (+1)
)");
}

TEST_CASE("snapshot diff folds, and takes numbers as numbers when it sorts") {
  const WorkDir dir;
  vmm::SnapshotReport report;
  Write("run", "a", report);
  for (int pid = 30; pid > 0; --pid) report.tasks.emplace_back().pid = pid;
  Write("run", "b", report);
  const CliResult diff = Snapshot({"diff", "run:a", "run:b"});
  CHECK(diff.out.starts_with("tasks  30 added\n  + 1 ()\n  + 2 ()\n  + 3 ()\n"));
  CHECK(diff.out.ends_with("  + 20 ()\n  ... and 10 more\n"));
}

TEST_CASE("snapshot diff: a wrong command line is 64") {
  const WorkDir dir;
  Write("run", "a", FullReport());
  const auto error = [](const std::vector<std::string>& args) {
    const CliResult result = Snapshot(args);
    CHECK(result.code == 64);
    return result.err;
  };
  CHECK(error({"diff", "run:a"}) == "ktstr-interp: diff compares two snapshots: RUN:TAG or a file, each\n");
  CHECK(error({"diff", "run:a", "run"}) == "ktstr-interp: 'run' is a run; say which snapshot: run:TAG\n");
  CHECK(error({"diff", "run:a", "nope:a"}) == "ktstr-interp: 'nope:a' is neither a file nor RUN:TAG\n");
  CHECK(error({"diff", "run:a", "run:b"}) == "ktstr-interp: 'run' has no snapshot 'b'\n  there is a\n");
}
