// How authors name CPUs relative to a topology, and what that comes to on a concrete one.
#pragma once

#include <optional>
#include <vector>

#include "guest-init/base/units.h"
#include "vmm/machine/topology.h"

namespace ktstr {

/// One of `of` parts of the usable CPUs that have nothing in common; the last takes the remainder.
struct Slice {
  std::uint32_t index = 0;  // less than `of`
  std::uint32_t of = 1;     // at least 1
  static const StructDecl& Decl();
};
/// The same, each reaching into its neighbours by a share of a part.
struct OverlapSlice {
  std::uint32_t index = 0;
  std::uint32_t of = 1;
  Percent share;  // at most 100%
  static const StructDecl& Decl();
};

/// Exactly one member is set. The short form is a CPU list.
struct CpusetSpec {
  std::optional<std::uint32_t> llc;
  std::optional<std::uint32_t> numa;
  std::optional<std::vector<Percent>> range;  // two: start and end
  std::optional<Slice> disjoint;
  std::optional<OverlapSlice> overlap;
  std::optional<CpuSet> cpus;
  static const StructDecl& Decl();
};

/// All CPUs, less the highest one when there are more than two: that one is left to the runner, so that a
/// scenario's slices never starve it. `llc`, `numa` and CPU lists may still name it.
CpuSet UsableCpus(const vmm::Topology& topology);

/// The CPUs `spec` means on `topology`. Errors (kInput) name what the topology lacks; an empty set is one.
Result<CpuSet> ResolveCpuset(const CpusetSpec& spec, const vmm::Topology& topology);

/// One-line text for plans and reports: "llc 0", "range 0%-50%".
std::string DescribeCpuset(const CpusetSpec& spec);

}  // namespace ktstr
