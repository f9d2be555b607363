// The document side of a check: the names it may use, and where to say what is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "guest-init/base/decl.h"
#include "ops/plan/broken_places.h"
#include "ops/plan/diagnostics.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// The names a scenario has.
struct CheckNames {
  struct Payload {
    std::string name;
    std::optional<std::vector<std::string>> metrics;  // KnownMetricNames()
    NamedMap<std::string> units;                      // of the hinted metrics
  };
  /// One group of workers that the scenario starts.
  struct Group {
    std::string cgroup;     // "": the runner's
    std::string name;       // "": it has none
    std::string work_type;  // "": it could not be read
    bool has_cpuset = false;
  };
  std::vector<std::string> phases;  // BASELINE and the steps
  std::vector<Group> groups;
  std::vector<std::string> cgroups;
  std::vector<Payload> payloads;
  std::vector<std::string> snapshots;
  std::vector<std::string> reads;
  std::vector<std::string> watches;
  std::vector<std::string> procs;
  std::vector<std::string> files = {};
  std::vector<std::string> schedulers = {};
  const BrokenPlaces* broken = nullptr;  // what could not be read of the scenario; null: everything could
  NameDoubts doubts = {};                // what that may have made
};

/// One check as `resolve` sees it. Fields are paths below the check: "phase", "min/metric".
class CheckSite {
 public:
  /// `names`, `path` (of the check) and `step` (whose `checks:` it stands in, "" for the scenario's) must
  /// outlive this; `diagnostics` receives what is found.
  CheckSite(const CheckNames& names, std::string_view path, std::string_view step, Diagnostics& diagnostics)
      : names_(names), path_(path), step_(step), diagnostics_(diagnostics) {}

  [[nodiscard]] const CheckNames& names() const { return names_; }
  [[nodiscard]] std::string_view step() const { return step_; }

  /// `unknown-name`.
  void Unknown(std::string_view field, std::string message, std::string hint);
  /// `bad-check`.
  void Bad(std::string_view field, std::string message, std::string hint = "");
  /// `unknown-name` unless `name` is absent, one of `all`, or perhaps one that could not be read: "there is
  /// no phase 'x' in this scenario". `kind` is what the name is of, `what` how messages call that.
  void Known(std::string_view field, Refers kind, std::string_view what,
             const std::optional<std::string>& name, const std::vector<std::string>& all);
  /// Whether `field`, or something in it, could not be read: nothing follows from it, nor from its absence.
  [[nodiscard]] bool Unread(std::string_view field) const;
  /// `wrong-unit` when the bound cannot be one of a number in `unit`.
  void FitsUnit(std::string_view field, const Quantity& bound, std::string_view unit);

 private:
  [[nodiscard]] std::string At(std::string_view field) const;

  const CheckNames& names_;
  std::string_view path_;
  std::string_view step_;
  Diagnostics& diagnostics_;
};

/// The phase that a check with this `phase` is about when it stands in the checks of `step` ("" for the
/// scenario's); nothing is the whole run. The result points into the arguments.
inline std::optional<std::string_view> PhaseOf(const std::optional<std::string>& phase,
                                               std::string_view step) {
  if (phase) return *phase;
  if (!step.empty()) return step;
  return std::nullopt;
}

/// What a scenario says of its payloads' metrics.
class PayloadNames {
 public:
  explicit PayloadNames(CheckSite& site) : site_(site) {}

  /// nullptr when there is none of that name.
  [[nodiscard]] const CheckNames::Payload* Find(std::string_view payload) const;
  /// `unknown-name` at `field` when the payload's output is known not to have this metric.
  void KnownMetric(const CheckNames::Payload& payload, const std::string& metric, std::string_view field);
  /// Nothing when only the output tells.
  static std::optional<std::string_view> UnitOf(const CheckNames::Payload& payload, std::string_view metric);

 private:
  CheckSite& site_;
};

}  // namespace ktstr
