#include "interpreter/plan/compared_variants.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "interpreter/scenario/checks/metric_check.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

enum class Axis : std::uint8_t { kTopology, kMemory, kClock, kScheduler };
constexpr std::size_t kAxes = 4;

/// The values of `text` ("eevdf", "1n1l1c1t,wall") by axis. False when one is of no axis, or two are of one.
bool PutValues(const Matrix& matrix, std::string_view text, RunVariant& variant,
               std::array<std::string, kAxes>& given) {
  const auto take = [&](Axis axis, std::string_view word) {
    std::string& slot = given[static_cast<std::size_t>(axis)];
    if (!slot.empty()) return false;
    slot = word;
    return true;
  };
  const auto put = [&](std::string_view word) {
    for (const TopologySpec& one : matrix.topology)
      if (vmm::FormatTopology(one.Concrete()) == AxisValue(word)) {
        variant.topology = one;
        return take(Axis::kTopology, word);
      }
    for (const MemorySpec& one : matrix.memory)
      if (MemorySpec::Scalar().print(&one) == word) {
        variant.memory = one;
        return take(Axis::kMemory, word);
      }
    for (const Clock one : matrix.clock)
      if (kClocks[static_cast<std::size_t>(one)].name == word) {
        variant.clock = one;
        return take(Axis::kClock, word);
      }
    if (std::find(matrix.scheduler.begin(), matrix.scheduler.end(), word) == matrix.scheduler.end())
      return false;
    variant.scheduler = word;
    return take(Axis::kScheduler, word);
  };
  while (true) {
    const std::string_view word = text.substr(0, text.find(','));
    if (!put(word)) return false;
    if (word.size() == text.size()) return true;
    text.remove_prefix(word.size() + 1);
  }
}

/// What the axes have, as a check may write it.
std::vector<std::string> AllValues(const Matrix& matrix) {
  std::vector<std::string> values = matrix.scheduler;
  for (const TopologySpec& one : matrix.topology) values.push_back(vmm::FormatTopology(one.Concrete()));
  for (const MemorySpec& one : matrix.memory) values.push_back(MemorySpec::Scalar().print(&one));
  for (const Clock one : matrix.clock) values.emplace_back(kClocks[static_cast<std::size_t>(one)].name);
  return values;
}

/// Null when the check compares with no variant.
const std::string* ComparedWith(const PlacedCheck& placed) {
  if (!placed.check.kind.Is<MetricCheck>()) return nullptr;
  const auto& check = placed.check.kind.As<MetricCheck>();
  return check.vs_variant ? &*check.vs_variant : nullptr;
}

/// The values of one check against those of the checks before it.
void CheckValues(const Matrix& matrix, const PlacedCheck& placed, std::array<std::string, kAxes>& known,
                 Diagnostics& diagnostics) {
  const std::string& text = *ComparedWith(placed);
  const std::string path = placed.path + "/vs_variant";
  RunVariant ignored;
  std::array<std::string, kAxes> given;
  if (!PutValues(matrix, text, ignored, given))
    return diagnostics.Error(path, "unknown-name",
                             fmt::format("'{}' is no value of an axis of the matrix", text),
                             DidYouMean(text, AllValues(matrix)));
  for (std::size_t axis = 0; axis < kAxes; ++axis) {
    if (given[axis].empty()) continue;
    if (!known[axis].empty() && known[axis] != given[axis])
      return diagnostics.Error(path, "bad-check",
                               fmt::format("another check compares with '{}', of the same axis", known[axis]),
                               "all checks of a scenario compare with the same one");
    known[axis] = given[axis];
  }
}

}  // namespace

void PlaceComparisons(const Scenario& scenario, const RunVariant& variant, RunPlan& plan) {
  if (!scenario.matrix) return;
  for (PlacedCheck& placed : plan.checks.checks) {
    const std::string* const text = ComparedWith(placed);
    if (text == nullptr) continue;
    RunVariant other = variant;
    std::array<std::string, kAxes> given;
    if (!PutValues(*scenario.matrix, *text, other, given)) continue;
    placed.other_variant = VariantName(*scenario.matrix, other);
    placed.only_measures = placed.other_variant == plan.variant;
    std::vector<std::string>& all = plan.compared_with;
    if (!placed.only_measures && std::find(all.begin(), all.end(), placed.other_variant) == all.end())
      all.push_back(placed.other_variant);
  }
}

void CheckComparisons(const Scenario& scenario, std::span<const std::shared_ptr<const RunPlan>> plans,
                      Diagnostics& diagnostics) {
  std::array<std::string, kAxes> known;
  for (const PlacedCheck& placed : plans.front()->checks.checks) {
    if (ComparedWith(placed) == nullptr) continue;
    if (scenario.matrix)
      CheckValues(*scenario.matrix, placed, known, diagnostics);
    else
      diagnostics.Error(placed.path + "/vs_variant", "bad-check",
                        "there is no matrix, and so no variant to compare with");
  }
  std::set<std::string_view> variants;
  for (const auto& plan : plans) variants.insert(plan->variant);
  for (const auto& plan : plans)
    for (const PlacedCheck& placed : plan->checks.checks)
      if (!placed.other_variant.empty() && !variants.contains(placed.other_variant))
        return diagnostics.Error(
            placed.path + "/vs_variant", "bad-check",
            fmt::format("variant '{}' is to be compared with '{}', which the matrix excludes", plan->variant,
                        placed.other_variant));
}

}  // namespace ktstr
