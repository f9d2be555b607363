#include "ops/host/snapshot_bridge.h"

#include <fmt/format.h>

#include <iterator>

#include "ops/host/kernel_spec.h"

namespace ktstr {
namespace {

std::string InShort(const StoredSnapshot& snapshot) {
  const vmm::SnapshotReport& report = snapshot.report;
  if (report.is_placeholder)
    return fmt::format("snapshot {} failed: {}", snapshot.tag, report.maps_unavailable);
  return fmt::format("snapshot {}: {} maps, {} tasks, {} CPUs", snapshot.tag, report.maps.size(),
                     report.tasks.size(), report.run_queues.size());
}

}  // namespace

Result<> SnapshotBridge::CaptureAt(const std::string& tag, std::optional<std::uint64_t> boundary_offset_ms) {
  StoredSnapshot snapshot;
  snapshot.tag = tag;
  snapshot.boundary_offset_ms = boundary_offset_ms;
  Result<> captured = callbacks_.capture(snapshot);
  if (!captured.ok()) snapshot.report = vmm::MakePlaceholder(captured.error().message);
  Keep(std::move(snapshot));
  return captured;
}

void SnapshotBridge::Keep(StoredSnapshot snapshot) {
  callbacks_.tell(InShort(snapshot));
  snapshots_.push_back(std::move(snapshot));
  if (snapshots_.size() <= limits_.snapshots) return;
  evicted_.push_back({std::move(snapshots_.front().tag), snapshots_.back().tag});
  snapshots_.pop_front();
  // Once is enough: a watch may go on to take hundreds.
  if (evicted_.size() == 1)
    callbacks_.warn(
        fmt::format("snapshot {} was dropped to make room for {}: at most {} of a run are kept, and from "
                    "here on each new "
                    "one takes the place of the oldest",
                    evicted_.front().tag, evicted_.front().made_room_for, limits_.snapshots));
}

Result<> SnapshotBridge::Access(const KernelAccess& access) {
  KernelOpReply reply = TRY(callbacks_.kernel_op(access));
  if (access.write) return {};
  std::string place = ToText(access.entries.front());
  for (const vmm::KernelReadValue& value : reply.values)
    callbacks_.tell(fmt::format("read {}: {} = {}", access.tag, place, vmm::ToText(value)));
  kernel_ops_.push_back({access.tag, std::move(place), std::move(reply)});
  return {};
}

Result<> SnapshotBridge::Watch(const WatchRequest& request) {
  if (watches_ == limits_.watches)
    return Error{ErrorKind::kInput, fmt::format("'{}' would be watchpoint {} of at most {}", request.tag,
                                                watches_ + 1, limits_.watches)};
  TRY(callbacks_.watch(request));
  ++watches_;
  return {};
}

void SnapshotBridge::KeepCgroupProcs(const std::string& tag, const std::string& cgroup,
                                     std::vector<std::uint32_t> pids) {
  callbacks_.tell(fmt::format("processes {}: {} in cgroup {}", tag, pids.size(), cgroup));
  cgroup_procs_.push_back({tag, cgroup, std::move(pids)});
}

void SnapshotBridge::KeepGuestFile(const std::string& tag, const std::string& file,
                                   std::string_view content) {
  callbacks_.tell(fmt::format("file {}: {} bytes of {}", tag, content.size(), file));
  std::string_view kept = content.substr(0, kMostFileText);
  const bool cut = kept.size() < content.size();
  if (cut) kept = kept.substr(0, kept.rfind('\n') + 1);  // half a number is another number
  guest_files_.push_back({tag, file, std::string(kept), cut, callbacks_.now()});
}

std::vector<StoredSnapshot> SnapshotBridge::TakeSnapshots() {
  std::vector<StoredSnapshot> taken(std::make_move_iterator(snapshots_.begin()),
                                    std::make_move_iterator(snapshots_.end()));
  snapshots_.clear();
  return taken;
}

}  // namespace ktstr
