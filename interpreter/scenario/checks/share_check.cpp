#include "interpreter/scenario/checks/share_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "interpreter/fold/fold.h"
#include "interpreter/fold/metrics.h"
#include "interpreter/scenario/checks/check_kind.h"

namespace ktstr {
namespace {

struct Measured {
  const char* metric;
  const char* words;
};
constexpr Measured kMeasured[] = {
    {"cpu_time_ns", "the CPU time"}, {"iterations", "the iterations"}, {"work_units", "the work units"}};

const Measured& MeasuredOf(const ShareCheck& check) { return kMeasured[static_cast<std::size_t>(check.of)]; }

void Rules(const void* object, RuleSink& sink) {
  const auto& check = *static_cast<const ShareCheck*>(object);
  if (!check.cgroup && !check.group)
    sink.Diagnose("share", "the check needs a cgroup or a group: whose share?");
  if (check.share.fraction > 1) sink.Diagnose("share", "a share is at most 100%");
  const double lowest = check.share.fraction - check.tolerance.fraction;
  const double highest = check.share.fraction + check.tolerance.fraction;
  if (lowest <= 0 && highest >= 1) sink.Diagnose("tolerance", "every share is within this tolerance");
  if (check.cgroup && check.among.size() == 1 && check.among[0] == *check.cgroup && !check.group)
    sink.Diagnose("among", "a cgroup always has all of itself");
  if (check.cgroup && !check.among.empty() &&
      std::find(check.among.begin(), check.among.end(), *check.cgroup) == check.among.end())
    sink.Diagnose("among", fmt::format("cgroup '{}' must be among those that have the whole", *check.cgroup));
}

void Resolve(const ShareCheck& check, CheckSite& site) {
  const CheckNames& names = site.names();
  site.Known("cgroup", Refers::kCgroup, "cgroup", check.cgroup, names.cgroups);
  site.Known("phase", Refers::kPhase, "phase", check.phase, names.phases);
  for (std::size_t i = 0; i < check.among.size(); ++i)
    site.Known("among/" + std::to_string(i), Refers::kCgroup, "cgroup", check.among[i], names.cgroups);
  std::vector<std::string> groups;
  for (const CheckNames::Group& group : names.groups)
    if (!group.name.empty() && (!check.cgroup || group.cgroup == *check.cgroup)) groups.push_back(group.name);
  site.Known("group", Refers::kGroup, "work group", check.group, groups);
  if (check.phase == kBaselinePhase)
    site.Bad("phase", fmt::format("workers are measured in steps only, not in {}", kBaselinePhase));
}

class Judgement {
 public:
  Judgement(const ShareCheck& check, const RunFacts& run)
      : check_(check), run_(run), phase_(PhaseOf(check.phase, run.step)) {
    if (check.group) of_group_ = Fold(OnlyGroupsNamed(run.record, *check.group));
  }

  CheckResult Run() {
    result_.check = fmt::format("{}{}", kShareOf, kShareOfs[static_cast<std::size_t>(check_.of)].name);
    result_.phase = phase_.value_or("");
    result_.cgroup = check_.cgroup.value_or("");
    double whole = 0;
    for (const CgroupStats& row : Rows(run_.stats))
      if (IsAmong(row.cgroup)) Add(run_.stats, row, whole);
    double part = 0;
    const Stats& own = of_group_ ? *of_group_ : run_.stats;
    for (const CgroupStats& row : Rows(own))
      if (IsAmong(row.cgroup) && (!check_.cgroup || row.cgroup == *check_.cgroup)) Add(own, row, part);
    if (!fault_.empty()) return Undecided(fault_);
    // Nothing of nobody is no small share.
    const bool somebody = std::ranges::any_of(Rows(own), [&](const CgroupStats& row) {
      return row.num_workers > 0 && IsAmong(row.cgroup) && (!check_.cgroup || row.cgroup == *check_.cgroup);
    });
    if (!somebody) return Undecided("it had no worker there");
    for (const std::string& cgroup : check_.among)
      if (std::ranges::none_of(Rows(run_.stats), [&](const CgroupStats& row) {
            return row.num_workers > 0 && row.cgroup == cgroup;
          }))
        return Undecided(fmt::format("cgroup {} had no worker there", cgroup));
    if (whole <= 0) return Undecided("no worker has any");
    Decide(100 * part / whole);
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::span<const CgroupStats> Rows(const Stats& stats) const {
    if (!phase_) return stats.cgroups;
    const PhaseBucket* const bucket = stats.FindPhase(*phase_);
    return bucket == nullptr ? std::span<const CgroupStats>() : bucket->per_cgroup;
  }
  [[nodiscard]] bool IsAmong(const std::string& cgroup) const {
    return check_.among.empty() ||
           std::find(check_.among.begin(), check_.among.end(), cgroup) != check_.among.end();
  }

  void Add(const Stats& stats, const CgroupStats& row, double& sum) {
    const auto value = ReadMetric(stats, *FindMetric(MeasuredOf(check_).metric), phase_, row.cgroup);
    if (row.missing_workers > 0)
      fault_ = fmt::format("{} of {} workers of cgroup {} left no report", row.missing_workers,
                           row.missing_workers + row.num_workers, row.cgroup);
    else if (value)
      sum += *value;
    else if (row.num_workers > 0 && fault_.empty())
      fault_ = fmt::format("the workers of cgroup {} did not measure it", row.cgroup);
  }

  [[nodiscard]] std::string Whose() const {
    if (!check_.group) return "cgroup " + *check_.cgroup;
    return fmt::format("group {}{}", *check_.group, check_.cgroup ? " of cgroup " + *check_.cgroup : "");
  }
  [[nodiscard]] std::string Whole() const {
    return fmt::format(
        "{} of {}{}", MeasuredOf(check_).words,
        check_.among.empty() ? "all workers" : fmt::format("cgroups {}", fmt::join(check_.among, ", ")),
        phase_ ? fmt::format(" in phase {}", *phase_) : "");
  }

  CheckResult Undecided(const std::string& why) {
    result_.verdict = Verdict::kInconclusive;
    result_.message = fmt::format("no share of {} in {}: {}", Whose(), Whole(), why);
    return std::move(result_);
  }

  void Decide(double pct) {
    const double expected = 100 * check_.share.fraction;
    const double tolerance = 100 * check_.tolerance.fraction;
    result_.value = pct;
    result_.unit = "%";
    result_.bound = pct < expected ? expected - tolerance : expected + tolerance;
    result_.message = fmt::format("{} had {:.1f} % of {}", Whose(), pct, Whole());
    // What is written as a bound is within it, however it is stored.
    if (std::abs(pct - expected) <= tolerance + 1e-9) return;
    result_.verdict = Verdict::kFail;
    result_.message +=
        fmt::format(", not the {:g} % that were expected ({:g} points more or less)", expected, tolerance);
  }

  const ShareCheck& check_;
  const RunFacts& run_;
  std::optional<std::string_view> phase_;
  std::optional<Stats> of_group_;
  std::string fault_;
  CheckResult result_;
};

CheckResult Judge(const ShareCheck& check, const RunFacts& run) { return Judgement(check, run).Run(); }

}  // namespace

const StructDecl& ShareCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ShareCheck::share>("share", "The share that is expected: `80%`."),
      Optional<&ShareCheck::cgroup>("cgroup", "Whose share it is.", {}, Refers::kCgroup),
      Optional<&ShareCheck::group>("group", "Only the workers of work groups with this `name`.", {},
                                   Refers::kGroup),
      Optional<&ShareCheck::of>("of", "Of what."),
      Optional<&ShareCheck::among>(
          "among", "The cgroups whose workers have the whole; without it all workers of the scenario.", {},
          Refers::kCgroup),
      Optional<&ShareCheck::phase>(
          "phase",
          "The step it is measured in; without one the step the check stands in, else the whole run.", {},
          Refers::kPhase),
      Optional<&ShareCheck::tolerance>("tolerance", "By how many points of a hundred it may be off."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<ShareCheck>(
        "share", "Workers got the share that their weights, nice values or quotas give them.", kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

extern const CheckKind check_share;
const CheckKind check_share = DeclareCheck<ShareCheck, &Resolve, &Judge>();

}  // namespace ktstr
