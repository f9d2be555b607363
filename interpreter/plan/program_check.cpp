#include "interpreter/plan/program_check.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include "interpreter/plan/programs.h"
#include "ops/plan/suggest.h"
#include "vmm/host/host_file.h"
#include "vmm/host/spawn.h"
#include "vmm/image/initramfs.h"
#include "vmm/introspection/types/bpf_object.h"

namespace ktstr {
namespace {

/// The largest of sched_ext's have some MiB.
constexpr std::uint64_t kMaxObject = std::uint64_t{64} << 20;

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
    const std::string& path = program.path;
    const vmm::PayloadSource& source = program.source;
    if (!program.fault.empty()) return diagnostics_.Error(path, "missing-program", program.fault);
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
    if (!known->second.empty()) return diagnostics_.Error(path, "bad-program", known->second);
    if (program.of_object != nullptr) CheckObject(program, *found);
  }

 private:
  /// Whether the loader will find in it what the definition names.
  void CheckObject(const NamedProgram& program, const std::filesystem::path& file) {
    const std::string at = program.path.substr(0, program.path.rfind('/'));
    const auto bytes = vmm::ReadHostFile(file, kMaxObject);
    if (!bytes.ok()) return diagnostics_.Error(program.path, "bad-program", bytes.error().message);
    const auto object = vmm::ReadBpfObject(*bytes, program.source.binary);
    if (!object.ok()) return diagnostics_.Error(program.path, "bad-program", object.error().message);
    CheckOps(program, at, object->schedulers);
    for (const auto& [name, value] : program.of_object->variables.items)
      CheckVariable(name, JoinPath(at + "/variables", name), *object);
  }

  void CheckOps(const NamedProgram& program, const std::string& at, const std::vector<std::string>& known) {
    const std::string& ops = program.of_object->ops;
    if (ops.empty() && known.size() > 1)
      return diagnostics_.Error(program.path, "unknown-name",
                                "the object has several sched_ext_ops: " + Listed(known),
                                "say with `ops:` which is meant");
    if (ops.empty() || std::find(known.begin(), known.end(), ops) != known.end()) return;
    std::string hint = DidYouMean(ops, known);
    if (hint.empty()) hint = "it has " + Listed(known);
    diagnostics_.Error(at + "/ops", "unknown-name", "the object has no sched_ext_ops '" + ops + "'",
                       std::move(hint));
  }

  /// What a variable may be set to is for the loader to say.
  void CheckVariable(const std::string& name, const std::string& path, const vmm::BpfObject& object) {
    const std::size_t end = std::min(name.find_first_of(".["), name.size());
    const auto* const variable = object.FindVariable(name.substr(0, end));
    if (variable == nullptr) {
      std::vector<std::string> known;
      for (const vmm::BpfObject::Variable& its : object.variables)
        known.push_back(its.name + " (" + object.types->NameOf(its.type) + ")");
      std::vector<std::string> names;
      for (const vmm::BpfObject::Variable& its : object.variables) names.push_back(its.name);
      std::string hint = DidYouMean(name, names);
      if (hint.empty()) hint = known.empty() ? "it has none" : "it has " + Listed(known);
      return diagnostics_.Error(path, "unknown-name", "the object has no variable '" + name + "'",
                                std::move(hint));
    }
    if (end == name.size() || name[end] == '[') return;
    const auto member = object.types->Path(variable->type, name.substr(end + 1));
    if (!member.ok()) diagnostics_.Error(path, "unknown-name", member.error().message);
  }

  static std::string Listed(const std::vector<std::string>& names) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    return all;
  }

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
