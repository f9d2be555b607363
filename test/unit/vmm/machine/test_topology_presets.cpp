#include <catch2/catch.hpp>
#include <charconv>
#include <set>

#include "vmm/machine/topology_presets.h"

namespace ktstr::vmm {
namespace {

/// The number that `text` begins with, cut off together with `unit` behind it; 0 when it does not begin so.
std::uint32_t Take(std::string_view& text, std::string_view unit) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || text.substr(digits, unit.size()) != unit) return 0;
  text.remove_prefix(digits + unit.size());
  return number;
}

TEST_CASE("a preset's name and its numbers agree") {
  std::size_t long_names = 0;
  for (const TopologyPreset& preset : kTopologyPresets) {
    CAPTURE(preset.name);
    const Topology& t = preset.topology;
    if (preset.name.find("cpu-") == std::string_view::npos) continue;  // the short ones are below
    ++long_names;
    std::string_view rest = preset.name;
    const std::uint32_t nodes = Take(rest, "numa-");
    CHECK(t.numa_nodes == (nodes == 0 ? 1 : nodes));
    CHECK(Take(rest, "cpu-") == CpuCount(t));
    CHECK(Take(rest, "llc-") == t.llcs);
    CHECK(rest == (t.threads_per_core == 1 ? "nosmt" : "smt"));
    CHECK(t.threads_per_core <= 2);
  }
  CHECK(long_names == 25);
}

TEST_CASE("the short names") {
  const auto shape = [](std::string_view name) {
    const TopologyPreset* const preset = FindTopologyPreset(name);
    return preset == nullptr ? "none" : FormatTopology(preset->topology);
  };
  CHECK(shape("uni") == "1n1l1c1t");
  CHECK(shape("smp2") == "1n1l2c1t");
  CHECK(shape("smp4") == "1n1l4c1t");
  CHECK(shape("smt8") == "1n1l4c2t");
  CHECK(shape("llc2") == "1n2l2c1t");
  CHECK(shape("numa2") == "2n2l2c1t");
  CHECK(shape("Uni") == "none");
  CHECK(shape("") == "none");
  CHECK(std::size(kTopologyPresets) == 31);
}

TEST_CASE("every preset is valid, has its own name, and is described by its short form") {
  std::set<std::string_view> names;
  for (const TopologyPreset& preset : kTopologyPresets) {
    CAPTURE(preset.name);
    const Result<> valid = ValidateTopology(preset.topology);
    CHECK((valid.ok() ? "" : valid.error().message) == "");
    CHECK(names.insert(preset.name).second);
    CHECK(preset.doc.starts_with(FormatTopology(preset.topology) + ": "));
    CHECK(FindTopologyPreset(preset.name) == &preset);
    const Result<Topology> parsed = ParseTopology(preset.name);
    REQUIRE(parsed.ok());
    CHECK(*parsed == preset.topology);
  }
}

TEST_CASE("only the 252-CPU presets do not fit QEMU's APIC ids") {
  std::vector<std::string_view> misfits;
  for (const TopologyPreset& preset : kTopologyPresets)
    if (!CheckApicIds(preset.topology).ok()) misfits.push_back(preset.name);
  CHECK(misfits == std::vector<std::string_view>{"252cpu-14llc-smt", "252cpu-14llc-nosmt"});
}

}  // namespace
}  // namespace ktstr::vmm
