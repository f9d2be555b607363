#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "interpreter/cli/cli_commands.h"
#include "interpreter/load/dump_json.h"
#include "interpreter/run/signals.h"
#include "ops/plan/suggest.h"
#include "vmm/kernel/scheduler_build.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

/// The versions of the cached kernels that schedulers can be built for.
Result<std::vector<std::string>> KernelsForSchedulers() {
  std::vector<std::string> versions;
  for (const vmm::Kernel& kernel : TRY(vmm::ListKernels()))
    if (!kernel.vmlinux.empty()) versions.push_back(kernel.version);
  return versions;
}

struct SchedulerRow {
  vmm::ShippedScheduler scheduler;
  std::string kernel;
  std::string path;  // "": not built
};

/// Every shipped scheduler for every kernel; once without a kernel where there is none.
Result<std::vector<SchedulerRow>> SchedulerRows() {
  const std::filesystem::path cache = TRY(vmm::SchedulerCacheDir());
  std::vector<std::string> kernels = TRY(KernelsForSchedulers());
  if (kernels.empty()) kernels.emplace_back();
  std::vector<SchedulerRow> rows;
  for (const std::string& kernel : kernels) {
    const std::filesystem::path place = cache / kernel;
    std::vector<vmm::ShippedScheduler> all(vmm::ShippedSchedulers().begin(), vmm::ShippedSchedulers().end());
    all.insert(all.end(), vmm::SchedulerHelpers().begin(), vmm::SchedulerHelpers().end());
    for (const vmm::ShippedScheduler& scheduler : all) {
      const bool is_built = !kernel.empty() && vmm::HasScheduler(place, scheduler.name);
      rows.push_back(
          {scheduler, kernel, is_built ? vmm::SchedulerBinary(place, scheduler.name).string() : ""});
    }
  }
  return rows;
}

int ListSchedulers(const CliOptions& options, Console& io) {
  const auto rows = SchedulerRows();
  if (!rows.ok()) return CommandError(io, rows.error().message);
  bool missing = false;
  Json json = Json::array();
  for (const SchedulerRow& row : *rows) {
    missing = missing || row.path.empty();
    json.push_back({{"name", row.scheduler.name},
                    {"doc", row.scheduler.doc},
                    {"kernel", row.kernel.empty() ? Json(nullptr) : Json(row.kernel)},
                    {"built", !row.path.empty()},
                    {"path", row.path.empty() ? Json(nullptr) : Json(row.path)}});
    if (!options.json)
      io.out << fmt::format("{:<11}  {:<14}  {:<9}  {}\n", row.scheduler.name,
                            row.kernel.empty() ? "-" : row.kernel, row.path.empty() ? "not built" : "built",
                            row.scheduler.doc);
  }
  if (options.json) io.out << DumpJson(json);
  if (!options.json && missing) io.err << "`ktstr-interp schedulers build` builds what is not built\n";
  return 0;
}

int BuildSchedulers(const CliOptions& options, Console& io) {
  const Result<SignalWatch> signals = SignalWatch::Start();
  if (!signals.ok()) return CommandError(io, signals.error().message);
  vmm::SchedulerBuildRequest request{options.words, options.kernel, options.kernel_source,
                                     options.kernel_jobs, signals->fd()};
  if (request.jobs == 0) request.jobs = std::max(1U, std::thread::hardware_concurrency());
  const auto built = vmm::BuildSchedulers(request, [&](std::string_view line) { TellLine(io, line); });
  if (!built.ok()) return CommandError(io, built.error().message);
  io.err << fmt::format("{} program{} for {} {}\n", built->files.size(), built->files.size() == 1 ? "" : "s",
                        built->kernel, built->from_cache ? "had been built before; nothing to do" : "built");
  for (const std::filesystem::path& file : built->files) io.out << file.string() << '\n';
  return 0;
}

int SchedulerDirectory(const CliOptions&, Console& io) {
  const auto directory = vmm::SchedulerCacheDir();
  if (!directory.ok()) return CommandError(io, directory.error().message);
  io.out << directory->string() << '\n';
  return 0;
}

struct SchedulerAction {
  std::string_view name;
  int (*run)(const CliOptions& options, Console& io);
};
constexpr SchedulerAction kSchedulerActions[] = {
    {"list", &ListSchedulers}, {"build", &BuildSchedulers}, {"path", &SchedulerDirectory}};

}  // namespace

int SchedulersCommand(const CliOptions& options, Console& io) {
  std::vector<std::string_view> names;
  for (const SchedulerAction& action : kSchedulerActions) {
    if (action.name == options.topic) return action.run(options, io);
    names.push_back(action.name);
  }
  return UsageError(
      io, fmt::format("'{}' is nothing to do with schedulers; use list, build or path", options.topic),
      DidYouMean(options.topic, names));
}

}  // namespace ktstr
