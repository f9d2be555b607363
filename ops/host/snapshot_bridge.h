// One run's view of its guest from outside, as the Ops of a running scenario ask for it: what they ask is
// carried out by callbacks, and what came of it is kept here until the run's end.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "guest-init/base/result.h"
#include "ops/host/host_context.h"
#include "ops/host/stored_snapshot.h"
#include "vmm/introspection/kernel/kernel_target.h"

namespace ktstr {

/// What a batch of reads found, one value for each entry; empty for writes.
struct KernelOpReply {
  std::vector<vmm::KernelReadValue> values = {};
  std::uint32_t phase = 0;
  std::uint64_t elapsed_ms = 0;
  std::string path = {};  // document path of the Op
};
struct TaggedKernelOp {
  std::string tag;
  std::string place;  // of the first value: "jiffies_64"
  KernelOpReply reply;
};
/// The processes of a cgroup at a moment; none: it is empty.
struct CgroupProcs {
  std::string tag;
  std::string cgroup;
  std::vector<std::uint32_t> pids;
};

/// When and by whom something was asked for.
struct OpMoment {
  std::uint32_t phase = 0;
  std::uint64_t elapsed_ms = 0;
  std::string path = {};  // document path of the Op
};
/// What a file of the guest held at a moment.
struct GuestFileText {
  std::string tag;
  std::string file;
  std::string text;
  bool cut = false;  // there was more
  OpMoment moment;
};

/// One thread, the run's. A callback may use the bridge it serves.
class SnapshotBridge final : public HostContext {
 public:
  struct Callbacks {
    /// Looks at the guest. Gets a snapshot with its tag and fills in the rest; on an error all but the
    /// report.
    std::function<Result<>(StoredSnapshot& snapshot)> capture;
    std::function<Result<KernelOpReply>(const KernelAccess& access)> kernel_op;
    std::function<Result<>(const WatchRequest& request)> watch;
    std::function<OpMoment()> now;
    /// Gets a line on each thing that is kept: "snapshot before: 3 maps, 47 tasks, 2 CPUs".
    std::function<void(std::string line)> tell;
    /// Gets a line when something that was kept is lost.
    std::function<void(std::string line)> warn;
  };
  struct Limits {
    std::size_t snapshots = 0;  // at least 1; one more and the oldest goes
    std::size_t watches = 0;
  };
  /// All callbacks are set.
  SnapshotBridge(Callbacks callbacks, Limits limits) : callbacks_(std::move(callbacks)), limits_(limits) {}
  SnapshotBridge(const SnapshotBridge&) = delete;
  SnapshotBridge& operator=(const SnapshotBridge&) = delete;
  ~SnapshotBridge() override = default;

  // ---- what Ops ask for; the errors are those of the callbacks

  /// When the capture fails, a placeholder that says why is kept. REQUIRES: the tag is a new one, which
  /// planning makes sure of.
  Result<> Capture(const std::string& tag) override { return CaptureAt(tag, std::nullopt); }
  /// Of a periodic snapshot, with the offset at which it was due.
  Result<> CaptureAt(const std::string& tag, std::optional<std::uint64_t> boundary_offset_ms);
  Result<> Access(const KernelAccess& access) override;
  /// Takes one of the machine's watchpoints to the end of the run; not when it fails. Error (kInput) when all
  /// are taken.
  Result<> Watch(const WatchRequest& request) override;
  void KeepCgroupProcs(const std::string& tag, const std::string& cgroup,
                       std::vector<std::uint32_t> pids) override;
  void KeepGuestFile(const std::string& tag, const std::string& file, std::string_view content) override;

  // ---- what came of it, for the end of the run: each is handed over once, oldest first

  std::vector<StoredSnapshot> TakeSnapshots();
  std::vector<EvictedSnapshot> TakeEvicted() { return std::exchange(evicted_, {}); }
  std::vector<TaggedKernelOp> TakeKernelOps() { return std::exchange(kernel_ops_, {}); }
  std::vector<CgroupProcs> TakeCgroupProcs() { return std::exchange(cgroup_procs_, {}); }
  std::vector<GuestFileText> TakeGuestFiles() { return std::exchange(guest_files_, {}); }

 private:
  void Keep(StoredSnapshot snapshot);

  Callbacks callbacks_;
  Limits limits_;
  std::deque<StoredSnapshot> snapshots_;
  std::vector<EvictedSnapshot> evicted_;
  std::vector<TaggedKernelOp> kernel_ops_;  // of reads
  std::vector<CgroupProcs> cgroup_procs_;
  std::vector<GuestFileText> guest_files_;
  std::size_t watches_ = 0;
};

}  // namespace ktstr
