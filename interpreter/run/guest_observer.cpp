#include "interpreter/run/guest_observer.h"

#include <fmt/format.h>

#include "interpreter/plan/periodic.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/event_teller.h"
#include "interpreter/run/guest_observer_monitor.h"
#include "interpreter/run/guest_observer_watch.h"
#include "vmm/host/host_file.h"
#include "vmm/introspection/kernel/kernel_access.h"
#include "vmm/introspection/kernel/task_field.h"
#include "vmm/introspection/monitor/monitor_sampler.h"
#include "vmm/kernel/kernel_features.h"

namespace ktstr {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRegisterPatience{10};
/// Failed periodic snapshots in a row after which the rest is not tried.
constexpr std::uint32_t kGiveUpAfter = 2;

std::vector<std::optional<vmm::VcpuRegisters>> RegistersOf(vmm::Machine& machine, std::string& why) {
  std::vector<std::optional<vmm::VcpuRegisters>> all;
  const auto registers = vmm::ReadRegisters(machine, vmm::After(kRegisterPatience));
  if (!registers.ok()) {
    why = registers.error().message;
    return all;
  }
  for (const vmm::CpuRegisters& cpu : *registers) {
    vmm::VcpuRegisters& kept = all.emplace_back().emplace();
    kept.instruction_pointer = cpu.rip;
    kept.stack_pointer = cpu.rsp;
    kept.page_table_root = cpu.cr3;
  }
  return all;
}

/// 0: unknown.
std::uint32_t HzOf(const vmm::Kernel& kernel) {
  constexpr std::string_view kKey = "\nCONFIG_HZ=";
  const std::optional<std::string> config = vmm::ConfigOf(kernel);
  const std::size_t at = config ? config->find(kKey) : std::string::npos;
  return at == std::string::npos
             ? 0
             : static_cast<std::uint32_t>(std::strtoul(&(*config)[at + kKey.size()], nullptr, 10));
}

double Milliseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

}  // namespace

std::shared_ptr<const vmm::KernelLayout> ObserverCache::LayoutOf(const vmm::KernelFacts& facts) {
  const std::lock_guard lock(mutex_);
  auto& layout = layouts_[{facts.btf, facts.kaslr_offset}];
  if (layout == nullptr) layout = vmm::KernelLayout::Of(facts);
  return layout;
}

std::shared_ptr<const vmm::SymbolTable> ObserverCache::SymbolsBeside(const vmm::Kernel& kernel) {
  if (kernel.system_map.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto [at, fresh] = symbols_.try_emplace(kernel.system_map);
  if (!fresh) return at->second;
  const auto text = vmm::ReadHostFile(kernel.system_map);
  if (!text.ok()) return nullptr;
  const auto symbols =
      vmm::SymbolTable::FromText(std::string_view(reinterpret_cast<const char*>(text->data()), text->size()));
  if (symbols.ok()) at->second = *symbols;
  return at->second;
}

Result<> CheckObservable(const RunPlan& plan, const vmm::Kernel& kernel, vmm::Accel accel,
                         ObserverCache& cache, std::string& path) {
  const std::size_t cap = vmm::WatchCap(accel);
  if (plan.watches.size() > cap) {
    path = plan.watches[cap].made.path;
    return Error{ErrorKind::kInput, fmt::format("{} places are to be watched, and {} has {} watchpoints",
                                                plan.watches.size(), vmm::AccelName(accel), cap)};
  }
  if (plan.symbols.empty()) return {};
  const auto symbols = cache.SymbolsBeside(kernel);
  if (symbols == nullptr) return {};  // the guest will tell
  for (const NeededSymbol& needed : plan.symbols) {
    if (symbols->Find(needed.name)) continue;
    path = needed.path;
    const auto similar = symbols->Similar(needed.name);
    return Error{ErrorKind::kInput,
                 fmt::format("kernel {} has no symbol '{}'{}", kernel.version, needed.name,
                             similar.empty() ? "" : fmt::format("; did you mean '{}'?", similar.front()))};
  }
  return {};
}

GuestObserver::GuestObserver(Parts parts)
    : parts_(std::move(parts)),
      bridge_(Callbacks(), {.snapshots = kMaxSnapshots, .watches = vmm::WatchCap(parts_.accel)}),
      pauses_(SteadyClock::now()),
      ready_ns_(parts_.claims.clock_ns),
      clock_ns_(ready_ns_),
      clock_at_(SteadyClock::now()) {}

SnapshotBridge::Callbacks GuestObserver::Callbacks() {
  return {.capture = [this](StoredSnapshot& snapshot) { return Look(snapshot); },
          .kernel_op = [this](const KernelAccess& access) { return CarryOut(access); },
          .watch = [this](const WatchRequest& request) { return SetWatch(request); },
          .now =
              [this] {
                return OpMoment{phase_, ElapsedMs(), path_};
              },
          .tell = [this](std::string line) { Tell(std::move(line)); },
          .warn = [this](std::string line) { parts_.warn(std::move(line), path_, phase_); }};
}

void GuestObserver::Enter(const PlannedRequest& planned) {
  phase_ = planned.phase;
  path_ = planned.path;
}

void GuestObserver::NoteClock(std::uint64_t guest_ns) {
  clock_ns_ = guest_ns;
  clock_at_ = SteadyClock::now();
  clock_paused_ = paused_time();
}

std::chrono::nanoseconds GuestObserver::paused_time() const {
  return std::chrono::nanoseconds(pauses_.All().duration_ns);
}

std::uint64_t GuestObserver::ElapsedMs() const {
  std::chrono::nanoseconds since{0};
  // A machine with the virtual clock is paused whenever we look.
  if (parts_.clock == Clock::kWall) since = SteadyClock::now() - clock_at_ - (paused_time() - clock_paused_);
  return (clock_ns_ - ready_ns_ + static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0))) /
         1'000'000;
}

Result<> GuestObserver::StartMonitor(const MonitorSpec& spec) {
  vmm::GuestKernel* kernel = TRY(Kernel());
  monitor_ = std::make_unique<ObserverMonitor>(
      spec, HzOf(parts_.kernel), TRY(vmm::MonitorSampler::Create(kernel->Live(), parts_.machine.pid())));
  return {};
}

void GuestObserver::Tell(std::string text) {
  parts_.teller.Tell(EventKind::kObserved, std::move(text), path_, phase_, clock_ns_);
}

Result<vmm::GuestKernel*> GuestObserver::Kernel() {
  if (kernel_ == nullptr) {
    kernel_ = TRY(vmm::GuestKernel::Open(parts_.machine, parts_.claims, parts_.kernel, parts_.cache.facts(),
                                         parts_.fetch, parts_.learned));
    layout_ = parts_.learned == vmm::Learned::kForAll ? parts_.cache.LayoutOf(kernel_->facts())
                                                      : vmm::KernelLayout::Of(kernel_->facts());
  }
  return kernel_.get();
}

// ---- snapshots

Result<vmm::SnapshotReport> GuestObserver::TakeReport(const std::string& reason) {
  vmm::GuestKernel* kernel = TRY(Kernel());
  std::string no_registers;
  std::optional<vmm::RawCapture> raw;
  double paused_ms = 0;
  {
    vmm::MachinePause pause(parts_.machine, &pauses_, reason, phase_);
    TRY(pause.began());
    auto registers = RegistersOf(parts_.machine, no_registers);
    vmm::PausedMemory paused(kernel->space());
    raw = vmm::Collect(vmm::KernelView(kernel->facts(), paused), *layout_, btfs_, std::move(registers));
    TRY(pause.End());
    paused_ms = Milliseconds(pause.duration());
  }
  vmm::SnapshotReport report = vmm::Render(*raw, kernel->facts(), *layout_, btfs_);
  // On the virtual clock how long it took is no part of the result.
  report.paused_ms = parts_.clock == Clock::kWall ? paused_ms : 0;
  report.vcpu_regs_unavailable = no_registers;
  return report;
}

Result<> GuestObserver::Look(StoredSnapshot& snapshot) {
  Result<vmm::SnapshotReport> report = TakeReport("snapshot " + snapshot.tag);
  snapshot.phase = phase_;
  snapshot.elapsed_ms =
      report.ok() && report->guest_ns > ready_ns_ ? (report->guest_ns - ready_ns_) / 1'000'000 : ElapsedMs();
  snapshot.report = TRY(std::move(report));
  return {};
}

void GuestObserver::CapturePeriodic(const PeriodicCapture& capture) {
  if (failed_in_a_row_ >= kGiveUpAfter) return;
  ++seen_.periodic_fired;
  const Result<> captured = bridge_.CaptureAt(PeriodicTag(capture.index), capture.boundary_ns / 1'000'000);
  failed_in_a_row_ = captured.ok() ? 0 : failed_in_a_row_ + 1;
  if (failed_in_a_row_ == kGiveUpAfter)
    parts_.warn("two periodic snapshots in a row failed; the rest was given up", path_, phase_);
}

// ---- kernel memory

Result<vmm::KernelTarget> GuestObserver::TargetOf(const KernelEntry& entry, const vmm::KernelView& view) {
  if (entry.task_comm.empty()) return entry.target;
  return vmm::KernelTarget(
      TRY(vmm::TaskByName(view, entry.task_comm, std::get<vmm::TaskTarget>(entry.target).field)));
}

Result<std::vector<vmm::KernelReadValue>> GuestObserver::ReadOrWrite(const KernelAccess& access,
                                                                     const vmm::KernelView& view,
                                                                     vmm::KernelMode mode) {
  std::vector<vmm::KernelRead> reads;
  std::vector<vmm::KernelWrite> writes;
  for (const KernelEntry& entry : access.entries) {
    vmm::KernelTarget target = TRY(TargetOf(entry, view));
    if (access.write)
      writes.push_back({std::move(target), entry.value});
    else
      reads.push_back({std::move(target), entry.width.value_or(vmm::KernelWidth::Typed())});
  }
  if (!access.write && reads.size() == 1)
    return std::vector{TRY(vmm::ReadKernel(view, reads.front().target, reads.front().width, mode))};
  if (!access.write) return vmm::ReadBatch(view, reads, mode);
  if (writes.size() == 1) {
    TRY(vmm::WriteKernel(view, writes.front().target, writes.front().value, mode));
  } else {
    TRY(vmm::WriteBatch(view, writes, mode));
  }
  return std::vector<vmm::KernelReadValue>();
}

Result<KernelOpReply> GuestObserver::CarryOut(const KernelAccess& access) {
  vmm::GuestKernel* kernel = TRY(Kernel());
  KernelOpReply reply;
  if (access.cold) {
    vmm::MachinePause pause(parts_.machine, &pauses_, access.write ? "cold write" : "cold read " + access.tag,
                            phase_);
    TRY(pause.began());
    vmm::PausedMemory paused(kernel->space());
    auto values = ReadOrWrite(access, vmm::KernelView(kernel->facts(), paused), vmm::KernelMode::kCold);
    NoteHostWrite();
    TRY(pause.End());
    reply.values = TRY(std::move(values));
  } else {
    reply.values = TRY(ReadOrWrite(access, kernel->Live(), vmm::KernelMode::kHot));
    NoteHostWrite();
  }
  reply.phase = phase_;
  reply.elapsed_ms = ElapsedMs();
  reply.path = path_;
  return reply;
}

// ---- the end

void GuestObserver::FinishSnapshots() {
  for (EvictedSnapshot& gone : bridge_.TakeEvicted())
    seen_.evicted.push_back({std::move(gone.tag), std::move(gone.made_room_for)});
  seen_.snapshots = bridge_.TakeSnapshots();
  for (const StoredSnapshot& snapshot : seen_.snapshots) {
    SnapshotEntry entry;
    entry.tag = snapshot.tag;
    entry.phase = snapshot.phase;
    entry.elapsed_ms = snapshot.elapsed_ms;
    entry.boundary_ms = snapshot.boundary_offset_ms;
    entry.placeholder = snapshot.report.is_placeholder;
    if (entry.placeholder) entry.reason = snapshot.report.maps_unavailable;
    entry.maps = snapshot.report.maps.size();
    entry.tasks = snapshot.report.tasks.size();
    if (IsPeriodicTag(entry.tag) && !entry.placeholder) ++seen_.periodic_real;
    seen_.taken.push_back(std::move(entry));
  }
}

void GuestObserver::FinishReads() {
  for (const TaggedKernelOp& op : bridge_.TakeKernelOps()) {
    for (const vmm::KernelReadValue& value : op.reply.values) {
      ReadRecord record;
      record.tag = op.tag;
      record.place = op.place;
      record.phase = op.reply.phase;
      record.elapsed_ms = op.reply.elapsed_ms;
      record.text = vmm::ToText(value);
      record.path = op.reply.path;
      record.number = value.number;
      record.is_signed = value.is_signed;
      if (value.bytes.empty())
        record.value = value.is_signed ? static_cast<double>(static_cast<std::int64_t>(value.number))
                                       : static_cast<double>(value.number);
      seen_.reads.push_back(std::move(record));
    }
  }
}

Observations GuestObserver::Finish(std::uint32_t periodic_target) {
  FinishWatches();
  seen_.origin_ns = ready_ns_;
  if (monitor_ != nullptr) seen_.monitor = monitor_->Finish();
  seen_.periodic_target = periodic_target;
  FinishSnapshots();
  FinishReads();
  for (CgroupProcs& procs : bridge_.TakeCgroupProcs())
    seen_.cgroup_procs.push_back({std::move(procs.tag), std::move(procs.cgroup), std::move(procs.pids)});
  for (GuestFileText& file : bridge_.TakeGuestFiles())
    seen_.files.push_back({std::move(file.tag), std::move(file.file), file.moment.phase,
                           file.moment.elapsed_ms, std::move(file.text), file.cut,
                           std::move(file.moment.path)});
  for (const vmm::PauseLog::Entry& entry : pauses_.entries())
    seen_.pauses.push_back({entry.reason, entry.phase, 1, static_cast<double>(entry.start_ns) / 1e6,
                            static_cast<double>(entry.duration_ns) / 1e6});
  return std::move(seen_);
}

}  // namespace ktstr
