#include "vmm/topology.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <limits>

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

/// Each level of an APIC id has its own bits, so ids have gaps where a count is not a power of two.
std::uint64_t LargestApicId(const Topology& t) {
  const std::uint64_t dies = t.llcs / t.numa_nodes;
  std::uint64_t id = t.numa_nodes - 1;
  id = (id << BitsFor(dies)) + dies - 1;
  id = (id << BitsFor(t.cores_per_llc)) + t.cores_per_llc - 1;
  return (id << BitsFor(t.threads_per_core)) + t.threads_per_core - 1;
}

}  // namespace

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
  constexpr std::uint32_t limit = kMaxApicId + 1;
  const bool huge = t.llcs > limit || t.cores_per_llc > limit || t.threads_per_core > limit;
  const std::uint64_t cpus = huge ? 0 : std::uint64_t{t.llcs} * t.cores_per_llc * t.threads_per_core;
  if (huge) return wrong(fmt::format("more than {} CPUs", limit));
  if (cpus > limit) return wrong(fmt::format("{} CPUs are more than {}", cpus, limit));
  const std::uint64_t apic_id = LargestApicId(t);
  if (apic_id > kMaxApicId) {
    return wrong(
        fmt::format("its last CPU would need APIC id {}, and {} is the largest; counts that are "
                    "powers of two leave no gaps",
                    apic_id, kMaxApicId));
  }
  return {};
}

std::string FormatTopology(const Topology& t) {
  return fmt::format("{}n{}l{}c{}t", t.numa_nodes, t.llcs, t.cores_per_llc, t.threads_per_core);
}

Result<Topology> ParseTopology(std::string_view text) {
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
    return Error{ErrorKind::kInput,
                 fmt::format("'{}' is not a topology such as 1n2l2c1t (NUMA nodes, LLCs, cores per LLC, "
                             "threads per core)",
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
