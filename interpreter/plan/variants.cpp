// What the matrix and the command line make of a scenario.
#include <algorithm>
#include <numeric>
#include <utility>

#include "interpreter/plan/plan.h"
#include "vmm/machine/topology_presets.h"

namespace ktstr {
namespace {

bool Excluded(const Matrix& matrix, const RunVariant& variant) {
  return std::any_of(matrix.exclude.begin(), matrix.exclude.end(), [&](const MatrixPoint& point) {
    return (!point.topology || *point.topology == variant.topology) &&
           (!point.memory || *point.memory == variant.memory) &&
           (!point.clock || *point.clock == variant.clock) &&
           (!point.scheduler || *point.scheduler == variant.scheduler);
  });
}

template <typename T>
std::vector<T> AxisOr(const std::vector<T>& axis, const T& single) {
  return axis.empty() ? std::vector<T>{single} : axis;
}

/// Those of the axis, or one.
std::vector<std::size_t> Indexes(const std::vector<std::string>& axis) {
  std::vector<std::size_t> indexes(std::max<std::size_t>(axis.size(), 1));
  std::iota(indexes.begin(), indexes.end(), std::size_t{0});
  return indexes;
}

void PutScheduler(Scenario& scenario, const SchedulerOverride& scheduler) {
  scenario.scheduler = scheduler.name;
  scenario.scheduler_from_user = true;
  if (scheduler.name != kEevdf) scenario.schedulers.items.emplace_back(scheduler.name, scheduler.def);
}

}  // namespace

std::string AxisValue(std::string_view word) {
  const vmm::TopologyPreset* const preset = vmm::FindTopologyPreset(word);
  return preset != nullptr ? vmm::FormatTopology(preset->topology) : std::string(word);
}

std::string VariantName(const Matrix& matrix, const RunVariant& variant) {
  std::string name;
  const auto add = [&](std::string text) { name += (name.empty() ? "" : ",") + std::move(text); };
  if (!matrix.topology.empty()) add(vmm::FormatTopology(variant.topology.Concrete()));
  if (!matrix.memory.empty()) add(MemorySpec::Scalar().print(&variant.memory));
  if (!matrix.clock.empty()) add(std::string(kClocks[static_cast<std::size_t>(variant.clock)].name));
  if (!matrix.scheduler.empty()) add(variant.scheduler);
  return name;
}

std::vector<RunVariant> Variants(const Scenario& scenario) {
  const Matrix matrix = scenario.matrix.value_or(Matrix{});
  std::vector<RunVariant> variants;
  for (const TopologySpec& topology : AxisOr(matrix.topology, scenario.topology))
    for (const MemorySpec& memory : AxisOr(matrix.memory, scenario.memory))
      for (const Clock clock : AxisOr(matrix.clock, scenario.clock))
        for (const std::size_t i : Indexes(matrix.scheduler)) {
          RunVariant variant{
              {}, topology, memory, clock, scenario.scheduler.value_or(std::string(kEevdf)), "scheduler"};
          if (!matrix.scheduler.empty()) {
            variant.scheduler = matrix.scheduler[i];
            variant.scheduler_path = JoinPath("matrix/scheduler", i);
          }
          if (Excluded(matrix, variant)) continue;
          variant.name = VariantName(matrix, variant);
          variants.push_back(std::move(variant));
        }
  return variants;
}

Scenario OnlyVariant(Scenario scenario, const RunVariant& variant) {
  scenario.topology = variant.topology;
  scenario.memory = variant.memory;
  scenario.clock = variant.clock;
  scenario.scheduler = variant.scheduler;
  scenario.matrix.reset();
  return scenario;
}

Scenario WithOverrides(Scenario scenario, const Overrides& overrides) {
  PutShippedPayloads(scenario);
  if (overrides.timeout) scenario.timeout = *overrides.timeout;
  if (overrides.clock) scenario.clock = *overrides.clock;
  if (overrides.seed) scenario.seed = *overrides.seed;
  if (overrides.scheduler && !NamesSchedulers(scenario)) PutScheduler(scenario, *overrides.scheduler);
  return scenario;
}

}  // namespace ktstr
