// The captures of a run as samples, and one value of each as a series.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/temporal/temporal_series.h"
#include "vmm/introspection/snapshot/snapshot_report.h"
#include "vmm/introspection/types/rendered_value.h"

namespace ktstr {

/// One capture.
struct SnapshotSample {
  std::string tag;
  const vmm::SnapshotReport* report = nullptr;  // not owned; nullptr counts as a placeholder without a reason
  std::optional<double> elapsed_ms = {};        // guest time since the run's start, at the pause
  std::optional<double> boundary_offset_ms = {};  // of a periodic one: where on the hold timeline it was due
  std::optional<std::uint32_t> phase = {};        // the phase it fell into, 0 is BASELINE
};

class SampleSeries {
 public:
  /// `samples` in the order they were taken; `phase_names` by step index. The reports must outlive this.
  SampleSeries(std::vector<SnapshotSample> samples, std::vector<std::string> phase_names)
      : samples_(std::move(samples)), phase_names_(std::move(phase_names)) {}

  [[nodiscard]] const std::vector<SnapshotSample>& samples() const { return samples_; }

  /// Those with the exact tag of a periodic capture (ops/host/stored_snapshot.h).
  [[nodiscard]] SampleSeries PeriodicOnly() const;

  /// What `read` finds in each report. A placeholder is never read, so that its emptiness does not pass for
  /// data: its sample has the error "placeholder sample: <why the capture failed>".
  [[nodiscard]] Series Project(
      std::string label, const std::function<Result<SampleValue>(const vmm::SnapshotReport&)>& read) const;

 private:
  std::vector<SnapshotSample> samples_;
  std::vector<std::string> phase_names_;
};

/// A rendered scalar as a sample's value: integers, booleans, characters, floats, enums (their number) and
/// pointers (their address). Error (kInput) for everything else: "a struct is not a single value".
Result<SampleValue> ScalarOf(const vmm::RenderedValue& value);

}  // namespace ktstr
