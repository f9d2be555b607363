// The shape of the guest's processor, and which CPU number sits where in it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "guest-init/base/units.h"

namespace ktstr::vmm {

/// The most CPUs a guest can have.
inline constexpr std::uint32_t kMaxCpus = 255;
/// The largest APIC id the machines we build can have. TCG's APICs have 8-bit ids (255 is the broadcast) and
/// no x2APIC before QEMU 9.0; KVM's could have more, but then the guest also needs interrupt remapping.
inline constexpr std::uint32_t kMaxApicId = 254;

/// Plain data; the functions below are pure and, but for ValidateTopology, REQUIRE a valid topology.
///
/// Guest CPU numbers run first over the SMT threads of a core, then over the cores of an LLC, then over the
/// LLCs of a NUMA node, then over the nodes: what Linux counts in a QEMU guest with one socket per node and
/// one die per LLC.
struct Topology {
  std::uint32_t numa_nodes = 1;
  std::uint32_t llcs = 1;  // in the whole machine; a multiple of numa_nodes
  std::uint32_t cores_per_llc = 2;
  std::uint32_t threads_per_core = 1;

  auto operator<=>(const Topology&) const = default;
};

/// Whether it is a machine at all, on whatever host. Error (kInput), e.g.
/// "topology 2n3l1c1t: 3 LLCs cannot be spread evenly over 2 NUMA nodes".
Result<> ValidateTopology(const Topology& t);

/// The APIC id of the last CPU. Each level (node, LLC, core, thread) has bits of its own, as many as its
/// count needs, so ids have gaps where a count is not a power of two: an LLC of 9 cores takes the ids of 16.
/// Linux tells the CPUs of an LLC by these bits, so no other arrangement shows the guest the same LLCs with
/// less.
std::uint64_t LargestApicId(const Topology& t);

/// Whether the machines we build have the ids for it. Error (kEnvironment), e.g.
/// "topology 252cpu-14llc-smt (1n14l9c2t) needs APIC ids up to 433 and QEMU's end at 254; the nearest preset
/// that fits is 240cpu-15llc-smt".
Result<> CheckApicIds(const Topology& t);

/// "1n2l2c1t". Any values, valid or not.
std::string FormatTopology(const Topology& t);
/// Reads a preset's name or what FormatTopology writes, then validates. Error (kInput): "unknown topology
/// '2x'; write a preset's name or e.g. 1n2l2c1t (NUMA nodes, LLCs, cores per LLC, threads per core)".
Result<Topology> ParseTopology(std::string_view text);

std::uint32_t CpuCount(const Topology& t);
CpuSet AllCpus(const Topology& t);
/// REQUIRES: llc < t.llcs.
CpuSet CpusOfLlc(const Topology& t, std::uint32_t llc);
/// REQUIRES: node < t.numa_nodes.
CpuSet CpusOfNode(const Topology& t, std::uint32_t node);
/// The CPUs sharing a core with `cpu`, itself included. REQUIRES: cpu < CpuCount(t).
CpuSet SmtSiblings(const Topology& t, std::uint32_t cpu);
/// REQUIRES: cpu < CpuCount(t).
std::uint32_t LlcOfCpu(const Topology& t, std::uint32_t cpu);
/// REQUIRES: cpu < CpuCount(t).
std::uint32_t NodeOfCpu(const Topology& t, std::uint32_t cpu);

}  // namespace ktstr::vmm
