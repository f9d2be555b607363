// The numbers that a check on a metric is about: one per cgroup, or one per run of a payload.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "interpreter/fold/metrics.h"
#include "interpreter/scenario/checks/metric_check.h"
#include "interpreter/scenario/checks/run_facts.h"

namespace ktstr {

struct MetricValue {
  std::string cgroup;
  std::string phase;  // "" for the whole run
  std::string title;  // "max_gap_ms of cgroup hot in phase shrink"
  std::optional<double> value;
  std::optional<double> base;  // of vs_phase or vs_variant
  std::string other_variant;   // whose that is; "" with vs_phase
  double base_doubt = 0;       // by this share (0 to 1) the base may be too low: its QEMU had waited for CPUs
  double own_doubt = 0;        // likewise the value
  std::string no_data;         // why value or base is absent
  std::string note;            // about the value: which worker, which CPU
  std::string incomplete;      // why the value does not cover all that it should
  std::string unit;
};

/// Of one metric of the table. Without `cgroup`, cgroups that do not measure it are left out.
std::vector<MetricValue> ValuesOf(const MetricDecl& metric, const MetricCheck& check, const RunFacts& run);
/// Of a payload's metric. REQUIRES: check.metric starts with kPayloadMetricPrefix.
std::vector<MetricValue> PayloadValuesOf(const MetricCheck& check, const RunFacts& run);
/// Of either kind, for the checks of other variants with this one: `path` is the check's.
std::vector<VariantNumber> NumbersForOthers(const MetricCheck& check, const RunFacts& run);
/// Why there are none: "no data for max_gap_ms in phase x: phase x was not reached".
std::string WhyNoValues(const MetricCheck& check, const RunFacts& run);

}  // namespace ktstr
