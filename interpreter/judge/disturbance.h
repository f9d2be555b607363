// What our own looking did to the guest, and which verdicts it makes worthless. Pure.
#pragma once

#include <string>
#include <vector>

#include "interpreter/fold/observations.h"
#include "interpreter/judge/judge.h"

namespace ktstr {

/// A phase in which the guest stood still for more than this share of its real time is disturbed: its own
/// clock does not show it, but timers that were due bunch up behind each stop and caches are cold.
inline constexpr double kDisturbedShare = 0.10;

/// How much of a phase's real time (guest time and pauses together) the guest stood still; 0 for one without
/// a begin and an end.
double DisturbedShare(const PhaseWindow& phase, const Observations& observed);

/// Failed checks on latencies become INCONCLUSIVE where the phase they are about was disturbed, or, of checks
/// on the whole run, any phase.
void ExcuseDisturbed(const RunRecord& record, const Observations& observed,
                     std::vector<CheckResult>& results);

/// "the guest stood still 3 times, 12.4 ms in all: snapshot before, watch x (17)"; "" when it never did.
std::string DisturbanceText(const Observations& observed);

}  // namespace ktstr
