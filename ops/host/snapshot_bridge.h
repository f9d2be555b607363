// One run's captures, on their way from whoever takes them to whoever looks at them: the Ops of a running
// scenario ask through it, and the checks after the run drain it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "guest-init/base/result.h"
#include "ops/host/accessor_state.h"
#include "ops/host/snapshot_store.h"
#include "vmm/introspection/kernel/kernel_target.h"

namespace ktstr {

/// One Op's reads or writes of the guest kernel's memory.
struct KernelOpRequest {
  std::string tag;    // of reads; writes have none
  bool cold = false;  // all of it inside one freeze
  std::vector<vmm::KernelRead> reads = {};
  std::vector<vmm::KernelWrite> writes = {};
};
struct KernelOpReply {
  bool success = false;
  std::string reason = {};  // why not
  std::vector<vmm::KernelReadValue> read_values = {};
};
struct TaggedKernelOp {
  std::string tag;
  KernelOpReply reply;
};
/// The processes of a cgroup at a moment; none: it exists and is empty.
struct CgroupProcs {
  std::string tag;
  std::string cgroup;
  std::vector<std::int32_t> pids;
};

/// A handle: copies share one state, and every method may be called from any thread. Callbacks run on the
/// caller's thread with no lock held, so they may use the bridge.
class SnapshotBridge {
 public:
  static constexpr std::size_t kMaxSnapshots = SnapshotStore::kMax;
  static constexpr std::size_t kMaxEvents = 1024;
  static constexpr std::size_t kDefaultMaxWatches = 3;

  /// Nothing: the capture could not be made.
  using CaptureCallback = std::function<std::optional<vmm::SnapshotReport>(const std::string& tag)>;
  using WatchCallback = std::function<Result<>(const std::string& symbol)>;
  using KernelOpCallback = std::function<KernelOpReply(const KernelOpRequest& request)>;
  /// Gets one line per event.
  using WarningSink = std::function<void(std::string_view line)>;

  explicit SnapshotBridge(CaptureCallback capture, std::size_t max_watches = kDefaultMaxWatches,
                          WarningSink warn = {});

  // ---- wiring, before first use; each returns the same handle

  SnapshotBridge& WithWatchRegister(WatchCallback callback);
  SnapshotBridge& WithKernelOp(KernelOpCallback callback);
  SnapshotBridge& WithAccessorState(std::shared_ptr<AccessorState> state);

  // ---- captures

  /// Runs the capture callback and stores its report; false, an event and nothing stored when there is none.
  bool Capture(const std::string& tag);
  bool CaptureWithStep(const std::string& tag, std::uint32_t step_index);
  /// A report made elsewhere. The same tag again replaces report and stamps (stamps not given are cleared)
  /// and becomes the newest; beyond kMaxSnapshots the oldest goes.
  void Store(const std::string& tag, vmm::SnapshotReport report, SnapshotStamps stamps = {});

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool Has(const std::string& tag) const;
  /// Stored reports that are no placeholders, under tags of exactly "periodic_" and three digits.
  [[nodiscard]] std::size_t PeriodicRealCount() const;

  /// Each drain empties the bridge of reports and stamps; events stay.
  std::unordered_map<std::string, vmm::SnapshotReport> Drain();
  /// Oldest first; of a tag stored twice the second time counts. Stamps are lost.
  std::vector<std::pair<std::string, vmm::SnapshotReport>> DrainOrdered();
  std::vector<DrainedSnapshot> DrainOrderedWithStats();

  // ---- events

  /// Oldest first; when some were dropped to keep within kMaxEvents, an EventLogTruncated comes last.
  std::vector<SnapshotEvent> DrainEvents();
  [[nodiscard]] std::size_t event_count() const;

  // ---- watchpoints

  /// Takes a slot for the scenario's rest. Errors: kInput when all are taken, kEnvironment without a
  /// callback, and the callback's own; an error, or an exception of the callback, gives the slot back.
  Result<> RegisterWatch(const std::string& symbol);
  [[nodiscard]] std::size_t watch_count() const;

  // ---- the guest kernel's memory

  /// Nothing when no callback is wired; else its reply, which is also kept under the request's tag.
  std::optional<KernelOpReply> DispatchKernelOp(const KernelOpRequest& request);
  /// Keeps a reply made elsewhere.
  void RecordKernelOpReply(const std::string& tag, KernelOpReply reply);
  std::vector<TaggedKernelOp> DrainKernelOps();
  /// The first value of the first successful reply under `tag` that read anything; nothing is drained.
  [[nodiscard]] std::optional<vmm::KernelReadValue> FindKernelOpValue(const std::string& tag) const;

  // ---- cgroup.procs

  /// Appends; the same tag may come again.
  void RecordCgroupProcs(const std::string& tag, const std::string& cgroup, std::vector<std::int32_t> pids);
  std::vector<CgroupProcs> DrainCgroupProcs();
  /// The first record under `tag`.
  [[nodiscard]] std::optional<CgroupProcs> FindCgroupProcs(const std::string& tag) const;

  // ---- the state of the kernel accessor; see AccessorState. Not wired: 0, and waits return at once

  [[nodiscard]] std::uint64_t accessor_publish_sequence() const;
  Result<> WaitForWorkerNotTrying(AccessorState::Deadline deadline, std::string_view doing) const;
  Result<std::uint64_t> WaitForPublishAdvance(std::uint64_t before, AccessorState::Deadline deadline,
                                              std::string_view doing) const;

 private:
  struct State;
  bool CaptureAndStamp(const std::string& tag, SnapshotStamps stamps);
  void Note(const SnapshotEvents& events);

  std::shared_ptr<State> state_;
};

/// Makes a bridge the calling thread's active one for as long as this lives, then the one before it again.
/// Give it a copy, or nothing is left to drain. Destroy on the same thread, innermost first.
class [[nodiscard]] ActiveBridge {
 public:
  explicit ActiveBridge(SnapshotBridge bridge);
  ActiveBridge(const ActiveBridge&) = delete;
  ActiveBridge& operator=(const ActiveBridge&) = delete;
  ~ActiveBridge();

 private:
  SnapshotBridge bridge_;
  SnapshotBridge* before_;
};

/// Runs `use` with the calling thread's active bridge; false, without running it, when there is none.
bool WithActiveBridge(const std::function<void(SnapshotBridge& bridge)>& use);

}  // namespace ktstr
