// What a clone costs by itself, without a scenario. Prints one JSON object: name -> list of measured values.
//
//   bench_clones starts CPUS COUNT SCRATCH_DIRECTORY   milliseconds from the launch of QEMU until it has
//   loaded
//                                                      the clone, and until the guest's first frame
//   bench_clones memory COUNT SCRATCH_DIRECTORY        proportional set size in MiB of each of COUNT idle
//   clones
//                                                      side by side, and of a QEMU that has run no guest
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "vmm/image/guest_image.h"
#include "vmm/kernel/kernels.h"
#include "vmm/machine/boot_deadline.h"
#include "vmm/machine/guest_channel.h"
#include "vmm/machine/memory_size.h"
#include "vmm/template/machine_pool.h"

namespace {

using namespace ktstr;
using SteadyClock = std::chrono::steady_clock;

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

double MillisecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

vmm::TemplateSpec Spec(std::uint32_t cpus) {
  const char* const wanted = std::getenv("KTSTR_KERNEL");
  vmm::TemplateSpec spec;
  spec.machine.kernel = Need(vmm::ResolveKernel({"", wanted == nullptr ? "" : wanted}, {})).image;
  spec.machine.topology = {1, 1, cpus, 1};
  spec.machine.memory_mib = vmm::AutoMemoryMib({vmm::GuestInitImage().size(), 0, cpus, 1});
  return spec;
}

/// A clone of `spec` that has answered, and what it took; `template_ms` is set by the first.
class Clones {
 public:
  Clones(const vmm::TemplateSpec& spec, const std::filesystem::path& scratch)
      : spec_(spec),
        templates_(Need(vmm::TemplateCache::Open(scratch / "templates")), vmm::KnownFiles::InCache(),
                   [](std::string_view) {}),
        pool_(&templates_, scratch, -1) {
    template_ = Need(templates_.Obtain(spec_, -1));
    if (!template_->Intact()) throw std::runtime_error("the template is damaged");
  }

  struct Start {
    vmm::PooledMachine clone;
    double loaded_ms = 0;
    double ready_ms = 0;
  };
  Start One() {
    Start start;
    const auto begin = SteadyClock::now();
    start.clone = Need(pool_.Take(spec_, /*clone=*/true, {}, {}));
    Need(start.clone.machine->AwaitBuilt());
    start.loaded_ms = MillisecondsSince(begin);
    Need(start.clone.machine->Resume());
    Need(start.clone.channel->Receive(vmm::After(vmm::BootDeadline(spec_.machine))));
    start.ready_ms = MillisecondsSince(begin);
    if (!start.clone.cloned_from) throw std::runtime_error("not a clone: " + start.clone.why_booted);
    return start;
  }
  [[nodiscard]] double template_ms() const { return template_->facts().build_ms; }

 private:
  vmm::TemplateSpec spec_;
  vmm::OpenTemplates templates_;
  vmm::MachinePool pool_;
  std::shared_ptr<const vmm::Template> template_;
};

nlohmann::json MeasureStarts(std::uint32_t cpus, int count, const std::filesystem::path& scratch) {
  Clones clones(Spec(cpus), scratch);
  nlohmann::json series = {{"template_ms", {clones.template_ms()}}};
  clones.One();  // the page cache has the template now
  for (int i = 0; i < count; ++i) {
    const Clones::Start start = clones.One();
    series["loaded_ms"].push_back(start.loaded_ms);
    series["ready_ms"].push_back(start.ready_ms);
  }
  return series;
}

double PssMib(pid_t pid) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid));
  std::string word;
  while (rollup >> word)
    if (double kib = 0; word == "Pss:" && rollup >> kib) return kib / 1024;
  throw std::runtime_error("smaps_rollup has no Pss");
}

nlohmann::json MeasureMemory(int count, const std::filesystem::path& scratch) {
  const vmm::TemplateSpec spec = Spec(2);
  Clones clones(spec, scratch);
  std::vector<Clones::Start> running;
  for (int i = 0; i < count; ++i) running.push_back(clones.One());
  const std::unique_ptr<vmm::Machine> unused = Need(vmm::Machine::Build(spec.machine));
  nlohmann::json series;
  for (const Clones::Start& clone : running)
    series["clone_pss_mib"].push_back(PssMib(clone.clone.machine->pid()));
  series["qemu_pss_mib"].push_back(PssMib(unused->pid()));
  return series;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (!(mode == "starts" && argc == 5) && !(mode == "memory" && argc == 4)) {
    std::fputs("usage: bench_clones starts CPUS COUNT SCRATCH_DIRECTORY | memory COUNT SCRATCH_DIRECTORY\n",
               stderr);
    return 64;
  }
  try {
    const nlohmann::json series =
        mode == "starts"
            ? MeasureStarts(static_cast<std::uint32_t>(std::atoi(argv[2])), std::atoi(argv[3]), argv[4])
            : MeasureMemory(std::atoi(argv[2]), argv[3]);
    std::puts(series.dump().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_clones: %s\n", error.what());
    return 2;
  }
}
