#include "interpreter/run/run_guest.h"

#include <numeric>

#include "interpreter/plan/programs.h"
#include "interpreter/run/run_environment.h"
#include "vmm/image/guest_image.h"
#include "vmm/machine/memory_size.h"

namespace ktstr {
namespace {

/// Enough that workers do not write over what was written a moment ago; the file behind it is sparse.
constexpr std::uint32_t kDiskMib = 64;

Result<std::vector<vmm::InitramfsFile>> FilesOf(const RunPlan& plan, const ProgramPlaces& places,
                                                std::string& bad_path) {
  const std::vector<NamedProgram> programs = ProgramsOf(plan.scenario, places, &plan, true);
  std::vector<vmm::PayloadSource> sources;
  for (const NamedProgram& program : programs) {
    bad_path = program.path;
    if (!program.fault.empty()) return Error{ErrorKind::kInput, program.fault};
    sources.push_back(program.source);
  }
  bad_path.clear();
  Result<std::vector<vmm::InitramfsFile>> files = vmm::PayloadFiles(sources);
  if (files.ok()) return files;
  // The first that cannot be packed by itself; none when only together they cannot.
  for (const NamedProgram& program : programs)
    if (bad_path.empty() && !vmm::PayloadFiles({program.source}).ok()) bad_path = program.path;
  return files;
}

std::uint64_t BytesOf(const vmm::InitramfsFile& file) {
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&file.content)) return bytes->size();
  std::error_code gone;  // then it is found missing when it is read
  const std::uintmax_t size = std::filesystem::file_size(std::get<std::filesystem::path>(file.content), gone);
  return gone ? 0 : size;
}

}  // namespace

Result<GuestNeeds> NeedsOf(const RunPlan& plan, const std::filesystem::path& dir,
                           const RunEnvironment& environment, std::string& bad_path) {
  const Scenario& scenario = plan.scenario;
  GuestNeeds needs;
  needs.files = TRY(FilesOf(plan, {dir, environment.host_files, environment.kernel.version}, bad_path));
  const std::uint64_t file_bytes =
      std::accumulate(needs.files.begin(), needs.files.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const vmm::InitramfsFile& file) { return sum + BytesOf(file); });
  vmm::MachineConfig& config = needs.shape.machine;
  config.qemu = environment.qemu;
  config.kernel = environment.kernel.image;
  config.topology = scenario.topology.Concrete();
  config.accel = environment.accel;
  config.memory_mib = scenario.memory.bytes != 0
                          ? static_cast<std::uint32_t>(scenario.memory.bytes >> 20)
                          : vmm::AutoMemoryMib({.init_bytes = vmm::GuestInitImage().size(),
                                                .file_bytes = file_bytes,
                                                .cpus = vmm::CpuCount(config.topology),
                                                .numa_nodes = config.topology.numa_nodes});
  // They live in a tmpfs, which takes at most half of the memory.
  if (const std::uint64_t mib = file_bytes >> 20; 2 * mib > config.memory_mib)
    return Error{ErrorKind::kInput, "the payloads' files take " + std::to_string(mib) +
                                        " MiB, more than half of the guest's memory of " +
                                        std::to_string(config.memory_mib) + " MiB"};
  if (plan.disk) config.disk_mib = kDiskMib;
  config.nics = plan.nics.has_value();
  if (scenario.clock == Clock::kVirtual) {
    config.clock = vmm::Clock::kVirtual;
    needs.shape.files = std::exchange(needs.files, {});
  }
  if (environment.fixed_entropy || scenario.clock == Clock::kVirtual) config.rng_seed = scenario.seed;
  return needs;
}

}  // namespace ktstr
