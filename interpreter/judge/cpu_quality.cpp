#include "interpreter/judge/cpu_quality.h"

#include <fmt/format.h>

#include "interpreter/fold/metrics.h"

namespace ktstr {
namespace {

constexpr std::string_view kNoStall = "no_stall";  // the default check, by the name of its field

}  // namespace

bool IsAboutLatency(const CheckResult& result) {
  if (result.check == kNoStall) return true;
  const MetricDecl* metric = FindMetric(result.check);
  return metric != nullptr && IsLatency(*metric);
}

double WaitPct(const vmm::CpuTimes& times) {
  const double wanted = static_cast<double>(times.run_ns) + static_cast<double>(times.wait_ns);
  return wanted == 0 ? 0 : 100 * static_cast<double>(times.wait_ns) / wanted;
}

CpuGrade GradeCpu(const vmm::CpuTimes& times) {
  const double pct = WaitPct(times);
  if (pct <= kGoodWaitPct || times.wait_ns < kNegligibleWaitNs) return CpuGrade::kGood;
  return pct < kPoorWaitPct ? CpuGrade::kFair : CpuGrade::kPoor;
}

void ExcuseLatencies(CpuGrade grade, double wait_pct, std::vector<CheckResult>& results) {
  if (grade != CpuGrade::kPoor) return;
  for (CheckResult& result : results) {
    if (result.verdict != Verdict::kFail || !IsAboutLatency(result)) continue;
    result.verdict = Verdict::kInconclusive;
    result.message =
        fmt::format("the host was oversubscribed: QEMU waited {:.0f} % of the time for a CPU; {}", wait_pct,
                    result.message);
  }
}

}  // namespace ktstr
