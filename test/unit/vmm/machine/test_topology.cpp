#include <catch2/catch.hpp>

#include "vmm/machine/topology.h"

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

TEST_CASE("APIC ids have gaps where a count is not a power of two") {
  CHECK(LargestApicId({1, 1, 1, 1}) == 0);
  CHECK(LargestApicId({1, 1, 255, 1}) == 254);  // one level: no gaps
  CHECK(LargestApicId({2, 4, 16, 2}) == 127);   // powers of two: as many ids as CPUs
  CHECK(LargestApicId({1, 1, 1, 3}) == 2);
  CHECK(LargestApicId({1, 3, 3, 1}) == 10);    // an LLC takes 4: 2 * 4 + 2
  CHECK(LargestApicId({5, 5, 33, 1}) == 288);  // a node takes 64: 4 * 64 + 32
  CHECK(LargestApicId({4, 20, 9, 1}) == 456);  // an LLC takes 16, a node of 5 takes 8: 3 * 128 + 4 * 16 + 8
  CHECK(LargestApicId({1, 15, 8, 2}) == 239);  // an LLC takes 16: 14 * 16 + 15
  CHECK(LargestApicId({1, 14, 9, 2}) == 433);  // a core takes 2, an LLC 32: 13 * 32 + 8 * 2 + 1
}

TEST_CASE("a topology whose APIC ids end beyond QEMU's is refused with one that fits") {
  const auto why = [](const Topology& t) {
    const Result<> fits = CheckApicIds(t);
    return fits.ok() ? "fits" : fits.error().message;
  };
  CHECK(why({1, 1, 255, 1}) == "fits");  // ids 0 to 254
  CHECK(why({1, 2, 127, 1}) == "fits");  // 128 + 126 = 254
  CHECK(why({4, 12, 8, 2}) == "fits");   // a node takes 4 * 16: 3 * 64 + 2 * 16 + 15 = 239
  CHECK(why({1, 3, 1, 85}) ==            // 2 * 128 + 84
        "topology 1n3l1c85t needs APIC ids up to 340 and QEMU's end at 254; counts that are powers of two "
        "leave "
        "no gaps");
  CHECK(why({1, 14, 9, 2}) ==
        "topology 252cpu-14llc-smt (1n14l9c2t) needs APIC ids up to 433 and QEMU's end at 254; the nearest "
        "preset "
        "that fits is 240cpu-15llc-smt");
  CHECK(
      why({1, 14, 18, 1}) ==  // 13 * 32 + 17
      "topology 252cpu-14llc-nosmt (1n14l18c1t) needs APIC ids up to 433 and QEMU's end at 254; the nearest "
      "preset that fits is 240cpu-15llc-nosmt");
  CHECK(why({2, 10, 9, 2}) ==  // an LLC takes 32, a node of 5 takes 8: 256 + 4 * 32 + 17
        "topology 2n10l9c2t needs APIC ids up to 401 and QEMU's end at 254; the nearest preset that fits is "
        "2numa-128cpu-8llc-smt");
}

TEST_CASE("the short form is read and written") {
  const auto t = ParseTopology("2n4l3c2t");
  REQUIRE(t.ok());
  CHECK(*t == Topology{2, 4, 3, 2});
  CHECK(FormatTopology(*t) == "2n4l3c2t");
  for (const char* bad : {"", "1n", "1n2l2c", "1n2l2c1t ", " 1n2l2c1t", "1l2n2c1t", "-1n2l2c1t", "1n2l2c1tx",
                          "99999999999n1l1c1t", "1n2l2c1T"}) {
    CHECK(WhyText(bad) == "unknown topology '" + std::string(bad) +
                              "'; write a preset's name or e.g. 1n2l2c1t (NUMA nodes, LLCs, cores per LLC, "
                              "threads per core)");
  }
  CHECK(WhyText("2n3l1c1t") == "topology 2n3l1c1t: 3 LLCs cannot be spread evenly over 2 NUMA nodes");
}

}  // namespace
}  // namespace ktstr::vmm
