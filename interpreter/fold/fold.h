// Reports to statistics, as a pure function.
#pragma once

#include "interpreter/fold/stats.h"

namespace ktstr {

/// Folds worker reports into per-phase, per-cgroup buckets and whole-run rows.
///
/// - A worker gives one PhaseSlice to each phase it lived in. Those of BASELINE and of the gaps between
/// phases
///   are only part of its whole life, from which the rows of the whole run come. A worker started in a step
///   belongs to that step only, with all its life when it ended before the step's first Ops were done.
///   Migrations in a gap count for the phase after it: its Ops caused them.
/// - Counters add; max_gap_ms keeps its worker and CPU with it (of equal gaps the later one);
///   vmstat migrations take the maximum, because every worker reads one system-wide counter.
/// - Percentiles weigh each sample by what it stands for (observations / samples kept, per worker). Beyond
///   kReportSamples samples a cgroup is thinned by drawing (cgroup_totals.h).
/// - Sentinels count as missing. What the guest knows of them (time, CPU time, run delay, gaps) is counted
/// all
///   the same: a worker that never ran is what most figures are about. What was not measured is absent.
/// - Up to kReportSamples samples a cgroup, the result does not depend on the order of the reports, except
///   for that tie rule.
Stats Fold(const RunRecord& record);

}  // namespace ktstr
