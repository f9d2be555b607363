// The default check `kernel_complaints`.
#include <fmt/format.h>

#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {
namespace {

/// "" for a time between two phases; then the message says it.
std::string PhaseAt(const RunFacts& run, std::uint32_t phase, bool after) {
  return after ? std::string() : PhaseName(run.record, phase);
}
std::string WhenText(const RunFacts& run, std::uint32_t phase, bool after) {
  return after ? fmt::format(", after the end of {}", PhaseName(run.record, phase)) : std::string();
}

void Complain(const RunFacts& run, const KernelLogRecord& log, CheckResult& result) {
  const KernelComplaint& first = log.complaints.front();
  result.verdict = Verdict::kFail;
  result.at_ns = first.at_us * 1000;  // the log's clock and the guest's differ by some ms
  result.phase = PhaseAt(run, first.phase, first.after_phase);
  result.message = fmt::format("the kernel complained ({}) at {:.6f} s of its log{}: {}", first.kind,
                               static_cast<double>(first.at_us) / 1e6,
                               WhenText(run, first.phase, first.after_phase), OneLine(first.text));
  if (log.complaints_seen > 1)
    result.message +=
        fmt::format("; {} more complaint{}", log.complaints_seen - 1, log.complaints_seen == 2 ? "" : "s");
  for (const std::string& line : first.more) result.detail += line + "\n";
}

}  // namespace

void JudgeKernelComplaints(DefaultSite& site);

void JudgeKernelComplaints(DefaultSite& site) {
  const RunFacts& run = site.run();
  const KernelLogRecord& log = run.record.kernel_log;
  std::uint64_t complaint_bits = 0;
  for (const TaintBit& taint : ComplaintTaints()) complaint_bits |= taint.bit;
  const std::uint64_t tainted =
      log.taint_after.value_or(0) & ~log.taint_before.value_or(0) & complaint_bits & ~log.taint_allowed;
  // A run that was broken off has a cause of its own; what its kernel said until then is worth telling.
  if (!log.begun || (!log.ended && log.complaints_seen == 0 && tainted == 0)) return;
  CheckResult& result = site.Add();
  result.value = static_cast<double>(log.complaints_seen);
  if (log.complaints_seen > 0) return Complain(run, log, result);
  if (tainted != 0) {
    result.verdict = Verdict::kFail;
    result.phase = PhaseAt(run, log.taint_phase, log.taint_after_phase);
    result.message = fmt::format("the kernel became tainted{}: {}; its log does not say why",
                                 WhenText(run, log.taint_phase, log.taint_after_phase), TaintText(tainted));
    return;
  }
  result.verdict = Verdict::kInconclusive;
  if (!log.fault.empty()) {
    result.message = fmt::format("the kernel's log could not be read: {}", OneLine(log.fault));
  } else if (log.lost > 0) {
    result.message = fmt::format(
        "{} message{} of the kernel were lost: its log overran before it could be read; the others are no "
        "complaints",
        log.lost, log.lost == 1 ? "" : "s");
  } else if (!log.taint_before || !log.taint_after) {
    result.message = "the kernel's taint mask could not be read";
  } else {
    result.verdict = Verdict::kPass;
    result.message = log.allowed == 0
                         ? "the kernel did not complain"
                         : fmt::format(
                               "the kernel did not complain, but for {} complaint{} that "
                               "{} allowed",
                               log.allowed, log.allowed == 1 ? "" : "s", log.allowed == 1 ? "is" : "are");
  }
}

}  // namespace ktstr
