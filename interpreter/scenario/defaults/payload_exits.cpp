// The default check `payload_exits`.
#include <fmt/format.h>

#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {
namespace {

/// Exited with code 0, or was ended by the scenario: by KillPayload or SendSignal, with its step, or with the
/// run. One that outlived its wait has failed that wait already.
bool EndedWell(const PayloadDone& done) {
  if (done.end != PayloadEnd::kExited) return true;
  return done.signal == 0 && done.exit_code == 0;
}

}  // namespace

void JudgePayloadExits(DefaultSite& site);

void JudgePayloadExits(DefaultSite& site) {
  const RunFacts& run = site.run();
  std::size_t looked_at = 0;
  std::size_t failed = 0;
  for (const PayloadResult& payload : run.record.payloads) {
    const PayloadRule rule = run.RuleOf(payload.name);
    if (rule.exit_is_checked) continue;
    ++looked_at;
    if (EndedWell(payload.done)) continue;
    CheckResult& result = site.Add();
    result.verdict = Verdict::kFail;
    result.phase = PhaseName(run.record, payload.phase);
    result.cgroup = payload.cgroup;
    result.counts = rule.gate;
    result.at_ns = payload.done.ended_ns;
    result.message =
        fmt::format("{} {}", PayloadTitle(payload), HowPayloadEnded(payload.done)) + StderrEnd(payload);
    result.detail = StderrTail(payload);
    if (rule.gate) ++failed;
  }
  if (looked_at > 0 && failed == 0)
    site.Add().message = "every payload exited with code 0 or was ended by the scenario";
}

}  // namespace ktstr
