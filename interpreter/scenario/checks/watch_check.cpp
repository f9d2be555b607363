// The kind `watch`.
#include "interpreter/scenario/checks/watch_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/observed_value.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  ObservedBoundRules(BoundsOf(*static_cast<const WatchCheck*>(object)), false, sink);
}

void Resolve(const WatchCheck& check, CheckSite& site) {
  site.Known("watch", Refers::kTag, "watch", check.watch, site.names().watches);
}

ObservedValue FiresOf(const std::string& tag, const RunFacts& run) {
  ObservedValue value;
  value.title = "the number of fires of watch " + tag;
  const auto watch = std::find_if(run.observed.watches.begin(), run.observed.watches.end(),
                                  [&](const WatchRecord& record) { return record.tag == tag; });
  if (watch == run.observed.watches.end()) {
    value.verdict = Verdict::kInconclusive;
    value.fault = fmt::format("watch {} was not set", tag);
    return value;
  }
  value.text = std::to_string(watch->fires);
  value.number = watch->fires;
  value.at_least = watch->lower_bound;
  return value;
}

CheckResult Judge(const WatchCheck& check, const RunFacts& run) {
  return JudgeObserved(FiresOf(check.watch, run), BoundsOf(check), std::nullopt);
}

}  // namespace

const StructDecl& WatchCheck::Decl() {
  static constexpr auto kFields =
      JoinFields(std::array{Required<&WatchCheck::watch>(
                     "watch", "The number of fires of this watch is checked.", {}, Refers::kTag)},
                 kBoundFields<WatchCheck>);
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<WatchCheck>("watch", "The number of fires of a watch is within bounds.", kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_watch;
const CheckKind check_watch = DeclareCheck<WatchCheck, &Resolve, &Judge>();

}  // namespace ktstr
