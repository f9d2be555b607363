// One default check is a file in this folder with one function, and a row of all_defaults.cpp with its
// switch. It looks at each worker's report, not at folded numbers, so that it can name the worker.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter/scenario/checks/check_result.h"
#include "interpreter/scenario/checks/run_facts.h"
#include "interpreter/scenario/defaults/default_checks.h"

namespace ktstr {

/// What a default check has to say goes through here. Not for more than one check.
class DefaultSite {
 public:
  /// `name` is that of the check; everything must outlive this.
  DefaultSite(std::string_view name, const DefaultChecks& settings, const RunFacts& run, CheckResults& out)
      : name_(name), settings_(settings), run_(run), out_(out) {}

  [[nodiscard]] const DefaultChecks& settings() const { return settings_; }
  [[nodiscard]] const RunFacts& run() const { return run_; }

  /// A result of this check, to be filled in.
  CheckResult& Add();

 private:
  std::string_view name_;
  const DefaultChecks& settings_;
  const RunFacts& run_;
  CheckResults& out_;
};

struct DefaultCheck {
  FieldDecl field;  // its switch, with name and doc
  /// Adds one result when all is well, else one per cgroup; none when there is nothing it could be about.
  void (*judge)(DefaultSite& site);
};

std::span<const DefaultCheck> DefaultCheckTable();

/// What a check found about one worker.
struct Finding {
  Verdict verdict = Verdict::kFail;
  std::string message;               // names the worker
  double badness = 0;                // the worst of a cgroup is shown
  std::string phase = {};            // "": it is of no single phase
  std::optional<double> value = {};  // what was measured, in `unit`
  std::optional<double> bound = {};  // what it was held against, in `unit`
  std::string unit = {};
};

/// Findings of one check, by cgroup in order of first use.
class Findings {
 public:
  void Add(const std::string& cgroup, Finding finding);
  [[nodiscard]] bool empty() const { return by_cgroup_.empty(); }
  /// One result per cgroup: its worst finding, and how many more there are.
  /// `kind`: what the findings are about, in the singular.
  void Report(DefaultSite& site, std::string_view kind = "worker") const;

 private:
  std::vector<std::pair<std::string, std::vector<Finding>>> by_cgroup_;
};

/// The phase that all of a group's work belongs to; "" when it lived across phases.
std::string PhaseOf(const RunFacts& run, const WorkerGroup& group);

using LookAtReport =
    std::function<void(const WorkerGroup&, const WorkerReport&, const std::string& name, Findings&)>;
using Concerns = std::function<bool(const GroupReports&)>;
/// Runs `look` over all reports of the groups that it `concerns`, and over what the guest knows of workers
/// that left none. PASS, with `all_well`, only when every worker left a report, else INCONCLUSIVE.
void EachReport(DefaultSite& site, const std::string& all_well, const Concerns& concerns,
                const LookAtReport& look);

inline bool AnyGroup(const GroupReports&) { return true; }

}  // namespace ktstr
