// Statistics and checks to verdicts, as a pure function. A missing result is ERROR, a check without data is
// INCONCLUSIVE; nothing passes silently.
#pragma once

#include <span>
#include <vector>

#include "interpreter/fold/observations.h"
#include "interpreter/fold/stats.h"
#include "interpreter/fold/verdict.h"
#include "interpreter/scenario/check_list.h"
#include "interpreter/scenario/checks/check_result.h"

namespace ktstr {

/// REQUIRES: `stats` is Fold(record), and ResolveChecks found no error in `checks`; a name that is unknown
/// all the same gives an ERROR result.
///
/// Default checks come first (one result each when all is well, else one per cgroup; none when there is
/// nothing they could be about, e.g. no workers), then `checks.checks`, then the monitor's verdict if there
/// was one, then payload checks in the order of finalisation. A payload with checks that was never finalised
/// gives an INCONCLUSIVE one.
///
/// `compared` has the variants that checks with `vs_variant` compare this one with; a check whose variant is
/// not among them is INCONCLUSIVE, and one that others are to be compared by gives no result.
std::vector<CheckResult> Judge(const RunRecord& record, const Stats& stats, const CheckList& checks,
                               const Observations& observed = {}, const Compared& compared = {});

/// What other variants are to be compared with: the numbers of the checks that only measure here.
std::vector<VariantNumber> NumbersForOthers(const RunRecord& record, const Stats& stats,
                                            const CheckList& checks);

/// The worst verdict of those that count; PASS when there is none.
Verdict Overall(std::span<const CheckResult> results);
/// What the report's first line is about: of the worst verdict the first result, unless one whose time is
/// known (a payload's end, a complaint of the kernel) came before that: it is rather the cause than the
/// effect. nullptr when all passed.
const CheckResult* FirstCause(std::span<const CheckResult> results, const RunRecord& record);

}  // namespace ktstr
