#include "interpreter/scenario/checks/scheduler_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/line_pattern.h"
#include "interpreter/scenario/checks/check_kind.h"
#include "vmm/host/line_pattern_fault.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  const auto& check = *static_cast<const SchedulerEndCheck*>(object);
  if (check.end == SchedulerEnd::kDetached && check.phase)
    sink.Diagnose("phase", "a scheduler that stays attached ends in no phase");
  if (!check.matches) return;
  if (check.end == SchedulerEnd::kDetached)
    return sink.Diagnose("matches", "the kernel says nothing of a scheduler that was detached");
  if (std::string fault = LinePatternFault(*check.matches); !fault.empty())
    sink.Diagnose("matches", std::move(fault));
}

void Resolve(const SchedulerEndCheck& check, CheckSite& site) {
  site.Known("scheduler", Refers::kScheduler, "scheduler", check.scheduler, site.names().schedulers);
  site.Known("phase", Refers::kPhase, "phase", check.phase, site.names().phases);
}

/// "" when the record is as wanted.
std::string WhatIsWrong(const SchedulerEndCheck& check, const SchedulerRecord& record, const RunFacts& run) {
  if (record.end != check.end) return "ended in another way";
  const std::string phase = record.after_phase ? std::string() : PhaseName(run.record, record.end_phase);
  if (check.phase && phase != *check.phase)
    return phase.empty() ? "ended between two phases" : "ended in phase " + phase;
  if (check.matches && !LinePattern(*check.matches).Found(HowSchedulerEnded(record)))
    return fmt::format("ended with words in which '{}' is not found", *check.matches);
  return {};
}

CheckResult Judge(const SchedulerEndCheck& check, const RunFacts& run) {
  CheckResult result;
  result.check = "scheduler";
  const auto& records = run.record.schedulers;
  const auto last = std::find_if(records.rbegin(), records.rend(),
                                 [&](const auto& record) { return record.name == check.scheduler; });
  if (last == records.rend()) {
    result.verdict = Verdict::kInconclusive;
    result.message = fmt::format("scheduler {} was never attached", check.scheduler);
    return result;
  }
  const std::string_view wanted = kSchedulerEnds[static_cast<std::size_t>(check.end)].name;
  const std::string wrong = WhatIsWrong(check, *last, run);
  result.message = wrong.empty() ? fmt::format("scheduler {}: {}", check.scheduler, HowSchedulerEnded(*last))
                                 : fmt::format("scheduler {} {}, wanted {}: {}", check.scheduler, wrong,
                                               wanted, HowSchedulerEnded(*last));
  if (!wrong.empty()) result.verdict = Verdict::kFail;
  if (last->ended_ns != 0) result.at_ns = last->ended_ns;
  return result;
}

}  // namespace

const StructDecl& SchedulerEndCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SchedulerEndCheck::scheduler>(
          "scheduler", "One out of `schedulers:`; its last attach counts.", {}, Refers::kScheduler),
      Optional<&SchedulerEndCheck::end>("end", "How it must have ended."),
      Optional<&SchedulerEndCheck::matches>(
          "matches", "An ECMA regular expression that must be found in what the kernel said of its end."),
      Optional<&SchedulerEndCheck::phase>("phase", "The phase in which it must have ended.", {},
                                          Refers::kPhase),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<SchedulerEndCheck>("scheduler",
                                                       "A scheduler ended as it should. The default check "
                                                       "scheduler_attached then says nothing of it, nor of "
                                                       "attaches before the last one that ended in the same "
                                                       "way. One that could not be attached never fulfils "
                                                       "this.",
                                                       kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_scheduler;
const CheckKind check_scheduler = DeclareCheck<SchedulerEndCheck, &Resolve, &Judge>();

}  // namespace ktstr
