#include "interpreter/cli/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>

#include "interpreter/load/find_scenarios.h"
#include "interpreter/plan/program_check.h"

namespace ktstr {
namespace {

struct FileResult {
  std::vector<LocatedDiagnostic> diagnostics;
  bool readable = true;
};

/// Files are independent of each other and loading shares nothing, so each core takes the next one. Below a
/// few dozen files a thread costs more than it brings.
std::vector<FileResult> LoadAll(const std::vector<ScenarioFile>& files, bool host_files) {
  std::vector<FileResult> results(files.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      LoadedScenario loaded = LoadScenario(files[i]);
      for (LocatedDiagnostic& missing : MissingBesideScenario(loaded, host_files))
        loaded.diagnostics.push_back(std::move(missing));
      SortByPlace(loaded.diagnostics);
      results[i] = {std::move(loaded.diagnostics), loaded.readable};
    }
  };
  const std::size_t threads =
      std::min<std::size_t>({std::max(1U, std::thread::hardware_concurrency()), 16, 1 + files.size() / 32});
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  helpers.clear();  // joins them
  return results;
}

std::string Counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

LintReport LintPaths(std::span<const std::string> paths, bool host_files) {
  const FoundScenarios found = FindScenarios(paths);
  LintReport report;
  report.files = found.files.size();
  for (const PathDiagnostic& diagnostic : found.diagnostics) {
    report.diagnostics.push_back(LocateFile(diagnostic.path, "no-scenario", diagnostic.message));
    ++report.errors;
    report.unreadable = true;
  }
  for (FileResult& file : LoadAll(found.files, host_files)) {
    const auto errors = static_cast<std::size_t>(std::count_if(
        file.diagnostics.begin(), file.diagnostics.end(),
        [](const LocatedDiagnostic& diagnostic) { return diagnostic.severity == Severity::kError; }));
    report.errors += errors;
    report.warnings += file.diagnostics.size() - errors;
    report.faulty_files += errors > 0 ? 1 : 0;
    report.unreadable = report.unreadable || !file.readable;
    std::move(file.diagnostics.begin(), file.diagnostics.end(), std::back_inserter(report.diagnostics));
  }
  return report;
}

std::string LintSummary(const LintReport& report) {
  if (report.errors == 0 && report.warnings == 0) return Counted(report.files, "file") + ", no errors";
  std::string text = report.errors > 0 ? Counted(report.errors, "error") : "no errors";
  if (report.warnings > 0) text += ", " + Counted(report.warnings, "warning");
  if (report.files == 0) return text + ", no scenario found";
  if (report.errors == 0) return text + fmt::format(" in {}", Counted(report.files, "file"));
  return text + fmt::format(" in {} of {}", report.faulty_files, Counted(report.files, "file"));
}

int LintExitCode(const LintReport& report) {
  if (report.unreadable) return 2;
  return report.errors > 0 ? 1 : 0;
}

}  // namespace ktstr
