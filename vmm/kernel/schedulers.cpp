#include "vmm/kernel/schedulers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vmm/host/cache_dir.h"
#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/scheduler_sources.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kOurs = "ktstr_scx";

constexpr ShippedScheduler kShipped[] = {
    {"scx_simple", "one queue for all CPUs, by weighted virtual time or, with -f, first come first served"},
    {"scx_qmap", "five queues by weight in BPF maps; knows hotplug, core scheduling and faults on demand"},
    {"scx_central", "one CPU decides for all others, which run without ticks"},
    {"scx_flatcg", "shares of cgroups, with their hierarchy flattened to one level"},
    {kOurs, "ours, for tests: like scx_simple, or wrong in one of the ways that its --list-faults tells"},
};

constexpr ShippedScheduler kHelpers[] = {
    {kObjectLoader, "no scheduler: what loads those that are BPF objects (`object:`)"},
    {kProbeProgram, "no scheduler: what notes the calls about each task while one fails (`on_failure:`)"},
};

const ShippedScheduler* Find(std::span<const ShippedScheduler> among, std::string_view name) {
  for (const ShippedScheduler& scheduler : among)
    if (scheduler.name == name) return &scheduler;
  return nullptr;
}

/// "the scheduler scx_simple".
std::string Called(std::string_view name) {
  if (name == kObjectLoader) return fmt::format("{}, which loads BPF objects,", name);
  if (name == kProbeProgram) return fmt::format("{}, which probes kernels,", name);
  return fmt::format("the scheduler {}", name);
}

/// The directories of kernels, newest first.
std::vector<fs::path> KernelDirectories(const fs::path& schedulers) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (const fs::directory_entry& entry : DirectoryEntries(schedulers))
    if (entry.is_directory(failed) && !entry.path().filename().string().starts_with('.'))
      found.push_back(entry.path());
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    return CompareVersions(a.filename().string(), b.filename().string()) > 0;
  });
  return found;
}

}  // namespace

std::span<const ShippedScheduler> ShippedSchedulers() { return kShipped; }

std::span<const ShippedScheduler> SchedulerHelpers() { return kHelpers; }

const ShippedScheduler* FindShippedScheduler(std::string_view name) { return Find(kShipped, name); }

Error UnknownScheduler(std::string_view name) {
  std::string names;
  for (const ShippedScheduler& scheduler : kShipped)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", scheduler.name);
  return InputError(fmt::format("there is no scheduler '{}' among the shipped ones ({})", name, names));
}

Result<fs::path> SchedulerCacheDir() { return CacheSubdir("schedulers"); }

bool IsOurScheduler(std::string_view name) { return name == kOurs || Find(kHelpers, name) != nullptr; }

fs::path SchedulerBinary(const fs::path& directory, std::string_view name) {
  if (!IsOurScheduler(name)) return directory / name;
  std::string all;
  for (const CarriedSource& source : OurSchedulerSources())
    if (source.program == name) all += fmt::format("{}\n{}\n", source.file, source.text);
  return directory / HashText(all) / name;
}

bool HasScheduler(const fs::path& directory, std::string_view name) {
  return ::access(SchedulerBinary(directory, name).c_str(), X_OK) == 0;
}

Result<fs::path> FindBuiltScheduler(const fs::path& schedulers, std::string_view name,
                                    std::string_view kernel_version) {
  if (Find(kHelpers, name) == nullptr && FindShippedScheduler(name) == nullptr) return UnknownScheduler(name);
  std::vector<fs::path> places = KernelDirectories(schedulers);
  places.insert(places.begin(), schedulers / kernel_version);
  for (const fs::path& place : places) {
    // What others could have written is not run, not even in a guest.
    fs::path binary = SchedulerBinary(place, name);
    if (HasScheduler(place, name) && OnlyOursToWrite(place) && OnlyOursToWrite(binary.parent_path()))
      return binary;
  }
  return Error{ErrorKind::kEnvironment,
               fmt::format("{} is not built; `ktstr-interp schedulers build` builds it", Called(name))};
}

BuiltSchedulers ReadBuiltSchedulers(const fs::path& directory) {
  const auto bytes = ReadHostFile(directory / "built.json", 65536);
  if (!bytes.ok()) return {};
  const char* const text = reinterpret_cast<const char*>(bytes->data());
  const nlohmann::json json = nlohmann::json::parse(text, text + bytes->size(), nullptr, false);
  BuiltSchedulers built;
  try {
    built.kernel_key = json.at("kernel_key").get<std::string>();
    built.source = json.at("source").get<std::string>();
    built.compiler = json.at("compiler").get<std::string>();
  } catch (const nlohmann::json::exception&) {
    return {};
  }
  return built;
}

Result<> WriteBuiltSchedulers(const fs::path& directory, const BuiltSchedulers& built) {
  const nlohmann::json json = {
      {"kernel_key", built.kernel_key}, {"source", built.source}, {"compiler", built.compiler}};
  return WriteHostFile(directory / "built.json", json.dump(2) + "\n");
}

}  // namespace ktstr::vmm
