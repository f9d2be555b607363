#include "interpreter/report/snapshot_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vmm/introspection/snapshot/snapshot_json.h"

namespace ktstr {
namespace {

using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

bool IsNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.-+") == std::string::npos;
}

std::string Ms(std::uint64_t ns) { return fmt::format("{:.1f}", static_cast<double>(ns) / 1e6); }

std::string TaskName(const std::string& comm, const std::optional<std::int32_t>& pid) {
  return pid ? fmt::format("{} [{}]", comm, *pid) : comm;
}

/// "  not read: why" for an empty part, "  none" without a reason.
std::string Missing(const vmm::SnapshotReport& report, const char* member) {
  const std::string reason = vmm::SnapshotMemberUnavailable(report, member);
  return reason.empty() ? "  none\n" : fmt::format("  not read: {}\n", reason);
}

template <typename T>
const T* OfCpu(const std::vector<T>& list, std::uint32_t cpu) {
  const auto at = std::find_if(list.begin(), list.end(), [&](const T& item) { return item.cpu == cpu; });
  return at == list.end() ? nullptr : &*at;
}

std::string Reasons(const vmm::SnapshotReport& report) {
  std::string text;
  for (const auto& [what, reason] : {std::pair{"registers", &report.vcpu_regs_unavailable},
                                     std::pair{"run queues", &report.run_queues_unavailable},
                                     std::pair{"CPU times", &report.per_cpu_time_unavailable}})
    if (!reason->empty()) text += fmt::format("  {} not read: {}\n", what, *reason);
  return text;
}

}  // namespace

std::string RenderTable(const Rows& rows, std::size_t max_rows) {
  const std::size_t shown =
      max_rows == 0 || rows.size() <= max_rows + 1 ? rows.size() : max_rows + 1;  // with the header
  std::vector<std::size_t> widths(rows.front().size(), 0);
  std::vector<bool> right(rows.front().size(), true);
  for (std::size_t r = 0; r < shown; ++r)
    for (std::size_t c = 0; c < widths.size(); ++c) {
      widths[c] = std::max(widths[c], rows[r][c].size());
      if (r > 0 && !rows[r][c].empty() && !IsNumber(rows[r][c])) right[c] = false;
    }
  std::string text;
  for (std::size_t r = 0; r < shown; ++r) {
    std::string line;
    for (std::size_t c = 0; c < widths.size(); ++c)
      line += right[c] ? fmt::format("  {:>{}}", rows[r][c], widths[c])
                       : fmt::format("  {:<{}}", rows[r][c], widths[c]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  if (shown < rows.size()) text += fmt::format("  ... and {} more\n", rows.size() - shown);
  return text;
}

std::string RenderCpus(const vmm::SnapshotReport& report) {
  std::vector<std::uint32_t> cpus;
  for (const vmm::RunQueue& queue : report.run_queues) cpus.push_back(queue.cpu);
  for (const vmm::PerCpuTime& time : report.per_cpu_time) cpus.push_back(time.cpu);
  for (std::uint32_t cpu = 0; cpu < report.vcpu_regs.size(); ++cpu) cpus.push_back(cpu);
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  Rows rows = {{"cpu", "running", "switches", "current", "at", "user ms", "system ms", "idle ms"}};
  for (const std::uint32_t cpu : cpus) {
    Row row(rows.front().size());
    row[0] = fmt::format("{}", cpu);
    if (const auto* queue = OfCpu(report.run_queues, cpu)) {
      row[1] = fmt::format("{}", queue->nr_running);
      row[2] = fmt::format("{}", queue->nr_switches);
      row[3] = TaskName(queue->curr_comm, queue->curr_pid);
    }
    if (cpu < report.vcpu_regs.size() && report.vcpu_regs[cpu]) {
      const vmm::VcpuRegisters& registers = *report.vcpu_regs[cpu];
      row[4] =
          registers.symbol.empty() ? fmt::format("{:#x}", registers.instruction_pointer) : registers.symbol;
    }
    if (const auto* time = OfCpu(report.per_cpu_time, cpu)) {
      row[5] = Ms(time->user + time->nice);
      row[6] = Ms(time->system + time->irq + time->softirq);
      row[7] = Ms(time->idle + time->iowait);
    }
    rows.push_back(std::move(row));
  }
  return "CPUs\n" + (cpus.empty() ? std::string() : RenderTable(rows, 0)) + Reasons(report);
}

std::string RenderTasks(const vmm::SnapshotReport& report, const SnapshotTextStyle& style) {
  if (report.tasks.empty()) return "tasks\n" + Missing(report, "tasks");
  Rows rows = {{"pid", "comm", "class", "prio", "cpu", "on", "run ms", "vol", "invol", "allowed", "cgroup"}};
  for (const vmm::TaskRecord& task : report.tasks)
    rows.push_back({fmt::format("{}", task.pid), task.comm, task.sched_class, fmt::format("{}", task.prio),
                    fmt::format("{}", task.cpu), task.on_cpu ? "cpu" : (task.on_rq ? "queue" : ""),
                    Ms(task.sum_exec_runtime), fmt::format("{}", task.nvcsw), fmt::format("{}", task.nivcsw),
                    task.cpus_allowed, task.cgroup});
  return fmt::format("tasks  {}{}\n", report.tasks.size(),
                     report.tasks_truncated ? ", the list was cut" : "") +
         RenderTable(rows, style.max_rows);
}

std::string RenderSchedExt(const vmm::SnapshotReport& report, const SnapshotTextStyle& style) {
  std::string text = "sched_ext";
  if (!report.scx_sched_state) {
    text += "\n" + Missing(report, "scx_sched_state");
  } else {
    const vmm::ScxSched& sched = *report.scx_sched_state;
    text += fmt::format("  {} {}, exit kind {}{}, bypass depth {}{}\n",
                        sched.ops.empty() ? "(no name)" : sched.ops, sched.state,
                        sched.exit_kind_name.empty() ? "" : sched.exit_kind_name + " ", sched.exit_kind,
                        sched.bypass_depth, sched.aborting ? ", aborting" : "");
    Rows events = {{"event", "count"}};
    for (const auto& [name, count] : sched.event_counters) events.push_back({name, fmt::format("{}", count)});
    if (events.size() > 1) text += RenderTable(events, style.max_rows);
  }
  Rows queues = {{"dispatch queue", "id", "tasks", "pids"}};
  for (const vmm::DsqState& queue : report.dsq_states)
    queues.push_back({queue.origin, fmt::format("{:#x}", queue.id), fmt::format("{}", queue.nr),
                      fmt::format("{}{}", fmt::join(queue.pids, " "), queue.truncated ? " ..." : "")});
  if (queues.size() > 1) text += RenderTable(queues, style.max_rows);
  return text;
}

std::string RenderPrograms(const vmm::SnapshotReport& report, const SnapshotTextStyle& style) {
  if (report.prog_runtime_stats.empty()) return "BPF programs\n" + Missing(report, "prog_runtime_stats");
  Rows rows = {{"name", "id", "type", "verified insns", "runs", "ns", "misses"}};
  for (const vmm::ProgStats& prog : report.prog_runtime_stats)
    rows.push_back({prog.function.empty() ? prog.name : prog.function, fmt::format("{}", prog.id), prog.type,
                    prog.verified_insns ? fmt::format("{}", *prog.verified_insns) : "",
                    fmt::format("{}", prog.cnt), fmt::format("{}", prog.nsecs),
                    fmt::format("{}", prog.misses)});
  return "BPF programs\n" + RenderTable(rows, style.max_rows);
}

std::string SnapshotMoment(const SnapshotFile& snapshot) {
  std::string text = snapshot.phase;
  if (text.empty() && snapshot.phase_index)
    text =
        *snapshot.phase_index == 0 ? "before the first step" : fmt::format("step {}", *snapshot.phase_index);
  if (snapshot.elapsed_ms) text += fmt::format("{}at {} ms", text.empty() ? "" : " ", *snapshot.elapsed_ms);
  return text;
}

std::string RenderSnapshot(const SnapshotFile& snapshot, const SnapshotTextStyle& style) {
  const vmm::SnapshotReport& report = snapshot.report;
  const std::string moment = SnapshotMoment(snapshot);
  std::string text = fmt::format("snapshot '{}'{}{}\n", snapshot.tag, moment.empty() ? "" : ", ", moment);
  if (report.is_placeholder) text += fmt::format("  the capture failed: {}\n", report.maps_unavailable);
  if (report.is_placeholder && report.vcpu_regs.empty()) return text;
  if (!report.is_placeholder)
    text += fmt::format("  guest clock {:.6f} s; paused for {:.1f} ms of host time\n",
                        static_cast<double>(report.guest_ns) / 1e9, report.paused_ms);
  if (report.dump_truncated_at_us)
    text += fmt::format("  the time limit passed after {} us: later parts are missing\n",
                        *report.dump_truncated_at_us);
  text += '\n' + RenderCpus(report);
  if (report.is_placeholder) return text;
  text += '\n' + RenderTasks(report, style) + '\n' + RenderSchedExt(report, style) + '\n' +
          RenderPrograms(report, style);
  if (report.maps.empty()) return text + "\nBPF maps\n" + Missing(report, "maps");
  for (const vmm::MapRecord& map : report.maps) text += '\n' + RenderMap(map, style);
  return text;
}

std::string RenderSnapshotJson(const nlohmann::json& json, const SnapshotTextStyle& style) {
  const auto line = [](const nlohmann::json& value) {
    return value.is_string() ? value.get<std::string>()
                             : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  if (json.is_object() && json.contains("kind"))
    if (const auto value = vmm::RenderedFromJson(json); value.ok()) return vmm::FormatRendered(*value) + '\n';
  if (!json.is_structured()) return line(json) + '\n';
  if (json.empty()) return "none\n";
  std::string text;
  std::size_t shown = 0;
  for (const auto& [key, value] : json.items()) {
    if (json.is_array() && style.max_rows > 0 && shown++ == style.max_rows)
      return text + fmt::format("... and {} more\n", json.size() - style.max_rows);
    const std::string name = json.is_array() ? fmt::format("[{}]", key) : key;
    if (json.is_object() && (value.is_null() || value == "")) continue;
    std::string inner = RenderSnapshotJson(value, style);
    inner.pop_back();
    const bool rendered =
        value.is_object() && value.contains("kind") && inner.find('\n') == std::string::npos;
    if (value.is_structured() && !value.empty() && !rendered) {
      for (std::size_t at = inner.find('\n'); at != std::string::npos; at = inner.find('\n', at + 3))
        inner.insert(at + 1, "  ");
      text += name + ":\n  " + inner + '\n';
    } else {
      text += name + ": " + inner + '\n';
    }
  }
  return text;
}

}  // namespace ktstr
