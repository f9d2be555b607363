// One work type = one file in this folder: a parameter struct with its declaration, and the loop that a
// worker runs in the guest. The host links the same files for their declarations; only the guest runs loops.
#pragma once

#include <span>

#include "guest-init/base/decl.h"

namespace ktstr {

class WorkerContext;

struct WorkTypeDecl {
  const StructDecl& (*params)();  // its name is the work type's name, its doc what it does
  /// `count` must be a non-zero multiple of this (pairs: 2).
  std::uint32_t group_size;
  /// What goes into wake_latencies_ns, for `explain`; empty: the type takes no wake samples.
  std::string_view wake_sample;
  /// Runs until WorkerContext::ShouldStop(). Called in the worker process.
  void (*run)(const void* params, WorkerContext& context);
  /// Every worker gets a pipe of its own that the members of its group can write to.
  bool uses_pipes = false;
};

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
