#include "interpreter/scenario/check_list.h"

#include <algorithm>

#include "interpreter/scenario/checks/console_check.h"

namespace ktstr {
namespace {

const CheckNames::Payload* FindPayload(const CheckNames& names, std::string_view name) {
  for (const CheckNames::Payload& payload : names.payloads)
    if (payload.name == name) return &payload;
  return nullptr;
}

}  // namespace

std::vector<std::string> ConsolePatterns(const CheckList& checks) {
  std::vector<std::string> patterns;
  for (const PlacedCheck& placed : checks.checks) {
    if (!placed.check.kind.Is<ConsoleCheck>()) continue;
    const ConsoleText& text = placed.check.kind.As<ConsoleCheck>().console;
    for (const auto& pattern : {text.present, text.absent})
      if (pattern && std::find(patterns.begin(), patterns.end(), *pattern) == patterns.end())
        patterns.push_back(*pattern);
  }
  return patterns;
}

void ResolveChecks(const CheckList& list, const CheckNames& names, Diagnostics& diagnostics) {
  for (const PlacedCheck& placed : list.checks) {
    const CheckKind* const kind = KindOf(placed.check);
    CheckSite site(names, placed.path, placed.step, diagnostics);
    if (kind != nullptr) kind->resolve(placed.check.kind.data(), site);
  }
  for (const PlacedPayloadChecks& placed : list.payloads) {
    const CheckNames::Payload* const payload = FindPayload(names, placed.payload);
    if (payload == nullptr) continue;  // then it has no checks of its own either
    for (std::size_t i = 0; i < placed.checks.size(); ++i) {
      const PayloadCheckKind* const kind = KindOf(placed.checks[i]);
      const std::string path = JoinPath(placed.path, i);
      CheckSite site(names, path, {}, diagnostics);
      if (kind != nullptr) kind->resolve(placed.checks[i].kind.data(), *payload, site);
    }
  }
}

}  // namespace ktstr
