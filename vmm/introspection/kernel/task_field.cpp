#include "vmm/introspection/kernel/task_field.h"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kTaskDead = 0x80;
constexpr int kWalks = 3;
constexpr std::string_view kAdvice =
    "use a work type that blocks, so that the task sleeps when it is written";

/// The members of task_struct and signal_struct that finding a task takes.
struct TaskPaths {
  MemberPath tasks, thread_node, signal, pid, comm, thread_head;
};
Result<TaskPaths> FindPaths(const Btf& btf) {
  TaskPaths paths;
  paths.tasks = TRY(btf.Path("task_struct.tasks"));
  paths.thread_node = TRY(btf.Path("task_struct.thread_node"));
  paths.signal = TRY(btf.Path("task_struct.signal"));
  paths.pid = TRY(btf.Path("task_struct.pid"));
  paths.comm = TRY(btf.Path("task_struct.comm"));
  paths.thread_head = TRY(btf.Path("signal_struct.thread_head"));
  return paths;
}

/// Walks over all threads of all processes but init_task's own (the idle tasks).
class TaskWalk {
 public:
  /// Gets the address of a task_struct; false ends the walk.
  using Visitor = std::function<bool(std::uint64_t task)>;

  TaskWalk(const KernelView& view, const TaskPaths& paths, const Visitor& visit)
      : view_(view), paths_(paths), visit_(visit) {}

  /// Error: the list's end was not found.
  Result<> Run(std::uint64_t init_task) {
    const std::uint64_t head = init_task + paths_.tasks.offset;
    std::optional<std::uint64_t> node = view_.Load<std::uint64_t>(head);
    for (; node && *node != head && !ended_; node = view_.Load<std::uint64_t>(*node)) {
      TRY(WalkThreads(*node - paths_.tasks.offset));
      TRY(Count());
    }
    if (!node) return Broken("at an address that cannot be read");
    return {};
  }

 private:
  Result<> WalkThreads(std::uint64_t leader) {
    const auto signal = view_.LoadField(leader, paths_.signal);
    if (!signal) return Broken("at a process that cannot be read");
    if (*signal == 0) return {};  // it is gone already, and so are its threads
    const std::uint64_t head = *signal + paths_.thread_head.offset;
    std::optional<std::uint64_t> node = view_.Load<std::uint64_t>(head);
    for (; node && *node != head && !ended_; node = view_.Load<std::uint64_t>(*node)) {
      ended_ = !visit_(*node - paths_.thread_node.offset);
      TRY(Count());
    }
    if (!node) return Broken("at a thread that cannot be read");
    return {};
  }

  Result<> Count() {
    if (++nodes_ < kMaxTaskNodes) return {};
    return Broken(fmt::format("after {} nodes", kMaxTaskNodes));
  }
  static Error Broken(std::string_view where) {
    return {ErrorKind::kGuest,
            fmt::format("the guest's task list does not come to its end: it breaks off {}", where)};
  }

  const KernelView& view_;
  const TaskPaths& paths_;
  const Visitor& visit_;
  std::size_t nodes_ = 0;
  bool ended_ = false;
};

/// The tasks that `wanted` says yes to, at most `limit`, and how many there are of all kinds. An empty result
/// is that of the third walk: with the guest running, one may go astray with a task that is ending.
struct FoundTasks {
  std::vector<std::uint64_t> tasks;
  std::size_t seen = 0;
};
Result<FoundTasks> FindTasks(const KernelView& view, const TaskPaths& paths, std::size_t limit,
                             const TaskWalk::Visitor& wanted) {
  const std::uint64_t init_task = TRY(view.Symbol("init_task"));
  Result<> walked;
  FoundTasks found;
  for (int walk = 0; walk < kWalks && found.tasks.empty(); ++walk) {
    found.seen = 0;
    const TaskWalk::Visitor visit = [&](std::uint64_t task) {
      ++found.seen;
      if (wanted(task)) found.tasks.push_back(task);
      return found.tasks.size() < limit;
    };
    walked = TaskWalk(view, paths, visit).Run(init_task);
  }
  if (found.tasks.empty() && !walked) return walked.error();
  return found;
}

Error Layer(const TaskTarget& target, std::string_view layer, std::string_view seen,
            std::string_view advice) {
  return {ErrorKind::kInput, fmt::format("task {}: {}: {}; {}", target.pid, layer, seen, advice)};
}

Result<std::uint64_t> FindByPid(const KernelView& view, const TaskTarget& target) {
  const TaskPaths paths = TRY(FindPaths(view.btf()));
  const FoundTasks found = TRY(FindTasks(view, paths, 1, [&](std::uint64_t task) {
    const auto pid = view.LoadField(task, paths.pid);
    return pid && static_cast<std::int32_t>(*pid) == target.pid;
  }));
  if (!found.tasks.empty()) return found.tasks.front();
  return Layer(target, "pid", fmt::format("none of the guest's {} tasks has it", found.seen),
               "it has ended, or is the pid of another pid namespace");
}

/// A member of the task that the layers need.
class TaskReader {
 public:
  TaskReader(const KernelView& view, std::uint64_t task, const TaskTarget& target)
      : view_(view), task_(task), target_(target) {}

  Result<std::uint64_t> Load(std::string_view member) const {
    const MemberPath path = TRY(view_.btf().Path(fmt::format("task_struct.{}", member)));
    const auto value = view_.LoadField(task_, path);
    if (value) return *value;
    return Error{ErrorKind::kGuest, fmt::format("task {}: {} cannot be read", target_.pid, member)};
  }
  Result<std::uint64_t> AddressOf(std::string_view member) const {
    const MemberPath path = TRY(view_.btf().Path(fmt::format("task_struct.{}", member)));
    return task_ + path.offset;
  }

 private:
  const KernelView& view_;
  std::uint64_t task_;
  const TaskTarget& target_;
};

// Layers 2 and 3. /proc shows start_boottime, not start_time: the two are read one after the other when a
// task is made, so they may lie on different sides of a tick.
Result<> CheckIdentity(const TaskReader& task, const TaskTarget& target) {
  const std::uint64_t start = TRY(task.Load("start_boottime"));
  const std::uint64_t expected = target.expected_start_time_ns;
  if (start < expected || start - expected >= kStartTimeTickNs)
    return Layer(
        target, "start time",
        fmt::format("it started at {} ns, not within 10 ms from {} ns on", start, expected),
        "the pid is another task's by now, or the time is not field 22 of /proc/PID/stat times 10000000");
  const std::uint64_t state = TRY(task.Load("__state"));
  if ((state & kTaskDead) != 0)
    return Layer(target, "alive", fmt::format("__state is {:#x}, which has TASK_DEAD", state),
                 "it is ending");
  return {};
}

// Layers 4, 5 and 6: nothing of the kernel's scheduler looks at the task's fields while they are written.
Result<> CheckDetached(const KernelView& view, const TaskReader& task, const TaskTarget& target) {
  const std::uint64_t on_rq = TRY(task.Load("on_rq"));
  if (on_rq != 0) return Layer(target, "not queued", fmt::format("on_rq is {}", on_rq), kAdvice);
  if (!view.btf().Path("task_struct.scx").ok() || !view.facts().symbols->Find("ext_sched_class"))
    return Layer(target, "sched_ext", "this kernel has no sched_ext",
                 "only tasks of sched_ext can be written; take a kernel with CONFIG_SCHED_CLASS_EXT");
  const std::uint64_t dsq = TRY(task.Load("scx.dsq"));
  if (dsq != 0) return Layer(target, "no DSQ", fmt::format("scx.dsq is {:#x}", dsq), kAdvice);
  const std::uint64_t node = TRY(task.AddressOf("scx.runnable_node"));
  const std::uint64_t next = TRY(task.Load("scx.runnable_node.next"));
  if (next != 0 && next != node)
    return Layer(target, "no DSQ", fmt::format("scx.runnable_node is in a list ({:#x})", next), kAdvice);
  const std::uint64_t sched_class = TRY(task.Load("sched_class"));
  const std::uint64_t ext = TRY(view.Symbol("ext_sched_class"));
  if (sched_class != ext)
    return Layer(target, "sched_ext", fmt::format("sched_class is {}", view.Symbolize(sched_class)),
                 "only tasks of sched_ext can be written; attach a scheduler first");
  return {};
}

}  // namespace

Result<std::uint64_t> FindTask(const KernelView& view, const TaskTarget& target, KernelIntent intent) {
  const std::uint64_t address = TRY(FindByPid(view, target));
  const TaskReader task(view, address, target);
  TRY(CheckIdentity(task, target));
  if (intent == KernelIntent::kWrite) TRY(CheckDetached(view, task, target));
  if (TRY(task.Load("start_boottime")) == 0)
    return Layer(target, "complete", "start_boottime is 0", "it is still being made");
  return address;
}

Result<TaskTarget> TaskByName(const KernelView& view, std::string_view comm, std::string field) {
  constexpr std::size_t kListed = 4;
  const TaskPaths paths = TRY(FindPaths(view.btf()));
  const FoundTasks found = TRY(FindTasks(view, paths, kListed, [&](std::uint64_t task) {
    return view.LoadString(task + paths.comm.offset, paths.comm.size) == comm;
  }));
  if (found.tasks.empty())
    return InputError(fmt::format("none of the guest's {} tasks is called '{}'", found.seen, comm));
  std::vector<std::int32_t> pids;
  for (const std::uint64_t task : found.tasks)
    pids.push_back(static_cast<std::int32_t>(view.LoadField(task, paths.pid).value_or(0)));
  if (pids.size() > 1)
    return InputError(
        fmt::format("several tasks are called '{}' (pids {}{}); give one's pid and start_time_ns", comm,
                    fmt::join(pids, ", "), pids.size() == kListed ? ", ..." : ""));
  TaskTarget target{pids.front(), 0, std::move(field)};
  const std::uint64_t start = TRY(TaskReader(view, found.tasks.front(), target).Load("start_boottime"));
  target.expected_start_time_ns = start - start % kStartTimeTickNs;
  return target;
}

}  // namespace ktstr::vmm
