// The kind `snapshot`.
#include "interpreter/scenario/checks/snapshot_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/scenario/checks/check_kind.h"
#include "interpreter/scenario/checks/observed_value.h"
#include "ops/plan/scenario_state.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  const auto& check = *static_cast<const SnapshotCheck*>(object);
  PlaceRules(PlaceOf(check), sink);
  ObservedBoundRules(BoundsOf(check), check.equals.has_value(), sink);
}

/// Those that a watch with `capture: full` takes are called "<watch>#<n>".
bool OfFire(const std::string& snapshot, const std::vector<std::string>& watches) {
  const std::size_t sign = snapshot.find('#');
  return sign != std::string::npos &&
         std::find(watches.begin(), watches.end(), snapshot.substr(0, sign)) != watches.end();
}

void Resolve(const SnapshotCheck& check, CheckSite& site) {
  if (!OfFire(check.snapshot, site.names().watches))
    site.Known("snapshot", Refers::kTag, "snapshot", check.snapshot, site.names().snapshots);
}

/// The error's message without the place in front of it, which the title of the check says too.
std::string WithoutPlace(const std::string& message, const SnapshotPlace& place) {
  const std::size_t colon = message.find(": ");
  const bool said = colon != std::string::npos && place.Text().starts_with(message.substr(0, colon));
  return said ? message.substr(colon + 2) : message;
}

/// The value of a map that has no types, as those of per-CPU maps are shown; nothing when there is none.
std::optional<std::string> UntypedBytes(const vmm::SnapshotReport& report, const SnapshotPlace& place) {
  if (!place.map || !place.key || place.cpu || place.field) return std::nullopt;
  const auto map = vmm::SnapshotView(report).Map(*place.map);
  const auto entry = map.ok() ? map->Find(place.key->text) : map.error();
  if (!entry.ok() || !map->record().entries) return std::nullopt;
  for (const vmm::MapEntry& one : *map->record().entries)
    if (one.key_hex == entry->key_hex() && !one.value && !one.value_hex.empty())
      return "hex:" + one.value_hex;
  return std::nullopt;
}

/// What could not be read is no fault of the scenario or of the scheduler; what is not there is.
Verdict VerdictOf(const vmm::SnapshotError& error) {
  using Kind = vmm::SnapshotError::Kind;
  switch (error.kind) {
    case Kind::kHostFieldUnavailable:
    case Kind::kMapRenderIncomplete:
    case Kind::kNoRendered:
    case Kind::kPerCpuSlot:
      return Verdict::kInconclusive;
    default:
      return Verdict::kError;
  }
}

std::string WhyMissing(const std::string& tag, const Observations& observed) {
  if (const EvictionRecord* evicted = observed.FindEvicted(tag))
    return fmt::format("that snapshot was dropped to make room for {}: at most {} of a run are kept",
                       evicted->made_room_for, kMaxSnapshots);
  // The run ended before, which has a cause of its own, or a watch fired less often.
  return "that snapshot was not taken";
}

ObservedValue ValueOf(const SnapshotCheck& check, const RunFacts& run) {
  const SnapshotPlace place = PlaceOf(check);
  ObservedValue value;
  value.title = fmt::format("{} in snapshot {}", place.Text(), check.snapshot);
  const StoredSnapshot* snapshot = run.observed.FindSnapshot(check.snapshot);
  if (snapshot == nullptr) {
    value.verdict = Verdict::kInconclusive;
    value.fault = fmt::format("{}: {}", value.title, WhyMissing(check.snapshot, run.observed));
    return value;
  }
  value.phase = PhaseName(run.record, snapshot->phase);
  const auto found = vmm::Evaluate(snapshot->report, place.Selector());
  if (!found.ok()) {
    if (const auto bytes = UntypedBytes(snapshot->report, place)) {
      value.text = *bytes;
      return value;
    }
    value.verdict = VerdictOf(found.error());
    value.fault = fmt::format("{}: {}", value.title, WithoutPlace(found.error().message, place));
    return value;
  }
  value.text = found->text;
  if (found->number) value.number = *found->number;
  return value;
}

CheckResult Judge(const SnapshotCheck& check, const RunFacts& run) {
  return JudgeObserved(ValueOf(check, run), BoundsOf(check), check.equals);
}

}  // namespace

const StructDecl& SnapshotCheck::Decl() {
  static constexpr auto kFields =
      JoinFields(std::array{Required<&SnapshotCheck::snapshot>(
                     "snapshot", "Something in the snapshot of this tag is checked.", {}, Refers::kTag)},
                 kPlaceFields<SnapshotCheck>,
                 std::array{Optional<&SnapshotCheck::equals>(
                     "equals", "The value in words or digits, exactly: an enumerator, `true`, `0-3`, 17.")},
                 kBoundFields<SnapshotCheck>);
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<SnapshotCheck>("snapshot", "A value in a snapshot is within bounds.", kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_snapshot;
const CheckKind check_snapshot = DeclareCheck<SnapshotCheck, &Resolve, &Judge>();

}  // namespace ktstr
