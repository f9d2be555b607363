#include "interpreter/plan/program_check.h"

#include <functional>
#include <set>
#include <string>

#include "vmm/image/initramfs.h"

namespace ktstr {
namespace {

using Look = std::function<Result<>(const vmm::PayloadSource& source)>;

/// What `look` says of each program of a payload that may be looked at.
void LookAt(const std::string& name, const Payload& payload, const LoadedScenario& loaded, bool host_files,
            const Look& look, Diagnostics& diagnostics) {
  const auto one = [&](std::string path, const std::string& program) {
    const vmm::PayloadSource source{program, loaded.directory, host_files};
    if (const Result<> allowed = vmm::CheckPayloadPlace(source); !allowed.ok())
      return diagnostics.Error(std::move(path), "host-file", allowed.error().message);
    const Result<> found = look(source);
    if (!found.ok()) diagnostics.Error(std::move(path), "missing-program", found.error().message);
  };
  const std::string at = JoinPath("payloads", name);
  if (!payload.binary.empty()) one(at + "/binary", payload.binary);
  for (std::size_t i = 0; i < payload.include.size(); ++i)
    one(JoinPath(at + "/include", i), payload.include[i]);
}

}  // namespace

std::vector<LocatedDiagnostic> MissingBesideScenario(const LoadedScenario& loaded, bool host_files) {
  Diagnostics diagnostics;
  const Look look = [](const vmm::PayloadSource& source) -> Result<> {
    if (source.binary.find('/') == std::string::npos || source.binary.starts_with('/')) return {};
    const auto found = vmm::FindPayload(source, "");
    return found.ok() ? Result<>() : Result<>(found.error());
  };
  for (const auto& [name, payload] : loaded.scenario.payloads.items)
    LookAt(name, payload, loaded, host_files, look, diagnostics);
  return Locate(loaded.document, diagnostics);
}

std::vector<LocatedDiagnostic> MissingForRun(const LoadedScenario& loaded, const RunPlan& plan,
                                             bool host_files) {
  Diagnostics diagnostics;
  const Look look = [](const vmm::PayloadSource& source) -> Result<> {
    const auto found = vmm::PayloadFiles({source});
    return found.ok() ? Result<>() : Result<>(found.error());
  };
  std::set<std::string> used;
  for (const PayloadState& payload : plan.payloads) used.insert(payload.name);
  for (const auto& [name, payload] : plan.scenario.payloads.items)
    if (used.contains(name)) LookAt(name, payload, loaded, host_files, look, diagnostics);
  return Locate(loaded.document, diagnostics);
}

}  // namespace ktstr
