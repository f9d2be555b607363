// The part of WorkerProcesses that looks at the workers and keeps their accounts.
#include <algorithm>
#include <iterator>
#include <utility>

#include "guest-init/base/clock.h"
#include "guest-init/kernel_look.h"
#include "guest-init/worker_processes.h"

namespace ktstr::guest {

SliceMark WorkerProcesses::NextMark() { return {++ordinal_, MonotonicNs()}; }

std::uint64_t WorkerProcesses::FrozenNs(std::uint64_t begin_ns) const {
  std::uint64_t end_ns = MonotonicNs();
  std::uint64_t frozen_ns = 0;
  for (auto stay = stays_.rbegin(); stay != stays_.rend(); ++stay) {
    frozen_ns += around_.tree.frozen_times().Within(stay->cgroup, std::max(begin_ns, stay->since_ns), end_ns,
                                                    &stopped_);
    end_ns = stay->since_ns;
  }
  return frozen_ns;
}

void WorkerProcesses::PublishFrozen() const {
  const std::uint64_t released = memory_.control().released_ns.load(std::memory_order_relaxed);
  memory_.control().frozen_ns.store(FrozenNs(released), std::memory_order_relaxed);
}

void WorkerProcesses::ReadCgroup() {
  cgroup_.frozen_ns = FrozenNs(0);
  cgroup_.throttled_ns = throttled_elsewhere_ns_ + ThrottledNs(around_.tree, request_.cgroup);
  RefreshCpus();
}

void WorkerProcesses::EndCpusetChange() {
  cgroup_.cpus = EffectiveCpus(around_.tree, request_.cgroup);
  memory_.control().allowed.Publish(cgroup_.cpus);
}

void WorkerProcesses::RefreshCpus() {
  const std::vector<std::uint32_t> now = EffectiveCpus(around_.tree, request_.cgroup);
  if (now == cgroup_.cpus) return;
  // Those that stand in for one that went offline were there before anybody could know.
  std::vector<std::uint32_t> all;
  std::set_union(cgroup_.let_in.begin(), cgroup_.let_in.end(), now.begin(), now.end(),
                 std::back_inserter(all));
  cgroup_.let_in = std::move(all);
  cgroup_.cpus = now;
  memory_.control().allowed.Publish(now);
}

std::vector<SlotLook> WorkerProcesses::ReadSlots() const {
  std::vector<SlotLook> slots;
  slots.reserve(workers_.size());
  for (std::size_t i = 0; i < workers_.size(); ++i) slots.push_back(SlotLook::Read(memory_.slots()[i]));
  return slots;
}

Sight WorkerProcesses::SightOf(const Worker& worker, const SlotLook& slot) const {
  Sight sight{MonotonicNs(), slot, LookAtTask(worker.pid), cgroup_, around_.machine_stopped_ns, 0};
  sight.frozen_since_progress_ns = FrozenNs(std::max(slot.progress_ns, worker.account.released_ns()));
  return sight;
}

void WorkerProcesses::Mark(std::uint32_t phase) {
  if (stop_ns_ != 0) return;
  // All slots before any worker can see the mark, and that before the kernel is asked, which takes longer.
  const SliceMark mark = NextMark();
  const std::vector<SlotLook> slots = ReadSlots();
  memory_.Publish(mark);
  const std::vector<std::uint32_t> known = cgroup_.cpus;
  ReadCgroup();
  for (std::size_t i = 0; i < workers_.size(); ++i)
    if (Worker& worker = workers_[i]; !worker.account.ended())
      worker.account.Mark(SightOf(worker, slots[i]), mark, phase);
  // Workers may have been seen where these let them before it was known.
  cgroup_.let_in = known == cgroup_.cpus ? std::vector<std::uint32_t>{} : cgroup_.cpus;
}

void WorkerProcesses::Look() {
  if (stop_ns_ != 0) return;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = workers_[i];
    const SlotLook slot = SlotLook::Read(memory_.slots()[i]);
    const bool same = std::exchange(worker.seen_progress_ns, slot.progress_ns) == slot.progress_ns;
    const bool waits = same && slot.blocked_until_ns == kUntilWoken;
    if ((waits || worker.account.suspected()) && !worker.account.ended())
      worker.account.Look(SightOf(worker, slot));
  }
}

void WorkerProcesses::EndAccount() {
  if (stop_ns_ != 0) return;
  stop_ns_ = MonotonicNs();
  const std::vector<SlotLook> slots = ReadSlots();
  ReadCgroup();
  for (std::size_t i = 0; i < workers_.size(); ++i)
    if (Worker& worker = workers_[i]; !worker.account.ended())
      worker.account.End(SightOf(worker, slots[i]), stop_ns_);
}

void WorkerProcesses::OnDied(pid_t pid) {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = workers_[i];
    if (worker.pid != pid || worker.reaped || worker.account.ended()) continue;
    ReadCgroup();
    const Sight sight = SightOf(worker, SlotLook::Read(memory_.slots()[i]));
    worker.account.End(sight, sight.now_ns);
  }
}

}  // namespace ktstr::guest
