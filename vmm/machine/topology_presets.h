// Topologies that have a name, from the data file topology_presets.inc.
#pragma once

#include <string_view>

#include "vmm/machine/topology.h"

namespace ktstr::vmm {

struct TopologyPreset {
  std::string_view name;
  Topology topology;
  std::string_view doc;  // begins with the short form: "1n4l4c2t: a workstation: ..."
};

/// In the order of the file: short names first. Each is valid; whether QEMU can build it is another question
/// (CheckApicIds). Two names may mean the same topology.
inline constexpr TopologyPreset kTopologyPresets[] = {
#define KTSTR_TOPOLOGY(name, numa, llcs, cores, threads, doc) \
  {name, {numa, llcs, cores, threads}, #numa "n" #llcs "l" #cores "c" #threads "t: " doc},
#include "vmm/machine/topology_presets.inc"
#undef KTSTR_TOPOLOGY
};

/// Names are case-sensitive. nullptr: there is none of that name.
const TopologyPreset* FindTopologyPreset(std::string_view name);

}  // namespace ktstr::vmm
