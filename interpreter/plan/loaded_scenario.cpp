#include "interpreter/plan/loaded_scenario.h"

#include <fmt/format.h>

#include <utility>

#include "interpreter/load/decode.h"
#include "interpreter/load/source_text.h"

namespace ktstr {

LoadedScenario LoadScenario(const ScenarioFile& source, const Overrides& overrides) {
  const std::string& file = source.path;
  LoadedScenario loaded;
  loaded.file = file;
  loaded.directory = std::filesystem::path(file).parent_path();
  if (loaded.directory.empty()) loaded.directory = ".";
  loaded.scenario.name = std::filesystem::path(file).stem().string();
  Result<std::string> text =
      source.root.empty() ? ReadTextFile(file) : ReadTextFileBelow(source.root, source.below);
  if (!text.ok()) {
    loaded.has_errors = true;
    // The diagnostic names the file itself.
    std::string_view cause = text.error().message;
    const std::filesystem::path read =
        source.root.empty() ? std::filesystem::path(file) : std::filesystem::path(source.root) / source.below;
    if (const std::string prefix = read.string() + ": "; cause.starts_with(prefix))
      cause.remove_prefix(prefix.size());
    loaded.diagnostics.push_back(LocateFile(file, "unreadable", std::string(cause)));
    return loaded;
  }
  loaded.readable = true;
  Diagnostics diagnostics;
  loaded.document = LoadDocument(file, std::move(text).value(), diagnostics);
  if (loaded.document.complete()) {
    BrokenPlaces broken(Scenario::Decl());
    const bool decoded =
        Decode(loaded.document, loaded.scenario, diagnostics, &broken) && !diagnostics.has_errors();
    if (loaded.scenario.name.empty()) loaded.scenario.name = std::filesystem::path(file).stem().string();
    loaded.scenario = WithOverrides(std::move(loaded.scenario), overrides);
    if (decoded) {
      loaded.plans = PlanRuns(loaded.scenario, overrides, diagnostics);
    } else {
      CheckPartlyDecoded(loaded.scenario, broken, overrides, diagnostics);
    }
  }
  loaded.has_errors = diagnostics.has_errors();
  loaded.diagnostics = Locate(loaded.document, diagnostics);
  SortByPlace(loaded.diagnostics);
  if (loaded.has_errors) loaded.plans.clear();
  return loaded;
}

std::string PlaceOf(const LoadedScenario& loaded, std::string_view path) {
  if (!loaded.readable || path.empty()) return loaded.file;
  const Span span = loaded.document.Locate(path).span;
  return span.line == 0 ? loaded.file : fmt::format("{}:{}:{}", loaded.file, span.line, span.column);
}

}  // namespace ktstr
