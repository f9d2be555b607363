// What the guest's sysfs shows is what was asked for and what vmm::Topology computes with.
#include <catch2/catch.hpp>

#include "guest-init/base/units.h"
#include "test/guest/guest_run.h"
#include "vmm/machine/topology.h"

namespace ktstr::test {
namespace {

// cat, because the shell's own `read` takes single bytes, which some of these files do not serve.
constexpr const char* kPrintSysfs =
    "cd /sys/devices/system; cpu=0; while [ -d cpu/cpu$cpu ]; do"
    " echo cpu $cpu threads $(cat cpu/cpu$cpu/topology/thread_siblings_list)"
    " llc $(cat cpu/cpu$cpu/cache/index3/shared_cpu_list)"
    " package $(cat cpu/cpu$cpu/topology/core_siblings_list); cpu=$((cpu+1)); done;"
    " node=0; while [ -d node/node$node ]; do"
    " echo node $node cpus $(cat node/node$node/cpulist); node=$((node+1)); done";

std::string Expected(const vmm::Topology& topology) {
  std::string text;
  for (std::uint32_t cpu = 0; cpu < vmm::CpuCount(topology); ++cpu)
    text += "cpu " + std::to_string(cpu) + " threads " + FormatCpus(vmm::SmtSiblings(topology, cpu)) +
            " llc " + FormatCpus(vmm::CpusOfLlc(topology, vmm::LlcOfCpu(topology, cpu))) + " package " +
            FormatCpus(vmm::CpusOfNode(topology, vmm::NodeOfCpu(topology, cpu))) + "\n";
  for (std::uint32_t node = 0; node < topology.numa_nodes; ++node)
    text += "node " + std::to_string(node) + " cpus " + FormatCpus(vmm::CpusOfNode(topology, node)) + "\n";
  return text;
}

void ExpectTopology(const std::string& name) {
  GuestRun run("topology: " + name + "\npayloads:\n  sysfs: {binary: sh, args: [-c, '" + kPrintSysfs +
               "'],\n          include: [cat], checks: [{exit_code: 0}]}\n"
               "steps:\n  - ops: [{RunPayload: {payload: sysfs}}, {WaitPayload: {payload: sysfs}}]\n");
  run.Finish("PASS");
  CHECK(run.Text("payload-0-sysfs.stdout") == Expected(*vmm::ParseTopology(name)));
}

TEST_CASE("the guest sees topology 1n1l2c1t") { ExpectTopology("1n1l2c1t"); }
TEST_CASE("the guest sees topology 1n2l2c2t") { ExpectTopology("1n2l2c2t"); }
TEST_CASE("the guest sees topology 2n4l2c2t") { ExpectTopology("2n4l2c2t"); }
TEST_CASE("the guest sees topology 64cpu-8llc-smt") { ExpectTopology("64cpu-8llc-smt"); }

}  // namespace
}  // namespace ktstr::test
