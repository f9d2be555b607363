// From the paths of a command line to scenario files.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ktstr {

/// A directory holding a file of this name is not searched: the tool's own results end up there, copies of
/// scenarios among them.
inline constexpr std::string_view kResultsMark = ".ktstr-results";

struct PathDiagnostic {
  std::string path;
  std::string message;  // one line
};

struct FoundScenarios {
  std::vector<std::string> files;  // in the order of the paths, within a directory sorted; each file once
  std::vector<PathDiagnostic> diagnostics;
};

/// A path that is no directory is taken as a scenario whatever it is called and whether or not it exists
/// (reading it will tell). A directory is searched for *.yaml and *.yml, at any depth; hidden entries and
/// symbolic links, to files as to directories, are passed over. Diagnostics: a directory that cannot be read,
/// or without any scenario.
FoundScenarios FindScenarios(std::span<const std::string> paths);

}  // namespace ktstr
