// What pauses, which are ours, did to the guest, and which verdicts they make worthless. Pure.
#pragma once

#include <string>
#include <vector>

#include "interpreter/fold/observations.h"
#include "interpreter/judge/judge.h"

namespace ktstr {

/// From this share of a phase's real time on, pauses make its latencies worthless: the guest's own clock does
/// not show them, but timers that were due bunch up behind each pause, and caches are cold.
inline constexpr double kTolerablePausedShare = 0.10;

/// The share of a phase's real time (guest time and pauses together) that pauses took; 0 for one without a
/// begin and an end.
double PausedShare(const PhaseWindow& phase, const Observations& observed);

/// Failed checks on latencies become INCONCLUSIVE where the phase they are about was paused for too long, or,
/// of checks on the whole run, any phase.
void ExcusePaused(const RunRecord& record, const Observations& observed, std::vector<CheckResult>& results);

/// "paused once, 5.4 ms", "paused 3 times, 12.4 ms"; "" when it never was.
std::string PausesText(const Observations& observed);

}  // namespace ktstr
