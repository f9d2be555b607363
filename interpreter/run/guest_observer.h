// What one run sees of its guest from outside, and what it changes there: snapshots, kernel memory, watches,
// the monitor. Every pause of the guest is written down.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "guest-init/wire/messages.h"
#include "interpreter/fold/observations.h"
#include "interpreter/run/meanwhile.h"
#include "interpreter/scenario/scenario.h"
#include "ops/host/snapshot_bridge.h"
#include "vmm/introspection/capture/capture.h"
#include "vmm/introspection/kernel/guest_kernel.h"
#include "vmm/introspection/kernel/kernel_access.h"
#include "vmm/introspection/memory/pause.h"
#include "vmm/introspection/watch/watchpoints.h"
#include "vmm/machine/accel.h"

namespace ktstr {

class EventTeller;       // event_teller.h
struct PeriodicCapture;  // interpreter/plan/plan.h
struct PlannedRequest;   // ops/plan/plan_context.h
struct RunPlan;          // interpreter/plan/plan.h

/// What the observers of one invocation share, so that a kernel is looked into once. Any thread.
class ObserverCache {
 public:
  vmm::KernelFactsCache& facts() { return facts_; }
  /// The symbols of a kernel that lie beside its image; null when none do or they cannot be read.
  std::shared_ptr<const vmm::SymbolTable> SymbolsBeside(const vmm::Kernel& kernel);
  std::shared_ptr<const vmm::KernelLayout> LayoutOf(const vmm::KernelFacts& facts);

 private:
  vmm::KernelFactsCache facts_;
  std::mutex mutex_;
  std::map<std::filesystem::path, std::shared_ptr<const vmm::SymbolTable>> symbols_;  // by System.map
  /// By a kernel's types and where it lies.
  std::map<std::pair<std::shared_ptr<const vmm::Btf>, std::uint64_t>,
           std::shared_ptr<const vmm::KernelLayout>>
      layouts_;
};

/// What can be said against a plan's looking before there is a guest: symbols the kernel is known not to
/// have, more watches than the accelerator has. `path` is then the document path. Error (kInput).
Result<> CheckObservable(const RunPlan& plan, const vmm::Kernel& kernel, vmm::Accel accel,
                         ObserverCache& cache, std::string& path);

class ObserverMonitor;
struct ObserverWatches;

/// The run's thread only. All references outlive it.
/// Carries out what the bridge asks for, and hands over at the end what the bridge kept.
class GuestObserver final : public Meanwhile {
 public:
  struct Parts {
    vmm::Machine& machine;
    const vmm::Kernel& kernel;
    vmm::Accel accel;
    Clock clock;
    Ready claims;  // what the guest said of itself when it was ready
    ObserverCache& cache;
    EventTeller& teller;
    vmm::Learned learned;      // from this guest
    vmm::FetchKallsyms fetch;  // needs a guest that runs and has nothing else to answer
    /// A warning of the run, with the document path and the phase it is about.
    std::function<void(std::string text, const std::string& path, std::uint32_t phase)> warn;
  };
  explicit GuestObserver(Parts parts);
  ~GuestObserver() override;

  /// Where the run is: the phase, and what the guest's clock showed when it last said something.
  void Enter(const PlannedRequest& planned);
  void NoteClock(std::uint64_t guest_ns);

  /// What Ops act on.
  HostContext& host() { return bridge_; }
  /// A snapshot that fails leaves a placeholder; after two in a row the rest is given up.
  void CapturePeriodic(const PeriodicCapture& capture);
  /// The first sample is one interval away. Errors: the guest's kernel cannot be looked into.
  Result<> StartMonitor(const MonitorSpec& spec);

  [[nodiscard]] std::optional<vmm::Deadline> NextDue() const override;
  void Tick() override;

  /// What was seen. Call once, after the last request and before the machine is gone. `periodic_target`: how
  /// many periodic snapshots the scenario asks for.
  Observations Finish(std::uint32_t periodic_target);
  /// Host time in which the guest was paused.
  [[nodiscard]] std::chrono::nanoseconds paused_time() const;

 private:
  Result<vmm::GuestKernel*> Kernel();
  [[nodiscard]] std::uint64_t ElapsedMs() const;
  SnapshotBridge::Callbacks Callbacks();
  Result<> Look(StoredSnapshot& snapshot);
  Result<vmm::SnapshotReport> TakeReport(const std::string& reason);
  Result<KernelOpReply> CarryOut(const KernelAccess& access);
  Result<> SetWatch(const WatchRequest& request);
  static Result<vmm::KernelTarget> TargetOf(const KernelEntry& entry, const vmm::KernelView& view);
  static Result<std::vector<vmm::KernelReadValue>> ReadOrWrite(const KernelAccess& access,
                                                               const vmm::KernelView& view,
                                                               vmm::KernelMode mode);
  void OnFire(const vmm::WatchFire& fire);
  void NoteHostWrite();
  void FinishWatches();
  void FinishSnapshots();
  void FinishReads();
  void Tell(std::string text);

  Parts parts_;
  SnapshotBridge bridge_;
  vmm::PauseLog pauses_;
  std::unique_ptr<vmm::GuestKernel> kernel_;  // null until something looks into it
  std::shared_ptr<const vmm::KernelLayout> layout_;
  vmm::BtfCache btfs_;
  std::unique_ptr<ObserverWatches> watches_;  // null while none is set
  std::unique_ptr<ObserverMonitor> monitor_;  // null: not asked for
  Observations seen_;
  std::uint32_t failed_in_a_row_ = 0;  // periodic ones
  std::uint32_t phase_ = 0;
  std::string path_;
  std::uint64_t ready_ns_ = 0;  // the guest's clock at its first answer
  std::uint64_t clock_ns_ = 0;  // at the last one
  std::chrono::steady_clock::time_point clock_at_;
  std::chrono::nanoseconds clock_paused_{0};  // paused_time() then
};

}  // namespace ktstr
