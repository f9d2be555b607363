// A made-up kernel with every struct that a capture reads, for tests that plant what a guest's kernel would
// not.
#pragma once

#include <string>
#include <vector>

#include "test/unit/vmm/introspection/capture/capture_structs.h"
#include "test/unit/vmm/introspection/kernel/fake_kernel.h"
#include "vmm/introspection/capture/capture.h"

namespace ktstr::vmm {

/// Where its globals are; addresses of everything else are the tests' own.
struct CaptureKernel {
  static constexpr std::uint64_t kGlobals = kLinkText + 0x100000;
  static constexpr std::uint64_t kMapIdr = kGlobals, kProgIdr = kGlobals + 0x100,
                                 kInitTask = kGlobals + 0x1000, kScxRoot = kGlobals + 0x2000,
                                 kScxOps = kGlobals + 0x2100, kScxState = kGlobals + 0x2300,
                                 kDsqHash = kGlobals + 0x2400, kFair = kGlobals + 0x2500;
  static constexpr std::uint64_t kPerCpu = 0xffff888000100000;  // CPU 0's area; CPU 1's is 64 KiB behind
  static constexpr std::uint64_t kRunqueues = 0x1000, kCpustat = 0x2000;

  explicit CaptureKernel(bool recent = false) {
    StructWriter structs;
    structs.Add(kCaptureStructs);
    if (recent) structs.Add(kNewStructs);
    facts.btf = structs.Finish();
    std::vector<std::pair<std::string, std::uint64_t>> symbols = {
        {"__per_cpu_start", 0},      {"__per_cpu_end", 0x8000},
        {"map_idr", kMapIdr},        {"prog_idr", kProgIdr},
        {"init_task", kInitTask},    {"dsq_hash", kDsqHash},
        {"scx_ops", kScxOps},        {"scx_ops_enable_state_var", kScxState},
        {"fair_sched_class", kFair}, {"runqueues", kRunqueues},
        {"kernel_cpustat", kCpustat}};
    if (recent) symbols.emplace_back("scx_root", kScxRoot);
    facts.symbols = MakeSymbols(symbols);
    facts.per_cpu_offset = {kPerCpu, kPerCpu + 0x10000};
    layout = KernelLayout::Of(facts);
  }

  SnapshotReport Capture(KernelMemory& memory, const CaptureOptions& options = {}) {
    const RawCapture raw = Collect(KernelView(facts, memory), *layout, btfs, {}, options);
    return Render(raw, facts, *layout, btfs);
  }

  KernelFacts facts;
  std::shared_ptr<const KernelLayout> layout;
  BtfCache btfs;
};

}  // namespace ktstr::vmm
