// The values that checks on observations are about: found among what a run saw, with words for messages.
// Pure.
#pragma once

#include <optional>
#include <string>

#include "interpreter/fold/observations.h"
#include "interpreter/fold/stats.h"
#include "interpreter/fold/verdict.h"
#include "interpreter/scenario/checks.h"
#include "interpreter/temporal/temporal_series.h"

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

/// REQUIRES: check.snapshot. A snapshot that was not taken is INCONCLUSIVE; one that is only a placeholder is
/// ERROR, as is a name that it does not have, with what there is; a part of it that could not be read is
/// INCONCLUSIVE.
ObservedValue ValueInSnapshot(const Observations& observed, const RunRecord& record,
                              const MetricCheck& check);
/// The last value read under the tag. One that was never reached is INCONCLUSIVE.
ObservedValue ValueOfRead(const Observations& observed, const RunRecord& record, const std::string& tag);
ObservedValue FiresOfWatch(const Observations& observed, const std::string& tag);

/// All values read under the tag, in order.
Series SeriesOfReads(const Observations& observed, const RunRecord& record, const std::string& tag);
/// One value a periodic snapshot.
Series SeriesInSnapshots(const Observations& observed, const RunRecord& record, const MetricCheck& check);

}  // namespace ktstr
