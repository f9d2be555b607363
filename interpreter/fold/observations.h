// What a run saw of its guest from outside, as far as it is not a snapshot: plain data for checks and
// reports. Times in _ms are since the guest's first answer; host times are said to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "interpreter/fold/verdict.h"
#include "ops/host/stored_snapshot.h"

namespace ktstr {

/// One value that a ReadKernel Op found.
struct ReadRecord {
  std::string tag;
  std::string place;  // "jiffies_64"
  std::uint32_t phase = 0;
  std::uint64_t elapsed_ms = 0;
  std::string text;             // the value: decimal, or hex bytes
  std::optional<double> value;  // rounded; none: not a number
  std::string path;             // document path of the Op
  std::uint64_t number = 0;     // the exact value, as int64 when `is_signed`; not part of the declaration
  bool is_signed = false;
  static const StructDecl& Decl();

  [[nodiscard]] std::optional<long double> Exact() const {
    if (!value) return std::nullopt;
    return is_signed ? static_cast<long double>(static_cast<std::int64_t>(number))
                     : static_cast<long double>(number);
  }
};

/// One kept write to a watched place.
struct FireRecord {
  std::uint32_t phase = 0;
  std::uint64_t elapsed_ms = 0;
  std::uint32_t cpu = 0;
  std::string instruction;  // "tick_do_update_jiffies64+0x5c"; empty when fires are only counted
  std::uint64_t old_value = 0;
  std::uint64_t new_value = 0;
  static const StructDecl& Decl();
};

struct WatchRecord {
  std::string tag;
  std::string place;
  std::uint64_t address = 0;
  std::uint32_t bytes = 0;
  std::uint64_t writes = 0;      // seen, whatever `when` and `every` say
  std::uint64_t fires = 0;       // that fulfilled `when`
  bool lower_bound = false;      // it was suspended to let the guest go on: there were more
  std::uint64_t suspended = 0;   // how often
  double paused_ms = 0;          // host time the guest was paused for it
  std::vector<FireRecord> kept;  // each `every`-th fire, at most `max`
  std::string path;
  static const StructDecl& Decl();
};

/// One time the guest was paused. Watch fires of one phase are one entry.
struct PauseRecord {
  std::string reason;  // "snapshot before", "cold read x", "watch x"
  std::uint32_t phase = 0;
  std::uint64_t count = 1;
  double at_ms = 0;  // host time since the run began; of the first
  double ms = 0;     // host time, all together
  static const StructDecl& Decl();
};

struct MonitorRecord {
  Verdict verdict = Verdict::kInconclusive;
  std::string text;  // "monitor OK", "monitor FAILED: 2 violation(s)"
  std::vector<std::string> violations;
  bool enforce = true;
  std::uint64_t samples = 0;
  std::uint64_t dropped = 0;  // CPUs' parts of samples that were torn
  double max_imbalance = 0;
  double avg_imbalance = 0;
  double avg_nr_running = 0;
  std::uint64_t max_local_dsq_depth = 0;
  NamedMap<double> events;  // sched_ext's event counters: growth, over all CPUs
  double cost_ms = 0;       // host CPU time it took
  static const StructDecl& Decl();
};

/// A snapshot without its contents, for reports.
struct SnapshotEntry {
  std::string tag;
  std::uint32_t phase = 0;
  std::uint64_t elapsed_ms = 0;
  std::optional<std::uint64_t> boundary_ms;
  bool placeholder = false;
  std::string reason;  // of a placeholder
  std::size_t maps = 0;
  std::size_t tasks = 0;
  static const StructDecl& Decl();
};

/// A snapshot that gave way to a later one.
struct EvictionRecord {
  std::string tag;
  std::string made_room_for;  // tag of the later one
  static const StructDecl& Decl();
};

/// The processes of a cgroup at one moment.
struct ProcsRecord {
  std::string tag;
  std::string cgroup;
  std::vector<std::uint32_t> pids;
  static const StructDecl& Decl();
};

/// What a file of the guest held at one moment.
struct FileRecord {
  std::string tag;
  std::string file;
  std::uint32_t phase = 0;
  std::uint64_t elapsed_ms = 0;
  std::string text;  // its first 64 KiB
  bool cut = false;  // there was more
  std::string path;  // document path of the Op
  static const StructDecl& Decl();
};

struct Observations {
  std::vector<StoredSnapshot> snapshots;  // as they came; not part of the declaration
  std::vector<SnapshotEntry> taken;       // the same in short
  std::vector<EvictionRecord> evicted;    // taken and then dropped, as more came than are kept
  std::uint32_t periodic_target = 0;
  std::uint32_t periodic_fired = 0;  // placeholders included
  std::uint32_t periodic_real = 0;
  std::vector<ReadRecord> reads;
  std::vector<ProcsRecord> cgroup_procs;
  std::vector<FileRecord> files = {};
  std::vector<WatchRecord> watches;
  std::optional<MonitorRecord> monitor;
  std::vector<PauseRecord> pauses;
  std::uint64_t origin_ns =
      0;  // the guest's clock where every elapsed_ms begins; not part of the declaration
  static const StructDecl& Decl();

  [[nodiscard]] const StoredSnapshot* FindSnapshot(std::string_view tag) const;
  [[nodiscard]] const EvictionRecord* FindEvicted(std::string_view tag) const;
  [[nodiscard]] double PausedMs() const;
};

}  // namespace ktstr
