// What the four kernel memory Ops share: their Args and how they are planned.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ops/host/kernel_spec.h"
#include "ops/op.h"

namespace ktstr {

struct KernelReadArgs {
  std::string tag;
  KernelTargetSpec target;         // where
  std::optional<WidthSpec> width;  // none: as wide as its type
};
struct KernelWriteArgs {
  std::vector<KernelWriteSpec> writes;  // done in this order, up to the first that cannot be
};

/// Diagnoses a read whose width is not known; else makes its tag.
bool CheckRead(const KernelReadArgs& args, PlanContext& context);
/// Finds values that cannot go where they are to go; `cold`: the guest will be paused.
bool CheckWrites(const KernelWriteArgs& args, bool cold, PlanContext& context);
/// Errors are those of HostContext::Access; `cold`: with the guest paused.
Result<> RunRead(const KernelReadArgs& args, bool cold, HostContext& host);
Result<> RunWrites(const KernelWriteArgs& args, bool cold, HostContext& host);

/// The fields of either, for their declarations. `Args` derives from KernelReadArgs or KernelWriteArgs.
template <typename Args>
inline constexpr FieldDecl kKernelReadFields[] = {
    Makes(Required<&Args::tag>("tag", "What checks call the value by (`read: <tag>`).", kTagName,
                               Refers::kTag)),
    Required<&Args::target>("target", "Where."),
    Optional<&Args::width>("width", "How much; not needed where BTF knows the type."),
};
template <typename Args>
inline constexpr FieldDecl kKernelWriteFields[] = {
    Required<&Args::writes>("writes", "In this order; the first that cannot be done ends the scenario.",
                            NonEmpty()),
};

/// What the plan says of a read or of writes: the Op's name, and what is read or written.
std::string ReadLabel(std::string_view op, const KernelReadArgs& args);
std::string WritesLabel(std::string_view op, const KernelWriteArgs& args);

}  // namespace ktstr
