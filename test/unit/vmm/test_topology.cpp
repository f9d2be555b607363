#include <catch2/catch.hpp>

#include "vmm/memory_size.h"
#include "vmm/topology.h"

namespace ktstr::vmm {
namespace {

std::string Why(const Topology& t) {
  const Result<> r = ValidateTopology(t);
  return r.ok() ? "valid" : r.error().message;
}

std::string WhyText(std::string_view text) {
  const auto r = ParseTopology(text);
  return r.ok() ? "valid" : r.error().message;
}

TEST_CASE("CPU numbers run over threads, cores, LLCs, nodes") {
  const Topology t{2, 4, 3, 2};
  CHECK(CpuCount(t) == 24);
  CHECK(FormatCpus(AllCpus(t)) == "0-23");
  CHECK(FormatCpus(CpusOfLlc(t, 0)) == "0-5");
  CHECK(FormatCpus(CpusOfLlc(t, 3)) == "18-23");
  CHECK(FormatCpus(CpusOfNode(t, 0)) == "0-11");
  CHECK(FormatCpus(CpusOfNode(t, 1)) == "12-23");
  CHECK(FormatCpus(SmtSiblings(t, 0)) == "0-1");
  CHECK(FormatCpus(SmtSiblings(t, 23)) == "22-23");
  CHECK(LlcOfCpu(t, 5) == 0);
  CHECK(LlcOfCpu(t, 6) == 1);
  CHECK(NodeOfCpu(t, 11) == 0);
  CHECK(NodeOfCpu(t, 12) == 1);
}

TEST_CASE("every CPU is in exactly one LLC, one node and its own sibling set") {
  for (const Topology& t :
       {Topology{1, 1, 1, 1}, Topology{1, 2, 2, 2}, Topology{3, 6, 1, 2}, Topology{4, 4, 5, 1}}) {
    CpuSet by_llc;
    CpuSet by_node;
    for (std::uint32_t i = 0; i < t.llcs; ++i) {
      for (const std::uint32_t cpu : CpusOfLlc(t, i).cpus) {
        by_llc.Add(cpu);
        CHECK(LlcOfCpu(t, cpu) == i);
        CHECK(SmtSiblings(t, cpu).Contains(cpu));
        CHECK(SmtSiblings(t, cpu).Intersect(CpusOfLlc(t, i)) == SmtSiblings(t, cpu));
      }
    }
    for (std::uint32_t i = 0; i < t.numa_nodes; ++i) {
      for (const std::uint32_t cpu : CpusOfNode(t, i).cpus) {
        by_node.Add(cpu);
        CHECK(NodeOfCpu(t, cpu) == i);
      }
    }
    CHECK(by_llc == AllCpus(t));
    CHECK(by_node == AllCpus(t));
  }
}

TEST_CASE("topologies that QEMU or Linux could not show are refused with the reason") {
  CHECK(Why({1, 1, 1, 1}) == "valid");
  CHECK(Why({0, 1, 1, 1}) == "topology 0n1l1c1t: there must be at least one NUMA node");
  CHECK(Why({1, 0, 1, 1}) == "topology 1n0l1c1t: there must be at least one LLC");
  CHECK(Why({1, 1, 0, 1}) == "topology 1n1l0c1t: there must be at least one core per LLC");
  CHECK(Why({1, 1, 1, 0}) == "topology 1n1l1c0t: there must be at least one thread per core");
  CHECK(Why({2, 3, 1, 1}) == "topology 2n3l1c1t: 3 LLCs cannot be spread evenly over 2 NUMA nodes");
  CHECK(Why({2, 1, 1, 1}) == "topology 2n1l1c1t: 1 LLCs cannot be spread evenly over 2 NUMA nodes");
  CHECK(Why({1, 16, 16, 1}) == "topology 1n16l16c1t: 256 CPUs are more than 255");
  CHECK(Why({1, 4000000000, 4000000000, 4000000000}) ==
        "topology 1n4000000000l4000000000c4000000000t: more than 255 CPUs");
}

TEST_CASE("APIC ids have gaps, and the last one must fit") {
  CHECK(Why({1, 1, 255, 1}) == "valid");  // ids 0..254
  CHECK(Why({2, 4, 16, 2}) == "valid");   // 128 CPUs without gaps
  CHECK(Why({5, 5, 33, 1}) ==
        "topology 5n5l33c1t: its last CPU would need APIC id 288, and 254 is the largest; "
        "counts that are powers of two leave no gaps");  // 4 * 64 + 32
  CHECK(Why({4, 20, 9, 1}) ==
        "topology 4n20l9c1t: its last CPU would need APIC id 456, and 254 is the largest; "
        "counts that are powers of two leave no gaps");  // ((3 * 8) + 4) * 16 + 8
}

TEST_CASE("the short form is read and written") {
  const auto t = ParseTopology("2n4l3c2t");
  REQUIRE(t.ok());
  CHECK(*t == Topology{2, 4, 3, 2});
  CHECK(FormatTopology(*t) == "2n4l3c2t");
  for (const char* bad : {"", "1n", "1n2l2c", "1n2l2c1t ", " 1n2l2c1t", "1l2n2c1t", "-1n2l2c1t", "1n2l2c1tx",
                          "99999999999n1l1c1t", "1n2l2c1T"}) {
    CHECK(WhyText(bad) == "'" + std::string(bad) +
                              "' is not a topology such as 1n2l2c1t (NUMA nodes, LLCs, cores per LLC, "
                              "threads per core)");
  }
  CHECK(WhyText("2n3l1c1t") == "topology 2n3l1c1t: 3 LLCs cannot be spread evenly over 2 NUMA nodes");
}

TEST_CASE("automatic memory follows its formula") {
  constexpr std::uint64_t mib = 1 << 20;
  // 96 + 0 + 0 + 16 + 128 = 240
  CHECK(AutoMemoryMib({0, 0, 1, 1}) == 256);
  // 96 + 1 + 2 * 3 + 2 * 16 + 128 = 263
  CHECK(AutoMemoryMib({2 * mib + 1, 1, 2, 1}) == 320);
  // 96 + 20 + 2 * 60 + 16 * 16 + 128 = 620
  CHECK(AutoMemoryMib({60 * mib, 20 * mib, 16, 2}) == 640);
  // 96 + 0 + 0 + 8 * 16 + 128 = 352, but eight nodes need 512
  CHECK(AutoMemoryMib({0, 0, 8, 8}) == 512);
  // exactly on a step: 96 + 0 + 2 * 0 + 10 * 16 + 128 = 384
  CHECK(AutoMemoryMib({0, 0, 10, 1}) == 384);
  CHECK(AutoMemoryMib({UINT64_MAX, UINT64_MAX, 255, 1}) == 1048576);
}

}  // namespace
}  // namespace ktstr::vmm
