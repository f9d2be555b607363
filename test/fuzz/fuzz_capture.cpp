// Any bytes as the memory of a guest's kernel: a capture of it (tables of ids, BPF maps of all kinds with
// their types, programs, run queues, tasks, dispatch queues) ends, keeps to its bounds, and what it yields
// reads back the same. The first byte picks the kernel; every page of kernel memory holds what follows.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "test/unit/vmm/introspection/capture/capture_structs.h"
#include "vmm/introspection/capture/capture.h"

namespace ktstr::vmm {
namespace {

void Demand(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

/// The same page everywhere: wherever a pointer leads, something is there.
class OnePage final : public KernelMemory {
 public:
  explicit OnePage(std::span<const std::byte> page) : page_(page) {}
  bool Read(std::uint64_t address, std::span<std::byte> into) override {
    return ReadSome(address, into) == into.size();
  }
  std::size_t ReadSome(std::uint64_t address, std::span<std::byte> into) override {
    const std::size_t at = std::min<std::size_t>(address % 4096, page_.size());
    const std::size_t some = std::min(into.size(), page_.size() - at);
    if (some > 0) std::memcpy(into.data(), page_.data() + at, some);
    return some;
  }
  bool Write(std::uint64_t, std::span<const std::byte>) override { return false; }

 private:
  std::span<const std::byte> page_;
};

/// Its globals lie one behind the other from the start of the page.
struct Kernel {
  explicit Kernel(bool recent) {
    StructWriter structs;
    structs.Add(kCaptureStructs);
    if (recent) structs.Add(kNewStructs);
    facts.btf = structs.Finish();
    std::string text =
        "0000000000000000 A __per_cpu_start\n0000000000000330 A runqueues\n0000000000000530 A "
        "kernel_cpustat\n"
        "0000000000000f00 A __per_cpu_end\nffffffff81000000 T _text\nffffffff82000000 D map_idr\n"
        "ffffffff82000018 D prog_idr\nffffffff82000030 D dsq_hash\nffffffff82000078 D "
        "scx_ops_enable_state_var\nffffffff82000080 D scx_ops\nffffffff82000120 D init_task\n"
        "ffffffff82000320 D fair_sched_class\n";
    if (recent) text += "ffffffff82000070 D scx_root\n";
    const auto symbols = SymbolTable::FromText(text);
    Demand(symbols.ok(), "the made-up symbols can be read");
    facts.symbols = *symbols;
    facts.per_cpu_offset = {0xffff888000100000, 0xffff888000200000};
    layout = KernelLayout::Of(facts);
  }
  KernelFacts facts;
  std::shared_ptr<const KernelLayout> layout;
};

void ExpectBounds(const SnapshotReport& report, const CaptureOptions& options) {
  Demand(report.maps.size() <= options.max_maps, "no more maps than allowed");
  Demand(report.tasks.size() <= CaptureLimits::kTasks, "no more tasks than allowed");
  Demand(report.prog_runtime_stats.size() <= options.max_programs, "no more programs than allowed");
  for (const MapRecord& map : report.maps) {
    if (map.entries) Demand(map.entries->size() <= CaptureLimits::kMapEntries, "entries are bounded");
    if (map.percpu_entries) Demand(map.percpu_entries->size() <= CaptureLimits::kPerCpuKeys, "keys, too");
    if (map.arena) Demand(map.arena->pages.size() <= CaptureLimits::kArenaPages, "and pages");
    if (map.fd_array) Demand(map.fd_array->indices.size() <= CaptureLimits::kFdIndices, "and slots");
  }
}

}  // namespace
}  // namespace ktstr::vmm

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr::vmm;
  if (size == 0) return 0;
  static const Kernel kernels[] = {Kernel(false), Kernel(true)};
  const Kernel& kernel = kernels[data[0] % 2];
  CaptureOptions options;
  options.max_maps = 16;
  options.max_programs = 16;
  options.max_map_bytes = 1 << 14;
  options.max_bytes = 1 << 17;
  options.max_steps = 500;
  options.time_limit = std::chrono::hours(1);  // not what ends it
  OnePage memory(std::as_bytes(std::span(data, size)).subspan(1));
  BtfCache btfs;
  const RawCapture raw = Collect(KernelView(kernel.facts, memory), *kernel.layout, btfs, {}, options);
  const SnapshotReport report = Render(raw, kernel.facts, *kernel.layout, btfs);
  ExpectBounds(report, options);
  const nlohmann::json json = ToJson(report);
  const auto back = ReportFromJson(json);
  Demand(back.ok() && ToJson(*back) == json, "what was captured reads back the same");
  return 0;
}
