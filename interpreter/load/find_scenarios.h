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

/// A file to be read as a scenario, and how it is reached.
struct ScenarioFile {
  std::string path;        // as messages call it; for one that the user named, the way to it
  std::string root = {};   // the directory whose search found it; "": the user named it
  std::string below = {};  // the way from there: no link on it is followed
};

struct FoundScenarios {
  std::vector<ScenarioFile> files;  // in the order of the paths, within a directory sorted; each file once
  std::vector<PathDiagnostic> diagnostics;
};

/// A file's path as messages and commands to repeat call it: without detours, and with "./" before a name
/// that begins otherwise than with a letter, a digit, '_' or '.', which at the beginning of a line or of an
/// argument could be taken for something else (`::error`, `-x`).
std::string ScenarioPath(const std::string& path);

/// A path that is no directory is taken as a scenario whatever it is called and whether or not it exists
/// (reading it will tell). A directory is searched for *.yaml and *.yml, at any depth; hidden entries and
/// symbolic links, to files as to directories, are passed over, also one that takes the place of a directory
/// meanwhile. Diagnostics: a directory that cannot be read, lies too deep, or is without any scenario.
FoundScenarios FindScenarios(std::span<const std::string> paths);

}  // namespace ktstr
