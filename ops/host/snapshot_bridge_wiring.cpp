// The parts of a SnapshotBridge that are not captures: watchpoints, kernel operations, cgroup.procs, the
// accessor.
#include <fmt/format.h>

#include "ops/host/snapshot_bridge_state.h"

namespace ktstr {
namespace {

/// Gives a watch slot back unless it is kept.
class SlotGuard {
 public:
  SlotGuard(std::mutex& mutex, std::size_t& taken) : mutex_(mutex), taken_(taken) {}
  SlotGuard(const SlotGuard&) = delete;
  SlotGuard& operator=(const SlotGuard&) = delete;
  ~SlotGuard() {
    if (kept_) return;
    const std::lock_guard lock(mutex_);
    --taken_;
  }
  void Keep() { kept_ = true; }

 private:
  std::mutex& mutex_;
  std::size_t& taken_;
  bool kept_ = false;
};

}  // namespace

Result<> SnapshotBridge::RegisterWatch(const std::string& symbol) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->watches >= state_->max_watches)
      return Error{ErrorKind::kInput,
                   fmt::format("WatchSnapshot cap exceeded: '{}' would be watchpoint {} of at most {}",
                               symbol, state_->watches + 1, state_->max_watches)};
    ++state_->watches;
  }
  SlotGuard slot(state_->mutex, state_->watches);
  if (!state_->register_watch)
    return Error{ErrorKind::kEnvironment,
                 fmt::format("'{}' cannot be watched: no watch-register callback installed", symbol)};
  TRY(state_->register_watch(symbol));
  slot.Keep();
  return {};
}

std::size_t SnapshotBridge::watch_count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->watches;
}

std::optional<KernelOpReply> SnapshotBridge::DispatchKernelOp(const KernelOpRequest& request) {
  if (!state_->kernel_op) return std::nullopt;
  KernelOpReply reply = state_->kernel_op(request);
  RecordKernelOpReply(request.tag, reply);
  return reply;
}

void SnapshotBridge::RecordKernelOpReply(const std::string& tag, KernelOpReply reply) {
  const std::lock_guard lock(state_->mutex);
  state_->kernel_ops.push_back({tag, std::move(reply)});
}

std::vector<TaggedKernelOp> SnapshotBridge::DrainKernelOps() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->kernel_ops, {});
}

std::optional<vmm::KernelReadValue> SnapshotBridge::FindKernelOpValue(const std::string& tag) const {
  const std::lock_guard lock(state_->mutex);
  for (const TaggedKernelOp& op : state_->kernel_ops)
    if (op.tag == tag && op.reply.success && !op.reply.read_values.empty())
      return op.reply.read_values.front();
  return std::nullopt;
}

void SnapshotBridge::RecordCgroupProcs(const std::string& tag, const std::string& cgroup,
                                       std::vector<std::int32_t> pids) {
  const std::lock_guard lock(state_->mutex);
  state_->cgroup_procs.push_back({tag, cgroup, std::move(pids)});
}

std::vector<CgroupProcs> SnapshotBridge::DrainCgroupProcs() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->cgroup_procs, {});
}

std::optional<CgroupProcs> SnapshotBridge::FindCgroupProcs(const std::string& tag) const {
  const std::lock_guard lock(state_->mutex);
  for (const CgroupProcs& procs : state_->cgroup_procs)
    if (procs.tag == tag) return procs;
  return std::nullopt;
}

std::uint64_t SnapshotBridge::accessor_publish_sequence() const {
  return state_->accessor ? state_->accessor->sequence() : 0;
}

Result<> SnapshotBridge::WaitForWorkerNotTrying(AccessorState::Deadline deadline,
                                                std::string_view doing) const {
  if (!state_->accessor) return {};
  return state_->accessor->WaitNotTrying(deadline, doing);
}

Result<std::uint64_t> SnapshotBridge::WaitForPublishAdvance(std::uint64_t before,
                                                            AccessorState::Deadline deadline,
                                                            std::string_view doing) const {
  if (!state_->accessor) return std::uint64_t{0};
  return state_->accessor->WaitAdvance(before, deadline, doing);
}

}  // namespace ktstr
