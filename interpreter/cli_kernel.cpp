#include <fmt/format.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>

#include "interpreter/cli_commands.h"
#include "interpreter/report_json.h"
#include "ops/suggest.h"
#include "vmm/kernels.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

int ListKernels(const CliOptions& options, CliIo& io) {
  const auto kernels = vmm::ListKernels();
  if (!kernels.ok()) return CommandError(io, kernels.error().message);
  if (options.json) {
    Json json = Json::array();
    for (const vmm::Kernel& kernel : *kernels)
      json.push_back({{"version", kernel.version},
                      {"image", kernel.image.string()},
                      {"package", kernel.package},
                      {"config", kernel.config.string()},
                      {"system_map", kernel.system_map.string()}});
    io.out << DumpJson(json);
    return 0;
  }
  for (const vmm::Kernel& kernel : *kernels)
    io.out << fmt::format("{}  {}\n", kernel.version, kernel.image.string());
  if (kernels->empty()) io.err << "no kernel is cached; `ktstr-interp kernel fetch` gets Debian's\n";
  return 0;
}

int FetchKernel(const CliOptions&, CliIo& io) {
  const auto kernel = vmm::FetchDefaultKernel([&](std::string_view line) { io.err << line << std::endl; });
  if (!kernel.ok()) return CommandError(io, kernel.error().message);
  io.out << kernel->image.string() << '\n';
  return 0;
}

/// Unlike `run`, this never fetches.
int KernelPath(const CliOptions& options, CliIo& io) {
  const char* environment = std::getenv("KTSTR_KERNEL");
  const vmm::KernelRequest request{options.kernel, environment == nullptr ? "" : environment};
  if (request.option.empty() && request.environment.empty()) {
    const auto cached = vmm::ListKernels();
    if (!cached.ok()) return CommandError(io, cached.error().message);
    if (cached->empty())
      return CommandError(io, "no kernel is cached; `ktstr-interp kernel fetch` gets Debian's");
    io.out << cached->front().image.string() << '\n';
    return 0;
  }
  const auto kernel = vmm::ResolveKernel(request, {});
  if (!kernel.ok()) return CommandError(io, kernel.error().message);
  io.out << kernel->image.string() << '\n';
  return 0;
}

struct Action {
  std::string_view name;
  int (*run)(const CliOptions& options, CliIo& io);
};
constexpr Action kActions[] = {{"list", &ListKernels}, {"fetch", &FetchKernel}, {"path", &KernelPath}};

}  // namespace

int KernelCommand(const CliOptions& options, CliIo& io) {
  std::vector<std::string_view> names;
  for (const Action& action : kActions) {
    if (action.name == options.topic) return action.run(options, io);
    names.push_back(action.name);
  }
  const std::string guess = DidYouMean(options.topic, names);
  return UsageError(
      io, fmt::format("'{}' is nothing to do with kernels; use list, fetch or path", options.topic), guess);
}

}  // namespace ktstr
