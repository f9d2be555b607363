// Captures of a made-up kernel: what is damaged, too large, cut short, or laid out as newer kernels do it.
#include "test/unit/vmm/introspection/capture/capture_kernel.h"
#include "test/unit/vmm/introspection/types/btf_blob.h"
#include "vmm/introspection/capture/collector.h"

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kNodes = 0xffff888001000000;
constexpr std::uint64_t kMaps = 0xffff888002000000;
constexpr std::uint64_t kData = 0xffff888003000000;

struct MapSpec {
  std::uint32_t type = 2, key_size = 4, value_size = 8, max_entries = 1;
};

class Planted : public CaptureKernel {
 public:
  using CaptureKernel::CaptureKernel;
  FakeMemory memory;

  SnapshotReport Take(const CaptureOptions& options = {}) { return Capture(memory, options); }

  static std::uint64_t MapAt(std::uint32_t i) { return kMaps + i * std::uint64_t{0x10000}; }
  /// The struct bpf_map of a map that is i-th in the test's eyes.
  std::uint64_t Map(std::uint32_t i, const MapSpec& spec) {
    const std::uint64_t at = MapAt(i);
    memory.Put<std::uint32_t>(at + 24, spec.type);
    memory.Put<std::uint32_t>(at + 28, spec.key_size);
    memory.Put<std::uint32_t>(at + 32, spec.value_size);
    memory.Put<std::uint32_t>(at + 36, spec.max_entries);
    memory.Put<std::uint32_t>(at + 52, i + 1);
    memory.Map(at, 256);
    return at;
  }
  std::uint64_t Node(std::uint32_t i, std::uint8_t shift) {
    const std::uint64_t at = kNodes + i * std::uint64_t{0x1000};
    memory.Map(at, 576);
    memory.Put<std::uint8_t>(at, shift);
    return at;
  }
  void Slot(std::uint64_t node, std::uint32_t slot, std::uint64_t entry) {
    memory.Put(node + 40 + 8 * slot, entry);
  }
  /// The only map of the kernel.
  std::uint64_t OneMap(const MapSpec& spec) {
    const std::uint64_t node = Node(0, 0);
    const std::uint64_t map = Map(0, spec);
    Slot(node, 1, map);
    memory.Put(kMapIdr + 8, node | 2);
    return map;
  }
};

TEST_CASE("capture: maps are found in the order of their ids, through nodes of nodes") {
  Planted kernel;
  const std::uint64_t root = kernel.Node(0, 6);
  for (std::uint32_t i = 0; i < 70; ++i) {
    const std::uint64_t leaf = kNodes + (1 + i / 64) * std::uint64_t{0x1000};
    if (i % 64 == 0) kernel.Slot(root, i / 64, kernel.Node(1 + i / 64, 0) | 2);
    kernel.Slot(leaf, i % 64, kernel.Map(i, {}));
  }
  kernel.memory.Put(CaptureKernel::kMapIdr + 8, root | 2);
  SnapshotReport report = kernel.Take();
  CHECK(report.maps_unavailable.empty());
  REQUIRE(report.maps.size() == 70);
  for (std::uint32_t i = 0; i < 70; ++i) CHECK(report.maps[i].id == i + 1);

  // A node that claims to be as large as the one it is in would have no end.
  kernel.Slot(root, 1, root | 2);
  report = kernel.Take();
  CHECK(report.maps.size() == 64);
  CHECK(report.maps_unavailable == "only the first 64 maps were read");
  CaptureOptions few;
  few.max_maps = 10;
  CHECK(kernel.Take(few).maps_unavailable == "only the first 10 maps were read");
}

TEST_CASE("capture: an array is cut at 4096 entries and where its pages end") {
  Planted kernel;
  const std::uint64_t map = kernel.OneMap({2, 4, 4, 5000});
  kernel.memory.Map(map, 136 + 8 * 5000);
  kernel.memory.Put<std::uint32_t>(map + 136 + 8 * 4095, 7);
  MapRecord array = kernel.Take().maps.at(0);
  CHECK(array.truncated);
  REQUIRE(array.entries.value().size() == 4096);
  CHECK(array.entries->back().key_hex == "ff0f0000");
  CHECK(array.entries->back().value_hex == "07000000");
  CHECK(array.error.empty());

  Planted cut;
  const std::uint64_t half = cut.OneMap({2, 4, 4, 1000});  // its first page only: 3960 bytes behind the head
  array = cut.Take().maps.at(0);
  CHECK(half % 4096 == 0);
  CHECK(array.truncated);
  CHECK(array.entries.value().size() == 495);

  Planted single;
  single.OneMap({2, 4, 5000, 1});
  array = single.Take().maps.at(0);
  CHECK(array.truncated);
  CHECK(array.value.value().text.size() == 2 * 3960);
}

/// A hash of two buckets with elements of 4 bytes of key and 8 of value.
struct PlantedHash : Planted {
  std::uint64_t map = OneMap({1, 4, 8, 16});
  PlantedHash() {
    memory.Put(map + 128, kData);
    memory.Put<std::uint32_t>(map + 136, 2);
    memory.Put<std::uint64_t>(kData, 1);
    memory.Put<std::uint64_t>(kData + 16, 1);
  }
  std::uint64_t Element(std::uint32_t i, std::uint64_t next) {
    const std::uint64_t at = kData + 0x1000 + i * std::uint64_t{64};
    memory.Put(at, next);
    memory.Put<std::uint32_t>(at + 48, i);
    memory.Put<std::uint64_t>(at + 56, i * std::uint64_t{3});
    return at;
  }
};

TEST_CASE("capture: a hash whose chains are damaged gives what can be had") {
  PlantedHash kernel;
  kernel.memory.Put(kData, kernel.Element(0, kernel.Element(1, 1)));
  kernel.memory.Put(kData + 16, kernel.Element(2, 3));
  MapRecord hash = kernel.Take().maps.at(0);
  CHECK_FALSE(hash.truncated);
  REQUIRE(hash.entries.value().size() == 3);
  CHECK(hash.entries->at(1).key_hex == "01000000");
  CHECK(hash.entries->at(1).value_hex == "0300000000000000");
  CHECK_FALSE(hash.entries->at(1).key.has_value());  // no BTF

  kernel.Element(2, 0xdead0000);  // not mapped
  hash = kernel.Take().maps.at(0);
  CHECK(hash.truncated);
  CHECK(hash.entries.value().size() == 3);

  kernel.Element(1, kernel.Element(0, 1));  // 2 leads to 1 and that to 0, which leads back
  kernel.Element(0, kData + 0x1000 + 64);
  hash = kernel.Take().maps.at(0);
  CHECK(hash.truncated);
  CHECK(hash.entries.value().size() < 16);

  kernel.memory.Put<std::uint32_t>(kernel.map + 136, 1'000'000);  // more buckets than the map can have
  hash = kernel.Take().maps.at(0);
  CHECK(hash.truncated);
  CHECK(hash.entries.value().empty());
}

TEST_CASE("capture: types are copied once, and again when the kernel uses their place anew") {
  using test::BtfBlob;
  BtfBlob blob;
  const int number = blob.Int("int", 4, BTF_INT_SIGNED);
  const int pair = blob.Struct("pair", 8, {{"a", number, 0}, {"b", number, 32}});
  Planted kernel;
  const std::uint64_t map = kernel.OneMap({});
  kernel.memory.Put(map + 136, std::uint64_t{5} << 32 | 4);
  const auto plant = [&](const std::vector<std::byte>& bytes, std::uint32_t id) {
    kernel.memory.Put(map + 72, kData);
    kernel.memory.Put<std::uint32_t>(map + 64, static_cast<std::uint32_t>(pair));
    kernel.memory.Put(kData, kData + 0x1000);
    kernel.memory.Put(kData + 8, static_cast<std::uint32_t>(bytes.size()));
    kernel.memory.Put(kData + 12, id);
    kernel.memory.Map(kData + 0x1000, bytes.size());
    REQUIRE(kernel.memory.Write(kData + 0x1000, bytes));
  };
  const auto raw = [&] {
    return Collect(KernelView(kernel.facts, kernel.memory), *kernel.layout, kernel.btfs, {});
  };
  plant(blob.Bytes(), 9);
  CHECK(raw().btfs.at(0).blob == blob.Bytes());
  const RenderedValue value = kernel.Take().maps.at(0).value.value();
  CHECK(value.text == "pair");
  CHECK(value.members.at(1).value.number == 5);
  CHECK(raw().btfs.at(0).blob.empty());
  CHECK(kernel.Take().maps.at(0).value.value().text == "pair");

  plant(std::vector<std::byte>(64), 10);
  const MapRecord damaged = kernel.Take().maps.at(0);
  CHECK_THAT(damaged.error, Catch::StartsWith("the map's types are not BTF: "));
  CHECK(damaged.value.value().text == "0400000005000000");
  kernel.memory.Put(kData, std::uint64_t{0x1234});
  kernel.memory.Put(kData + 12, 11);
  CHECK(kernel.Take().maps.at(0).error == "the map's types cannot be read");
}

TEST_CASE("capture: forged types take no more than the capture's budget") {
  Planted kernel;
  CaptureOptions options;
  options.max_bytes = 64 << 10;
  const auto forge = [&](std::uint64_t address) {
    kernel.memory.Map(address, 0x1000 + 40'000);
    kernel.memory.Put(address, address + 0x1000);
    kernel.memory.Put<std::uint32_t>(address + 8, 40'000);
    return address;
  };
  RawCapture raw;
  const KernelView view(kernel.facts, kernel.memory);
  Collector collector(view, *kernel.layout, kernel.btfs, options, raw);
  for (std::uint64_t i = 1; i <= 3; ++i) collector.AddBtf(forge(kData + i * 0x100000));
  REQUIRE(raw.btfs.size() == 3);
  CHECK(raw.btfs[0].blob.size() == 40'000);
  CHECK(raw.btfs[0].reason == nullptr);
  for (const std::size_t i : {1, 2}) {
    CHECK(raw.btfs[i].blob.capacity() == 0);
    CHECK(raw.btfs[i].reason == std::string("the map's types are not read: the capture is full"));
  }
}

TEST_CASE("capture: forged types of one capture after the other take no more than the cache's budget") {
  BtfCache cache;
  std::string why;
  for (std::uint64_t i = 0; i < 6; ++i) {
    RawBtf forged;
    forged.address = i;
    forged.blob.resize(30 << 20);
    CHECK(cache.Get(forged, nullptr, why) == nullptr);
    CHECK(cache.bytes() <= BtfCache::kMaxBytes);
  }
}

TEST_CASE("capture: past its time limit everything says that it is missing") {
  Planted kernel;
  kernel.OneMap({});
  CaptureOptions options;
  options.time_limit = std::chrono::milliseconds(0);
  const SnapshotReport report = kernel.Take(options);
  const std::string why = "not read: the capture's time limit had passed";
  CHECK(report.dump_truncated_at_us.has_value());
  CHECK(report.maps.empty());
  CHECK(report.maps_unavailable == why);
  CHECK(report.run_queues_unavailable == why);
  CHECK(report.tasks_unavailable == std::string("no task walker available: ") + why);
  CHECK(report.prog_runtime_stats_unavailable == std::string("prog accessor unavailable: ") + why);
  CHECK(report.scx_walker_unavailable == why);
}

TEST_CASE("capture: a task list that leads back to itself ends") {
  Planted kernel;
  const auto task = [&](std::uint64_t at, std::uint64_t next, std::uint32_t pid) {
    kernel.memory.Map(at, 512);
    kernel.memory.Put(at + 64, next + 64);
    kernel.memory.Put(at + 36, pid);
    kernel.memory.Put(at + 112, CaptureKernel::kInitTask);
    kernel.memory.Put(at + 144, CaptureKernel::kFair);
    kernel.memory.Put(at + 152, std::uint64_t{0xfd});  // CPUs 2 and up do not exist
  };
  task(CaptureKernel::kInitTask, kData, 0);
  task(kData, kData + 0x1000, 1);
  task(kData + 0x1000, CaptureKernel::kInitTask, 2);
  SnapshotReport report = kernel.Take();
  REQUIRE(report.tasks.size() == 2);
  CHECK_FALSE(report.tasks_truncated);
  CHECK(report.tasks[1].pid == 2);
  CHECK(report.tasks[1].sched_class == "fair");
  CHECK(report.tasks[1].cpus_allowed == "0");
  CHECK(report.tasks[1].real_parent_pid == 0);
  CHECK(report.tasks[1].cgroup.empty());

  task(kData + 0x1000, kData, 2);
  report = kernel.Take();
  CHECK(report.tasks_truncated);
  CHECK(report.tasks.size() < 10);

  Planted none;
  none.memory.Put(CaptureKernel::kInitTask + 64, CaptureKernel::kInitTask + 64);
  CHECK(none.Take().tasks_unavailable == "task walker yielded zero tasks");
}

TEST_CASE("capture: sched_ext of kernels from 6.16 on is found through scx_root") {
  Planted kernel(true);
  for (std::uint32_t cpu = 0; cpu < 2; ++cpu) {
    const std::uint64_t rq = kernel.facts.per_cpu_offset[cpu] + CaptureKernel::kRunqueues;
    kernel.memory.Map(rq, 512);
    kernel.memory.Put(rq + 64, rq + 64);            // nobody is runnable
    kernel.memory.Put(rq + 128 + 8, rq + 128 + 8);  // nobody is on the local queue
    kernel.memory.Put(kernel.facts.per_cpu_offset[cpu] + 0x4000, std::uint64_t{10 + cpu});
    kernel.memory.Put(kernel.facts.per_cpu_offset[cpu] + 0x4008, std::uint64_t{100});
  }
  kernel.memory.Put(CaptureKernel::kScxRoot, std::uint64_t{0});
  CHECK(kernel.Take().scx_walker_unavailable == "scx_root is NULL (no scheduler attached)");
  CHECK(kernel.Take().dsq_states.size() == 2);

  kernel.memory.Map(kData, 512);
  kernel.memory.Put(CaptureKernel::kScxRoot, kData);
  for (std::size_t i = 0; i < 3; ++i) kernel.memory.Put(kData + 32 + i, "new"[i]);
  kernel.memory.Put(kData + 264, std::uint64_t{0x3ff0});
  kernel.memory.Put<std::uint8_t>(kData + 272, 1);
  kernel.memory.Put<std::uint32_t>(kData + 276, 3);
  kernel.memory.Put<std::uint32_t>(kData + 280, 1024);
  kernel.memory.Put<std::uint64_t>(kData + 288, 5000);
  const ScxSched sched = kernel.Take().scx_sched_state.value();
  CHECK(sched.ops == "new");
  CHECK(sched.aborting);
  CHECK(sched.bypass_depth == 3);
  CHECK(sched.exit_kind == 1024);
  CHECK(sched.watchdog_timeout == 5000U);
  CHECK(sched.sched_kva == kData);
  using Counters = std::vector<std::pair<std::string, std::int64_t>>;
  CHECK(sched.event_counters == Counters{{"SCX_EV_ONE", 21}, {"SCX_EV_TWO", 200}});
}

}  // namespace
}  // namespace ktstr::vmm
