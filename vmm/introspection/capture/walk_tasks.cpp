#include "vmm/introspection/capture/walk_tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "vmm/introspection/types/cpu_mask_type.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kCgroupDepth = 64;

class TaskCollector {
 public:
  explicit TaskCollector(Collector& c) : c_(c), layout_(c.layout.task) {}

  void Run(std::uint64_t init_task) {
    const std::uint64_t head = init_task + layout_.tasks.offset;
    WalkGuard guard(c_, 2 * CaptureLimits::kTasks);
    auto node = c_.Load(head);
    while (node && *node != head) {
      if (!guard.Step(*node) || !Leader(*node - layout_.tasks.offset)) {
        c_.out.tasks_truncated = true;
        return;
      }
      node = PointerAt(c_.out.tasks[leader_].bytes, layout_.tasks.offset);
    }
    if (!node) c_.out.tasks_truncated = true;
  }

 private:
  /// False: the walk is over.
  bool Leader(std::uint64_t address) {
    leader_ = c_.out.tasks.size();
    if (!Task(address)) return false;
    const std::uint64_t signal = Get(c_.out.tasks[leader_].bytes, layout_.signal).value_or(0);
    const SignalLayout& of_signal = c_.layout.signal;
    if (signal == 0 || !of_signal.ok()) return true;
    const auto threads = c_.LoadField(signal, of_signal.nr_threads);
    c_.out.tasks[leader_].nr_threads = Narrow(threads);
    if (threads == 1U) return true;
    const std::size_t left = CaptureLimits::kTasks - c_.out.tasks.size();
    const std::uint64_t list = signal + of_signal.thread_head.offset;
    for (const std::uint64_t node : WalkList(c_, list, left + 1, c_.out.tasks_truncated)) {
      const std::uint64_t thread = node - layout_.thread_node.offset;
      if (thread == address) continue;
      if (!Task(thread)) return false;
      c_.out.tasks.back().nr_threads = Narrow(threads);
    }
    return true;
  }

  static std::optional<std::uint32_t> Narrow(std::optional<std::uint64_t> value) {
    if (!value) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
  }

  bool Task(std::uint64_t address) {
    if (c_.out.tasks.size() >= CaptureLimits::kTasks || c_.Expired()) return false;
    RawTask task;
    task.address = address;
    task.bytes = c_.Copy(address, layout_.extent);
    if (task.bytes.empty()) return false;
    Cgroup(Get(task.bytes, layout_.cgroups).value_or(0));
    c_.out.tasks.push_back(std::move(task));
    return true;
  }

  /// Copies the names from a task's set of cgroups up to the root, each once.
  void Cgroup(std::uint64_t set) {
    const KernelLayout& layout = c_.layout;
    if (set == 0 || c_.out.cgroup_of_set.contains(set) || !layout.css_set.ok() || !layout.cgroup.ok()) return;
    const auto cgroup = c_.LoadField(set, layout.css_set.dfl_cgrp);
    std::uint64_t kn = cgroup ? c_.LoadField(*cgroup, layout.cgroup.kn).value_or(0) : 0;
    c_.out.cgroup_of_set.emplace(set, kn);
    for (std::size_t depth = 0; kn != 0 && depth < kCgroupDepth && !c_.out.kernfs.contains(kn); ++depth) {
      RawKernfs node;
      const auto parent = c_.LoadField(kn, layout.kernfs.parent);
      const auto name = c_.LoadField(kn, layout.kernfs.name);
      if (!parent || !name || !c_.TakeStep() || c_.out.kernfs.size() >= CaptureLimits::kListNodes) return;
      c_.view.memory().ReadSome(*name,
                                std::as_writable_bytes(std::span(node.name)).first(node.name.size() - 1));
      node.parent = *parent;
      c_.out.kernfs.emplace(kn, node);
      kn = *parent;
    }
  }

  Collector& c_;
  const TaskLayout& layout_;
  std::size_t leader_ = 0;
};

/// "/ktstr/hot"; empty where a part of it is not known.
std::string CgroupPath(const RawCapture& raw, std::uint64_t set) {
  const auto found = raw.cgroup_of_set.find(set);
  if (found == raw.cgroup_of_set.end()) return {};
  std::string path;
  std::uint64_t kn = found->second;
  for (std::size_t depth = 0; depth < kCgroupDepth; ++depth) {
    const auto node = raw.kernfs.find(kn);
    if (node == raw.kernfs.end()) return {};
    if (node->second.parent == 0) return path.empty() ? "/" : path;
    const auto& name = node->second.name;
    path.insert(0, "/" + std::string(name.begin(), std::find(name.begin(), name.end(), '\0')));
    kn = node->second.parent;
  }
  return {};
}

class TaskRenderer {
 public:
  explicit TaskRenderer(const RenderContext& context) : context_(context), layout_(context.layout.task) {
    for (const auto& [address, name] : context.layout.at.sched_classes) classes_.emplace(address, name);
  }

  TaskRecord Record(const RawTask& raw) const {
    const auto u64 = [&](const Field& field) { return Get(raw.bytes, field).value_or(0); };
    const auto i32 = [&](const Field& field) { return static_cast<std::int32_t>(u64(field)); };
    const auto u32 = [&](const Field& field) { return static_cast<std::uint32_t>(u64(field)); };
    TaskRecord task;
    task.task_kva = raw.address;
    task.pid = i32(layout_.pid);
    task.tgid = i32(layout_.tgid);
    task.comm = TextAt(raw.bytes, layout_.comm.offset, layout_.comm.size);
    task.cpu = u32(layout_.cpu);
    task.state = u32(layout_.state);
    task.on_cpu = u32(layout_.on_cpu) != 0;
    task.on_rq = u32(layout_.on_rq) == 1;  // 2: it is being moved to another queue
    task.cpus_allowed = CpusAllowed(raw);
    task.cgroup = CgroupPath(context_.raw, u64(layout_.cgroups));
    if (const TaskName* leader = context_.NameOf(u64(layout_.group_leader)))
      task.group_leader_pid = leader->pid;
    if (const TaskName* parent = context_.NameOf(u64(layout_.real_parent))) {
      task.real_parent_pid = parent->pid;
      task.real_parent_comm = parent->comm;
    }
    task.nr_threads = raw.nr_threads;
    task.policy = u32(layout_.policy);
    task.prio = i32(layout_.prio);
    task.static_prio = i32(layout_.static_prio);
    task.normal_prio = i32(layout_.normal_prio);
    task.rt_priority = u32(layout_.rt_priority);
    if (const auto known = classes_.find(u64(layout_.sched_class)); known != classes_.end())
      task.sched_class = known->second;
    task.start_time_ns = u64(layout_.start_time);
    task.sum_exec_runtime = u64(layout_.sum_exec_runtime);
    task.vruntime = u64(layout_.vruntime);
    task.nvcsw = u64(layout_.nvcsw);
    task.nivcsw = u64(layout_.nivcsw);
    if (layout_.scx_weight) task.scx_weight = u32(layout_.scx_weight);
    task.scx_dsq_vtime = Get(raw.bytes, layout_.scx_dsq_vtime);
    task.scx_slice = Get(raw.bytes, layout_.scx_slice);
    return task;
  }

 private:
  [[nodiscard]] std::string CpusAllowed(const RawTask& raw) const {
    const std::span<const std::byte> bytes(raw.bytes);
    if (bytes.size() < layout_.cpus_mask.offset + layout_.cpus_mask.size) return {};
    const auto mask = bytes.subspan(layout_.cpus_mask.offset, layout_.cpus_mask.size);
    // Behind the CPUs that can exist the kernel leaves what was there before.
    return CpuListOf(mask, static_cast<std::uint32_t>(context_.facts.per_cpu_offset.size()));
  }

  const RenderContext& context_;
  const TaskLayout& layout_;
  std::unordered_map<std::uint64_t, std::string> classes_;
};

}  // namespace

void CollectTasks(Collector& c) {
  if (!c.layout.at.init_task)
    c.out.tasks_reason = "the kernel has no symbol init_task";
  else if (!c.layout.task.ok())
    c.out.tasks_reason = c.layout.task.missing;
  else
    TaskCollector(c).Run(*c.layout.at.init_task);
  if (!c.out.tasks_reason.empty()) return;
  c.NameTask(*c.layout.at.init_task);  // the parent of PID 1
  if (c.out.tasks.empty()) c.out.tasks_reason = kZeroTasks;
}

void RenderTasks(const RenderContext& context, SnapshotReport& report) {
  if (!context.raw.tasks_reason.empty()) {
    const bool none = context.raw.tasks_reason == kZeroTasks;
    report.tasks_unavailable =
        none ? kZeroTasks : fmt::format("{}: {}", kNoTaskWalker, context.raw.tasks_reason);
  }
  report.tasks_truncated = context.raw.tasks_truncated;
  const TaskRenderer renderer(context);
  for (const RawTask& task : context.raw.tasks) report.tasks.push_back(renderer.Record(task));
}

}  // namespace ktstr::vmm
