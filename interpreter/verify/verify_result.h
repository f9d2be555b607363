// What came of one scheduler on one kernel and topology: what the run showed, compared and judged. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/units.h"
#include "interpreter/fold/verdict.h"
#include "interpreter/verify/verifier_log.h"

namespace ktstr {

struct FinishedRun;    // interpreter/report/report_run.h
struct VerifySubject;  // verify_subjects.h

/// The most instructions of one program that any kernel's verifier processes.
inline constexpr std::uint64_t kKernelMaxInsns = 1'000'000;

struct VerifiedProgram {
  std::string name;                       // of its function
  std::string type;                       // "struct_ops"
  std::optional<std::uint64_t> insns;     // that the verifier processed; none: it was not loaded, or is gone
  std::optional<std::uint64_t> baseline;  // the same in the run that is compared with
};

/// Whether tasks ran under the scheduler: the workers, between the two snapshots.
struct DispatchProof {
  std::uint32_t workers = 0;  // that were there both times
  std::uint32_t ran = 0;      // of them those of class ext whose CPU time grew
  std::uint64_t ran_ns = 0;   // how much they ran together
};

struct VerifyResult {
  std::string scheduler;  // VerifySubject::name
  std::string kernel;     // version
  std::string topology;   // "1n2l2c2t"
  Verdict verdict = Verdict::kError;
  std::string cause;  // one line; empty for PASS
  std::string state;  // the kernel's, while it was attached: "enabled"; "" when it never was
  std::string ops;    // the name it gave itself
  DispatchProof dispatch;
  std::vector<VerifiedProgram> programs;  // in the order in which they were loaded
  std::vector<RejectedProgram> rejected;
  bool compared = false;           // with an earlier verification
  bool in_baseline = false;        // which has counts of this combination
  std::vector<std::string> notes;  // what does not decide but is worth a line each
  std::string directory;           // of the run; "" when there was none
  std::string repeat_command;
};

/// Of a run of VerifyScenario() and what the scheduler's program wrote to standard error. Without proof that
/// the scheduler was attached and that tasks ran under it, a run that passed does not pass.
VerifyResult MakeVerifyResult(const FinishedRun& run, const VerifySubject& subject, std::string_view output);

/// What all programs together took, as far as they were loaded; nothing when none was.
std::optional<std::uint64_t> TotalInsns(const std::vector<VerifiedProgram>& programs);

/// Fills in what an earlier verification saw of the same scheduler, kernel and topology. Programs that are
/// gone are added, without `insns`.
void CompareWith(const std::vector<VerifyResult>& baseline, VerifyResult& result);

struct VerifyLimits {
  std::optional<std::uint64_t> max_insns;  // of each program
  std::optional<Percent> max_growth;       // of each program, and of all together, against the baseline
};

/// A result that passes fails when a program is above a limit, and is inconclusive when growth is limited and
/// there is nothing to compare with. REQUIRES: CompareWith() was called when growth is limited.
void JudgeLimits(const VerifyLimits& limits, VerifyResult& result);

}  // namespace ktstr
