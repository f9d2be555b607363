// The part of the observer that goes on while the run waits: watches, and the monitor's turns.
#include "interpreter/run/guest_observer_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/run/guest_observer.h"
#include "interpreter/run/guest_observer_monitor.h"
#include "ops/host/kernel_spec.h"

namespace ktstr {
namespace {

vmm::WatchCondition ConditionOf(const Comparison& comparison) {
  using Kind = Comparison::Kind;
  using Op = vmm::WatchCondition::Op;
  Op op = Op::kChanged;
  switch (comparison.kind) {
    case Kind::kEqual:
      op = Op::kEqual;
      break;
    case Kind::kNotEqual:
      op = Op::kNotEqual;
      break;
    case Kind::kLess:
      op = Op::kLess;
      break;
    case Kind::kAtMost:
      op = Op::kAtMost;
      break;
    case Kind::kMore:
      op = Op::kGreater;
      break;
    case Kind::kAtLeast:
      op = Op::kAtLeast;
      break;
    case Kind::kChanged:
      op = Op::kChanged;
      break;
  }
  return {op, static_cast<std::uint64_t>(comparison.value), comparison.value < 0};
}

/// As asked for, else those of the field, else the most that the address is aligned to, 4 or 8; but no
/// neighbour.
std::uint32_t BytesOf(const WatchRequest& request, const vmm::ResolvedPlace& place,
                      const vmm::KernelFacts& facts) {
  if (request.bytes != 0) return request.bytes;
  if (place.type && place.type->size <= 8 && (place.type->size & (place.type->size - 1)) == 0 &&
      place.type->size > 0)
    return place.type->size;
  const auto next = facts.symbols->Covering(place.address + 4 - facts.kaslr_offset);
  return place.address % 8 == 0 && !(next && next->offset == 0) ? 8 : 4;
}

vmm::WatchMode ModeOf(WatchCapture capture) {
  if (capture == WatchCapture::kCount) return vmm::WatchMode::kCount;
  return capture == WatchCapture::kValue ? vmm::WatchMode::kValue : vmm::WatchMode::kFull;
}

}  // namespace

GuestObserver::~GuestObserver() = default;

Result<> GuestObserver::SetWatch(const WatchRequest& request) {
  vmm::GuestKernel* kernel = TRY(Kernel());
  if (watches_ == nullptr) {
    auto watches = std::make_unique<ObserverWatches>();
    watches->points = TRY(vmm::Watchpoints::Attach(
        {parts_.machine, kernel->space(), parts_.accel,
         [kernel](std::uint64_t address) { return kernel->Live().Symbolize(address); },
         [this] { return phase_; }, [this](const vmm::WatchFire& fire) { OnFire(fire); }}));
    watches_ = std::move(watches);
  }
  const vmm::KernelView view = kernel->Live();
  const vmm::KernelTarget target = TRY(TargetOf(request.place, view));
  const vmm::ResolvedPlace place = TRY(vmm::Resolve(view, target));
  vmm::WatchSpec spec;
  spec.tag = request.tag;
  spec.address = place.address;
  spec.bytes = BytesOf(request, place, kernel->facts());
  if (request.when) {
    spec.when = ConditionOf(*request.when);
    spec.when->is_signed = spec.when->is_signed || (place.type && place.type->is_signed);
  }
  spec.every = request.every;
  spec.max = request.max;
  spec.mode = ModeOf(request.capture);
  const vmm::WatchId id = TRY(watches_->points->Arm(spec));
  watches_->watched.push_back({request, ToText(request.place), path_, id, {}});
  Tell(fmt::format("watch {}: {} at {:#x}, {} bytes", request.tag, ToText(request.place), spec.address,
                   spec.bytes));
  return {};
}

void GuestObserver::OnFire(const vmm::WatchFire& fire) {
  ObserverWatches::Watched& watched = watches_->watched.at(fire.watch);
  watched.kept.push_back({fire.phase, ElapsedMs(), fire.cpu, fire.symbol, fire.old_value, fire.new_value});
  if (watched.request.capture != WatchCapture::kFull) return;
  const std::string tag = fmt::format("{}#{}", watched.request.tag, watched.kept.size());
  // When that fails there is a placeholder; the watch goes on.
  static_cast<void>(bridge_.Capture(tag));
}

void GuestObserver::NoteHostWrite() {
  if (watches_ != nullptr) watches_->points->HostWrote();
}

void GuestObserver::FinishWatches() {
  if (watches_ == nullptr) return;
  for (ObserverWatches::Watched& watched : watches_->watched) {
    const vmm::WatchSpec& spec = watches_->points->Spec(watched.id);
    const vmm::WatchStats& stats = watches_->points->Stats(watched.id);
    WatchRecord record;
    record.tag = watched.request.tag;
    record.place = watched.place;
    record.address = spec.address;
    record.bytes = spec.bytes;
    record.writes = stats.writes;
    record.fires = stats.matched;
    record.lower_bound = stats.at_least;
    record.suspended = stats.suspended;
    record.paused_ms = static_cast<double>(stats.pause_time().count()) / 1e6;
    record.kept = std::move(watched.kept);
    record.path = watched.path;
    for (const auto& [phase, pause] : stats.by_phase)
      if (pause.count > 0)
        seen_.pauses.push_back({"watch " + record.tag, phase, pause.count, 0,
                                static_cast<double>(pause.duration.count()) / 1e6});
    seen_.watches.push_back(std::move(record));
  }
  watches_.reset();
}

std::optional<vmm::Deadline> GuestObserver::NextDue() const {
  std::optional<vmm::Deadline> due;
  if (monitor_ != nullptr) due = monitor_->due();
  const auto watch = watches_ == nullptr ? std::nullopt : watches_->points->NextDue();
  if (watch) due = due ? std::min(*due, *watch) : *watch;
  return due;
}

void GuestObserver::Tick() {
  if (monitor_ != nullptr && vmm::Passed(monitor_->due())) monitor_->Sample();
  if (watches_ == nullptr) return;
  // A machine that cannot be asked any more is noticed by who waits for it; the watch's counts say that there
  // may have been more.
  static_cast<void>(watches_->points->Tick());
}

}  // namespace ktstr
