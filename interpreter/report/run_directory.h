// What is kept of a run: a directory per invocation, in it one per run. Nothing is ever overwritten.
//
//   runs/20260131T101502Z-4711/            `runs/latest` leads to the newest
//     invocation.json                      how `run` was called (kept_results.h)
//     cpuset-shrink@1n2l2c1t#2/            scenario, variant, repetition
//       scenario.yaml  plan.txt            what was run: effective values, every request
//       verdict.json   checks.json  stats.json  reports.json
//       events.jsonl   console.txt  crash.txt  kernel.log (as `dmesg --raw` shows it)
//       sched_ext.dump (what sched_ext dumped of CPUs and tasks, if anything)
//       probe.txt  probe.json  probed/       of the run that was made again with probes, if one was
//        payload-<handle>-<name>.{stdout,stderr}
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "interpreter/run/run_event.h"
#include "vmm/host/cache_dir.h"

namespace ktstr {

struct FinishedRun;  // report_run.h

/// A console is kept up to this size; a guest that floods it must not fill the disk.
inline constexpr std::uint64_t kMaxConsoleFile = std::uint64_t{64} << 20;

/// The directory of an invocation.
class ResultsDirectory {
 public:
  /// Makes `out` as needed and a new directory in it, marks that so that FindScenarios passes it over, and
  /// lets `latest` lead to it. Error (kEnvironment): "the results directory 'x' cannot be made: Permission
  /// denied".
  static Result<ResultsDirectory> Create(const std::filesystem::path& out);

  /// One that an earlier invocation made, to finish what it left. Errors: kUsage "'x' is not a results
  /// directory of `run`"; kEnvironment "another ktstr-interp is writing to 'x'".
  static Result<ResultsDirectory> Reopen(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// "latest" could not be made to lead here, and why; mostly empty.
  [[nodiscard]] const std::string& latest_fault() const { return latest_fault_; }
  /// A path for a run that no other run of this invocation has got; not yet made. The same calls in the same
  /// order get the same paths.
  std::filesystem::path NewRun(std::string_view scenario, std::string_view variant, std::uint32_t repeat);

 private:
  Result<> Lock();

  std::filesystem::path path_;
  std::string latest_fault_;
  std::optional<vmm::FileLock> lock_;  // on the mark, as long as this lives
  std::map<std::string, int> taken_;
};

/// Writes one run's directory as the run goes. Never fails: the first thing that could not be written is kept
/// for fault(), and the rest is still tried.
class RunDirectory final : public EventSink {
 public:
  explicit RunDirectory(std::filesystem::path path);
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;
  ~RunDirectory() override = default;

  /// Before the run.
  void WriteInputs(std::string_view scenario_yaml, std::string_view plan);
  /// After it: verdict, checks, statistics, reports. When a part of them could not be written, a run that
  /// would pass is an ERROR of that cause, `run.results_lost` is set, and verdict.json says both, or is
  /// removed.
  void WriteResults(FinishedRun& run);

  /// Of the same run made again with probes (probe_files.h).
  void WriteProbe(std::string_view text, std::string_view json);

  void OnEvent(const RunEvent& event) override;
  void OnConsole(std::string_view bytes) override;
  void OnCrashText(std::string_view bytes) override;
  void OnKernelLog(std::string_view lines) override;
  void OnSchedulerDump(std::string_view lines) override;
  void OnPayloadOutput(std::uint32_t handle, std::string_view payload, Stream stream,
                       std::string_view bytes) override;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// "No space left on device (writing console.txt)"; "" when all is well.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  struct File {
    Fd fd;
    std::uint64_t size = 0;
    bool given_up = false;
  };

  void Append(const std::string& name, std::string_view bytes);
  [[nodiscard]] Result<> WriteWhole(const std::string& name, std::string_view bytes) const;
  void KeepResults(const FinishedRun& run);
  void NoteFault(std::string fault);

  std::filesystem::path path_;
  std::map<std::string, File> files_;  // those still being written
  std::string fault_;
  std::string result_fault_;  // the first that concerns a result
};

}  // namespace ktstr
