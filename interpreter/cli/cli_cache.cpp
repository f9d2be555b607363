#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>

#include "interpreter/cli/cli_commands.h"
#include "interpreter/load/dump_json.h"
#include "ops/plan/suggest.h"
#include "vmm/host/cache_dir.h"
#include "vmm/template/template_cache.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;
using Templates = std::vector<vmm::StoredTemplate>;

std::string Mib(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

std::string Utc(std::filesystem::file_time_type time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(std::chrono::file_clock::to_sys(time));
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

std::uint64_t BytesOf(const Templates& templates) {
  return std::accumulate(
      templates.begin(), templates.end(), std::uint64_t{0},
      [](std::uint64_t sum, const vmm::StoredTemplate& stored) { return sum + stored.bytes; });
}

std::string Count(const Templates& templates) {
  return fmt::format("{} template{}, {}", templates.size(), templates.size() == 1 ? "" : "s",
                     Mib(BytesOf(templates)));
}

int ListCache(const CliOptions& options, Console& io, const vmm::TemplateCache& cache) {
  const Templates templates = cache.List();
  if (options.json) {
    Json json = Json::array();
    for (const vmm::StoredTemplate& stored : templates)
      json.push_back({{"key", stored.key},
                      {"description", stored.description},
                      {"bytes", stored.bytes},
                      {"used", Utc(stored.used)}});
    io.out << DumpJson(json);
    return 0;
  }
  for (const vmm::StoredTemplate& stored : templates)
    io.out << fmt::format("{}  {:>10}  used {}  {}\n", stored.key, Mib(stored.bytes), Utc(stored.used),
                          stored.description.empty() ? "(damaged)" : stored.description);
  io.err << Count(templates) << '\n';
  return 0;
}

int CollectCache(const CliOptions& options, Console& io, const vmm::TemplateCache& cache) {
  const std::uint64_t freed = cache.Collect(options.all ? 0 : options.cache_bytes);
  const Templates left = cache.List();
  if (options.json) {
    io.out << DumpJson(Json{{"freed_bytes", freed}, {"templates", left.size()}, {"bytes", BytesOf(left)}});
  } else {
    io.out << fmt::format("freed {}; {} left\n", Mib(freed), Count(left));
  }
  return 0;
}

int CachePath(const CliOptions& options, Console& io, const vmm::TemplateCache& cache) {
  if (options.json) {
    io.out << DumpJson(Json{{"templates", cache.directory().string()}});
  } else {
    io.out << cache.directory().string() << '\n';
  }
  return 0;
}

struct Action {
  std::string_view name;
  int (*run)(const CliOptions& options, Console& io, const vmm::TemplateCache& cache);
};
constexpr Action kActions[] = {{"list", &ListCache}, {"gc", &CollectCache}, {"path", &CachePath}};

}  // namespace

int CacheCommand(const CliOptions& options, Console& io) {
  std::vector<std::string_view> names;
  const Action* chosen = nullptr;
  for (const Action& action : kActions) {
    if (action.name == options.topic) chosen = &action;
    names.push_back(action.name);
  }
  if (chosen == nullptr)
    return UsageError(
        io, fmt::format("'{}' is nothing to do with the cache; use list, gc or path", options.topic),
        DidYouMean(options.topic, names));
  const auto open = [&]() -> Result<vmm::TemplateCache> {
    return vmm::TemplateCache::Open(TRY(vmm::CacheSubdir("templates")), options.cache_bytes);
  };
  const Result<vmm::TemplateCache> cache = open();
  if (!cache.ok()) return CommandError(io, cache.error().message);
  return chosen->run(options, io, *cache);
}

}  // namespace ktstr
