#include "interpreter/judge/disturbance.h"

#include <fmt/format.h>

#include "interpreter/judge/cpu_quality.h"

namespace ktstr {

double DisturbedShare(const PhaseWindow& phase, const Observations& observed) {
  if (!phase.started || !phase.ended || phase.end_ns <= phase.start_ns) return 0;
  double paused_ms = 0;
  for (const PauseRecord& pause : observed.pauses)
    if (pause.phase == phase.index) paused_ms += pause.ms;
  const double guest_ms = static_cast<double>(phase.end_ns - phase.start_ns) / 1e6;
  return paused_ms / (guest_ms + paused_ms);
}

void ExcuseDisturbed(const RunRecord& record, const Observations& observed,
                     std::vector<CheckResult>& results) {
  for (CheckResult& result : results) {
    if (result.verdict != Verdict::kFail || !IsAboutLatency(result)) continue;
    for (const PhaseWindow& phase : record.phases) {
      const double share = DisturbedShare(phase, observed);
      if (share <= kDisturbedShare || (!result.phase.empty() && result.phase != phase.name)) continue;
      result.verdict = Verdict::kInconclusive;
      result.message = fmt::format("snapshots and watches kept the guest still for {:.0f} % of phase {}; {}",
                                   share * 100, phase.name, result.message);
      break;
    }
  }
}

std::string DisturbanceText(const Observations& observed) {
  if (observed.pauses.empty()) return {};
  std::uint64_t stops = 0;
  for (const PauseRecord& pause : observed.pauses) stops += pause.stops;
  return fmt::format("stood still {} time{}, {:.1f} ms", stops, stops == 1 ? "" : "s", observed.PausedMs());
}

}  // namespace ktstr
