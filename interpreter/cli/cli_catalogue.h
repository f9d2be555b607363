// Everything that is declared, by name: what `explain` looks up, lists and prints as JSON, and the manual.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ktstr {

/// Names of Ops, work types, metrics, default checks, sections of a scenario and presets, for suggestions.
std::vector<std::string_view> CatalogueNames();

/// The page of each thing of that name, one below the other; upper and lower case are the same. When there is
/// none but fields are called so, where they are. Empty for a name nobody has.
std::string ExplainName(std::string_view name);

/// The names by kind, each with the beginning of its doc.
std::string CatalogueOverview();

/// {version, ops, work_types, metrics, default_checks, sections}.
nlohmann::ordered_json CatalogueJson();

/// schemas/ops.md: all of it as one Markdown page.
std::string Manual();

}  // namespace ktstr
