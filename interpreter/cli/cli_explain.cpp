#include <fmt/format.h>

#include <filesystem>
#include <ostream>

#include "interpreter/cli/cli_catalogue.h"
#include "interpreter/cli/cli_commands.h"
#include "interpreter/explain/explain.h"
#include "interpreter/explain/schema.h"
#include "interpreter/load/find_scenarios.h"
#include "interpreter/plan/loaded_scenario.h"
#include "ops/plan/suggest.h"
#include "vmm/host/host_file.h"

namespace ktstr {
namespace {

bool LooksLikeFile(const std::string& topic) {
  std::error_code ignored;
  return topic.find('/') != std::string::npos || topic.ends_with(".yaml") || topic.ends_with(".yml") ||
         std::filesystem::exists(topic, ignored);
}

int ExplainFile(const std::string& file, Console& io) {
  const LoadedScenario loaded = LoadScenario({ScenarioPath(file)});
  if (loaded.has_errors) {
    io.err << RenderPretty(loaded.diagnostics, io.color_err);
    return kExitError;
  }
  io.out << ExplainDocument(Scenario::Decl(), &loaded.scenario, loaded.document);
  return 0;
}

}  // namespace

int ExplainCommand(const CliOptions& options, Console& io) {
  if (options.json) {
    io.out << CatalogueJson().dump(2) << '\n';
    return 0;
  }
  if (options.topic.empty()) {
    io.out << CatalogueOverview();
    return 0;
  }
  const std::string page = ExplainName(options.topic);
  if (page.empty() && LooksLikeFile(options.topic)) return ExplainFile(options.topic, io);
  if (page.empty())
    return UsageError(io, fmt::format("'{}' is neither declared nor a file", options.topic),
                      DidYouMean(options.topic, CatalogueNames()));
  io.out << page;
  return 0;
}

int SchemaCommand(const CliOptions& options, Console& io) {
  const std::string schema = SchemaText(Scenario::Decl());
  if (options.schema_out.empty()) {
    io.out << schema;
    return 0;
  }
  const std::filesystem::path directory = options.schema_out;
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    return CommandError(io, fmt::format("'{}' cannot be made: {}", directory.string(), error.message()));
  for (const auto& [name, text] : {std::pair<const char*, std::string>{"scenario.schema.json", schema},
                                   std::pair<const char*, std::string>{"ops.md", Manual()}}) {
    const Result<> written = vmm::WriteHostFile(directory / name, std::string_view(text));
    if (!written.ok()) return CommandError(io, written.error().message);
    io.err << (directory / name).string() << '\n';
  }
  return 0;
}

}  // namespace ktstr
