// One work type = one file in this folder: a parameter struct with its declaration, and the loop that a
// worker runs in the guest. The host links the same files for their declarations; only the guest runs loops.
#pragma once

#include <span>

#include "guest-init/base/decl.h"

namespace ktstr {

class WorkerContext;

/// What a work type is beside its parameters and its loop.
struct WorkTypeTraits {
  /// `count` must be a non-zero multiple of this (pairs: 2).
  std::uint32_t group_size = 1;
  /// What goes into wake_latencies_ns, for `explain`; empty: the type takes no wake samples.
  std::string_view wake_sample = {};
  /// The same of timer_latencies_ns and of iteration_costs_ns.
  std::string_view timer_sample = {};
  std::string_view iteration_cost = {};
  /// Every worker gets a pipe of its own that the members of its group can write to.
  bool uses_pipes = false;
  /// The machine gets a disk, made for this run and thrown away after it.
  bool needs_disk = false;
};

struct WorkTypeDecl : WorkTypeTraits {
  const StructDecl& (*params)();  // its name is the work type's name, its doc what it does
  /// Runs until WorkerContext::ShouldStop(). Called in the worker process. REQUIRES: `params` of its struct.
  void (*run)(const void* params, WorkerContext& context);
};

/// `extern constexpr WorkTypeDecl work_type_bursty = DeclareWorkType<Bursty, Run>({...});` at the end of the
/// type's file, and its row in all_work_types.cpp.
template <typename Params, void (*Run)(const Params&, WorkerContext&)>
constexpr WorkTypeDecl DeclareWorkType(WorkTypeTraits traits = {}) {
  return {traits, &Params::Decl, [](const void* params, WorkerContext& context) {
            Run(*static_cast<const Params*>(params), context);
          }};
}

/// Every work type, in the order in which `explain` lists them.
std::span<const WorkTypeDecl> AllWorkTypes();
/// nullptr when unknown.
const WorkTypeDecl* FindWorkType(std::string_view name);

/// The parameter structs of all work types, as choices of a `type:` field.
struct WorkTypes {
  static constexpr std::string_view kName = "work type";
  static std::span<const StructDecl* const> Alternatives();
};
using WorkParams = Variant<WorkTypes>;

}  // namespace ktstr
