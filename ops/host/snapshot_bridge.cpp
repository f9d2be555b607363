#include "ops/host/snapshot_bridge.h"

#include "ops/host/snapshot_bridge_state.h"

namespace ktstr {
namespace {

/// The active bridge of each thread: the only way from an Op that runs somewhere to its run's bridge.
SnapshotBridge*& ActiveOfThread() {
  static thread_local SnapshotBridge* active = nullptr;
  return active;
}

}  // namespace

SnapshotBridge::SnapshotBridge(CaptureCallback capture, std::size_t max_watches, WarningSink warn)
    : state_(std::make_shared<State>()) {
  state_->capture = std::move(capture);
  state_->max_watches = max_watches;
  state_->warn = std::move(warn);
}

SnapshotBridge& SnapshotBridge::WithWatchRegister(WatchCallback callback) {
  state_->register_watch = std::move(callback);
  return *this;
}

SnapshotBridge& SnapshotBridge::WithKernelOp(KernelOpCallback callback) {
  state_->kernel_op = std::move(callback);
  return *this;
}

SnapshotBridge& SnapshotBridge::WithAccessorState(std::shared_ptr<AccessorState> state) {
  state_->accessor = std::move(state);
  return *this;
}

bool SnapshotBridge::Capture(const std::string& tag) { return CaptureAndStamp(tag, {}); }

bool SnapshotBridge::CaptureWithStep(const std::string& tag, std::uint32_t step_index) {
  return CaptureAndStamp(tag, {.step_index = step_index});
}

bool SnapshotBridge::CaptureAndStamp(const std::string& tag, SnapshotStamps stamps) {
  std::optional<vmm::SnapshotReport> report;
  if (state_->capture) report = state_->capture(tag);
  if (!report) {
    Note({CaptureUnavailable{tag}});
    return false;
  }
  Store(tag, std::move(*report), std::move(stamps));
  return true;
}

void SnapshotBridge::Store(const std::string& tag, vmm::SnapshotReport report, SnapshotStamps stamps) {
  SnapshotEvents events;
  {
    const std::lock_guard lock(state_->mutex);
    state_->store.Put(tag, {std::move(report), std::move(stamps)}, events);
  }
  Note(events);
}

std::size_t SnapshotBridge::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->store.reports.size();
}

bool SnapshotBridge::Has(const std::string& tag) const {
  const std::lock_guard lock(state_->mutex);
  return state_->store.reports.contains(tag);
}

std::size_t SnapshotBridge::PeriodicRealCount() const {
  const std::lock_guard lock(state_->mutex);
  std::size_t count = 0;
  for (const auto& [tag, snapshot] : state_->store.reports)
    if (IsPeriodicTag(tag) && !snapshot.report.is_placeholder) ++count;
  return count;
}

std::unordered_map<std::string, vmm::SnapshotReport> SnapshotBridge::Drain() {
  const std::lock_guard lock(state_->mutex);
  std::unordered_map<std::string, vmm::SnapshotReport> drained;
  for (auto& [tag, snapshot] : state_->store.reports) drained.emplace(tag, std::move(snapshot.report));
  state_->store = {};
  return drained;
}

std::vector<std::pair<std::string, vmm::SnapshotReport>> SnapshotBridge::DrainOrdered() {
  std::vector<std::pair<std::string, vmm::SnapshotReport>> drained;
  SnapshotEvents events;
  {
    const std::lock_guard lock(state_->mutex);
    for (auto& [tag, snapshot] : state_->store.TakeOrdered("DrainOrdered", events))
      drained.emplace_back(std::move(tag), std::move(snapshot.report));
  }
  Note(events);
  return drained;
}

std::vector<DrainedSnapshot> SnapshotBridge::DrainOrderedWithStats() {
  std::vector<DrainedSnapshot> drained;
  SnapshotEvents events;
  {
    const std::lock_guard lock(state_->mutex);
    for (auto& [tag, snapshot] : state_->store.TakeOrdered("DrainOrderedWithStats", events)) {
      SnapshotStamps& stamps = snapshot.stamps;
      drained.push_back({std::move(tag), std::move(snapshot.report),
                         std::move(stamps.stats).value_or(MissingStats{}), stamps.elapsed_ms,
                         stamps.boundary_offset_ms, stamps.step_index});
    }
  }
  Note(events);
  return drained;
}

void SnapshotBridge::Note(const SnapshotEvents& events) {
  if (events.empty()) return;
  {
    const std::lock_guard lock(state_->mutex);
    for (const SnapshotEvent& event : events) {
      if (state_->events.size() == kMaxEvents) {
        state_->events.pop_front();
        ++state_->events_dropped;
      }
      state_->events.push_back(event);
    }
  }
  if (!state_->warn) return;
  for (const SnapshotEvent& event : events) state_->warn(Describe(event));
}

std::vector<SnapshotEvent> SnapshotBridge::DrainEvents() {
  const std::lock_guard lock(state_->mutex);
  std::vector<SnapshotEvent> drained(std::make_move_iterator(state_->events.begin()),
                                     std::make_move_iterator(state_->events.end()));
  state_->events.clear();
  if (state_->events_dropped > 0) drained.emplace_back(EventLogTruncated{state_->events_dropped});
  state_->events_dropped = 0;
  return drained;
}

std::size_t SnapshotBridge::event_count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->events.size();
}

ActiveBridge::ActiveBridge(SnapshotBridge bridge) : bridge_(std::move(bridge)), before_(ActiveOfThread()) {
  ActiveOfThread() = &bridge_;
}

ActiveBridge::~ActiveBridge() { ActiveOfThread() = before_; }

bool WithActiveBridge(const std::function<void(SnapshotBridge& bridge)>& use) {
  SnapshotBridge* const active = ActiveOfThread();
  if (active == nullptr) return false;
  SnapshotBridge bridge = *active;  // lives through `use` even when that ends the installation
  use(bridge);
  return true;
}

}  // namespace ktstr
