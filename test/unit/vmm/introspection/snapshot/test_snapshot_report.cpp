// Reports as JSON and back.
#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "test/unit/vmm/introspection/snapshot/snapshot_samples.h"
#include "vmm/introspection/snapshot/snapshot_fields.h"
#include "vmm/introspection/snapshot/snapshot_report.h"

using namespace ktstr;
using namespace ktstr::vmm;
using namespace ktstr::vmm::test;
using Json = nlohmann::json;

namespace {

std::string ReadError(const Json& json) {
  const Result<SnapshotReport> report = ReportFromJson(json);
  if (report.ok()) return "";
  CHECK(report.error().kind == ErrorKind::kInput);
  return report.error().message;
}

// ---- random reports: every field of every table gets a random value

using Random = std::mt19937;

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <typename T>
void Fill(T& value, Random& random) {
  if constexpr (std::is_same_v<T, RenderedValue>) {
    value = random() % 2 == 0 ? Uint(random()) : Struct("s", {{"a", Int(-5)}, {"b", Text("hi", 4)}});
  } else if constexpr (IsOptional<T>::value) {
    value.reset();
    if (random() % 2 == 0) Fill(value.emplace(), random);
  } else if constexpr (std::is_same_v<T, std::vector<std::pair<std::string, std::int64_t>>>) {
    if (random() % 2 == 0) value = {{"A", -3}, {"B", static_cast<std::int64_t>(random())}};
  } else if constexpr (IsSnapshotStruct<T>) {
    ForEachSnapshotField<T>([&](const auto& field) { Fill(value.*field.member, random); });
  } else if constexpr (std::is_same_v<T, bool>) {
    value = random() % 2 == 0;
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = std::string(random() % 3, 'x');
  } else if constexpr (std::is_floating_point_v<T>) {
    value = static_cast<T>(random()) / 8;
  } else if constexpr (std::is_arithmetic_v<T>) {
    const T edges[] = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                       static_cast<T>(random())};
    value = edges[random() % 3];
  } else {
    value.resize(random() % 3);
    for (auto& element : value) Fill(element, random);
  }
}

/// What a struct of the members in S's table would take: less than S when one is missing.
template <typename S>
std::size_t LaidOutSize() {
  std::size_t end = 0;
  const auto align = [&](std::size_t to) { end = (end + to - 1) / to * to; };
  ForEachSnapshotField<S>([&](const auto& field) {
    using M = std::remove_reference_t<decltype(std::declval<S&>().*field.member)>;
    align(alignof(M));
    end += sizeof(M);
  });
  align(alignof(S));
  return end;
}

}  // namespace

TEST_CASE("an empty report is little more than its schema") {
  CHECK(ToJson(SnapshotReport()) ==
        Json::parse(R"({"schema": "single", "tasks_truncated": false, "guest_ns": 0, "paused_ms": 0.0})"));
}

TEST_CASE("a report's JSON: what is empty is left out, what cannot be read is null, addresses are numbers") {
  SnapshotReport report;
  MapRecord map = Map("counts", "hash");
  map.id = 12;
  map.map_kva = 0xffff888003a1c000;
  map.entries = {Entry(Uint(3, 32), Uint(17), "03000000")};
  report.maps.push_back(map);
  MapRecord empty = Map("e", "hash");
  empty.map_kva = 1;
  empty.entries.emplace();
  empty.error = "why";
  report.maps.push_back(empty);
  report.vcpu_regs = {std::nullopt, VcpuRegisters{1, "a+0x1", 2, 3, std::nullopt}};
  report.tasks_unavailable = kNoTaskWalker;
  report.scx_sched_state.emplace().ops = "simple";
  report.scx_sched_state->event_counters = {{"SCX_EV_X", 4}};
  report.guest_ns = 18'446'744'073'709'551'615ULL;
  report.paused_ms = 1.5;
  CHECK(ToJson(report) == Json::parse(R"({
    "schema": "single",
    "maps": [
      {"name": "counts", "map_kva": 18446612682130964480, "id": 12, "map_type": 0, "type_name": "hash", "key_size": 0,
       "value_size": 0, "max_entries": 0, "truncated": false,
       "entries": [{"key": {"kind": "uint", "bits": 32, "value": 3}, "key_hex": "03000000",
                    "value": {"kind": "uint", "bits": 64, "value": 17}}]},
      {"name": "e", "map_kva": 1, "id": 0, "map_type": 0, "type_name": "hash", "key_size": 0, "value_size": 0,
       "max_entries": 0, "truncated": false, "entries": [], "error": "why"}],
    "vcpu_regs": [null, {"instruction_pointer": 1, "symbol": "a+0x1", "stack_pointer": 2, "page_table_root": 3}],
    "tasks_truncated": false,
    "tasks_unavailable": "no task walker available",
    "scx_sched_state": {"ops": "simple", "aborting": false, "bypass_depth": 0, "exit_kind": 0,
                        "event_counters": {"SCX_EV_X": 4}},
    "guest_ns": 18446744073709551615,
    "paused_ms": 1.5})"));
}

TEST_CASE("a report with everything in it comes back as it was") {
  const SnapshotReport report = FullReport();
  const Json json = ToJson(report);
  const Result<SnapshotReport> back = ReportFromJson(Json::parse(json.dump()));
  REQUIRE(back.ok());
  CHECK(ToJson(*back) == json);
  CHECK(back->guest_ns == report.guest_ns);
  CHECK_FALSE(back->vcpu_regs[1]);
  CHECK(back->vcpu_regs[0]->user_page_table_root == 0x5678000);
  CHECK_FALSE(back->maps[2].percpu_entries->at(0).per_cpu[1]);
  CHECK(back->scx_sched_state->event_counters == report.scx_sched_state->event_counters);
  CHECK(back->maps[5].ringbuf->pending_pos == 16);
  CHECK_FALSE(back->tasks[1].nr_threads);
}

TEST_CASE("any report comes back as it was") {
  Random random(4711);
  for (int i = 0; i < 300; ++i) {
    SnapshotReport report;
    Fill(report, random);
    const Json json = ToJson(report);
    const Result<SnapshotReport> back = ReportFromJson(json);
    REQUIRE(back.ok());
    REQUIRE(ToJson(*back) == json);
  }
}

TEST_CASE("every member of every struct is in its table, in declared order") {
  const auto complete = []<typename... S>(std::tuple<S...>) {
    return std::tuple{LaidOutSize<S>() == sizeof(S)...};
  };
  using All =
      std::tuple<SnapshotReport, TaskRecord, MapRecord, RunQueue, PerCpuTime, ProgStats, RqScx, DsqState,
                 ScxSched, VcpuRegisters, MapEntry, PerCpuEntry, PerCpuHashEntry, ArenaPages,
                 ArenaPages::Page, RingbufState, StackTraces, StackTraces::Bucket, FdArray>;
  std::apply([](auto... each) { CHECK((each && ...)); }, complete(All()));
}

TEST_CASE("a placeholder is marked, empty, and gives its reason everywhere") {
  const SnapshotReport report = MakePlaceholder("the guest did not stop");
  CHECK(report.is_placeholder);
  CHECK(ToJson(report) == Json::parse(R"({
    "schema": "single", "is_placeholder": true, "tasks_truncated": false, "guest_ns": 0, "paused_ms": 0.0,
    "maps_unavailable": "the guest did not stop", "vcpu_regs_unavailable": "the guest did not stop",
    "prog_runtime_stats_unavailable": "the guest did not stop", "per_cpu_time_unavailable": "the guest did not stop",
    "per_node_numa_unavailable": "the guest did not stop", "run_queues_unavailable": "the guest did not stop",
    "tasks_unavailable": "the guest did not stop", "scx_walker_unavailable": "the guest did not stop"})"));
  CHECK(ReportFromJson(ToJson(report))->is_placeholder);
}

TEST_CASE("the schema decides: absent or unknown ones are errors") {
  CHECK(ReadError(Json::parse("[]")) == "a snapshot is no JSON object");
  CHECK(ReadError(Json::parse("{}")) == "a snapshot without 'schema'");
  CHECK(ReadError(Json::parse(R"({"maps": []})")) == "a snapshot without 'schema'");
  CHECK(ReadError(Json::parse(R"({"schema": "x"})")) == "unknown snapshot schema 'x'");
  CHECK(ReadError(Json::parse(R"({"schema": 1})")) == "'schema' of a snapshot is no string, but 1");
}

TEST_CASE("a degraded snapshot is a placeholder that keeps its registers") {
  const auto report =
      ReportFromJson(Json::parse(R"({"schema": "degraded", "reason": "rendezvous timeout: 1 of 2",
    "vcpu_regs": [{"instruction_pointer": 7}, null], "watchpoint_hit": false, "bss_latch_state": "not_resolved",
    "elapsed_ms": 3})"));
  REQUIRE(report.ok());
  CHECK(report->is_placeholder);
  CHECK(report->tasks_unavailable == "rendezvous timeout: 1 of 2");
  REQUIRE(report->vcpu_regs.size() == 2);
  CHECK(report->vcpu_regs[0]->instruction_pointer == 7);
  CHECK_FALSE(report->vcpu_regs[1]);
  CHECK(report->vcpu_regs_unavailable.empty());
  CHECK(ReadError(Json::parse(R"({"schema": "degraded"})")) == "a degraded snapshot without 'reason'");
}

TEST_CASE("a dual snapshot is its late half, which must be there and single or degraded") {
  const auto report =
      ReportFromJson(Json::parse(R"({"schema": "dual", "early": {"schema": "single", "guest_ns": 1},
                      "late": {"schema": "single", "guest_ns": 2}})"));
  REQUIRE(report.ok());
  CHECK(report->guest_ns == 2);
  CHECK(ReadError(Json::parse(R"({"schema": "dual"})")) == "a dual snapshot without 'late'");
  CHECK(ReadError(Json::parse(R"({"schema": "dual", "late": {}})")) == "a snapshot without 'schema'");
  CHECK(ReadError(
            Json::parse(R"({"schema": "dual", "late": {"schema": "dual", "late": {"schema": "single"}}})")) ==
        "unknown snapshot schema 'dual'");
}

TEST_CASE("a member of the wrong type is named by its path") {
  const auto wrong = [](const char* member) {
    return ReadError(Json::parse(std::string(R"({"schema": "single", )") + member + "}"));
  };
  CHECK(wrong(R"("tasks": 1)") == "'tasks' of a snapshot is no list, but 1");
  CHECK(wrong(R"("tasks": [{}, {"pid": "x"}])") == "'tasks[1].pid' of a snapshot is no int32, but string");
  CHECK(wrong(R"("tasks": [{"pid": 2147483648}])") ==
        "'tasks[0].pid' of a snapshot is no int32, but 2147483648");
  CHECK(wrong(R"("tasks": [{"cpu": -1}])") == "'tasks[0].cpu' of a snapshot is no uint32, but -1");
  CHECK(wrong(R"("tasks": [{"on_rq": 1}])") == "'tasks[0].on_rq' of a snapshot is no boolean, but 1");
  CHECK(wrong(R"("guest_ns": 1.5)") == "'guest_ns' of a snapshot is no uint64, but 1.5");
  CHECK(wrong(R"("scx_sched_state": [])") == "'scx_sched_state' of a snapshot is no object, but array");
  CHECK(wrong(R"("scx_sched_state": {"event_counters": {"A": null}})") ==
        "'scx_sched_state.event_counters.A' of a snapshot is no int64, but null");
  CHECK(wrong(R"("maps": [{"name": null}])") == "'maps[0].name' of a snapshot is no string, but null");
  CHECK(wrong(R"("maps": [{"value": {"kind": "x"}}])") ==
        "'maps[0].value' of a snapshot: a rendered value has no kind 'x'");
}

TEST_CASE("members that are not known are passed over") {
  CHECK(ReportFromJson(Json::parse(R"({"schema": "single", "vcpu_perf_at_pause": [1]})")).ok());
}
