#include "interpreter/plan/program_check.h"

#include <filesystem>
#include <map>
#include <string>

#include "interpreter/plan/programs.h"
#include "vmm/host/spawn.h"
#include "vmm/image/initramfs.h"

namespace ktstr {
namespace {

/// Looks at the programs of one scenario, at each file once.
class ProgramCheck {
 public:
  /// `look_at`: which programs to look for; `path`: where ($PATH). Both outlive it.
  ProgramCheck(const LoadedScenario& loaded, const std::string& path,
               bool (*look_at)(const std::string& program))
      : loaded_(loaded), path_(path), look_at_(look_at) {}

  [[nodiscard]] std::vector<LocatedDiagnostic> Found() const {
    return Locate(loaded_.document, diagnostics_);
  }

  void Check(const NamedProgram& program) {
    const auto& [path, source, fault] = program;
    if (!fault.empty()) return diagnostics_.Error(path, "missing-program", fault);
    if (const Result<> allowed = vmm::CheckPayloadPlace(source); !allowed.ok())
      return diagnostics_.Error(path, "host-file", allowed.error().message);
    if (!look_at_(source.binary)) return;
    const Result<std::filesystem::path> found = vmm::FindPayload(source, path_);
    if (!found.ok()) return diagnostics_.Error(path, "missing-program", found.error().message);
    std::error_code error;
    const auto [known, fresh] = packed_.try_emplace(std::filesystem::canonical(*found, error));
    if (fresh) {
      const auto files = vmm::PayloadFiles({source});
      if (!files.ok()) known->second = files.error().message;
    }
    if (!known->second.empty()) diagnostics_.Error(path, "bad-program", known->second);
  }

 private:
  const LoadedScenario& loaded_;
  const std::string& path_;
  bool (*look_at_)(const std::string& program);
  std::map<std::filesystem::path, std::string> packed_;  // what is wrong with a file; "": nothing
  Diagnostics diagnostics_;
};

bool IsRelativePath(const std::string& program) {
  return program.find('/') != std::string::npos && !program.starts_with('/');
}

}  // namespace

std::vector<LocatedDiagnostic> MissingBesideScenario(const LoadedScenario& loaded, bool host_files) {
  const std::string nowhere;
  ProgramCheck check(loaded, nowhere, &IsRelativePath);
  const ProgramPlaces places{loaded.directory, host_files, ""};
  for (const NamedProgram& program : ProgramsOf(loaded.scenario, places, nullptr, false))
    check.Check(program);
  return check.Found();
}

std::vector<LocatedDiagnostic> MissingForRun(const LoadedScenario& loaded, const RunPlan& plan,
                                             bool host_files) {
  const std::string path = vmm::SearchPath();
  ProgramCheck check(loaded, path, [](const std::string&) { return true; });
  const ProgramPlaces places{loaded.directory, host_files, ""};
  for (const NamedProgram& program : ProgramsOf(plan.scenario, places, &plan, true)) check.Check(program);
  return check.Found();
}

}  // namespace ktstr
