#include "interpreter/judge/pauses.h"

#include <fmt/format.h>

#include "interpreter/judge/cpu_quality.h"

namespace ktstr {

double PausedShare(const PhaseWindow& phase, const Observations& observed) {
  if (!phase.started || !phase.ended || phase.end_ns <= phase.start_ns) return 0;
  double paused_ms = 0;
  for (const PauseRecord& pause : observed.pauses)
    if (pause.phase == phase.index) paused_ms += pause.ms;
  const double guest_ms = static_cast<double>(phase.end_ns - phase.start_ns) / 1e6;
  return paused_ms / (guest_ms + paused_ms);
}

void ExcusePaused(const RunRecord& record, const Observations& observed, std::vector<CheckResult>& results) {
  for (CheckResult& result : results) {
    if (result.verdict != Verdict::kFail || !IsAboutLatency(result)) continue;
    for (const PhaseWindow& phase : record.phases) {
      const double share = PausedShare(phase, observed);
      if (share <= kTolerablePausedShare || (!result.phase.empty() && result.phase != phase.name)) continue;
      result.verdict = Verdict::kInconclusive;
      result.message = fmt::format("snapshots and watches paused the guest for {:.0f} % of phase {}; {}",
                                   share * 100, phase.name, result.message);
      break;
    }
  }
}

std::string PausesText(const Observations& observed) {
  if (observed.pauses.empty()) return {};
  std::uint64_t count = 0;
  for (const PauseRecord& pause : observed.pauses) count += pause.count;
  return fmt::format("paused {}, {:.1f} ms", count == 1 ? "once" : fmt::format("{} times", count),
                     observed.PausedMs());
}

}  // namespace ktstr
