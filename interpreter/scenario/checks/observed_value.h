// A value that was seen of the guest from outside, held against a check's bounds. Pure.
#pragma once

#include <optional>
#include <string>

#include "interpreter/scenario/checks/bounds.h"
#include "interpreter/scenario/checks/check_result.h"
#include "interpreter/scenario/checks/run_facts.h"
#include "interpreter/temporal/temporal_check.h"
#include "ops/host/comparison.h"

namespace ktstr {

struct ObservedValue {
  std::string title;                  // "map 'counts', key 3, field total in snapshot before"
  std::string text;                   // "17", "SCX_EXIT_ERROR (1024)"
  std::string bare_text;              // an enumerator without its number; else as `text`
  std::optional<long double> number;  // exact; none: it is no number
  bool at_least = false;              // a count that may have missed some
  std::string phase;                  // "" for none
  Verdict verdict = Verdict::kPass;   // of `fault`
  std::string fault;  // why there is no value, in one line with the title; "" when there is one
};

/// The mistakes of a check that has no bound at all, or one with a unit: what is observed has none.
void ObservedBoundRules(const BoundsView& bounds, bool equals, RuleSink& sink);

/// What has a fault gives its verdict; a text is compared with `equals`, a number held against `bounds`.
CheckResult JudgeObserved(const ObservedValue& seen, const BoundsView& bounds,
                          const std::optional<PlainText>& equals);

/// How the values of a series follow each other. A check that stands in a step looks at the samples of that
/// phase, and their time counts from its start (phase_ratio looks at all of them).
CheckResult JudgeSeries(Series series, const TemporalPattern& pattern, const RunFacts& run);
/// Phases that a pattern names must exist.
void ResolvePattern(const TemporalPattern& pattern, CheckSite& site);
/// The names of a run's phases, by their indexes.
std::vector<std::string> PhaseNames(const RunRecord& record);

}  // namespace ktstr
