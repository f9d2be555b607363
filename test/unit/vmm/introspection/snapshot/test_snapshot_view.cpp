// Finding maps, entries, variables and everything else in a report.
#include <catch2/catch.hpp>

#include "test/unit/vmm/introspection/snapshot/snapshot_samples.h"
#include "vmm/introspection/snapshot/snapshot_view.h"

using namespace ktstr::vmm;
using namespace ktstr::vmm::test;
using Fault = SnapshotError::Kind;
using Names = std::vector<std::string>;

namespace {

template <typename T>
std::string Failure(const SnapshotOutcome<T>& outcome) {
  if (outcome.ok()) return "(there is a value)";
  return std::string(KindName(outcome.error().kind)) + ": " + outcome.error().message;
}
std::string Ask(const SnapshotReport& report, const SnapshotSelector& selector) {
  const auto scalar = Evaluate(report, selector);
  return scalar.ok() ? scalar->Message() : Failure(scalar);
}
std::string AskPath(const SnapshotReport& report, const std::string& path) {
  return Ask(report, {.path = path});
}
SnapshotMap MapOf(const SnapshotReport& report, const std::string& name) {
  const auto map = SnapshotView(report).Map(name);
  REQUIRE(map.ok());
  return *map;
}
std::uint64_t Total(const SnapshotMapEntry& entry) { return *entry.Get("total")->AsU64(); }

}  // namespace

TEST_CASE("a map is found by its exact name, cut as the kernel cuts it") {
  SnapshotReport report = FullReport();
  CHECK(MapOf(report, "counts").record().id == 12);
  const auto missing = SnapshotView(report).Map("count");
  CHECK(Failure(missing) == "MapNotFound: no map 'count'; did you mean 'counts'?");
  CHECK(missing.error().suggestions.size() == 9);
  report.maps[0].name = "a_long_map_name";
  CHECK(SnapshotView(report).Map("a_long_map_name_indeed").ok());
  CHECK(Failure(SnapshotView(SnapshotReport()).Map("x")) == "MapNotFound: no map 'x'; there are none");
}

TEST_CASE("maps that were not read have a reason") {
  SnapshotReport report;
  report.maps_unavailable = "map_idr is empty";
  CHECK(Failure(SnapshotView(report).Map("x")) == "HostFieldUnavailable: no map was read: map_idr is empty");
}

TEST_CASE("of maps with one name, the running scheduler's is meant, else the first") {
  SnapshotReport report = FullReport();
  MapRecord other = report.maps[0];
  other.map_kva = 1;
  other.id = 99;
  report.maps.insert(report.maps.begin(), other);
  CHECK(MapOf(report, "counts").record().id == 12);
  report.active_obj_name.clear();
  report.active_map_kvas.clear();
  CHECK(MapOf(report, "counts").record().id == 99);
}

TEST_CASE("entries: by position, by key, by predicate") {
  const SnapshotReport report = FullReport();
  const SnapshotMap counts = MapOf(report, "counts");
  CHECK(counts.size() == 2);
  CHECK(Total(*counts.At(1)) == 17);
  CHECK(counts.At(1)->where() == "map 'counts', key 3");
  CHECK(Failure(counts.At(2)) == "IndexOutOfRange: map 'counts': no entry 2, there are 2");
  CHECK(Total(*counts.Find("1")) == 7);
  CHECK(Total(*counts.Find("hex:03000000")) == 17);
  CHECK(counts.Find([](const auto& entry) { return Total(entry) > 7; })->key_text() == "3");
  CHECK(Failure(counts.Find([](const auto&) { return false; })) ==
        "NoMatch: map 'counts': no entry fits; there are 1 and 3");
  CHECK(counts.Filter([](const auto&) { return true; })->size() == 2);
  CHECK(counts.Filter([](const auto& entry) { return Total(entry) == 7; })->size() == 1);
  CHECK(counts.MaxBy("total")->key_text() == "3");
  CHECK(counts.MaxBy("cpu")->key_text() == "1");  // of equals the first
  CHECK(Failure(counts.MaxBy("totl")) ==
        "FieldNotFound: map 'counts', key 1: no field 'totl' in struct stat; did you mean 'total'?");
  CHECK(Failure(counts.Get("total")) == "NoMatch: map 'counts': no key was said; there are 1 and 3");
}

TEST_CASE("a key that is not there: up to three that are, each at most 80 characters") {
  SnapshotReport report = FullReport();
  auto& entries = *report.maps[0].entries;
  const auto missing = MapOf(report, "counts").Find("9");
  CHECK(Failure(missing) == "NoMatch: map 'counts': no key 9; there are 1 and 3");
  CHECK(missing.error().suggestions == Names{"1", "3"});
  for (std::uint64_t key = 10; key < 20; ++key) entries.push_back(Entry(Uint(key), Uint(0)));
  CHECK(Failure(MapOf(report, "counts").Find("9")) ==
        "NoMatch: map 'counts': no key 9; there are 1 and 3 and 10 and 9 more");
  entries.clear();
  CHECK(Failure(MapOf(report, "counts").Find("9")) == "NoMatch: map 'counts': no key 9; it is empty");
  CHECK(Failure(MapOf(report, "counts").MaxBy("total")) ==
        "NoMatch: map 'counts': no largest entry; it is empty");
  entries.push_back({std::nullopt, std::string(200, 'a'), std::nullopt, "00"});
  CHECK(MapOf(report, "counts").Find("9").error().suggestions ==
        Names{"hex:" + std::string(73, 'a') + "..."});
  CHECK(Failure(MapOf(report, "counts").At(0)->Get("")) ==
        "NoRendered: map 'counts', key hex:" + std::string(73, 'a') +
            "...: the value has no type; its bytes are hex:00");
}

TEST_CASE("some members of a struct key are enough when only one key has them") {
  SnapshotReport report = FullReport();
  auto& entries = *report.maps[0].entries;
  entries.clear();
  for (std::uint64_t b : {1U, 2U})
    entries.push_back(
        Entry(Struct("k", {{"a", Uint(1)}, {"b", Uint(b)}}), Struct("", {{"total", Uint(b * 10)}})));
  const SnapshotMap counts = MapOf(report, "counts");
  CHECK(Total(*counts.Find("b=2")) == 20);
  CHECK(Total(*counts.Find("a=1,b=1")) == 10);
  CHECK(Failure(counts.Find("a=1")) == "NoMatch: map 'counts': 2 keys fit a=1: a=1,b=1 and a=1,b=2");
}

TEST_CASE("a map that was cut: what is there is read, what is not may be in the rest") {
  SnapshotReport report = FullReport();
  report.maps[0].truncated = true;
  const SnapshotMap counts = MapOf(report, "counts");
  CHECK(Total(*counts.Find("3")) == 17);
  CHECK(Total(*counts.At(0)) == 7);
  CHECK(Failure(counts.Find("9")) ==
        "MapRenderIncomplete: map 'counts': no key 9 among the 2 entries that were read, and there may be "
        "more");
  CHECK(Failure(counts.At(2)) ==
        "MapRenderIncomplete: map 'counts': only 2 entries were read, entry 2 may be in the rest");
  CHECK(Failure(counts.Filter([](const auto&) { return true; })) ==
        "MapRenderIncomplete: map 'counts': not all that fit may be among the 2 entries that were read, and "
        "there may "
        "be more");
  CHECK(counts.MaxBy("total").error().kind == Fault::kMapRenderIncomplete);
  report.maps[0].truncated = false;
  report.maps[0].error = "bucket 3 is not mapped";
  CHECK(Failure(MapOf(report, "counts").Find("9")) ==
        "MapRenderIncomplete: map 'counts': no key 9 among the 2 entries that were read, and there may be "
        "more: bucket "
        "3 is not mapped");
}

TEST_CASE("maps without entries say where their contents are") {
  const SnapshotReport report = FullReport();
  CHECK(Failure(MapOf(report, "lpm").Find("1")) ==
        "MapRenderIncomplete: map 'lpm' was not read: maps of this type are not read");
  CHECK(Failure(MapOf(report, "events").At(0)) ==
        "NoRendered: map 'events' has no entries; see maps[name=events].ringbuf");
  CHECK(MapOf(report, "arena").Get("").error().kind == Fault::kNoRendered);
}

TEST_CASE("the only value of a map has the key 0") {
  const SnapshotReport report = FullReport();
  const SnapshotMap bss = MapOf(report, "simple.bss");
  CHECK(*bss.Get("nr_dispatched")->AsU64() == 77);
  CHECK(bss.Find("0").ok());
  CHECK(Failure(bss.Find("1")) == "NoMatch: map 'simple.bss': no key 1; it has one value, with the key 0");
}

TEST_CASE("per-CPU maps are read on one CPU, or over all of them") {
  const SnapshotReport report = FullReport();
  const SnapshotMap percpu = MapOf(report, "percpu");
  const SnapshotMapEntry entry = *percpu.Find("0");
  CHECK(Failure(entry.Get("")) ==
        "PerCpuNotNarrowed: map 'percpu', key 0: there are 3 values, one per CPU; say which");
  CHECK(*entry.Cpu(2)->Get("")->AsU64() == 6);
  CHECK(Failure(entry.Cpu(1)) == "PerCpuSlot: map 'percpu', key 0: the page of CPU 1 is not mapped");
  CHECK(Failure(entry.Cpu(3)) == "PerCpuSlot: map 'percpu', key 0: no CPU 3, there are 3");
  CHECK(*percpu.Cpu(1)->Find("1")->Get("")->AsU64() == 8);
  CHECK(percpu.Cpu(1)->Find("1")->where() == "map 'percpu', key 1, CPU 1");
  CHECK(percpu.Cpu(0)->MaxBy("")->key_text() == "1");
  CHECK(*entry.CpuMaxU64("") == 6);
  CHECK(*entry.CpuMinU64("") == 4);
  CHECK(*percpu.Find("1")->CpuMaxF64("") == 9);
  CHECK(*percpu.Find("1")->CpuMinF64("") == 7);
  CHECK(Failure(MapOf(report, "pch").At(1)->CpuMaxU64("")) ==
        "PerCpuSlot: map 'pch', key hex:06: the page of no CPU is mapped");
  CHECK(Failure(MapOf(report, "counts").Cpu(0)) == "PerCpuSlot: map 'counts': not a per-CPU map");
  CHECK(Failure(MapOf(report, "counts").At(0)->Cpu(0)) ==
        "PerCpuSlot: map 'counts', key 1: not a per-CPU map");
}

TEST_CASE("a global variable: none, one, several") {
  SnapshotReport report = FullReport();
  const auto dispatched = SnapshotView(report).Var("nr_dispatched");
  CHECK(*dispatched->AsU64() == 77);
  CHECK(dispatched->Where() == "var 'nr_dispatched' of simple.bss");
  const auto missing = SnapshotView(report).Var("nr_dispatch");
  CHECK(Failure(missing) ==
        "VarNotFound: no variable 'nr_dispatch' in simple.bss; did you mean 'nr_dispatched'?");
  CHECK(missing.error().suggestions == Names{"mode", "nr_dispatched"});
  MapRecord rodata = Map("other.rodata", "array");
  rodata.value = Struct(".rodata", {{"mode", Uint(1)}, {"fn.static", Uint(5)}});
  report.maps.push_back(rodata);
  CHECK(*SnapshotView(report).Var("fn.static")->AsU64() == 5);  // not split at dots
  const auto both = SnapshotView(report).Var("mode");
  CHECK(Failure(both) == "AmbiguousVar: 2 variables 'mode': in simple.bss and other.rodata");
  CHECK(SnapshotView(report).Vars("mode")->size() == 2);
  CHECK(SnapshotView(report).Vars("none")->empty());
  CHECK(*SnapshotView(report).Active()->Var("mode")->AsStr() == "MODE_FIFO");
  report.maps.back().truncated = true;
  CHECK(Failure(SnapshotView(report).Var("x")) ==
        "MapRenderIncomplete: no variable 'x' in what was read of other.rodata");
  CHECK(Failure(SnapshotView(SnapshotReport()).Var("x")) ==
        "VarNotFound: no variable 'x'; there are no global sections");
}

TEST_CASE("a map whose name only resembles a section's has no variables") {
  SnapshotReport report;
  for (const char* name : {"my.database", "bssx"}) {
    MapRecord map = Map(name, "array");
    map.value = Struct("s", {{"x", Uint(1)}});
    report.maps.push_back(map);
  }
  CHECK(SnapshotView(report).Vars("x")->empty());
  report.maps[0].name = ".data.arena";
  CHECK(SnapshotView(report).Vars("x")->size() == 1);
}

TEST_CASE("the active view: an address its programs use and its object's name, both") {
  SnapshotReport report = FullReport();
  CHECK(SnapshotView(report).Active()->Map("counts").ok());
  CHECK(SnapshotView(report).Active()->Map("simple.bss").ok());
  CHECK(Failure(SnapshotView(report).Active()->Map("percpu")) ==
        "ActiveFilterExcludedMaps: map 'percpu' is none of the running scheduler's, 'simple'");
  report.maps[1].name = "simplx.bss";  // the address was used again by another object's section
  CHECK(SnapshotView(report).Active()->Map("simplx.bss").error().kind == Fault::kActiveFilterExcludedMaps);
  report.maps[1].name = "scx_laye.bss";
  report.active_obj_name = "scx_layered";  // libbpf cuts the object's name to 8 characters
  CHECK(SnapshotView(report).Active()->Map("scx_laye.bss").ok());
  report.active_map_kvas.clear();  // known by name only: only its sections
  CHECK(SnapshotView(report).Active()->Map("scx_laye.bss").ok());
  CHECK(SnapshotView(report).Active()->Map("counts").error().kind == Fault::kActiveFilterExcludedMaps);
  report.active_obj_name.clear();
  CHECK(Failure(SnapshotView(report).Active()) == "NoActiveScheduler: no BPF scheduler was running");
}

TEST_CASE("a placeholder answers nothing but why") {
  SnapshotReport report = MakePlaceholder("the guest did not stop");
  const std::string why = "PlaceholderSnapshot: the capture failed: the guest did not stop";
  CHECK(Failure(SnapshotView(report).Map("counts")) == why);
  CHECK(Failure(SnapshotView(report).Var("x")) == why);
  CHECK(Failure(SnapshotView(report).Vars("x")) == why);
  CHECK(Failure(SnapshotView(report).Active()) == why);
  CHECK(Ask(report, {.map = "counts", .key = "1"}) == why);
  CHECK(AskPath(report, "tasks.length") == why);
  CHECK(AskPath(report, "guest_ns") == why);
  CHECK(AskPath(report, "is_placeholder") == "is_placeholder = true");
  report.vcpu_regs = {VcpuRegisters{1, "idle+0x1", 2, 3, std::nullopt}};
  CHECK(AskPath(report, "vcpu_regs[0].symbol") == "vcpu_regs[0].symbol = 'idle+0x1'");
}

TEST_CASE("a selector of a map or a variable") {
  const SnapshotReport report = FullReport();
  CHECK(Ask(report, {.map = "counts", .key = "3", .field = "total"}) ==
        "map 'counts', key 3, field total = 17");
  CHECK(Ask(report, {.map = "counts", .key = "3", .field = "cpu"}) == "map 'counts', key 3, field cpu = -1");
  CHECK(Ask(report, {.map = "percpu", .key = "1", .cpu = 2}) == "map 'percpu', key 1, CPU 2 = 9");
  CHECK(Ask(report, {.var = "nr_dispatched"}) == "var 'nr_dispatched' of simple.bss = 77");
  CHECK(Ask(report, {.var = "mode"}) == "var 'mode' of simple.bss = MODE_FIFO");
  CHECK(Ask(report, {.map = "simple.bss", .field = "nr_dispatched"}) ==
        "map 'simple.bss', field nr_dispatched = 77");
  const auto mode = Evaluate(report, {.var = "mode"});
  CHECK(mode->number == 2);
  CHECK(mode->text == "MODE_FIFO");
  CHECK(Ask(report, {.map = "counts", .key = "3"}) ==
        "TypeMismatch: map 'counts', key 3 is a struct; say which field");
}

TEST_CASE("each kind of value as a scalar") {
  SnapshotReport report;
  MapRecord map = Map("m", "array");
  map.value = Struct("s", {{"b", Bool(true)},
                           {"f", Float(0.5)},
                           {"p", Ptr(0xffff888003a1c000)},
                           {"c", CpuList("0-2")},
                           {"t", Text("spin", 8)},
                           {"x", Bytes("00ff")},
                           {"u", Uint(18'446'744'073'709'551'615ULL)}});
  report.maps.push_back(map);
  const auto of = [&](const char* field) { return Ask(report, {.map = "m", .field = field}); };
  CHECK(of("b") == "map 'm', field b = true");
  CHECK(of("f") == "map 'm', field f = 0.5");
  CHECK(of("p") == "map 'm', field p = 0xffff888003a1c000");
  CHECK(of("c") == "map 'm', field c = '0-2'");
  CHECK(of("t") == "map 'm', field t = 'spin'");
  CHECK(of("x") == "map 'm', field x = 'hex:00ff'");
  CHECK(of("u") == "map 'm', field u = 18446744073709551615");
  CHECK(Evaluate(report, {.map = "m", .field = "b"})->kind == SnapshotScalar::Kind::kBool);
  CHECK(Evaluate(report, {.map = "m", .field = "b"})->number == 1);
  CHECK_FALSE(Evaluate(report, {.map = "m", .field = "t"})->number);
}

TEST_CASE("a selector that is none") {
  const SnapshotReport report = FullReport();
  const std::string one = "ProjectionFailed: a selector needs one of map, var and path";
  CHECK(Ask(report, {}) == one);
  CHECK(Ask(report, {.map = "counts", .var = "x"}) == one);
  CHECK(Ask(report, {.var = "x", .key = "1"}) == "ProjectionFailed: key and cpu belong to a map");
  CHECK(Ask(report, {.cpu = 1, .path = "tasks"}) == "ProjectionFailed: key and cpu belong to a map");
  CHECK(Ask(report, {.field = "x", .path = "tasks"}) == "ProjectionFailed: field belongs to a map or a var");
}

TEST_CASE("paths over the rest of a report") {
  const SnapshotReport report = FullReport();
  CHECK(AskPath(report, "tasks[comm=spin].nr_threads") == "tasks[comm=spin].nr_threads = 3");
  CHECK(AskPath(report, "tasks[comm=kworker/0:1].pid") == "tasks[comm=kworker/0:1].pid = 7");
  CHECK(AskPath(report, "tasks[on_rq=true,pid=7].comm") == "tasks[on_rq=true,pid=7].comm = 'kworker/0:1'");
  CHECK(AskPath(report, "tasks[cgroup=/ktstr/hot].prio") == "tasks[cgroup=/ktstr/hot].prio = -1");
  CHECK(AskPath(report, "tasks[0].cpus_allowed") == "tasks[0].cpus_allowed = '0-2'");
  CHECK(AskPath(report, "tasks.length") == "tasks.length = 2");
  CHECK(AskPath(report, "tasks_truncated") == "tasks_truncated = true");
  CHECK(AskPath(report, "run_queues[0].nr_running") == "run_queues[0].nr_running = 2");
  CHECK(AskPath(report, "run_queues[1].curr_comm") == "run_queues[1].curr_comm = ''");
  CHECK(AskPath(report, "per_cpu_time[1].user") == "per_cpu_time[1].user = 21");
  CHECK(AskPath(report, "per_cpu_time[0].softirqs[1]") == "per_cpu_time[0].softirqs[1] = 10");
  CHECK(AskPath(report, "scx_sched_state.exit_kind") == "scx_sched_state.exit_kind = 64");
  CHECK(AskPath(report, "scx_sched_state.event_counters.SCX_EV_SELECT_CPU_FALLBACK") ==
        "scx_sched_state.event_counters.SCX_EV_SELECT_CPU_FALLBACK = -2");
  CHECK(AskPath(report, "vcpu_regs[0].symbol") == "vcpu_regs[0].symbol = 'default_idle+0xb'");
  CHECK(AskPath(report, "maps[name=events].ringbuf.pending_bytes") ==
        "maps[name=events].ringbuf.pending_bytes = 16");
  CHECK(AskPath(report, "maps[name=simple.bss].id") == "maps[name=simple.bss].id = 0");
  CHECK(AskPath(report, "paused_ms") == "paused_ms = 2.5");
  CHECK(AskPath(report, "guest_ns") == "guest_ns = 18446744073709551615");
}

TEST_CASE("a match may have commas in its value") {
  SnapshotReport report = FullReport();
  report.tasks[1].cpus_allowed = "0-2,5";
  CHECK(AskPath(report, "tasks[cpus_allowed=0-2,5].pid") == "tasks[cpus_allowed=0-2,5].pid = 7");
}

TEST_CASE("a path that leads nowhere") {
  SnapshotReport report = FullReport();
  CHECK(AskPath(report, "task[0]") == "FieldNotFound: a snapshot has no 'task'; did you mean 'tasks'?");
  CHECK(AskPath(report, "tasks[0].com") == "FieldNotFound: 'tasks[0]' has no 'com'; did you mean 'comm'?");
  CHECK(AskPath(report, "tasks.comm") == "NotAStruct: 'tasks' is a list of 2; say which before '.comm'");
  CHECK(AskPath(report, "tasks[0].comm.x") == "NotAStruct: 'tasks[0].comm' is a text, it has no 'x'");
  CHECK(AskPath(report, "tasks[0].comm[1]") == "NotAStruct: 'tasks[0].comm' is a text, not a list");
  CHECK(AskPath(report, "scx_sched_state[a=1]") == "NotAStruct: 'scx_sched_state' is an object, not a list");
  CHECK(AskPath(report, "run_queues[2].cpu") == "IndexOutOfRange: 'run_queues' has no [2], there are 2");
  CHECK(AskPath(report, "run_queues[cpu=7].cpu") ==
        "NoMatch: nothing in 'run_queues' has cpu=7; there are cpu 0 and 1");
  CHECK(AskPath(report, "run_queues[cpus=7]") ==
        "FieldNotFound: what is in 'run_queues' has no 'cpus'; did you mean 'cpu'?");
  CHECK(AskPath(report, "tasks[comm=x].pid") ==
        "MapRenderIncomplete: nothing in 'tasks' has comm=x, but the list was cut; there are comm spin and "
        "kworker/0:1");
  CHECK(AskPath(report, "tasks[2].pid") ==
        "MapRenderIncomplete: 'tasks' has no [2], there are 2, but the list was cut");
  CHECK(AskPath(report, "tasks") == "TypeMismatch: 'tasks' is a list of 2; say what of it");
  CHECK(AskPath(report, "tasks[0]") == "TypeMismatch: 'tasks[0]' is an object; say what of it");
  CHECK(AskPath(report, "tasks..x") == "EmptyPathComponent: path 'tasks..x' has an empty component");
  CHECK(AskPath(report, "tasks[1].nr_threads") == "HostFieldUnavailable: 'tasks[1].nr_threads' is not there");
  CHECK(AskPath(report, "vcpu_regs[1].symbol") == "HostFieldUnavailable: 'vcpu_regs[1]' is not there");
}

TEST_CASE("a part that could not be read gives the capture's reason") {
  SnapshotReport report;
  report.tasks_unavailable = kNoTaskWalker;
  report.scx_walker_unavailable = kScxRootNull;
  CHECK(AskPath(report, "tasks[comm=spin].pid") ==
        "HostFieldUnavailable: 'tasks' was not read: no task walker available");
  CHECK(AskPath(report, "tasks.length") ==
        "HostFieldUnavailable: 'tasks' was not read: no task walker available");
  CHECK(AskPath(report, "scx_sched_state.exit_kind") ==
        "HostFieldUnavailable: 'scx_sched_state' was not read: scx_root is NULL (no scheduler attached)");
  CHECK(AskPath(report, "dsq_states[0].nr") ==
        "HostFieldUnavailable: 'dsq_states' was not read: scx_root is NULL (no scheduler attached)");
  CHECK(AskPath(report, "dump_truncated_at_us") ==
        "HostFieldUnavailable: 'dump_truncated_at_us' is not there");
  report.dump_truncated_at_us = 1500;
  CHECK(AskPath(report, "run_queues[0].cpu") ==
        "HostFieldUnavailable: 'run_queues' was not read: the capture's time limit passed after 1500 us");
  CHECK(AskPath(report, "dump_truncated_at_us") == "dump_truncated_at_us = 1500");
}
