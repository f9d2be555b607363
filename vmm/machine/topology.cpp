#include "vmm/machine/topology.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>

#include "vmm/machine/topology_presets.h"

namespace ktstr::vmm {
namespace {

CpuSet Range(std::uint32_t first, std::uint32_t count) {
  CpuSet set;
  set.cpus.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) set.cpus.push_back(first + i);
  return set;
}

std::uint32_t LlcSize(const Topology& t) { return t.cores_per_llc * t.threads_per_core; }
std::uint32_t NodeSize(const Topology& t) { return LlcSize(t) * (t.llcs / t.numa_nodes); }

std::uint64_t BitsFor(std::uint64_t count) { return static_cast<std::uint64_t>(std::bit_width(count - 1)); }

/// The largest preset with no more CPUs and the same nodes and threads; nullptr when there is none.
const TopologyPreset* NearestThatFits(const Topology& t) {
  const TopologyPreset* best = nullptr;
  for (const TopologyPreset& preset : kTopologyPresets) {
    const Topology& p = preset.topology;
    if (p.numa_nodes != t.numa_nodes || p.threads_per_core != t.threads_per_core) continue;
    if (CpuCount(p) > CpuCount(t) || LargestApicId(p) > kMaxApicId) continue;
    if (best == nullptr || CpuCount(best->topology) < CpuCount(p)) best = &preset;
  }
  return best;
}

/// With its name, for messages, when it has one.
std::string Described(const Topology& t) {
  for (const TopologyPreset& preset : kTopologyPresets)
    if (preset.topology == t) return fmt::format("{} ({})", preset.name, FormatTopology(t));
  return FormatTopology(t);
}

}  // namespace

const TopologyPreset* FindTopologyPreset(std::string_view name) {
  for (const TopologyPreset& preset : kTopologyPresets)
    if (preset.name == name) return &preset;
  return nullptr;
}

Result<> ValidateTopology(const Topology& t) {
  const auto wrong = [&](const std::string& why) {
    return Error{ErrorKind::kInput, "topology " + FormatTopology(t) + ": " + why};
  };
  if (t.numa_nodes == 0) return wrong("there must be at least one NUMA node");
  if (t.llcs == 0) return wrong("there must be at least one LLC");
  if (t.cores_per_llc == 0) return wrong("there must be at least one core per LLC");
  if (t.threads_per_core == 0) return wrong("there must be at least one thread per core");
  if (t.llcs % t.numa_nodes != 0) {
    return wrong(fmt::format("{} LLCs cannot be spread evenly over {} NUMA nodes", t.llcs, t.numa_nodes));
  }
  // Each factor is checked first, so the product cannot overflow.
  const bool huge = t.llcs > kMaxCpus || t.cores_per_llc > kMaxCpus || t.threads_per_core > kMaxCpus;
  const std::uint64_t cpus = huge ? 0 : std::uint64_t{t.llcs} * t.cores_per_llc * t.threads_per_core;
  if (huge) return wrong(fmt::format("more than {} CPUs", kMaxCpus));
  if (cpus > kMaxCpus) return wrong(fmt::format("{} CPUs are more than {}", cpus, kMaxCpus));
  return {};
}

std::uint64_t LargestApicId(const Topology& t) {
  const std::uint64_t llcs_of_node = t.llcs / t.numa_nodes;
  std::uint64_t id = t.numa_nodes - 1;
  id = (id << BitsFor(llcs_of_node)) + llcs_of_node - 1;
  id = (id << BitsFor(t.cores_per_llc)) + t.cores_per_llc - 1;
  return (id << BitsFor(t.threads_per_core)) + t.threads_per_core - 1;
}

Result<> CheckApicIds(const Topology& t) {
  const std::uint64_t largest = LargestApicId(t);
  if (largest <= kMaxApicId) return {};
  const TopologyPreset* const fits = NearestThatFits(t);
  return Error{ErrorKind::kEnvironment,
               fmt::format("topology {} needs APIC ids up to {} and QEMU's end at {}; {}", Described(t),
                           largest, kMaxApicId,
                           fits != nullptr ? fmt::format("the nearest preset that fits is {}", fits->name)
                                           : "counts that are powers of two leave no gaps")};
}

std::string FormatTopology(const Topology& t) {
  return fmt::format("{}n{}l{}c{}t", t.numa_nodes, t.llcs, t.cores_per_llc, t.threads_per_core);
}

Result<Topology> ParseTopology(std::string_view text) {
  if (const TopologyPreset* preset = FindTopologyPreset(text)) return preset->topology;
  Topology t;
  std::uint32_t* const members[] = {&t.numa_nodes, &t.llcs, &t.cores_per_llc, &t.threads_per_core};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  bool good = true;
  for (int i = 0; i < 4 && good; ++i) {
    const auto [after, error] = std::from_chars(at, end, *members[i]);
    good = error == std::errc() && after != end && *after == "nlct"[i];
    at = good ? after + 1 : after;
  }
  if (!good || at != end) {
    return Error{
        ErrorKind::kInput,
        fmt::format("unknown topology '{}'; write a preset's name or e.g. 1n2l2c1t (NUMA nodes, LLCs, "
                    "cores per LLC, threads per core)",
                    text)};
  }
  TRY(ValidateTopology(t));
  return t;
}

std::uint32_t CpuCount(const Topology& t) { return t.llcs * LlcSize(t); }
CpuSet AllCpus(const Topology& t) { return Range(0, CpuCount(t)); }
CpuSet CpusOfLlc(const Topology& t, std::uint32_t llc) { return Range(llc * LlcSize(t), LlcSize(t)); }
CpuSet CpusOfNode(const Topology& t, std::uint32_t node) { return Range(node * NodeSize(t), NodeSize(t)); }

CpuSet SmtSiblings(const Topology& t, std::uint32_t cpu) {
  return Range(cpu - cpu % t.threads_per_core, t.threads_per_core);
}

std::uint32_t LlcOfCpu(const Topology& t, std::uint32_t cpu) { return cpu / LlcSize(t); }
std::uint32_t NodeOfCpu(const Topology& t, std::uint32_t cpu) { return cpu / NodeSize(t); }

}  // namespace ktstr::vmm
