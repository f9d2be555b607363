// The kind `over_time`.
#include "interpreter/scenario/checks/over_time_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/checks/bounds.h"
#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/observed_value.h"
#include "interpreter/temporal/sample_series.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  PlaceRules(PlaceOf(*static_cast<const OverTimeCheck*>(object)), sink);
}

void Resolve(const OverTimeCheck& check, CheckSite& site) { ResolvePattern(check.over_time, site); }

SampleValue SampleOf(const vmm::SnapshotScalar& scalar) {
  if (scalar.kind == vmm::SnapshotScalar::Kind::kBool) return scalar.number.value_or(0) != 0;
  return scalar.number.value_or(0);
}

/// One value per periodic snapshot.
Series SeriesOf(const OverTimeCheck& check, const RunFacts& run) {
  const SnapshotPlace place = PlaceOf(check);
  std::vector<SnapshotSample> samples;
  for (const StoredSnapshot& snapshot : run.observed.snapshots) {
    SnapshotSample sample{snapshot.tag, &snapshot.report};
    sample.elapsed_ms = static_cast<double>(snapshot.elapsed_ms);
    if (snapshot.boundary_offset_ms)
      sample.boundary_offset_ms = static_cast<double>(*snapshot.boundary_offset_ms);
    sample.phase = snapshot.phase;
    samples.push_back(std::move(sample));
  }
  const vmm::SnapshotSelector selector = place.Selector();
  Series series = SampleSeries(std::move(samples), PhaseNames(run.record))
                      .PeriodicOnly()
                      .Project(place.Text(), [&](const vmm::SnapshotReport& report) -> Result<SampleValue> {
                        const auto found = vmm::Evaluate(report, selector);
                        if (!found.ok()) return Error{ErrorKind::kInput, found.error().message};
                        if (!found->number) return Error{ErrorKind::kInput, found->text + " is not a number"};
                        return SampleOf(*found);
                      });
  // Snapshots that were given up, or evicted by later ones.
  const std::size_t planned = run.observed.periodic_target;
  series.lost = planned - std::min(planned, series.samples.size());
  return series;
}

CheckResult Judge(const OverTimeCheck& check, const RunFacts& run) {
  const Series series = SeriesOf(check, run);
  CheckResult result = JudgeSeries(series, check.over_time, run);
  if (run.observed.periodic_target == 0)
    result.message = fmt::format(
        "{}: there are no periodic snapshots; ask for them with `snapshots: {{periodic: 5}}`", series.label);
  return result;
}

}  // namespace

const StructDecl& OverTimeCheck::Decl() {
  static constexpr auto kFields =
      JoinFields(std::array{Required<&OverTimeCheck::over_time>(
                     "over_time", "How the values of all periodic snapshots must follow each other.")},
                 kPlaceFields<OverTimeCheck>);
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<OverTimeCheck>("over_time", "A value behaves over the periodic snapshots.", kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_over_time;
const CheckKind check_over_time = DeclareCheck<OverTimeCheck, &Resolve, &Judge>();

}  // namespace ktstr
