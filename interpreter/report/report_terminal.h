// Results as a person at a terminal reads them. Pure; tests pin the texts whole.
#pragma once

#include <string>

#include "interpreter/report/report_run.h"

namespace ktstr {

inline constexpr std::size_t kMaxReportLines = 15;

/// PASS and SKIP: one line, and one for each warning (at most two). Else at most kMaxReportLines lines, the
/// first of which names the cause. `program` is how the user calls us; `color` means ANSI escapes.
std::string RenderRun(const FinishedRun& run, std::string_view program, bool color);

/// "17 passed, 1 failed, 1 error in 92 s", and where the results are.
std::string RenderTotals(const RunSummary& summary);

/// "FAIL", in its color when that is welcome.
std::string PaintedVerdict(Verdict verdict, bool color);

/// "850 ms", "4.8 s", "92 s".
std::string FormatElapsed(double ms);

}  // namespace ktstr
