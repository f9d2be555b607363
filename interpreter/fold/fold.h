// Reports to statistics, as a pure function.
#pragma once

#include "interpreter/fold/stats.h"

namespace ktstr {

/// Folds worker reports into per-phase, per-cgroup buckets and whole-run rows.
///
/// - A step-local group gives all its report to the phase it was started in (it is collected at that step's
///   end); a backdrop group gives one PhaseSlice to each phase. Slices of BASELINE and of the gaps between
///   steps are left out. Cgroup rows of the whole run come from the reports as such.
/// - Counters add; max_gap_ms keeps its worker and CPU with it (of equal gaps the later one);
///   vmstat migrations take the maximum, because every worker reads one system-wide counter.
/// - Percentiles weigh each sample by what it stands for (observations / samples kept, per worker). Beyond
///   kReportSamples samples a cgroup is thinned by drawing (cgroup_totals.h).
/// - Sentinels count as missing and give no numbers; what was not measured is absent.
/// - Up to kReportSamples samples a cgroup, the result does not depend on the order of the reports, except
///   for that tie rule.
Stats Fold(const RunRecord& record);

}  // namespace ktstr
