#include "vmm/introspection/capture/walk_sched_ext.h"

#include <algorithm>

namespace ktstr::vmm {
namespace {

constexpr std::size_t kMostDsqs = 8192;
constexpr std::uint64_t kMostBuckets = 65'536;
constexpr std::size_t kMostInBucket = 1024;

class ScxCollector {
 public:
  explicit ScxCollector(Collector& c) : c_(c), layout_(c.layout), out_(c.out.scx) {}

  void Run() {
    out_.read = true;
    if (layout_.at.scx_root) out_.sched = c_.Load(*layout_.at.scx_root).value_or(0);
    State();
    for (std::uint32_t cpu = 0; cpu < c_.cpus() && cpu < c_.out.cpus.size(); ++cpu) RunQueue(cpu);
    if (layout_.dsq.ok()) GlobalDsqs();
    if (layout_.dsq.ok()) UserDsqs();
  }

 private:
  void State() {
    const ScxSchedLayout& sched = layout_.scx_sched;
    if (out_.sched != 0 && sched.ok()) {
      out_.sched_bytes = c_.Copy(out_.sched, sched.extent);
      out_.ops = c_.Copy(out_.sched + sched.ops.offset, layout_.scx_ops_size);
    } else if (layout_.at.scx_ops) {
      out_.ops = c_.Copy(*layout_.at.scx_ops, layout_.scx_ops_size);
    }
    out_.enable_state = Word(layout_.at.scx_enable_state);
    out_.exit_kind = Word(layout_.at.scx_exit_kind);
    // While it is being disabled, what for is in its exit info.
    const auto info = layout_.at.scx_exit_info ? c_.Load(*layout_.at.scx_exit_info) : std::nullopt;
    if (info && *info != 0)
      if (const auto kind = c_.LoadField(*info, layout_.scx_exit_info.kind); kind && *kind != 0)
        out_.exit_kind = static_cast<std::int32_t>(*kind);
    out_.bypass_depth = Word(layout_.at.scx_bypass_depth);
    if (layout_.at.scx_watchdog_timeout) out_.watchdog_timeout = c_.Load(*layout_.at.scx_watchdog_timeout);
    if (layout_.at.scx_enable_names && out_.enable_state && *out_.enable_state >= 0 &&
        *out_.enable_state < 16) {
      const auto at = static_cast<std::uint64_t>(*out_.enable_state) * 8;
      if (const auto name = c_.Load(*layout_.at.scx_enable_names + at); name && *name != 0)
        out_.enable_name = c_.view.LoadString(*name, 32);
    }
    Events();
  }

  void Events() {
    std::uint64_t events = layout_.at.event_stats_cpu.value_or(0);
    if (!out_.sched_bytes.empty())
      events = Get(out_.sched_bytes, layout_.scx_sched.event_stats).value_or(events);
    if (events != 0) events += layout_.scx_sched.events_in_pcpu;
    const std::uint32_t size =
        layout_.scx_event_stats == 0 ? 0 : c_.view.btf().SizeOf(layout_.scx_event_stats);
    for (std::uint32_t cpu = 0; cpu < c_.cpus() && events != 0 && size != 0; ++cpu)
      out_.event_stats.push_back(c_.Copy(c_.OnCpu(events, cpu), size));
  }

  [[nodiscard]] std::optional<std::int32_t> Word(std::optional<std::uint64_t> address) const {
    if (!address) return std::nullopt;
    return c_.view.Load<std::int32_t>(*address);
  }

  void RunQueue(std::uint32_t cpu) {
    const RqLayout& rq = layout_.rq;
    const std::uint64_t address = c_.OnCpu(*layout_.at.runqueues, cpu);
    RawCpu& raw = c_.out.cpus[cpu];
    if (rq.scx_runnable_list && layout_.task.scx_runnable_node) {
      const std::uint64_t list = address + rq.scx_runnable_list.offset;
      for (const std::uint64_t node : WalkList(c_, list, CaptureLimits::kTasks, raw.runnable_truncated)) {
        raw.runnable.push_back(node - layout_.task.scx_runnable_node.offset);
        c_.NameTask(raw.runnable.back());
      }
    }
    if (!layout_.dsq.ok()) return;
    Dsq(address + rq.scx_local_dsq.offset, RawDsq::Origin::kLocal, cpu);
    if (rq.scx_bypass_dsq) Dsq(address + rq.scx_bypass_dsq.offset, RawDsq::Origin::kBypass, cpu);
  }

  void Dsq(std::uint64_t address, RawDsq::Origin origin, std::uint32_t index) {
    if (out_.dsqs.size() >= kMostDsqs || c_.Expired()) {
      out_.truncated = true;
      return;
    }
    RawDsq& dsq = out_.dsqs.emplace_back();
    dsq.origin = origin;
    dsq.index = index;
    dsq.bytes = c_.Copy(address, layout_.dsq.extent);
    dsq.truncated = dsq.bytes.empty();
    const Field& node_field = layout_.task.scx_dsq_node;
    if (dsq.bytes.empty() || !node_field) return;
    for (const std::uint64_t node :
         WalkList(c_, address + layout_.dsq.list.offset, CaptureLimits::kTasks, dsq.truncated)) {
      // BPF iterators hang cursors into the list, which are no tasks.
      constexpr std::uint64_t kCursor = 1;  // SCX_DSQ_LNODE_ITER_CURSOR
      const Field& flags = layout_.task.scx_dsq_flags;
      const std::uint64_t task = node - node_field.offset;
      if (flags && (c_.LoadField(task, flags).value_or(0) & kCursor) != 0) continue;
      dsq.tasks.push_back(task);
      c_.NameTask(task);
    }
  }

  void GlobalDsqs() {
    std::uint64_t list = 0;
    if (!out_.sched_bytes.empty() && layout_.scx_sched.global_dsqs)
      list = Get(out_.sched_bytes, layout_.scx_sched.global_dsqs).value_or(0);
    else if (layout_.at.global_dsqs)
      list = c_.Load(*layout_.at.global_dsqs).value_or(0);
    if (list == 0) return;
    const std::int32_t nodes = layout_.at.nr_node_ids ? Word(layout_.at.nr_node_ids).value_or(1) : 1;
    for (std::int32_t node = 0; node < nodes && node < 1024; ++node)
      if (const auto dsq = c_.Load(list + static_cast<std::uint64_t>(node) * 8); dsq && *dsq != 0)
        Dsq(*dsq, RawDsq::Origin::kGlobal, static_cast<std::uint32_t>(node));
  }

  void UserDsqs() {
    if (!layout_.rhashtable.ok() || !layout_.bucket_table.ok()) return;
    std::uint64_t hash = 0;
    if (out_.sched != 0 && layout_.scx_sched.ok() && layout_.scx_sched.dsq_hash)
      hash = out_.sched + layout_.scx_sched.dsq_hash.offset;
    else if (layout_.at.dsq_hash)
      hash = *layout_.at.dsq_hash;
    if (hash == 0) return;
    const std::uint64_t table = c_.LoadField(hash, layout_.rhashtable.tbl).value_or(0);
    if (table == 0) return;
    Table(table);
    // While the table is being resized, some are in the next one already.
    if (const auto next = c_.LoadField(table, layout_.bucket_table.future); next && *next != 0) Table(*next);
  }

  void Table(std::uint64_t table) {
    const BucketTableLayout& of = layout_.bucket_table;
    const auto size = c_.LoadField(table, of.size);
    // Nested tables are made only when memory is short.
    if (!size || *size > kMostBuckets || c_.LoadField(table, of.nest) != 0U) {
      out_.truncated = true;
      return;
    }
    for (std::uint64_t i = 0; i < *size; ++i) {
      const auto bucket = c_.Load(table + of.buckets.offset + i * 8);
      std::uint64_t node = bucket.value_or(0) & ~std::uint64_t{1};  // the lowest bit is its lock
      WalkGuard guard(c_, kMostInBucket);
      while (node != 0 && (node & 1) == 0) {  // odd: the end of the chain
        if (!guard.Step(node)) {
          out_.truncated = true;
          break;
        }
        Dsq(node - layout_.dsq.hash_node.offset, RawDsq::Origin::kUser, 0);
        node = c_.Load(node).value_or(0);
      }
      if (!c_.TakeStep()) out_.truncated = true;
      if (out_.truncated) return;
    }
  }

  Collector& c_;
  const KernelLayout& layout_;
  RawScx& out_;
};

std::string OriginOf(const RawDsq& dsq) {
  switch (dsq.origin) {
    case RawDsq::Origin::kLocal:
      return "local cpu " + std::to_string(dsq.index);
    case RawDsq::Origin::kBypass:
      return "bypass cpu " + std::to_string(dsq.index);
    case RawDsq::Origin::kGlobal:
      return "global node " + std::to_string(dsq.index);
    case RawDsq::Origin::kUser:
      break;
  }
  return "user";
}

std::vector<std::int32_t> PidsOf(const RenderContext& context, const std::vector<std::uint64_t>& tasks,
                                 bool& truncated) {
  std::vector<std::int32_t> pids;
  for (const std::uint64_t task : tasks) {
    if (const TaskName* name = context.NameOf(task))
      pids.push_back(name->pid);
    else
      truncated = true;
  }
  return pids;
}

RqScx ScxQueueOf(const RenderContext& context, const RawCpu& raw, std::uint32_t cpu) {
  const RqLayout& layout = context.layout.rq;
  RqScx queue;
  queue.cpu = cpu;
  queue.nr_running = static_cast<std::uint32_t>(Get(raw.rq, layout.scx_nr_running).value_or(0));
  queue.flags = static_cast<std::uint32_t>(Get(raw.rq, layout.scx_flags).value_or(0));
  if (const auto released = Get(raw.rq, layout.scx_cpu_released)) queue.cpu_released = *released != 0;
  queue.ops_qseq = Get(raw.rq, layout.scx_ops_qseq);
  queue.clock = Get(raw.rq, layout.scx_clock);
  if (const TaskName* curr = context.NameOf(Get(raw.rq, layout.curr).value_or(0))) {
    queue.curr_pid = curr->pid;
    queue.curr_comm = curr->comm;
  }
  queue.truncated = raw.runnable_truncated;
  queue.runnable_pids = PidsOf(context, raw.runnable, queue.truncated);
  return queue;
}

/// The enumerator's name; empty: there is none.
std::string EnumName(const Btf& btf, const char* type, std::int64_t value) {
  const auto id = btf.FindType(type);
  if (!id.ok()) return {};
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return btf.Render(*id, bytes.first(std::min<std::size_t>(bytes.size(), btf.SizeOf(*id)))).text;
}

void AddEvents(const RenderContext& context, ScxSched& sched) {
  for (const Bytes& bytes : context.raw.scx.event_stats) {
    const RenderedValue one = context.facts.btf->Render(context.layout.scx_event_stats, bytes);
    for (std::size_t i = 0; i < one.members.size(); ++i) {
      if (i == sched.event_counters.size()) sched.event_counters.emplace_back(one.members[i].name, 0);
      std::int64_t& sum = sched.event_counters[i].second;  // unsigned: what wraps is damaged, not undefined
      sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum) + one.members[i].value.number);
    }
  }
}

ScxSched SchedOf(const RenderContext& context) {
  const RawScx& raw = context.raw.scx;
  const ScxSchedLayout& layout = context.layout.scx_sched;
  ScxSched sched;
  sched.ops = TextAt(raw.ops, context.layout.scx_ops_name.offset, context.layout.scx_ops_name.size);
  sched.state = raw.enable_name;
  if (sched.state.empty() && raw.enable_state) sched.state = "state " + std::to_string(*raw.enable_state);
  sched.exit_kind = raw.exit_kind.value_or(0);
  if (const auto kind = Get(raw.sched_bytes, layout.exit_kind))
    sched.exit_kind = static_cast<std::int32_t>(*kind);
  sched.exit_kind_name = EnumName(*context.facts.btf, "scx_exit_kind", sched.exit_kind);
  // Older kernels have no flag: a scheduler aborts from when it has a reason to exit.
  sched.aborting = Get(raw.sched_bytes, layout.aborting).value_or(sched.exit_kind != 0 ? 1 : 0) != 0;
  sched.bypass_depth = raw.bypass_depth.value_or(0);
  if (const auto depth = Get(raw.sched_bytes, layout.bypass_depth))
    sched.bypass_depth = static_cast<std::int32_t>(*depth);
  sched.watchdog_timeout = raw.watchdog_timeout;
  if (const auto timeout = Get(raw.sched_bytes, layout.watchdog_timeout)) sched.watchdog_timeout = timeout;
  if (raw.sched != 0) sched.sched_kva = raw.sched;
  AddEvents(context, sched);
  return sched;
}

}  // namespace

void CollectSchedExt(Collector& c) {
  if (!c.layout.has_sched_ext)
    c.out.scx_reason = std::string(kNoScxWalker) + ": the kernel has no sched_ext";
  else if (!c.layout.dsq.ok())
    c.out.scx_reason = std::string(kNoScxWalker) + ": " + c.layout.dsq.missing;
  if (c.layout.has_sched_ext && c.layout.at.runqueues) ScxCollector(c).Run();
}

void RenderSchedExt(const RenderContext& context, SnapshotReport& report) {
  const KernelLayout& layout = context.layout;
  const RawScx& raw = context.raw.scx;
  report.scx_walker_unavailable = context.raw.scx_reason;
  if (!raw.read) return;
  for (std::uint32_t cpu = 0; cpu < context.raw.cpus.size(); ++cpu)
    if (!context.raw.cpus[cpu].rq.empty())
      report.rq_scx_states.push_back(ScxQueueOf(context, context.raw.cpus[cpu], cpu));
  for (const RawDsq& dsq : raw.dsqs) {
    DsqState& state = report.dsq_states.emplace_back();
    state.id = Get(dsq.bytes, layout.dsq.id).value_or(0);
    state.origin = OriginOf(dsq);
    state.nr = static_cast<std::uint32_t>(Get(dsq.bytes, layout.dsq.nr).value_or(0));
    state.seq = Get(dsq.bytes, layout.dsq.seq).value_or(0);
    state.truncated = dsq.truncated || raw.truncated;
    state.pids = PidsOf(context, dsq.tasks, state.truncated);
  }
  const bool by_root = layout.at.scx_root.has_value();
  const bool disabled = raw.enable_name == "disabled";
  if (by_root ? raw.sched == 0 : disabled)
    report.scx_walker_unavailable = kScxRootNull;
  else if (raw.ops.empty() && report.scx_walker_unavailable.empty())
    report.scx_walker_unavailable = kScxNoState;
  else if (!raw.ops.empty())
    report.scx_sched_state = SchedOf(context);
}

}  // namespace ktstr::vmm
