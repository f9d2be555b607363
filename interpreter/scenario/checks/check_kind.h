// One kind of check, one declaration. A kind is a file in this folder: a plain struct of arguments with its
// field table, `Resolve`, which says before a run what is wrong with its names, units and selectors, and
// `Judge`, which holds a finished run against it. From that come strict decoding, the schema, `explain` and
// the dispatch. A kind is chosen by the key that bears its name, so its struct is declared under that name
// and requires a field of it.
#pragma once

#include "interpreter/scenario/checks/check.h"
#include "interpreter/scenario/checks/check_result.h"
#include "interpreter/scenario/checks/check_site.h"
#include "interpreter/scenario/checks/run_facts.h"

namespace ktstr {

struct CheckKind {
  const StructDecl& (*args)();  // its name is the key that chooses the kind
  void (*resolve)(const void* args, CheckSite& site);
  /// The verdict with its message, value, bound, phase and cgroup, and what was checked. The caller adds the
  /// path and the author's reason.
  CheckResult (*judge)(const void* args, const RunFacts& run);
};

template <typename Args, void (*Resolve)(const Args&, CheckSite&),
          CheckResult (*Judge)(const Args&, const RunFacts&)>
constexpr CheckKind DeclareCheck() {
  return {&Args::Decl,
          [](const void* args, CheckSite& site) { Resolve(*static_cast<const Args*>(args), site); },
          [](const void* args, const RunFacts& run) { return Judge(*static_cast<const Args*>(args), run); }};
}

/// A kind of payload check. The caller adds path, phase, cgroup and whether the result counts.
struct PayloadCheckKind {
  const StructDecl& (*args)();
  void (*resolve)(const void* args, const CheckNames::Payload& payload, CheckSite& site);
  CheckResult (*judge)(const void* args, const PayloadResult& payload);
  /// Judged before the others, which are left out when it fails: they could only say the same again.
  bool decides;
};

template <typename Args, void (*Resolve)(const Args&, const CheckNames::Payload&, CheckSite&),
          CheckResult (*Judge)(const Args&, const PayloadResult&)>
constexpr PayloadCheckKind DeclarePayloadCheck(bool decides = false) {
  return {&Args::Decl,
          [](const void* args, const CheckNames::Payload& payload, CheckSite& site) {
            Resolve(*static_cast<const Args*>(args), payload, site);
          },
          [](const void* args, const PayloadResult& payload) {
            return Judge(*static_cast<const Args*>(args), payload);
          },
          decides};
}

/// In the order in which `explain` lists them, and in which a key chooses one.
std::span<const CheckKind* const> AllChecks();
std::span<const PayloadCheckKind* const> AllPayloadChecks();

/// The declaration of what a check holds; nullptr when it holds nothing (it was not decoded).
const CheckKind* KindOf(const Check& check);
const PayloadCheckKind* KindOf(const PayloadCheck& check);

}  // namespace ktstr
