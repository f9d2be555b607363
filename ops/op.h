// One Op, one declaration. An Op is a file in this folder: a plain `Args` struct with its field table, and
// `Plan(const Args&, PlanContext&)`, which models its effect on names and lifetimes and yields the resolved
// guest requests. From that come strict decoding, the schema, `explain`, the wire and the dispatch. An Op of
// the host yields itself (PlanContext::EmitHost) and has `Run(const Args&, HostContext&)`, called at that
// point. An Op that reads a file of the guest (PlanContext::EmitRead) has `Receive(const Args&, content,
// HostContext&)`, called once the file is there.
#pragma once

#include <span>

#include "ops/host/host_context.h"
#include "ops/plan/plan_context.h"

namespace ktstr {

struct OpDecl {
  const StructDecl& (*args)();  // its name is the Op's name, its doc what it does
  void (*plan)(const void* args, PlanContext& context);
  Result<> (*run)(const void* args, HostContext& host) = nullptr;  // of host Ops only
  /// Of Ops that read a file of the guest only.
  Result<> (*receive)(const void* args, std::string_view content, HostContext& host) = nullptr;
  /// Time of the scenario passes in it. The measured part of a step begins before the first of these.
  bool waits = false;
};

template <typename Args, void (*Plan)(const Args&, PlanContext&)>
constexpr OpDecl DeclareOp() {
  return {&Args::Decl,
          [](const void* args, PlanContext& context) { Plan(*static_cast<const Args*>(args), context); }};
}

template <typename Args, void (*Plan)(const Args&, PlanContext&), Result<> (*Run)(const Args&, HostContext&)>
constexpr OpDecl DeclareHostOp() {
  OpDecl decl = DeclareOp<Args, Plan>();
  decl.run = [](const void* args, HostContext& host) { return Run(*static_cast<const Args*>(args), host); };
  return decl;
}

template <typename Args, void (*Plan)(const Args&, PlanContext&),
          Result<> (*Receive)(const Args&, std::string_view, HostContext&)>
constexpr OpDecl DeclareReadingOp() {
  OpDecl decl = DeclareOp<Args, Plan>();
  decl.receive = [](const void* args, std::string_view content, HostContext& host) {
    return Receive(*static_cast<const Args*>(args), content, host);
  };
  return decl;
}

/// Every Op, in the order in which `explain` lists them.
std::span<const OpDecl* const> AllOps();
/// The declaration whose Args `args` holds. REQUIRES: it came from Ops::Alternatives().
const OpDecl& OpOf(const AnyStruct& args);

/// The choices of an item of `ops:`.
struct Ops {
  static constexpr std::string_view kName = "Op";
  static std::span<const StructDecl* const> Alternatives();
};
using Op = OneKey<Ops>;

}  // namespace ktstr
