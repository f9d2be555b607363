// The kind `procs`.
#include "interpreter/scenario/checks/procs_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/observed_value.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  ObservedBoundRules(BoundsOf(*static_cast<const ProcsCheck*>(object)), false, sink);
}

void Resolve(const ProcsCheck& check, CheckSite& site) {
  site.Known("procs", Refers::kTag, "process list", check.procs, site.names().procs);
}

ObservedValue CountOf(const std::string& tag, const RunFacts& run) {
  ObservedValue value;
  value.title = fmt::format("the number of processes in list {}", tag);
  const auto last = std::find_if(run.observed.cgroup_procs.rbegin(), run.observed.cgroup_procs.rend(),
                                 [&](const ProcsRecord& record) { return record.tag == tag; });
  if (last == run.observed.cgroup_procs.rend()) {
    value.verdict = Verdict::kInconclusive;
    value.fault = fmt::format("process list {} was not made", tag);
    return value;
  }
  value.title += fmt::format(" (cgroup {})", last->cgroup);
  value.text = std::to_string(last->pids.size());
  value.number = last->pids.size();
  return value;
}

CheckResult Judge(const ProcsCheck& check, const RunFacts& run) {
  return JudgeObserved(CountOf(check.procs, run), BoundsOf(check), std::nullopt);
}

}  // namespace

const StructDecl& ProcsCheck::Decl() {
  static constexpr auto kFields = JoinFields(
      std::array{Required<&ProcsCheck::procs>(
          "procs", "The number of processes in the last list of this tag is checked.", {}, Refers::kTag)},
      kBoundFields<ProcsCheck>);
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<ProcsCheck>(
        "procs", "The number of processes that CaptureCgroupProcs found is within bounds.", kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_procs;
const CheckKind check_procs = DeclareCheck<ProcsCheck, &Resolve, &Judge>();

}  // namespace ktstr
