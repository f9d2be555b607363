// A verification as people and programs read it. Pure, but for ReadBaseline().
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "guest-init/base/result.h"
#include "interpreter/verify/verify_result.h"
#include "interpreter/verify/verify_subjects.h"

namespace ktstr {

/// The file in a results directory that holds VerifyJson().
inline constexpr std::string_view kVerifyFile = "verify.json";

struct VerifyStyle {
  bool color = false;  // ANSI escapes
  bool raw = false;    // the verifier's logs as they are
};

struct VerifyReport {
  std::vector<VerifySubject> subjects;
  std::vector<VerifyResult> results;  // of subjects, on each kernel and topology
  std::vector<std::string> unread;    // "x.yaml: bad scenario: ...": what they declare is not known
  std::string interrupted_by = {};    // "SIGINT": not all was run
};

/// A table for each scheduler: what came of it on each kernel and topology, and how many instructions its
/// programs took the verifier; behind it whatever did not pass, with its cause and the verifier's log. With a
/// baseline each count has what it grew since.
std::string RenderVerifyTables(const VerifyReport& report, const VerifyStyle& style);

/// {"version", "verdict", "exit_code", "schedulers": [...], "results": [...], "unread": [...],
/// "interrupted_by"}: everything, the logs folded unless `raw`.
std::string VerifyJson(const VerifyReport& report, bool raw);

/// The worst of all results; what could not be read is an error, and so is an interruption.
Verdict WorstOf(const VerifyReport& report);

/// What an earlier verification left in its results directory, or in the file VerifyJson() was written to.
/// Only what CompareWith() needs is filled in. Errors (kInput): there is none; "'x' is not what `verify`
/// writes".
Result<std::vector<VerifyResult>> ReadBaseline(const std::filesystem::path& place);

}  // namespace ktstr
