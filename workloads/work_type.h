// All work types. How one is declared, and what a declaration has, says workloads/worker/declare_work_type.h.
#pragma once

#include <span>
#include <string_view>

#include "workloads/worker/declare_work_type.h"

namespace ktstr {

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
