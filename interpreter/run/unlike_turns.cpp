#include "interpreter/run/unlike_turns.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "interpreter/judge/cpu_quality.h"

namespace ktstr {
namespace {

/// Workers were on more than one CPU, or there was a payload, which may have been on any.
bool SeveralWereBusy(const RunRecord& record) {
  std::set<std::uint32_t> cpus;
  for (const CollectedReport& collected : record.reports)
    cpus.insert(collected.report.cpus_used.begin(), collected.report.cpus_used.end());
  return cpus.size() > 1 || !record.payloads.empty();
}

}  // namespace

bool GivesLikeTurns(std::string_view qemu) {
  int major = 0, minor = 0;
  const char* const end = qemu.data() + qemu.size();
  const char* const dot = std::from_chars(qemu.data(), end, major).ptr;
  if (dot != end && *dot == '.') std::from_chars(dot + 1, end, minor);
  return major > 8 || (major == 8 && minor >= 1);
}

void ExcuseUnlikeTurns(RunOutcome& outcome) {
  const MachineFacts& machine = outcome.machine;
  if (machine.clock != "virtual" || outcome.record.node_of_cpu.size() < 2 || GivesLikeTurns(machine.qemu) ||
      !SeveralWereBusy(outcome.record))
    return;
  const std::string excuse = fmt::format(
      "QEMU {} gives CPUs that are busy at once unlike turns on the virtual clock (8.1 and later do not); ",
      machine.qemu);
  for (CheckResult& result : outcome.checks) {
    if (result.verdict != Verdict::kFail || !MayBeTheHosts(result, outcome.record)) continue;
    result.verdict = Verdict::kInconclusive;
    result.message = excuse + result.message;
  }
  if (!outcome.waited_in_vain || outcome.verdict != Verdict::kFail) return;
  outcome.verdict = Verdict::kInconclusive;
  outcome.cause = excuse + outcome.cause;
}

}  // namespace ktstr
