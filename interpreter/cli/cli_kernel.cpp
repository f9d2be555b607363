#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "interpreter/cli/cli_commands.h"
#include "interpreter/load/dump_json.h"
#include "interpreter/run/signals.h"
#include "ops/plan/suggest.h"
#include "vmm/kernel/kernel_build.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/kernel_features.h"
#include "vmm/kernel/kernels.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNoneCached =
    "no kernel is cached; `ktstr-interp kernel fetch` gets Debian's, `ktstr-interp kernel build` makes one "
    "with "
    "sched_ext";

std::string_view KindOf(const vmm::Kernel& kernel) { return kernel.built ? "built" : "fetched"; }

/// null when nothing tells.
Json FeaturesOf(const vmm::Kernel& kernel) {
  const std::optional<std::string> config = vmm::ConfigOf(kernel);
  if (!config) return nullptr;
  Json features = Json::array();
  for (const vmm::KernelFeature feature : vmm::FeaturesIn(*config))
    features.push_back(vmm::FeatureName(feature));
  return features;
}

/// "12 kB", "1.6 GB".
std::string Bytes(std::uint64_t bytes) {
  if (bytes < 1'000'000) return fmt::format("{} kB", (bytes + 500) / 1000);
  if (bytes < 1'000'000'000) return fmt::format("{} MB", (bytes + 500'000) / 1'000'000);
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

int ListKernels(const CliOptions& options, Console& io) {
  const auto kernels = vmm::ListKernels();
  if (!kernels.ok()) return CommandError(io, kernels.error().message);
  if (options.json) {
    Json json = Json::array();
    for (const vmm::Kernel& kernel : *kernels)
      json.push_back({{"version", kernel.version},
                      {"kind", KindOf(kernel)},
                      {"features", FeaturesOf(kernel)},
                      {"image", kernel.image.string()},
                      {"package", kernel.package},
                      {"source", kernel.source},
                      {"made", kernel.made},
                      {"config", kernel.config.string()},
                      {"system_map", kernel.system_map.string()},
                      {"vmlinux", kernel.vmlinux.string()}});
    io.out << DumpJson(json);
    return 0;
  }
  for (const vmm::Kernel& kernel : *kernels)
    io.out << fmt::format("{}  {:<7}  {}\n", kernel.version, KindOf(kernel), kernel.image.string());
  if (kernels->empty()) io.err << kNoneCached << '\n';
  return 0;
}

int FetchKernel(const CliOptions&, Console& io) {
  const auto kernel = vmm::FetchDefaultKernel([&](std::string_view line) { TellLine(io, line); });
  if (!kernel.ok()) return CommandError(io, kernel.error().message);
  io.out << kernel->image.string() << '\n';
  return 0;
}

int BuildKernel(const CliOptions& options, Console& io) {
  const Result<SignalWatch> signals = SignalWatch::Start();
  if (!signals.ok()) return CommandError(io, signals.error().message);
  vmm::KernelBuildRequest request{options.kernel_source, options.kernel_config, options.kernel_jobs,
                                  signals->fd()};
  if (request.jobs == 0) request.jobs = std::max(1U, std::thread::hardware_concurrency());
  const auto kernel = vmm::BuildKernel(request, [&](std::string_view line) { TellLine(io, line); });
  if (!kernel.ok()) return CommandError(io, kernel.error().message);
  io.err << fmt::format("{} {}\n", kernel->version,
                        kernel->origin == "built" ? "was built" : "had been built before; nothing to do");
  io.out << kernel->image.string() << '\n';
  return 0;
}

int CollectKernels(const CliOptions& options, Console& io) {
  const auto removed =
      vmm::KeepNewestKernels(options.kernel_keep, [&](std::string_view line) { TellLine(io, line); });
  if (!removed.ok()) return CommandError(io, removed.error().message);
  std::uint64_t total = 0;
  for (const vmm::RemovedKernel& kernel : *removed) {
    io.out << fmt::format("removed {}, {}\n", kernel.what, Bytes(kernel.bytes));
    total += kernel.bytes;
  }
  io.out << (removed->empty() ? std::string("nothing to remove\n") : fmt::format("freed {}\n", Bytes(total)));
  return 0;
}

/// Unlike `run`, this never fetches.
int KernelPath(const CliOptions& options, Console& io) {
  const char* environment = std::getenv("KTSTR_KERNEL");
  const vmm::KernelRequest request{options.kernel, environment == nullptr ? "" : environment};
  if (request.option.empty() && request.environment.empty()) {
    const auto cached = vmm::ListKernels();
    if (!cached.ok()) return CommandError(io, cached.error().message);
    if (cached->empty()) return CommandError(io, kNoneCached);
    io.out << cached->front().image.string() << '\n';
    return 0;
  }
  const auto kernel = vmm::ResolveKernel(request, {});
  if (!kernel.ok()) return CommandError(io, kernel.error().message);
  io.out << kernel->image.string() << '\n';
  return 0;
}

struct KernelAction {
  std::string_view name;
  int (*run)(const CliOptions& options, Console& io);
};
constexpr KernelAction kKernelActions[] = {{"list", &ListKernels},
                                           {"fetch", &FetchKernel},
                                           {"build", &BuildKernel},
                                           {"path", &KernelPath},
                                           {"gc", &CollectKernels}};

}  // namespace

int KernelCommand(const CliOptions& options, Console& io) {
  std::vector<std::string_view> names;
  for (const KernelAction& action : kKernelActions) {
    if (action.name == options.topic) return action.run(options, io);
    names.push_back(action.name);
  }
  const std::string guess = DidYouMean(options.topic, names);
  return UsageError(
      io,
      fmt::format("'{}' is nothing to do with kernels; use list, fetch, build, path or gc", options.topic),
      guess);
}

}  // namespace ktstr
