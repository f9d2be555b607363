#include "vmm/introspection/capture/capture.h"

#include <fmt/format.h>

#include "vmm/introspection/capture/collector.h"
#include "vmm/introspection/capture/walk_maps.h"
#include "vmm/introspection/capture/walk_progs.h"
#include "vmm/introspection/capture/walk_runqueues.h"
#include "vmm/introspection/capture/walk_sched_ext.h"
#include "vmm/introspection/capture/walk_tasks.h"

namespace ktstr::vmm {
namespace {

constexpr const char* kOutOfTime = "not read: the capture's time limit had passed";

/// One part of a capture and where it says why it is missing.
struct Part {
  void (*collect)(Collector&);
  std::string RawCapture::*reason;
};

/// In this order: small and quick ones first, so that a capture that is cut lacks what is largest.
constexpr Part kParts[] = {
    {CollectRunQueues, &RawCapture::run_queues_reason},
    {CollectSchedExt, &RawCapture::scx_reason},
    {CollectTasks, &RawCapture::tasks_reason},
    {CollectPrograms, &RawCapture::progs_reason},
    {CollectMaps, &RawCapture::maps_reason},
};

}  // namespace

RawCapture Collect(const KernelView& paused, const KernelLayout& layout, const BtfCache& known,
                   std::vector<std::optional<VcpuRegisters>> registers, const CaptureOptions& options) {
  RawCapture raw;
  raw.registers = std::move(registers);
  Collector collector(paused, layout, known, options, raw);
  CollectClock(collector);
  for (const Part& part : kParts) {
    if (collector.Expired())
      raw.*part.reason = kOutOfTime;
    else
      part.collect(collector);
  }
  return raw;
}

SnapshotReport Render(const RawCapture& raw, const KernelFacts& facts, const KernelLayout& layout,
                      BtfCache& btfs) {
  const RenderContext context(raw, facts, layout, btfs);
  SnapshotReport report;
  report.vcpu_regs = raw.registers;
  for (auto& registers : report.vcpu_regs)
    if (registers && registers->symbol.empty())
      registers->symbol = SymbolAt(facts, registers->instruction_pointer);
  if (report.vcpu_regs.empty()) report.vcpu_regs_unavailable = "no registers were given";
  report.dump_truncated_at_us = raw.truncated_at_us;
  RenderRunQueues(context, report);
  RenderTasks(context, report);
  RenderMaps(context, report);
  RenderSchedExt(context, report);
  RenderPrograms(context, report);
  return report;
}

}  // namespace ktstr::vmm
