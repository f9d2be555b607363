// A plan as text and as JSON: `run --dry-run`, and plan.txt of a run directory.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "interpreter/plan/plan.h"

namespace ktstr {

/// What the machine is, then every request by phase, a line each.
std::string RenderPlan(const RunPlan& plan);

/// variant, topology, cpus, memory, clock, timeout, seed, holds, phases: [{name, requests: [{label, path}]}].
nlohmann::ordered_json PlanJson(const RunPlan& plan);

}  // namespace ktstr
