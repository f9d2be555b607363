// Captures of real guests against what bpf_truth planted in them and against what the guests say of
// themselves.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <sstream>

#include "test/guest/bpf_truth.h"
#include "test/guest/guest_run.h"
#include "test/guest/truth_guest.h"

namespace ktstr::test {
namespace {

using vmm::MapRecord;
using vmm::RenderedValue;
using vmm::SnapshotReport;
using vmm::TaskRecord;
using Kind = RenderedValue::Kind;

template <typename T>
std::string HexOf(const T& value) {
  std::string text;
  for (const std::byte byte : std::as_bytes(std::span(&value, 1))) {
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
    text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

/// "{x=1, list=[1,2]}"
std::string Shown(const RenderedValue& value) {
  std::string text;
  switch (value.kind) {
    case Kind::kStruct:
      for (const auto& member : value.members)
        text += (text.empty() ? "" : ", ") + member.name + "=" + Shown(member.value);
      return "{" + text + "}";
    case Kind::kArray:
      for (const auto& member : value.members) text += (text.empty() ? "" : ",") + Shown(member.value);
      return "[" + text + "]";
    case Kind::kEnum:
      return value.text;
    case Kind::kUnsupported:
      return value.reason;
    case Kind::kBytes:
      return value.text;
    default:
      return std::to_string(static_cast<std::int64_t>(value.number));
  }
}

std::string ShownPoint(std::uint32_t i) {
  const Point p = PointOf(i);
  std::string tag;
  for (const char c : p.tag) tag += (tag.empty() ? "" : ",") + std::to_string(c);
  std::ostringstream text;
  text << "{x=" << p.x << ", y=" << p.y << ", list=[" << p.list[0] << "," << p.list[1] << "," << p.list[2]
       << "], tag=[" << tag << "]}";
  return text.str();
}
std::string ShownPair(std::uint32_t i) {
  return "{major=" + std::to_string(PairOf(i).major) + ", minor=" + std::to_string(PairOf(i).minor) + "}";
}
std::string ShownOdd(std::uint32_t i) {
  return "{a=" + std::to_string(i) + ", b=" + std::to_string(i + 10) + ", c=" + std::to_string(i + 20) + "}";
}

const MapRecord& Map(const SnapshotReport& report, const std::string& name) {
  for (const MapRecord& map : report.maps)
    if (map.name == name) return map;
  throw std::runtime_error("the capture has no map '" + name + "'");
}
const TaskRecord& Task(const SnapshotReport& report, const std::string& comm) {
  for (const TaskRecord& task : report.tasks)
    if (task.comm == comm) return task;
  throw std::runtime_error("the capture has no task '" + comm + "'");
}

constexpr std::array kPlantedTasks = {"bpf_truth",     "truth-nice", "truth-fifo",
                                      "truth-threads", "truth-one",  "truth-two"};

/// Whether all planted tasks have come to rest. The scheduler may keep a task queued for a while after it
/// went to sleep.
bool AtRest(const SnapshotReport& report) {
  std::size_t resting = 0;
  for (const TaskRecord& task : report.tasks)
    if (std::count(kPlantedTasks.begin(), kPlantedTasks.end(), task.comm) > 0 && task.state == 1 &&
        !task.on_rq)
      ++resting;
  return resting == kPlantedTasks.size();
}

/// Whether no CPU was stopped in the middle of a switch: one without tasks runs its idle task.
bool BetweenSwitches(const SnapshotReport& report) {
  return std::all_of(report.run_queues.begin(), report.run_queues.end(), [](const auto& queue) {
    return queue.nr_running > 0 || queue.curr_comm == "swapper/" + std::to_string(queue.cpu);
  });
}

/// A capture, and what the guest itself said just before and after it.
struct Look {
  SnapshotReport report;
  std::string tasks_before,
      tasks_after;                      // "68 123": how many there are, and the last pid that was given away
  std::string stat_before, stat_after;  // of /proc/stat
};

Look Take(TruthGuest& guest) {
  const auto tasks = [&] {
    const std::string load = guest.live().ReadFile("/proc/loadavg");
    return load.substr(load.find('/') + 1);
  };
  Look look;
  look.tasks_before = tasks();
  look.stat_before = guest.live().ReadFile("/proc/stat");
  look.report = guest.Capture();
  look.stat_after = guest.live().ReadFile("/proc/stat");
  look.tasks_after = tasks();
  return look;
}

/// The first look at a guest that has come to rest: no task came or went meanwhile, the planted ones sleep.
Look AtRest(TruthGuest& guest) {
  Look look = Take(guest);
  const auto rests = [&] {
    return AtRest(look.report) && BetweenSwitches(look.report) && look.tasks_before == look.tasks_after;
  };
  for (int tries = 0; tries < 200 && !rests(); ++tries) {
    guest.live().Call(Hold{10'000'000, false});
    look = Take(guest);
  }
  REQUIRE(rests());
  return look;
}

/// "key => value" of all entries, ordered.
std::set<std::string> Entries(const MapRecord& map) {
  CHECK(map.error.empty());
  CHECK_FALSE(map.truncated);
  std::set<std::string> all;
  for (const auto& entry : map.entries.value())
    all.insert((entry.key ? Shown(*entry.key) : entry.key_hex) + " => " +
               (entry.value ? Shown(*entry.value) : entry.value_hex));
  CHECK(all.size() == map.entries->size());
  return all;
}
template <typename Key, typename Value>
std::set<std::string> Planted(Key key, Value value, std::set<std::uint32_t> which = {0, 1, 2, 3, 4}) {
  std::set<std::string> all;
  for (const std::uint32_t i : which) all.insert(key(i) + " => " + value(i));
  return all;
}
std::string Decimal(std::uint32_t i) { return std::to_string(i); }
std::string Wide(std::uint32_t i) { return HexOf(std::uint64_t{0x1122334455660000} + i); }

void ExpectPlainMaps(const SnapshotReport& report) {
  CHECK(Shown(Map(report, "t_single").value.value()) == ShownPoint(0));
  CHECK(Shown(Map(report, "truth.bss").value.value()) == "{counter=41, limits=[5,6,7,8], mood=BUSY}");
  CHECK(Map(report, "truth.bss").value->text == ".bss");
  CHECK(Entries(Map(report, "t_array")) == Planted(Decimal, ShownOdd));
  CHECK(Map(report, "t_array").entries->at(3).value_hex == HexOf(OddOf(3)));
  CHECK(Entries(Map(report, "t_untyped")) == Planted([](std::uint32_t i) { return HexOf(i); }, Wide));
  CHECK(Entries(Map(report, "t_hash")) == Planted(ShownPair, ShownPoint));
  CHECK(Entries(Map(report, "t_prealloc")) == Planted(Decimal, ShownOdd, {0, 1, 3, 4}));
  CHECK(Entries(Map(report, "t_lru")) == Planted(ShownPair, ShownPoint));
  const auto prefix = [](std::uint32_t i) { return HexOf(8 * (i % 4 + 1)) + HexOf(0x0a000000 + i); };
  CHECK(Entries(Map(report, "t_trie")) == Planted(prefix, Wide));
  const auto values = [&](const char* name) {
    std::string all;
    for (const auto& entry : Map(report, name).entries.value()) all += entry.key_hex + entry.value_hex;
    return all;
  };
  CHECK(values("t_queue") == HexOf(OddOf(1)) + HexOf(OddOf(2)) + HexOf(OddOf(3)) + HexOf(OddOf(4)));
  CHECK(values("t_stack") == HexOf(OddOf(3)) + HexOf(OddOf(2)) + HexOf(OddOf(1)) + HexOf(OddOf(0)));
  CHECK(Map(report, "t_bloom").error == "a bloom filter holds hashed bits, not the values that were added");
  for (const char* name : {"t_cpumap", "t_sockmap"})
    CHECK(Map(report, name).error == "holds references to devices, CPUs or sockets, not data");
}

void ExpectPerCpuMaps(const SnapshotReport& report) {
  const auto expect = [](const std::vector<std::optional<RenderedValue>>& by_cpu, std::uint32_t i) {
    REQUIRE(by_cpu.size() == 2);
    CHECK(Shown(by_cpu[0].value()) == ShownPoint(i));
    CHECK(Shown(by_cpu[1].value()) == ShownPoint(i + 10));
  };
  const MapRecord& array = Map(report, "t_pcpu_array");
  REQUIRE(array.percpu_entries.value().size() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(array.percpu_entries->at(i).key == i);
    expect(array.percpu_entries->at(i).per_cpu, i);
  }
  for (const char* name : {"t_pcpu_hash", "t_pcpu_lru"}) {
    std::map<std::string, std::uint32_t> seen;
    for (const auto& entry : Map(report, name).percpu_hash_entries.value())
      for (std::uint32_t i = 0; i < 3; ++i) {
        if (Shown(entry.key.value()) != ShownPair(i)) continue;
        CHECK(entry.key_hex == HexOf(PairOf(i)));
        expect(entry.per_cpu, i);
        ++seen[entry.key_hex];
      }
    CHECK(seen.size() == 3);
  }
}

void ExpectOtherMaps(LiveGuest& guest, const SnapshotReport& report, const std::set<std::string>& said) {
  const auto owned = [&](const char* name, const std::string& key, std::uint32_t i) {
    if (!said.contains(std::string("map ") + name)) return;  // a kernel without
    CHECK(Entries(Map(report, name)) == std::set<std::string>{key + " => " + ShownPoint(i)});
  };
  owned("t_task", std::to_string(Task(report, "bpf_truth").pid), 1);
  owned("t_cgroup", "1", 3);  // as stat() numbers the root of a cgroup file system
  CHECK(Shown(Map(report, "t_sk").entries.value().at(0).value.value()) == ShownPoint(2));
  if (said.contains("map t_inode")) {
    const auto& entry = Map(report, "t_inode").entries.value().at(0);
    CHECK(Shown(entry.value.value()) == ShownPoint(4));
    CHECK(entry.key.value().number > 1);
  }
  const auto slots = [&](const char* name) {
    const auto& fds = Map(report, name).fd_array.value();
    return std::pair(fds.slots_scanned, fds.indices);
  };
  using Slots = std::pair<std::uint64_t, std::vector<std::uint32_t>>;
  CHECK(slots("t_prog_array") == Slots{8, {kTruthProgSlot}});
  CHECK(slots("t_array_of_maps") == Slots{8, {kTruthInnerSlot}});
  CHECK(slots("t_cgroups") == Slots{4, {1}});
  CHECK(slots("t_events") == Slots{4, {}});
  CHECK(Entries(Map(report, "t_hash_of_maps")) ==
        std::set<std::string>{"03000000 => " + std::to_string(Map(report, "t_array").id)});

  const auto& arena = Map(report, "t_arena").arena.value();
  REQUIRE(arena.pages_mapped == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(arena.pages[i].offset == kTruthArenaPages[i] * std::uint64_t{4096});
    const char text[] = {'p', 'a', 'g', 'e', static_cast<char>('0' + kTruthArenaPages[i])};
    CHECK(arena.pages[i].hex.substr(0, 12) == HexOf(text) + "00");
    CHECK(arena.pages[i].hex.size() == 8192);
  }
  CHECK(arena.user_vm_start > 0);
  for (const char* name : {"t_ringbuf", "t_user_ringbuf"}) {
    const auto& ring = Map(report, name).ringbuf.value();
    CHECK(ring.capacity == 4096);
    CHECK(ring.consumer_pos == 0);
    CHECK(ring.producer_pos == kTruthRingRecords * 32);
    CHECK(ring.pending_bytes == kTruthRingRecords * 32);
    CHECK(ring.pending_pos.has_value());
  }
  const auto& buckets = Map(report, "t_stacks").stack_trace.value().buckets;
  REQUIRE(buckets.size() == 1);
  std::set<std::string> functions;
  for (const std::string& symbol : buckets[0].symbols) functions.insert(symbol.substr(0, symbol.find('+')));
  CHECK(functions.contains("__sys_bpf"));
  CHECK_FALSE(guest.ready().kernel_release.empty());
}

std::string StatusField(const std::string& status, const std::string& name) {
  const std::size_t at = ("\n" + status).find("\n" + name + ":\t");
  if (at == std::string::npos) return "no " + name;
  const std::size_t from = at + name.size() + 2;
  return status.substr(from, status.find('\n', from) - from);
}

/// Sleeping tasks, whose figures stand still.
void ExpectTasks(LiveGuest& guest, const Look& look) {
  const SnapshotReport& report = look.report;
  CHECK(report.tasks_unavailable.empty());
  CHECK_FALSE(report.tasks_truncated);
  for (const char* comm :
       {"bpf_truth", "truth-nice", "truth-fifo", "truth-threads", "truth-one", "truth-two"}) {
    const TaskRecord& task = Task(report, comm);
    const std::string directory =
        "/proc/" + std::to_string(task.tgid) + "/task/" + std::to_string(task.pid) + "/";
    const std::string status = guest.ReadFile(directory + "status");
    CHECK(StatusField(status, "Name") == comm);
    CHECK(StatusField(status, "Tgid") == std::to_string(task.tgid));
    CHECK(StatusField(status, "PPid") == std::to_string(task.real_parent_pid.value()));
    CHECK(StatusField(status, "Threads") == std::to_string(task.nr_threads.value()));
    CHECK(StatusField(status, "Cpus_allowed_list") == task.cpus_allowed);
    CHECK(StatusField(status, "voluntary_ctxt_switches") == std::to_string(task.nvcsw));
    CHECK(StatusField(status, "nonvoluntary_ctxt_switches") == std::to_string(task.nivcsw));
    CHECK(guest.ReadFile(directory + "cgroup").find("0::" + task.cgroup + "\n") != std::string::npos);
    CHECK(task.cgroup == "/ktstr/hot");
    CHECK(task.group_leader_pid == task.tgid);
    CHECK(task.state == 1);  // TASK_INTERRUPTIBLE
    CHECK_FALSE(task.on_cpu);
    CHECK_FALSE(task.on_rq);
  }
  CHECK(Task(report, "truth-nice").static_prio == 120 + kTruthNice);
  CHECK(Task(report, "truth-nice").cpus_allowed == "1");
  CHECK(Task(report, "truth-nice").sched_class == "fair");
  CHECK(Task(report, "truth-nice").real_parent_comm == "bpf_truth");
  CHECK(Task(report, "truth-fifo").sched_class == "rt");
  CHECK(Task(report, "truth-fifo").policy == 1);
  CHECK(Task(report, "truth-fifo").rt_priority == kTruthFifo);
  CHECK(Task(report, "truth-fifo").prio == 99 - kTruthFifo);
  CHECK(Task(report, "truth-threads").nr_threads == 3U);
  CHECK(Task(report, "truth-two").tgid == Task(report, "truth-threads").pid);
  // As many as the guest counts, which includes those that hang on no list: the idle task of each CPU does
  // not.
  CHECK(std::to_string(report.tasks.size()) == look.tasks_before.substr(0, look.tasks_before.find(' ')));
}

/// user, nice, system, softirq of a CPU in /proc/stat, in hundredths of a second.
std::array<std::uint64_t, 4> StatOf(const std::string& stat, std::uint32_t cpu) {
  std::istringstream words(stat.substr(stat.find("\ncpu" + std::to_string(cpu) + " ")));
  std::string name;
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
  words >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq;
  return {user, nice, system, softirq};
}

void ExpectCpus(const Look& look) {
  const SnapshotReport& report = look.report;
  REQUIRE(report.run_queues.size() == 2);
  REQUIRE(report.per_cpu_time.size() == 2);
  REQUIRE(report.vcpu_regs.size() == 2);
  for (std::uint32_t cpu = 0; cpu < 2; ++cpu) {
    const auto& queue = report.run_queues[cpu];
    CHECK(queue.cpu == cpu);
    CHECK(queue.nr_switches > 10);
    CHECK(queue.clock > 1'000'000);
    CHECK(queue.curr_pid.has_value());
    const auto& time = report.per_cpu_time[cpu];
    const std::uint64_t times[] = {time.user, time.nice, time.system, time.softirq};
    const auto before = StatOf(look.stat_before, cpu);
    const auto after = StatOf(look.stat_after, cpu);
    for (std::size_t i = 0; i < before.size(); ++i) {
      CHECK(before[i] <= times[i] / 10'000'000);
      CHECK(times[i] / 10'000'000 <= after[i]);
    }
    CHECK(time.softirqs.size() == 10);
    CHECK(time.irqs_sum > 0);
    CHECK(time.iowait_sleeptime_ns.has_value());
    // In user space it has none.
    if (report.vcpu_regs[cpu].value().instruction_pointer >> 63 != 0)
      CHECK_FALSE(report.vcpu_regs[cpu].value().symbol.empty());
  }
  CHECK(report.guest_ns > 100'000'000);
  CHECK_FALSE(report.dump_truncated_at_us.has_value());
}

/// "00ff" out of ["0x00","0xff"].
std::string Hex(const nlohmann::json& bytes) {
  std::string text;
  for (const auto& byte : bytes) text += byte.get<std::string>().substr(2);
  return text;
}

void ExpectBpftoolAgrees(TruthGuest& guest, const SnapshotReport& report) {
  using Row = std::tuple<std::uint32_t, std::string, std::string>;
  std::set<Row> ours;
  std::set<Row> theirs;
  for (const MapRecord& map : report.maps) ours.insert({map.id, map.name, map.type_name});
  for (const auto& map : guest.BpfTool({"map", "show"})) {
    // This bpftool is older than the kernel and does not know all types' names.
    const auto& type = map.at("type");
    const std::string name = map.value("name", "");
    theirs.insert(
        {map.at("id"), name, type.is_string() ? type.get<std::string>() : Map(report, name).type_name});
  }
  CHECK(ours == theirs);
  ours.clear();
  theirs.clear();
  for (const auto& prog : report.prog_runtime_stats) ours.insert({prog.id, prog.name, prog.type});
  for (const auto& prog : guest.BpfTool({"prog", "show"}))
    theirs.insert({prog.at("id"), prog.value("name", ""), prog.at("type")});
  CHECK(ours == theirs);

  for (const char* name : {"t_array", "t_untyped", "t_hash", "t_prealloc", "t_lru", "t_trie"}) {
    const MapRecord& map = Map(report, name);
    std::set<std::pair<std::string, std::string>> here;
    std::set<std::pair<std::string, std::string>> there;
    for (const auto& entry : map.entries.value()) here.insert({entry.key_hex, entry.value_hex});
    for (const auto& entry : guest.BpfTool({"map", "dump", "id", std::to_string(map.id)}))
      there.insert({Hex(entry.at("key")), Hex(entry.at("value"))});
    CHECK(here == there);
  }
}

void Examine(const std::string& kind, Start start) {
  const auto kernel = CachedKernel(kind);
  if (!kernel) return Skip("no kernel was " + kind);
  TruthGuest guest(*kernel, start);
  const std::vector<std::string> lines = guest.Plant("", "hot");
  const std::set<std::string> said(lines.begin(), lines.end());
  for (const std::string& line : lines) {
    INFO(line);
    const bool fine = !line.starts_with("no ") || (kind == "built" && line == "no t_inode: Invalid argument");
    CHECK(fine);
  }
  const Look look = AtRest(guest);
  const SnapshotReport& report = look.report;
  ExpectPlainMaps(report);
  ExpectPerCpuMaps(report);
  ExpectOtherMaps(guest.live(), report, said);
  ExpectTasks(guest.live(), look);
  ExpectCpus(look);
  CHECK(report.scx_walker_unavailable == (kind == "built"
                                              ? "scx_root is NULL (no scheduler attached)"
                                              : "no scx walker capture: the kernel has no sched_ext"));
  CHECK(report.dsq_states.size() == (kind == "built" ? 2 : 0));
  CHECK_FALSE(report.scx_sched_state.has_value());
  CHECK(report.active_obj_name.empty());
  ExpectBpftoolAgrees(guest, guest.Capture());
}

TEST_CASE("capture: a booted guest with our kernel") { Examine("built", Start::kBoot); }
TEST_CASE("capture: a clone with our kernel") { Examine("built", Start::kClone); }
TEST_CASE("capture: a booted guest with Debian's kernel") { Examine("fetched", Start::kBoot); }
TEST_CASE("capture: a clone with Debian's kernel") { Examine("fetched", Start::kClone); }

}  // namespace
}  // namespace ktstr::test
