#include "interpreter/scenario/expected_failure.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/one_line.h"
#include "interpreter/scenario/defaults/default_check.h"
#include "ops/plan/suggest.h"
#include "vmm/host/line_pattern_fault.h"

namespace ktstr {
namespace {

using Names = std::vector<std::string>;

bool Has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Names AllKinds() {
  Names all;
  for (const FieldDecl* field : AllDefaultChecks()) all.emplace_back(field->name);
  for (const CheckKind* kind : AllChecks()) all.emplace_back(kind->args().name);
  for (const PayloadCheckKind* kind : AllPayloadChecks()) all.emplace_back(kind->args().name);
  all.emplace_back(kMonitorKind);
  return all;
}

/// Of what the scenario checks.
Names KindsIn(const CheckList& list, bool monitored) {
  Names kinds;
  for (const FieldDecl* field : AllDefaultChecks())
    if (*static_cast<const bool*>(field->Member(&list.defaults))) kinds.emplace_back(field->name);
  for (const PlacedCheck& placed : list.checks)
    if (const CheckKind* kind = KindOf(placed.check)) kinds.emplace_back(kind->args().name);
  for (const PlacedPayloadChecks& placed : list.payloads)
    for (const PayloadCheck& check : placed.checks)
      if (const PayloadCheckKind* kind = placed.gate ? KindOf(check) : nullptr)
        kinds.emplace_back(kind->args().name);
  if (monitored) kinds.emplace_back(kMonitorKind);
  return kinds;
}

}  // namespace

void ResolveExpected(const std::vector<ExpectedFailure>& expected, const CheckList& list, bool monitored,
                     const CheckNames& names, Diagnostics& diagnostics) {
  const Names all = AllKinds();
  const Names kinds = KindsIn(list, monitored);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const ExpectedFailure& one = expected[i];
    const std::string path = JoinPath("expect", i);
    CheckSite site(names, path, {}, diagnostics);
    if (!Has(all, one.kind)) {
      if (!site.Unread("kind"))
        site.Unknown("kind", fmt::format("there is no kind of check '{}'", one.kind),
                     DidYouMean(one.kind, all));
    } else if (!Has(kinds, one.kind) && names.broken == nullptr) {
      site.Bad("kind",
               fmt::format("no check of this scenario is of the kind '{}', so that none can fail", one.kind));
    }
    site.Known("phase", Refers::kPhase, "phase", one.phase, names.phases);
    site.Known("cgroup", Refers::kCgroup, "cgroup", one.cgroup, names.cgroups);
    if (!one.matches) continue;
    const std::string fault = one.matches->empty() ? "it would be found in every message; leave it out"
                                                   : LinePatternFault(*one.matches);
    if (!fault.empty()) site.Bad("matches", fault);
  }
}

std::string Describe(const ExpectedFailure& expected) {
  std::string text = expected.kind;
  if (expected.phase) text += ", in phase " + *expected.phase;
  if (expected.cgroup) text += ", of cgroup " + *expected.cgroup;
  if (expected.matches) text += ", with a message in which /" + OneLine(*expected.matches) + "/ is found";
  return text;
}

const StructDecl& ExpectedFailure::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ExpectedFailure::kind>(
          "kind",
          "The kind of the check: the name of a default check (no_stall), of a check of the scenario "
          "(metric, "
          "share, over_time, ...) or of a payload (exit_code, min, ...), or monitor."),
      Optional<&ExpectedFailure::phase>("phase", "The phase in which it must fail; default: any.", {},
                                        Refers::kPhase),
      Optional<&ExpectedFailure::cgroup>("cgroup", "The cgroup of which it must fail; default: any.", {},
                                         Refers::kCgroup),
      Optional<&ExpectedFailure::matches>(
          "matches", "An ECMA regular expression that must be found in the message of the failure."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<ExpectedFailure>(
      "ExpectedFailure", "A check that must fail. An ERROR or an undecided check is never what was expected.",
      kFields);
  return kDecl;
}

}  // namespace ktstr
