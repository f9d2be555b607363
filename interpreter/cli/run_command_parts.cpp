#include "interpreter/cli/run_command_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "guest-init/base/one_line.h"
#include "guest-init/base/printable.h"
#include "vmm/image/guest_image.h"
#include "vmm/machine/memory_size.h"

namespace ktstr {

std::string BadScenarioCause(std::span<const LocatedDiagnostic> diagnostics) {
  const auto is_error = [](const LocatedDiagnostic& diagnostic) {
    return diagnostic.severity == Severity::kError;
  };
  const auto errors = std::count_if(diagnostics.begin(), diagnostics.end(), is_error);
  const auto first = std::find_if(diagnostics.begin(), diagnostics.end(), is_error);
  if (errors == 1) return fmt::format("bad scenario: {}", first->message);
  return fmt::format("bad scenario: {} errors; the first: {}", errors, first->message);
}

std::string InterruptedCause(std::string_view signal) {
  return signal.empty() ? "interrupted" : fmt::format("interrupted by {}", signal);
}

std::string ClocksOf(const Selection& selection) {
  std::set<Clock> clocks;
  for (const SelectedRun& run : selection.runs)
    if (run.plan != nullptr) clocks.insert(run.plan->scenario.clock);
  std::string text;
  for (const Clock clock : clocks)
    text += fmt::format("{}{}", text.empty() ? "" : " and ", kClocks[static_cast<std::size_t>(clock)].name);
  return text;
}

std::string StartLine(const RunSummary& summary, std::string_view clocks) {
  return fmt::format(
      "kernel {} ({}), accel {}{}, clock {}\n", summary.kernel.version, summary.kernel.origin, summary.accel,
      summary.accel_reason.empty() ? "" : fmt::format(" ({})", OneLine(summary.accel_reason)), clocks);
}

JobsNeed NeedOf(const std::deque<RunItem>& items, vmm::Accel accel) {
  JobsNeed need;
  need.accel = accel;
  for (const RunItem& item : items) {
    if (item.settled) continue;
    ++need.runs;
    const Scenario& scenario = item.selected->plan->scenario;
    const vmm::Topology topology = scenario.topology.Concrete();
    need.vcpus = std::max(need.vcpus, vmm::CpuCount(topology));
    // Payloads, which are not looked at here, rarely make a difference.
    const auto mib = scenario.memory.bytes != 0
                         ? static_cast<std::uint32_t>(scenario.memory.bytes >> 20)
                         : vmm::AutoMemoryMib({.init_bytes = vmm::GuestInitImage().size(),
                                               .cpus = vmm::CpuCount(topology),
                                               .numa_nodes = topology.numa_nodes});
    need.memory_mib = std::max(need.memory_mib, mib);
  }
  return need;
}

std::string RepeatCommand(const CliOptions& options, const SelectedRun& run, const RunSummary& summary) {
  std::string command = fmt::format("{} run {}", ShellWord(options.program), ShellWord(run.scenario->file));
  const auto add = [&](std::string_view option, std::string_view value) {
    command += fmt::format(" {} {}", option, ShellWord(value));
  };
  if (!run.plan->variant.empty()) add("--variant", run.plan->variant);
  if (options.clock) add("--clock", kClocks[static_cast<std::size_t>(*options.clock)].name);
  if (options.timeout) add("--timeout", FormatDuration(*options.timeout));
  if (options.scheduler) add("--scheduler", options.scheduler->text);
  add("--seed", std::to_string(run.plan->scenario.seed));
  if (options.allow_host_files) command += " --allow-host-files";
  add("--accel", summary.accel);
  // A cached kernel is known by its version, any other by its file.
  const vmm::Kernel& kernel = summary.kernel;
  add("--kernel", kernel.package.empty() ? kernel.image.string() : kernel.version);
  if (options.qemu != CliOptions().qemu) add("--qemu", options.qemu);
  return command;
}

std::string SourceAt(const LoadedScenario& loaded, std::string_view path) {
  if (!loaded.readable) return {};
  const std::string_view line = loaded.document.Line(loaded.document.Locate(path).span.line);
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return std::string(line.substr(begin, line.find_last_not_of(" \t") + 1 - begin));
}

void DropBulk(RunRecord& record) {
  record.reports = {};
  for (PayloadResult& payload : record.payloads) payload.stderr_text = {};
}

}  // namespace ktstr
