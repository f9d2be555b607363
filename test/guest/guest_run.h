// One `ktstr-interp run` of one scenario under TCG, in a directory of its own, and what every such run must
// leave behind whatever became of it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "test/guest/cli_process.h"

namespace ktstr::test {

using Json = nlohmann::json;

class GuestRun {
 public:
  /// Starts it. `yaml` lacks `version:` and `steps` may be all it has; `args` and `env` are added to the
  /// usual ones and win.
  explicit GuestRun(const std::string& yaml, const std::vector<std::string>& args = {},
                    std::vector<std::string> env = {});

  CliProcess& process() { return *process_; }
  /// Where scenario.yaml, the results (out/) and the temporary files (tmp/) are.
  [[nodiscard]] const std::filesystem::path& dir() const { return dir_.path(); }

  /// Waits for the end. Checks what holds for every run: the exit code, one result with this verdict, a
  /// complete run directory that agrees with it, no process and no scratch file left.
  void Finish(const std::string& verdict);
  /// Finish, for a run that never got to have results: only the exit code and what is left are checked.
  void FinishWithoutResults(int exit_code);

  // After Finish.
  [[nodiscard]] const Json& result() const { return result_; }
  [[nodiscard]] std::string cause() const { return result_.at("cause"); }
  /// The first line of the report on the terminal, with the scenario's directory taken out.
  [[nodiscard]] std::string first_line() const;
  [[nodiscard]] Json File(const std::string& name) const;
  [[nodiscard]] std::string Text(const std::string& name) const;
  [[nodiscard]] std::vector<Json> Events(const std::string& kind = "") const;
  /// The record's reports (all groups), and its payload called `name`.
  [[nodiscard]] Json Reports() const { return File("reports.json").at("reports"); }
  [[nodiscard]] Json Payload(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> Warnings() const { return result_.at("warnings"); }

 private:
  void ExpectNothingLeft() const;
  void CheckDirectory(const std::string& verdict) const;

  TempDir dir_;
  std::filesystem::path run_dir_;
  std::unique_ptr<CliProcess> process_;
  Json result_;
};

/// The kernel that runs use by default.
std::string DefaultKernel();

/// ctest counts a test that prints this as skipped.
void Skip(const std::string& why);

}  // namespace ktstr::test
