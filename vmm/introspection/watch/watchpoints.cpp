#include "vmm/introspection/watch/watchpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace ktstr::vmm {
namespace {

/// Where the kernel's half of the address space begins, with four or five levels of page tables.
constexpr std::uint64_t kKernelHalf = 0xff00000000000000;
/// A guest that does not stop within this does not at all.
constexpr std::chrono::seconds kStopTimeout{5};

std::uint64_t LowBytes(std::uint64_t value, std::uint32_t bytes) {
  return bytes >= 8 ? value : value & ((std::uint64_t{1} << bytes * 8) - 1);
}

std::int64_t SignExtended(std::uint64_t value, std::uint32_t bytes) {
  const unsigned unused = bytes >= 8 ? 0 : 64 - bytes * 8;
  return static_cast<std::int64_t>(value << unused) >> unused;
}

template <typename T>
bool Compare(WatchCondition::Op op, T left, T right) {
  using Op = WatchCondition::Op;
  switch (op) {
    case Op::kEqual:
      return left == right;
    case Op::kNotEqual:
      return left != right;
    case Op::kLess:
      return left < right;
    case Op::kAtMost:
      return left <= right;
    case Op::kGreater:
      return left > right;
    case Op::kAtLeast:
      return left >= right;
    case Op::kChanged:
      break;
  }
  return false;
}

Deadline Now() { return After(std::chrono::nanoseconds{0}); }

}  // namespace

bool WatchCondition::Holds(std::uint64_t old_value, std::uint64_t new_value, std::uint32_t bytes) const {
  if (op == Op::kChanged) return old_value != new_value;
  if (!is_signed) return Compare(op, new_value, LowBytes(value, bytes));
  return Compare(op, SignExtended(new_value, bytes), SignExtended(value, bytes));
}

std::chrono::nanoseconds WatchStats::pause_time() const {
  std::chrono::nanoseconds sum{0};
  for (const auto& [phase, pause] : by_phase) sum += pause.duration;
  return sum;
}

Result<std::unique_ptr<Watchpoints>> Watchpoints::Attach(Parts parts) {
  Machine& machine = parts.machine;
  const bool running = machine.running();
  if (running) TRY(machine.Pause());
  Result<GdbClient> gdb = GdbClient::Attach(machine);
  if (!gdb.ok()) {
    if (running) TRY(machine.Resume());
    return gdb.error();
  }
  std::unique_ptr<Watchpoints> made(new Watchpoints(std::move(parts), std::move(*gdb)));
  made->settled_ = machine.paused_time_served();
  machine.Serve(made->gdb_.fd(), [watches = made.get()] { return watches->OnReadable(); });
  if (running) TRY(machine.Resume());
  return made;
}

Watchpoints::~Watchpoints() { parts_.machine.Serve(-1, {}); }

// ---- arming

Result<> Watchpoints::Check(const WatchSpec& spec) {
  if (spec.bytes != 1 && spec.bytes != 2 && spec.bytes != 4 && spec.bytes != 8)
    return InputError(fmt::format("a watch has 1, 2, 4 or 8 bytes, not {}", spec.bytes));
  if (spec.every == 0) return InputError("a watch tells of every Nth write, and N is at least 1");
  if (spec.address == 0) return InputError("address 0 cannot be watched");
  if (spec.address < kKernelHalf)
    return InputError(fmt::format("{:#x} is not a kernel address", spec.address));
  if (spec.address % spec.bytes != 0)
    return InputError(fmt::format("{:#x} is not aligned to its {} bytes", spec.address, spec.bytes));
  for (const Watch& other : watches_) {
    if (!other.stats.armed) continue;
    if (spec.address < other.spec.address + other.spec.bytes &&
        other.spec.address < spec.address + spec.bytes)
      return InputError(fmt::format("it overlaps the watch '{}'", other.spec.tag));
  }
  const std::size_t cap = WatchCap(parts_.accel);
  if (armed() >= cap) return InputError(fmt::format("all {} watchpoints of the machine are in use", cap));
  if (!ValueOf(spec)) return InputError(fmt::format("{:#x} is not mapped in the guest", spec.address));
  return {};
}

Result<WatchId> Watchpoints::Arm(const WatchSpec& spec) {
  TRY(Check(spec));
  const WatchId id = watches_.size();
  watches_.push_back({spec, {}, PauseBudget(parts_.limits), false, 0});
  const Result<> armed = WhilePaused(id, [&] { return Insert(watches_[id]); });
  if (!watches_[id].inserted) {
    watches_.pop_back();
    return armed.ok() ? InputError("QEMU refused the watchpoint") : armed.error();
  }
  watches_[id].stats.armed = true;
  if (!armed.ok()) return armed.error();
  return id;
}

Result<> Watchpoints::Disarm(WatchId id) {
  Watch& watch = watches_.at(id);
  watch.stats.armed = false;
  if (!watch.inserted) return {};
  return WhilePaused(id, [&] { return Remove(watch); });
}

Result<> Watchpoints::DisarmAll() {
  if (watches_.empty()) return {};
  return WhilePaused(fired_last_, [this]() -> Result<> {
    for (Watch& watch : watches_) {
      watch.stats.armed = false;
      TRY(Remove(watch));
    }
    return {};
  });
}

Result<> Watchpoints::Insert(Watch& watch) {
  const Result<> inserted = gdb_.InsertWatch(watch.spec.address, watch.spec.bytes);
  if (!inserted.ok()) {
    const bool refused = inserted.error().message.starts_with("QEMU's debugger stub refused");
    return refused ? InputError("QEMU refused the watchpoint") : inserted.error();
  }
  watch.inserted = true;
  watch.seen_early = false;
  watch.last = ValueOf(watch.spec).value_or(watch.last);
  return {};
}

Result<> Watchpoints::Remove(Watch& watch) {
  if (!watch.inserted) return {};
  watch.inserted = false;
  return gdb_.RemoveWatch(watch.spec.address, watch.spec.bytes);
}

Result<> Watchpoints::WhilePaused(WatchId for_whom, const std::function<Result<>()>& act) {
  Machine& machine = parts_.machine;
  const bool running = machine.running();
  const auto before = machine.paused_time();
  if (running) TRY(machine.Pause(After(kStopTimeout)));
  // A write may have stopped the machine just before we did, or before we looked.
  const bool stood_for_us = TRY(OnReadable());
  Result<> acted = act();
  if (running || stood_for_us) {
    TRY(machine.Resume());
    Account(for_whom, machine.paused_time() - before);
  }
  return acted;
}

std::size_t Watchpoints::armed() const {
  return static_cast<std::size_t>(
      std::count_if(watches_.begin(), watches_.end(), [](const Watch& watch) { return watch.stats.armed; }));
}

// ---- writes

Result<bool> Watchpoints::OnReadable() {
  const Result<> read = gdb_.OnReadable();
  const bool closed = !read.ok() && read.error().kind == ErrorKind::kMachine;
  Result<bool> handled = read.ok() || closed ? HandleStops() : read.error();
  if (!gdb_.broken()) return handled;
  parts_.machine.Serve(-1, {});
  // QEMU may end at any moment of this. What ended it the machine itself tells best.
  if (!handled.ok() && gdb_.broken()->kind == ErrorKind::kMachine) return false;
  return handled;
}

Result<bool> Watchpoints::HandleStops() {
  Machine& machine = parts_.machine;
  bool stood_for_us = false;
  while (const auto stop = gdb_.TakeStop()) {
    if (stop->ended) continue;
    if (stop->signal == kSignalTrap) {
      stood_for_us = true;
      // QEMU tells of the stop on two sockets; from here on both have been heard.
      while (machine.running()) TRY(machine.Pump(After(kStopTimeout)));
    }
    if (machine.running()) continue;  // a pause that has ended already, before anybody served the stub
    Settle();
    TRY(HandleReported(*stop));
    TRY(HandleUnreported(*stop));
  }
  return stood_for_us;
}

Result<> Watchpoints::HandleReported(const StopReply& stop) {
  if (!stop.watch) return {};
  const auto found = std::find_if(watches_.begin(), watches_.end(), [&](const Watch& watch) {
    return watch.stats.armed && watch.spec.address == *stop.watch;
  });
  if (found == watches_.end()) return {};  // taken out when the CPU had begun to write
  const std::uint64_t value = ValueOf(found->spec).value_or(found->last);
  if (std::exchange(found->seen_early, false) && value == found->last) return {};
  return Note(static_cast<WatchId>(found - watches_.begin()), value, stop, /*reported=*/true);
}

Result<> Watchpoints::HandleUnreported(const StopReply& stop) {
  const bool hidden = stop.watch && std::none_of(watches_.begin(), watches_.end(), [&](const Watch& watch) {
                        return watch.spec.address == *stop.watch;
                      });
  bool found = false;
  for (WatchId id = 0; id < watches_.size(); ++id) {
    Watch& watch = watches_[id];
    if (!watch.stats.armed || !watch.inserted) continue;
    const std::uint64_t value = ValueOf(watch.spec).value_or(watch.last);
    if (value == watch.last) continue;
    found = true;
    watch.seen_early = !hidden;  // QEMU reports it with the next write of that CPU
    TRY(Note(id, value, stop, /*reported=*/false));
  }
  // Some watch was written to, and it is not known which.
  if (hidden && !found)
    for (Watch& watch : watches_) watch.stats.at_least = watch.stats.at_least || watch.stats.armed;
  return {};
}

Result<> Watchpoints::Note(WatchId id, std::uint64_t value, const StopReply& stop, bool reported) {
  Watch& watch = watches_[id];
  fired_last_ = id;
  ++watch.stats.writes;
  const std::uint64_t old_value = std::exchange(watch.last, value);
  if (!watch.spec.when || watch.spec.when->Holds(old_value, value, watch.spec.bytes)) {
    ++watch.stats.matched;
    if (watch.spec.mode != WatchMode::kCount && watch.stats.matched % watch.spec.every == 0)
      TRY(Tell(watch, stop, old_value, reported));
  }
  if (!watch.inserted || !watch.budget.Spent(Now())) return {};
  ++watch.stats.suspended;
  watch.stats.at_least = true;
  return Remove(watch);
}

Result<> Watchpoints::Tell(Watch& watch, const StopReply& stop, std::uint64_t old_value, bool reported) {
  WatchFire fire;
  fire.watch = fired_last_;
  fire.number = watch.stats.matched;
  fire.cpu = stop.cpu.value_or(0);
  if (reported) {
    fire.instruction = TRY(gdb_.ReadRegister(fire.cpu, GdbRegister::kRip));
    fire.symbol = parts_.symbolize(fire.instruction);
  }
  fire.old_value = old_value;
  fire.new_value = watch.last;
  fire.phase = parts_.phase();
  ++watch.stats.told;
  if (watch.stats.told >= watch.spec.max) {
    watch.stats.armed = false;
    watch.stats.at_least = true;
    TRY(Remove(watch));
  }
  if (!parts_.on_fire) return {};
  const auto begun = std::chrono::steady_clock::now();
  parts_.on_fire(fire);
  if (watch.spec.mode == WatchMode::kFull) looked_ += std::chrono::steady_clock::now() - begun;
  return {};
}

void Watchpoints::HostWrote() {
  for (Watch& watch : watches_)
    if (watch.inserted) watch.last = ValueOf(watch.spec).value_or(watch.last);
}

std::optional<std::uint64_t> Watchpoints::ValueOf(const WatchSpec& spec) {
  std::uint64_t value = 0;
  const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(spec.bytes);
  if (!parts_.memory.Read(spec.address, bytes)) return std::nullopt;
  return value;
}

// ---- the guest's time

void Watchpoints::Account(WatchId id, std::chrono::nanoseconds paused) {
  if (id >= watches_.size()) return;
  WatchStats::Pause& pause = watches_[id].stats.by_phase[parts_.phase()];
  ++pause.count;
  pause.duration += paused;
}

void Watchpoints::Charge(WatchId id, std::chrono::nanoseconds paused) {
  if (id >= watches_.size()) return;
  const auto sharers = static_cast<std::int64_t>(std::max<std::size_t>(armed(), 1));
  watches_[id].budget.Charge(Now(), paused, sharers);
}

void Watchpoints::Settle() {
  const auto served = parts_.machine.paused_time_served();
  if (served == settled_) return;
  const auto paused = served - std::exchange(settled_, served);
  Account(fired_last_, paused);
  // Looks are few, because they end with `max`, and to be had whole.
  const auto looked = std::exchange(looked_, std::chrono::nanoseconds{0});
  if (paused > looked) Charge(fired_last_, paused - looked);
}

const WatchStats& Watchpoints::Stats(WatchId id) {
  Settle();
  return watches_.at(id).stats;
}

std::optional<Deadline> Watchpoints::NextDue() const {
  if (armed() == 0) return std::nullopt;
  Deadline due = After(kLookAgain);
  for (const Watch& watch : watches_)
    if (watch.IsSuspended()) due = std::min(due, watch.budget.Back());
  return due;
}

Result<> Watchpoints::Tick() {
  Settle();
  for (WatchId id = 0; id < watches_.size(); ++id) {
    Watch& watch = watches_[id];
    if (!watch.IsSuspended() || !Passed(watch.budget.Back())) continue;
    const auto before = parts_.machine.paused_time();
    // A write from before the watch was suspended may be reported only now, and be its last.
    TRY(WhilePaused(id, [&] { return watch.IsSuspended() ? Insert(watch) : Result<>(); }));
    Charge(id, parts_.machine.paused_time() - before);
  }
  return {};
}

}  // namespace ktstr::vmm
