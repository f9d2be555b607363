// CPU sets on hand-worked topologies.
#include <catch2/catch.hpp>

#include "ops/plan/cpuset.h"

using namespace ktstr;

namespace {

std::string Resolved(const CpusetSpec& spec, const vmm::Topology& topology) {
  const Result<CpuSet> set = ResolveCpuset(spec, topology);
  return set.ok() ? FormatCpus(*set) : "error: " + set.error().message;
}

CpusetSpec Range(double start, double end) {
  CpusetSpec spec;
  spec.range = std::vector<Percent>{{start}, {end}};
  return spec;
}
CpusetSpec Disjoint(std::uint32_t index, std::uint32_t of) {
  CpusetSpec spec;
  spec.disjoint = {index, of};
  return spec;
}
CpusetSpec Overlap(std::uint32_t index, std::uint32_t of, double share) {
  CpusetSpec spec;
  spec.overlap = {index, of, {share}};
  return spec;
}

constexpr vmm::Topology kEight{1, 2, 4, 1};  // 8 CPUs, usable 0-6

}  // namespace

TEST_CASE("the highest CPU is left to the runner when there are more than two") {
  CHECK(FormatCpus(UsableCpus({1, 1, 1, 1})) == "0");
  CHECK(FormatCpus(UsableCpus({1, 1, 2, 1})) == "0-1");
  CHECK(FormatCpus(UsableCpus({1, 1, 3, 1})) == "0-1");
  CHECK(FormatCpus(UsableCpus(kEight)) == "0-6");
}

TEST_CASE("ranges and parts of seven usable CPUs") {
  CHECK(Resolved(Range(0, 0.5), kEight) == "0-2");  // floor(3.5)
  CHECK(Resolved(Range(0.5, 1), kEight) == "3-6");
  CHECK(Resolved(Range(0, 1), kEight) == "0-6");
  CHECK(Resolved(Disjoint(0, 3), kEight) == "0-1");
  CHECK(Resolved(Disjoint(1, 3), kEight) == "2-3");
  CHECK(Resolved(Disjoint(2, 3), kEight) == "4-6");      // the last takes the remainder
  CHECK(Resolved(Overlap(0, 2, 0.5), kEight) == "0-3");  // chunk 3, overlap 1
  CHECK(Resolved(Overlap(1, 2, 0.5), kEight) == "2-6");
}

TEST_CASE("disjoint parts cover the usable CPUs once, on any topology") {
  for (std::uint32_t cores = 1; cores <= 24; ++cores) {
    const vmm::Topology topology{1, 1, cores, 1};
    const CpuSet usable = UsableCpus(topology);
    for (std::uint32_t of = 1; of <= usable.size(); ++of) {
      std::vector<std::uint32_t> together;
      for (std::uint32_t index = 0; index < of; ++index) {
        const Result<CpuSet> part = ResolveCpuset(Disjoint(index, of), topology);
        REQUIRE(part.ok());
        together.insert(together.end(), part->cpus.begin(), part->cpus.end());
      }
      CHECK(together == usable.cpus);
    }
  }
}

TEST_CASE("LLCs, nodes and lists may name the last CPU") {
  CpusetSpec spec;
  spec.llc = 1;
  CHECK(Resolved(spec, kEight) == "4-7");
  spec = {};
  spec.numa = 1;
  CHECK(Resolved(spec, {2, 4, 2, 1}) == "4-7");
  spec = {};
  spec.cpus = CpuSet{{1, 7}};
  CHECK(Resolved(spec, kEight) == "1,7");
}

TEST_CASE("what a topology lacks is named") {
  CpusetSpec spec;
  spec.llc = 2;
  CHECK(Resolved(spec, kEight) == "error: there is no LLC 2: the topology has 2 LLCs");
  spec = {};
  spec.numa = 1;
  CHECK(Resolved(spec, kEight) == "error: there is no NUMA node 1: the topology has 1 NUMA node");
  spec = {};
  spec.cpus = CpuSet{{8}};
  CHECK(Resolved(spec, kEight) == "error: there is no CPU 8: the topology has 8 CPUs");
  CHECK(Resolved(Disjoint(0, 3), {1, 1, 2, 1}) == "error: cannot cut 2 usable CPUs into 3 parts");
  CHECK(Resolved(Range(0, 0.4), {1, 1, 2, 1}) == "error: range 0%-40% is empty on 1n1l2c1t (2 usable CPUs)");
}
