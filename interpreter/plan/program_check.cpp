#include "interpreter/plan/program_check.h"

#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "vmm/host/spawn.h"
#include "vmm/image/initramfs.h"

namespace ktstr {
namespace {

/// Looks at the programs of one scenario, at each file once.
class ProgramCheck {
 public:
  /// `look_at`: which programs to look for; `path`: where ($PATH). Both outlive it.
  ProgramCheck(const LoadedScenario& loaded, bool host_files, const std::string& path,
               bool (*look_at)(const std::string& program))
      : loaded_(loaded), host_files_(host_files), path_(path), look_at_(look_at) {}

  void Check(const std::string& name, const Payload& payload) {
    const std::string at = JoinPath("payloads", name);
    if (!payload.binary.empty()) CheckOne(at + "/binary", payload.binary);
    for (std::size_t i = 0; i < payload.include.size(); ++i)
      CheckOne(JoinPath(at + "/include", i), payload.include[i]);
  }
  [[nodiscard]] std::vector<LocatedDiagnostic> Found() const {
    return Locate(loaded_.document, diagnostics_);
  }

 private:
  void CheckOne(const std::string& path, const std::string& program) {
    const vmm::PayloadSource source{program, loaded_.directory, host_files_};
    if (const Result<> allowed = vmm::CheckPayloadPlace(source); !allowed.ok())
      return diagnostics_.Error(path, "host-file", allowed.error().message);
    if (!look_at_(program)) return;
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

  const LoadedScenario& loaded_;
  bool host_files_;
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
  ProgramCheck check(loaded, host_files, nowhere, &IsRelativePath);
  for (const auto& [name, payload] : loaded.scenario.payloads.items) check.Check(name, payload);
  return check.Found();
}

std::vector<LocatedDiagnostic> MissingForRun(const LoadedScenario& loaded, const RunPlan& plan,
                                             bool host_files) {
  const std::string path = vmm::SearchPath();
  ProgramCheck check(loaded, host_files, path, [](const std::string&) { return true; });
  std::set<std::string> used;
  for (const PayloadState& payload : plan.payloads) used.insert(payload.name);
  for (const auto& [name, payload] : plan.scenario.payloads.items)
    if (used.contains(name)) check.Check(name, payload);
  return check.Found();
}

}  // namespace ktstr
