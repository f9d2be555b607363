// A run with everything a report says about it, and all runs of one invocation. Plain data: the reports are
// functions of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/load/render_diagnostics.h"
#include "interpreter/run/run_outcome.h"
#include "vmm/kernel/kernels.h"

namespace ktstr {

/// What came of running a failed run again.
struct Reruns {
  std::uint32_t runs = 0;
  std::uint32_t failed = 0;  // of them
  std::uint32_t alike = 0;   // of those: for a cause at the same place
  std::uint32_t passed = 0;  // the others were errors, or inconclusive
};

/// What came of running a failed run again with probes.
struct ProbedAgain {
  bool ran = false;                // false: it was not run, for the reason in `lines`
  bool alike = false;              // it failed again, for a cause at the same place
  std::vector<std::string> lines;  // what to tell of it, each one line
};

struct FinishedRun {
  std::string file;          // as messages call it
  std::string name;          // the scenario's
  std::string variant;       // "" without a matrix
  std::uint32_t repeat = 0;  // 1, 2, ... with --repeat, else 0
  std::uint32_t repeats = 0;
  std::string kernel;  // version; "" when none was looked for
  std::string topology;
  std::uint64_t seed = 0;
  /// The verdict and the cause always; the rest when a machine was asked for. The workers' samples and the
  /// payloads' output are in the run directory only.
  RunOutcome outcome;
  bool interrupted = false;                    // by a signal to us
  std::vector<LocatedDiagnostic> diagnostics;  // of a bad scenario
  std::string cause_place;                     // "cpuset/shrink.yaml:41:7"; "" when the cause has none
  std::string cause_source;                    // that line of the file, without the blanks around it
  std::string directory;                       // "" when nothing was kept
  std::string directory_fault;                 // what could not be written, and why
  bool results_lost = false;                   // and some of it is a result: --resume runs it again
  std::string repeat_command;                  // "" when nothing was run
  std::optional<Reruns> reruns;                // none: it was not run again
  std::optional<ProbedAgain> probed;           // none: it was not to be probed
  /// Of a run that an earlier invocation finished (kept_results.h): its result as the JSON report shows it;
  /// else "".
  std::string kept_result;
};

/// "cpuset/shrink.yaml#1n2l2c1t (2 of 5)".
std::string TitleOf(const FinishedRun& run);

struct RunSummary {
  std::vector<FinishedRun> runs;
  std::vector<std::string> not_run;  // titles, after --fail-fast or a signal
  std::string interrupted_by;        // "SIGINT"; "" when nothing did
  vmm::Kernel kernel;                // empty when none was needed
  std::string accel;                 // "" when none was needed
  std::string accel_reason;
  std::string directory;  // of all runs; "" when nothing was run
  double elapsed_ms = 0;
};

/// The worst verdict, an interruption counting as an error.
Verdict WorstOf(const RunSummary& summary);

/// The most that is shown of a text that is not ours, in bytes: for OneLine().
inline constexpr std::size_t kTextBytes = 400;

}  // namespace ktstr
