// Write watchpoints on guest kernel memory: what is watched, what each write showed, and how much of the
// guest's time that took.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/host/deadline.h"
#include "vmm/introspection/memory/kernel_memory.h"
#include "vmm/introspection/watch/gdb_client.h"
#include "vmm/introspection/watch/pause_budget.h"
#include "vmm/machine/machine.h"
#include "vmm/machine/machine_config.h"

namespace ktstr::vmm {

/// How many places can be watched at once: x86's debug registers with KVM; in software what keeps a write to
/// a watched page cheap.
constexpr std::size_t WatchCap(Accel accel) { return accel == Accel::kKvm ? 4 : 128; }

/// Which writes count: those whose new value compares so with `value`, or differs from the old one.
struct WatchCondition {
  enum class Op : std::uint8_t { kEqual, kNotEqual, kLess, kAtMost, kGreater, kAtLeast, kChanged };
  Op op = Op::kChanged;
  std::uint64_t value = 0;  // not looked at by kChanged
  bool is_signed = false;   // of both values

  /// Values are of `bytes` bytes, zero-extended; of `value` the low `bytes` bytes count.
  [[nodiscard]] bool Holds(std::uint64_t old_value, std::uint64_t new_value, std::uint32_t bytes) const;
};

/// What is done at a write. Each does what the one before it does.
enum class WatchMode : std::uint8_t {
  kCount,  // counted; the cheapest
  kValue,  // reported, with the instruction and the values
  kFull,   // the same; the receiver takes a snapshot, so the pause may be long
};

struct WatchSpec {
  std::string tag;            // for messages
  std::uint64_t address = 0;  // runtime, of the kernel's half
  std::uint32_t bytes = 8;    // 1, 2, 4 or 8, naturally aligned
  std::optional<WatchCondition> when;
  std::uint32_t every = 1;   // of the writes that count, every Nth is reported; not 0
  std::uint32_t max = 1000;  // the watch ends after that many reports; kCount has no such end
  WatchMode mode = WatchMode::kCount;
};

/// By Arm(), in its order from 0 on; stays valid after Disarm().
using WatchId = std::size_t;

/// One reported write. The guest is paused right after the instruction that wrote.
struct WatchFire {
  WatchId watch = 0;
  std::uint64_t number = 0;  // of the watch's writes that count, from 1 on
  std::uint32_t cpu = 0;
  std::uint64_t instruction = 0;  // the address after the one that wrote; 0: QEMU did not report the write
  std::string symbol;             // "tick_do_update_jiffies64+0x5c"; empty without `instruction`
  std::uint64_t old_value = 0;    // as last seen: when it was armed, at a write, after a suspension
  std::uint64_t new_value = 0;    // == old_value: the same was written
  std::uint32_t phase = 0;
};

struct WatchStats {
  /// The pauses for it in one phase, by QEMU's clock.
  struct Pause {
    std::uint64_t count = 0;
    std::chrono::nanoseconds duration{0};
  };

  std::uint64_t writes = 0;     // seen
  std::uint64_t matched = 0;    // for which `when` held
  std::uint64_t told = 0;       // reported
  std::uint64_t suspended = 0;  // how often it was taken out for a while, to let the guest run
  bool armed = false;           // a write would be seen, at the latest after the suspension
  bool at_least = false;        // there may have been more: it was suspended, or has ended
  std::map<std::uint32_t, Pause> by_phase;

  [[nodiscard]] std::chrono::nanoseconds pause_time() const;
};

/// The watches of one machine. On the machine's thread: fires are handled in whatever waits there for
/// anything, see Machine::Serve().
///
/// QEMU stops the machine at a write and names one CPU. A write that meets another one, or a stop that
/// somebody asked for, is not reported until that CPU next writes to a watched page, and then that one is
/// not. So at every stop all watched places are read: what has changed unreported is a write like any other,
/// only that nobody knows which instruction made it. The count is not exact where two writes meet and one of
/// them leaves the value as it was, or both are to the same place. A write by another virtual address of the
/// same memory (the direct map, user space) is seen only so, at the next stop.
///
/// How long each watch may keep the guest paused is bounded (PauseBudget), except for the snapshots of kFull,
/// which `max` bounds. A watch that has used up its budget is suspended until it has saved some, and its
/// counts are lower bounds from then on. The other watches stay.
class Watchpoints {
 public:
  /// All but `on_fire` must be there; everything outlives the watches.
  struct Parts {
    Machine& machine;
    KernelMemory& memory;  // must not keep what it has read
    Accel accel;
    std::function<std::string(std::uint64_t)> symbolize;
    std::function<std::uint32_t()> phase;
    /// Called within Pump() while the guest is paused. May use the machine (a MachinePause does nothing then,
    /// Resume() neither), must not arm or disarm.
    std::function<void(const WatchFire&)> on_fire;
    /// Other limits than the default are for tests and for measuring what watches cost.
    PauseLimits limits{};
  };

  static constexpr std::chrono::milliseconds kLookAgain{20};

  /// Attaches QEMU's stub, for which a running guest is paused for a moment. At most once per machine.
  /// Errors: those of GdbClient::Attach() and of Machine::Stop().
  static Result<std::unique_ptr<Watchpoints>> Attach(Parts parts);
  /// Takes nothing out: REQUIRES that DisarmAll() was called or the guest is not to run any more.
  ~Watchpoints();
  Watchpoints(const Watchpoints&) = delete;
  Watchpoints& operator=(const Watchpoints&) = delete;

  /// Pauses a running guest for a moment. One that fails leaves nothing behind. Errors (kInput): "address 0
  /// cannot be watched", "0x1000 is not a kernel address", "0xffff... is not mapped in the guest", "0xffff...
  /// is not aligned to its 4 bytes", "a watch has 1, 2, 4 or 8 bytes, not 3", "a watch tells of every
  /// Nth write, and N is at least 1", "it overlaps the watch 'x'", "all 4 watchpoints of the machine are in
  /// use", "QEMU refused the watchpoint"; and those of the machine and the stub.
  Result<WatchId> Arm(const WatchSpec& spec);
  /// Its figures stay. Not one that is armed: does nothing.
  Result<> Disarm(WatchId id);
  Result<> DisarmAll();

  /// To be called when the host has changed the guest's memory: that is no write of the guest.
  void HostWrote();

  [[nodiscard]] std::size_t armed() const;
  [[nodiscard]] const WatchSpec& Spec(WatchId id) const { return watches_.at(id).spec; }
  /// Settled up to now.
  [[nodiscard]] const WatchStats& Stats(WatchId id);

  /// When to call Tick(), by which watches come back. To be asked anew at least every kLookAgain, which is
  /// what it says while all are in: a write may take one out in the midst of a wait.
  [[nodiscard]] std::optional<Deadline> NextDue() const;
  Result<> Tick();
  /// The stub, for registers and memory within `on_fire` or while no watch is armed and the machine stands
  /// still.
  [[nodiscard]] GdbClient& gdb() { return gdb_; }

 private:
  struct Watch {
    WatchSpec spec;
    WatchStats stats;
    PauseBudget budget;
    bool inserted = false;    // QEMU knows it
    bool seen_early = false;  // a write was noted that QEMU has yet to report
    std::uint64_t last = 0;

    /// From when its budget was used up until Tick() inserts it again.
    [[nodiscard]] bool IsSuspended() const { return stats.armed && !inserted; }
  };

  Watchpoints(Parts parts, GdbClient gdb) : parts_(std::move(parts)), gdb_(std::move(gdb)) {}

  Result<> Check(const WatchSpec& spec);
  Result<> WhilePaused(WatchId for_whom, const std::function<Result<>()>& act);
  Result<bool> OnReadable();
  Result<bool> HandleStops();
  Result<> HandleReported(const StopReply& stop);
  Result<> HandleUnreported(const StopReply& stop);
  Result<> Note(WatchId id, std::uint64_t value, const StopReply& stop, bool reported);
  Result<> Tell(Watch& watch, const StopReply& stop, std::uint64_t old_value, bool reported);
  Result<> Insert(Watch& watch);
  Result<> Remove(Watch& watch);
  void Account(WatchId id, std::chrono::nanoseconds paused);
  void Charge(WatchId id, std::chrono::nanoseconds paused);
  void Settle();
  [[nodiscard]] std::optional<std::uint64_t> ValueOf(const WatchSpec& spec);

  Parts parts_;
  GdbClient gdb_;
  std::vector<Watch> watches_;
  std::chrono::nanoseconds settled_{0};  // of Machine::paused_time_served()
  std::chrono::nanoseconds looked_{0};   // of what is not settled, by on_fire in kFull
  WatchId fired_last_ = 0;
};

}  // namespace ktstr::vmm
