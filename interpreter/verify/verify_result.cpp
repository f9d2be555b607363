#include "interpreter/verify/verify_result.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/report/report_run.h"
#include "interpreter/verify/verify_subjects.h"

namespace ktstr {
namespace {

/// Above this share of what any kernel allows, a program is one small change from being rejected.
constexpr double kNearlyTooMany = 0.9;

void Decide(VerifyResult& result, Verdict verdict, std::string cause) {
  result.verdict = verdict;
  result.cause = std::move(cause);
}

const vmm::SnapshotReport* ReportOf(const FinishedRun& run, std::string_view tag) {
  const StoredSnapshot* const snapshot = run.outcome.observed.FindSnapshot(tag);
  return snapshot == nullptr || snapshot->report.is_placeholder ? nullptr : &snapshot->report;
}

/// Why there is no report, or why a part of one is empty.
std::string WhyMissing(const FinishedRun& run, std::string_view tag, std::string_view part_unavailable) {
  const StoredSnapshot* const snapshot = run.outcome.observed.FindSnapshot(tag);
  if (snapshot == nullptr) return "no snapshot was taken";
  if (snapshot->report.is_placeholder) return snapshot->report.maps_unavailable;
  return part_unavailable.empty() ? "the snapshot has none" : std::string(part_unavailable);
}

void TakePrograms(const vmm::SnapshotReport& report, VerifyResult& result) {
  std::vector<vmm::ProgStats> programs = report.prog_runtime_stats;
  std::stable_sort(programs.begin(), programs.end(),
                   [](const vmm::ProgStats& a, const vmm::ProgStats& b) { return a.id < b.id; });
  for (const vmm::ProgStats& program : programs)
    result.programs.push_back({program.function.empty() ? program.name : program.function, program.type,
                               program.verified_insns, std::nullopt});
}

DispatchProof ProofOf(const vmm::SnapshotReport& before, const vmm::SnapshotReport& after) {
  const std::string suffix = "/" + std::string(kVerifyCgroup);
  DispatchProof proof;
  for (const vmm::TaskRecord& task : after.tasks) {
    if (!task.cgroup.ends_with(suffix)) continue;
    const auto earlier =
        std::find_if(before.tasks.begin(), before.tasks.end(), [&](const vmm::TaskRecord& other) {
          return other.pid == task.pid && other.start_time_ns == task.start_time_ns;
        });
    if (earlier == before.tasks.end()) continue;
    ++proof.workers;
    if (task.sched_class != "ext" || task.sum_exec_runtime <= earlier->sum_exec_runtime) continue;
    ++proof.ran;
    proof.ran_ns += task.sum_exec_runtime - earlier->sum_exec_runtime;
  }
  return proof;
}

/// A run that passed must show what it is believed for.
void DemandProof(const FinishedRun& run, VerifyResult& result) {
  const vmm::SnapshotReport* const before = ReportOf(run, kAttachedTag);
  const vmm::SnapshotReport* const after = ReportOf(run, kRanTag);
  if (before == nullptr || after == nullptr)
    return Decide(result, Verdict::kInconclusive,
                  fmt::format("the kernel could not be looked at: {}",
                              WhyMissing(run, before == nullptr ? kAttachedTag : kRanTag, "")));
  if (result.state != "enabled")
    return Decide(result, Verdict::kFail,
                  fmt::format("the kernel's sched_ext is '{}' after the attach", result.state));
  if (result.programs.empty())
    return Decide(result, Verdict::kInconclusive,
                  fmt::format("the kernel's BPF programs could not be read: {}",
                              WhyMissing(run, kAttachedTag, before->prog_runtime_stats_unavailable)));
  for (const VerifiedProgram& program : result.programs)
    if (!program.insns)
      return Decide(result, Verdict::kInconclusive,
                    "this kernel does not tell how many instructions its verifier processed");
  if (result.dispatch.workers == 0)
    return Decide(result, Verdict::kInconclusive,
                  fmt::format("the workers could not be looked at: {}",
                              WhyMissing(run, kRanTag, after->tasks_unavailable)));
  if (result.dispatch.ran > 0) return;
  // Nothing is said against a scheduler whose machine had no CPU time.
  const bool starved = run.outcome.machine.cpu_quality == CpuGrade::kPoor;
  Decide(result, starved ? Verdict::kInconclusive : Verdict::kFail,
         fmt::format("none of {} workers ran while it was attached{}", result.dispatch.workers,
                     starved ? ", and the host had no CPU for the machine" : ""));
}

/// What the verifier said is the cause; that the program then gave up is what follows from it.
void BlameVerifier(VerifyResult& result) {
  if (result.rejected.empty() || result.verdict == Verdict::kPass) return;
  const RejectedProgram& first = result.rejected.front();
  result.cause = fmt::format("the verifier rejects {}: {}", first.name,
                             first.cut || first.reason.empty() ? "its log was cut" : first.reason);
  if (result.rejected.size() > 1) result.cause += fmt::format("; and {} more", result.rejected.size() - 1);
}

void TakeRejected(VerifyResult& result) {
  for (const RejectedProgram& program : result.rejected) {
    const auto known =
        std::find_if(result.programs.begin(), result.programs.end(),
                     [&](const VerifiedProgram& loaded) { return loaded.name == program.name; });
    if (known == result.programs.end()) result.programs.push_back({program.name, "", {}, {}});
  }
}

VerifiedProgram* FindProgram(std::vector<VerifiedProgram>& programs, const std::string& name) {
  const auto at = std::find_if(programs.begin(), programs.end(),
                               [&](const VerifiedProgram& program) { return program.name == name; });
  return at == programs.end() ? nullptr : &*at;
}

std::string Growth(std::uint64_t before, std::uint64_t now) {
  if (before == 0) return fmt::format("from 0 to {}", now);
  const double share = (static_cast<double>(now) - static_cast<double>(before)) / static_cast<double>(before);
  return fmt::format("by {:.1f} %, from {} to {}", share * 100, before, now);
}

bool GrewBeyond(Percent limit, std::uint64_t before, std::uint64_t now) {
  return static_cast<double>(now) > static_cast<double>(before) * (1 + limit.fraction);
}

/// The sum over those that are in both runs or in either: what `member` has.
template <typename Member>
std::optional<std::uint64_t> Total(const std::vector<VerifiedProgram>& programs, Member member) {
  std::optional<std::uint64_t> total;
  for (const VerifiedProgram& program : programs)
    if (program.*member) total = total.value_or(0) + *(program.*member);
  return total;
}

/// What of the result is above a limit, one line each.
std::vector<std::string> Excesses(const VerifyLimits& limits, const VerifyResult& result) {
  std::vector<std::string> excesses;
  for (const VerifiedProgram& program : result.programs)
    if (limits.max_insns && program.insns && *program.insns > *limits.max_insns)
      excesses.push_back(fmt::format("{} took the verifier {} instructions, above the limit of {}",
                                     program.name, *program.insns, *limits.max_insns));
  if (!limits.max_growth) return excesses;
  const auto compare = [&](const std::string& what, const std::optional<std::uint64_t>& before,
                           const std::optional<std::uint64_t>& now) {
    if (before && now && GrewBeyond(*limits.max_growth, *before, *now))
      excesses.push_back(fmt::format("{} grew {} instructions, above the limit of {}", what,
                                     Growth(*before, *now), Percent::Scalar().print(&*limits.max_growth)));
  };
  for (const VerifiedProgram& program : result.programs)
    compare(program.name, program.baseline, program.insns);
  compare("all programs together", Total(result.programs, &VerifiedProgram::baseline),
          TotalInsns(result.programs));
  return excesses;
}

}  // namespace

VerifyResult MakeVerifyResult(const FinishedRun& run, const VerifySubject& subject, std::string_view output) {
  VerifyResult result;
  result.scheduler = subject.name;
  result.kernel = run.kernel;
  result.topology = run.topology;
  result.verdict = run.outcome.verdict;
  result.cause = run.outcome.cause;
  result.notes = run.outcome.warnings;
  result.directory = run.directory;
  result.repeat_command = run.repeat_command;
  result.rejected = FindRejectedPrograms(output);
  const vmm::SnapshotReport* const before = ReportOf(run, kAttachedTag);
  const vmm::SnapshotReport* const after = ReportOf(run, kRanTag);
  if (before != nullptr) {
    TakePrograms(*before, result);
    if (before->scx_sched_state) {
      result.state = before->scx_sched_state->state;
      result.ops = before->scx_sched_state->ops;
    }
    if (after != nullptr) result.dispatch = ProofOf(*before, *after);
  }
  if (result.verdict == Verdict::kPass) DemandProof(run, result);
  BlameVerifier(result);
  TakeRejected(result);
  for (const VerifiedProgram& program : result.programs)
    if (program.insns &&
        static_cast<double>(*program.insns) >= kNearlyTooMany * static_cast<double>(kKernelMaxInsns))
      result.notes.push_back(
          fmt::format("{} took the verifier {} instructions; no kernel processes more than {}", program.name,
                      *program.insns, kKernelMaxInsns));
  return result;
}

std::optional<std::uint64_t> TotalInsns(const std::vector<VerifiedProgram>& programs) {
  return Total(programs, &VerifiedProgram::insns);
}

void CompareWith(const std::vector<VerifyResult>& baseline, VerifyResult& result) {
  const auto before = std::find_if(baseline.begin(), baseline.end(), [&](const VerifyResult& candidate) {
    return candidate.scheduler == result.scheduler && candidate.kernel == result.kernel &&
           candidate.topology == result.topology && TotalInsns(candidate.programs);
  });
  result.compared = true;
  if (before == baseline.end()) return;
  result.in_baseline = true;
  for (const VerifiedProgram& program : before->programs) {
    if (!program.insns) continue;
    if (VerifiedProgram* const known = FindProgram(result.programs, program.name))
      known->baseline = program.insns;
    else
      result.programs.push_back({program.name, program.type, std::nullopt, program.insns});
  }
}

void JudgeLimits(const VerifyLimits& limits, VerifyResult& result) {
  if (result.verdict != Verdict::kPass) return;
  const std::vector<std::string> excesses = Excesses(limits, result);
  if (!excesses.empty()) {
    Decide(result, Verdict::kFail, excesses.front());
    result.notes.insert(result.notes.end(), excesses.begin() + 1, excesses.end());
  } else if (limits.max_growth && !result.in_baseline) {
    Decide(
        result, Verdict::kInconclusive,
        "how much it grew cannot be told: the baseline has no counts of this scheduler, kernel and topology");
  }
}

}  // namespace ktstr
