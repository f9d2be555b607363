#include "vmm/host/elf_closure.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "vmm/host/directory_trees.h"
#include "vmm/host/elf_file.h"
#include "vmm/host/host_file.h"
#include "vmm/host/spawn.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool IsRegularFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string Join(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ", ")); }

void ReadLdSoConfInto(const fs::path& conf, int depth, std::vector<std::string>& dirs) {
  std::ifstream input(conf);
  std::string line;
  while (std::getline(input, line)) {
    std::string_view text = Trim(std::string_view(line).substr(0, line.find('#')));
    if (text.starts_with("include ") || text.starts_with("include\t")) {
      if (depth >= 8) continue;  // a file that includes itself
      const fs::path pattern = conf.parent_path() / Trim(text.substr(8));
      glob_t matches{};
      if (::glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
        for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
          ReadLdSoConfInto(matches.gl_pathv[i], depth + 1, dirs);
        }
      }
      ::globfree(&matches);
    } else if (text.starts_with('/')) {
      dirs.emplace_back(text);
    }
  }
}

/// A directory to look in, as the host and as the guest name it; they differ below $ORIGIN and for the
/// system directories.
struct SearchDir {
  std::string host;
  std::string guest;
};

/// A program or library whose needs are being met; `loader` is the object that needed it.
struct LoadedObject {
  std::string shown;
  std::string host_dir;
  std::string guest_dir;
  ElfNeeds needs;
  const LoadedObject* loader = nullptr;
};

std::string ReplaceToken(std::string text, std::string_view token, std::string_view value) {
  for (const std::string& spelling : {fmt::format("${{{}}}", token), fmt::format("${}", token)}) {
    for (std::size_t at = 0; (at = text.find(spelling, at)) != std::string::npos; at += value.size()) {
      text.replace(at, spelling.size(), value);
    }
  }
  return text;
}

/// The absolute directories of a colon-separated RPATH or RUNPATH. Relative ones depend on the current
/// directory and are left out, as are those with tokens other than $ORIGIN and $LIB.
void ExpandSearchPath(const std::string& search_path, const LoadedObject& object,
                      std::vector<SearchDir>& out) {
  for (const std::string& part : Split(search_path, ':')) {
    const std::string entry = ReplaceToken(part, "LIB", "lib/x86_64-linux-gnu");
    SearchDir dir{ReplaceToken(entry, "ORIGIN", object.host_dir),
                  ReplaceToken(entry, "ORIGIN", object.guest_dir)};
    if (!dir.host.starts_with('/') || dir.host.find('$') != std::string::npos) continue;
    dir.guest = fs::path(dir.guest).lexically_normal().string();
    out.push_back(std::move(dir));
  }
}

class ClosureBuilder {
 public:
  explicit ClosureBuilder(const ClosureSearch& search) : search_(search) {
    for (const std::string& dir : search.library_dirs) system_.Add(dir);
  }

  Result<> AddProgram(const ClosureRoot& root, int script_depth = 0);
  std::vector<ClosureFile> Files() const;

 private:
  Result<> AddFile(const fs::path& host_path, const std::string& guest_path);
  Result<> AddScript(const ClosureRoot& root, std::string_view first_line, int script_depth);
  Result<> AddEnvTarget(const ClosureRoot& root, std::string_view argument, int script_depth);
  Result<> AddLoader(const ClosureRoot& root, const std::string& loader);
  Result<> AddLibraries(const ClosureRoot& root, const ElfNeeds& needs);
  /// Refuses a program that a script names and that the user could not have meant by a word.
  [[nodiscard]] Result<> CheckInterpreter(const ClosureRoot& root, const fs::path& program) const;
  /// The directories to look in for `name`, in the loader's order.
  std::vector<SearchDir> DirsFor(const std::string& name, const LoadedObject& object) const;
  Result<ClosureFile> FindLibrary(const std::string& name, const LoadedObject& object);
  const ElfReading& ReadLibrary(const fs::path& path);

  const ClosureSearch& search_;
  DirectoryTrees system_;                  // the library directories
  DirectoryTrees own_;                     // of the program whose libraries are being looked for
  std::map<std::string, fs::path> files_;  // by guest path
  std::map<fs::path, ElfReading> libraries_;
};

Result<> ClosureBuilder::AddFile(const fs::path& host_path, const std::string& guest_path) {
  const auto [entry, inserted] = files_.try_emplace(guest_path, host_path);
  std::error_code ignored;
  if (inserted || entry->second == host_path || fs::equivalent(entry->second, host_path, ignored)) return {};
  return InputError(fmt::format("'{}' and '{}' would both be {} in the guest", entry->second.string(),
                                host_path.string(), guest_path));
}

const ElfReading& ClosureBuilder::ReadLibrary(const fs::path& path) {
  const auto known = libraries_.find(path);
  if (known != libraries_.end()) return known->second;
  auto bytes = ReadHostFile(path);
  ElfReading reading{ElfFault::kCorrupt, "", {}};
  if (bytes.ok()) {
    reading = ReadElf(*bytes);
  } else {
    reading.detail = bytes.error().message;
  }
  return libraries_.emplace(path, std::move(reading)).first->second;
}

Result<> ClosureBuilder::AddProgram(const ClosureRoot& root, int script_depth) {
  const auto bytes = TRY(ReadHostFile(root.host_path));
  if (bytes.size() >= 2 && bytes[0] == std::byte{'#'} && bytes[1] == std::byte{'!'}) {
    // The kernel looks at 256 bytes, the #! included.
    const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                                std::min<std::size_t>(bytes.size(), 256));
    TRY(AddFile(root.host_path, root.guest_path));
    return AddScript(root, head.substr(2, head.find('\n') - 2), script_depth);
  }
  const ElfReading reading = ReadElf(bytes);
  if (reading.fault != ElfFault::kNone) return ElfError(reading, root.shown);
  TRY(AddFile(root.host_path, root.guest_path));
  return AddLibraries(root, reading.needs);
}

Result<> ClosureBuilder::AddScript(const ClosureRoot& root, std::string_view first_line, int script_depth) {
  if (first_line.ends_with('\r')) {
    return InputError(fmt::format(
        "'{}' has Windows line endings, so the guest cannot start its #! interpreter", root.shown));
  }
  const std::string_view text = Trim(first_line);
  const std::string interpreter(text.substr(0, text.find_first_of(" \t")));
  if (interpreter.empty())
    return InputError(fmt::format("'{}' starts with #! but names no interpreter", root.shown));
  if (script_depth >= 4)
    return InputError(fmt::format("'{}' is a script run by a script, more than 4 deep", root.shown));
  if (!interpreter.starts_with('/')) {
    return InputError(
        fmt::format("'{}' starts with #!{}, which is not an absolute path", root.shown, interpreter));
  }
  const fs::path program = fs::path(interpreter).lexically_normal();
  TRY(CheckInterpreter(root, program));
  if (!IsRegularFile(program)) {
    return InputError(fmt::format("'{}' starts with #!{}, which does not exist", root.shown, interpreter));
  }
  TRY(AddProgram({program, program.string(), interpreter, root.any_interpreter}, script_depth + 1));
  if (fs::path(interpreter).filename() != "env") return {};
  return AddEnvTarget(root, Trim(text.substr(interpreter.size())), script_depth);
}

/// The guest's PATH has the standard directories only.
bool InStandardDirectory(const fs::path& program) {
  static const std::set<std::string> kStandard = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                                  "/usr/bin",        "/sbin",          "/bin"};
  return kStandard.contains(program.parent_path().string());
}

/// Before anything of it is looked at: the answer does not tell whether it exists.
Result<> ClosureBuilder::CheckInterpreter(const ClosureRoot& root, const fs::path& program) const {
  const std::vector<std::string> path = Split(search_.path, ':');
  const std::string directory = program.parent_path().string();
  if (root.any_interpreter || InStandardDirectory(program) ||
      std::find(path.begin(), path.end(), directory) != path.end())
    return {};
  return InputError(
      fmt::format("'{}' is a script for {}, which is in no directory of PATH", root.shown, program.string()));
}

/// `#!/usr/bin/env [-S] [VAR=value]... X`: X is found on PATH here and there.
Result<> ClosureBuilder::AddEnvTarget(const ClosureRoot& root, std::string_view argument, int script_depth) {
  std::string name;
  for (const std::string& word : Split(argument, ' ')) {
    if (word.starts_with('-') || word.find('=') != std::string::npos) continue;
    name = word;
    break;
  }
  if (name.empty())
    return InputError(fmt::format("'{}' starts with #!/usr/bin/env but names no program", root.shown));
  const bool word = name.find('/') == std::string::npos;
  const fs::path host_path = word ? FindOnPath(name, search_.path) : fs::path(name).lexically_normal();
  if (!word && host_path.is_absolute()) TRY(CheckInterpreter(root, host_path));
  if (host_path.empty() || !host_path.is_absolute() || !IsRegularFile(host_path)) {
    return InputError(
        fmt::format("'{}' starts with #!/usr/bin/env {}, and {} is not on PATH", root.shown, name, name));
  }
  const std::string guest_path =
      InStandardDirectory(host_path) ? host_path.string() : "/usr/bin/" + host_path.filename().string();
  return AddProgram({host_path, guest_path, host_path.string(), root.any_interpreter}, script_depth + 1);
}

/// Whatever a program calls its loader is packed, so it must be one. One that lies elsewhere is refused
/// before anything of it is looked at: the answer does not tell whether it exists.
Result<> ClosureBuilder::AddLoader(const ClosureRoot& root, const std::string& loader) {
  if (!system_.Have(loader)) {
    return InputError(fmt::format(
        "'{}' needs the loader {}, which is not in the system's library directories", root.shown, loader));
  }
  if (!IsRegularFile(loader))
    return InputError(fmt::format("'{}' needs the loader {}, which does not exist", root.shown, loader));
  const ElfReading& reading = ReadLibrary(loader);
  if (reading.fault != ElfFault::kNone)
    return ElfError(reading, loader).Within(fmt::format("'{}' needs the loader {}", root.shown, loader));
  return AddFile(loader, loader);
}

Result<> ClosureBuilder::AddLibraries(const ClosureRoot& root, const ElfNeeds& needs) {
  if (!needs.interpreter.empty()) TRY(AddLoader(root, needs.interpreter));
  std::error_code unresolved;
  const fs::path real = fs::canonical(root.host_path, unresolved);
  const fs::path home = (unresolved ? root.host_path : real).parent_path();
  own_ = {};
  for (const fs::path& own : {home, home / "../lib", home / "../lib64"}) own_.Add(own);
  std::deque<LoadedObject> objects;  // a deque: `loader` pointers stay valid while it grows
  objects.push_back(
      {root.shown, home.string(), fs::path(root.guest_path).parent_path().string(), needs, nullptr});
  // The loader satisfies a name once, whoever asks for it first; it is itself already there.
  std::set<std::string> loaded = {fs::path(needs.interpreter).filename().string()};
  for (std::size_t i = 0; i < objects.size(); ++i) {
    for (const std::string& name : objects[i].needs.needed) {
      if (!loaded.insert(name).second) continue;
      const ClosureFile library = TRY(FindLibrary(name, objects[i]));
      TRY(AddFile(library.host_path, library.guest_path));
      objects.push_back({library.host_path.string(), library.host_path.parent_path().string(),
                         fs::path(library.guest_path).parent_path().string(),
                         ReadLibrary(library.host_path).needs, &objects[i]});
    }
  }
  return {};
}

std::vector<SearchDir> ClosureBuilder::DirsFor(const std::string& name, const LoadedObject& object) const {
  std::vector<SearchDir> dirs;
  if (name.find('/') != std::string::npos) {
    // A name with a slash is a path, not searched for.
    const fs::path path = fs::path(name).lexically_normal();
    dirs.push_back({path.parent_path().string(), path.parent_path().string()});
    return dirs;
  }
  // glibc: RPATH of the object and of everything that led to it, unless the object has a RUNPATH.
  if (object.needs.runpath.empty()) {
    for (const LoadedObject* at = &object; at != nullptr; at = at->loader) {
      if (at->needs.runpath.empty()) ExpandSearchPath(at->needs.rpath, *at, dirs);
    }
  }
  ExpandSearchPath(object.needs.runpath, object, dirs);
  for (const std::string& dir : search_.library_dirs) dirs.push_back({dir, kGuestLibraryDir});
  return dirs;
}

Result<ClosureFile> ClosureBuilder::FindLibrary(const std::string& name, const LoadedObject& object) {
  const auto allowed = [this](const fs::path& path) { return system_.Have(path) || own_.Have(path); };
  std::vector<std::string> looked_in, outside;
  for (const SearchDir& dir : DirsFor(name, object)) {
    // Passed over unseen: what lies there, and whether anything does, is not the program's business.
    if (!allowed(dir.host)) {
      outside.push_back(dir.host);
      continue;
    }
    const fs::path candidate = fs::path(dir.host) / fs::path(name).filename();
    looked_in.push_back(dir.host);
    if (!allowed(candidate)) {
      return InputError(fmt::format("'{}' needs {}, but '{}' leads out of the directories for libraries",
                                    object.shown, name, candidate.string()));
    }
    if (!IsRegularFile(candidate)) continue;
    const ElfReading& reading = ReadLibrary(candidate);
    // Like the loader, pass over a library of another architecture and take the next one.
    if (reading.fault == ElfFault::kOtherArchitecture) continue;
    if (reading.fault == ElfFault::kNotElf || reading.fault == ElfFault::kNotLoadable) {
      return InputError(fmt::format("'{}' needs {}, but '{}' is not a shared library", object.shown, name,
                                    candidate.string()));
    }
    if (reading.fault != ElfFault::kNone) {
      return ElfError(reading, candidate.string()).Within(fmt::format("'{}' needs {}", object.shown, name));
    }
    return ClosureFile{candidate, (fs::path(dir.guest) / candidate.filename()).string()};
  }
  const std::string unseen =
      outside.empty()
          ? ""
          : fmt::format("; {} {} neither one of the system's library directories nor the program's own",
                        Join(outside), outside.size() == 1 ? "is" : "are");
  return InputError(fmt::format("'{}' needs {}, which {}{}", object.shown, name,
                                looked_in.empty() ? "was not found" : "is in none of " + Join(looked_in),
                                unseen));
}

std::vector<ClosureFile> ClosureBuilder::Files() const {
  std::vector<ClosureFile> files;
  files.reserve(files_.size());
  for (const auto& [guest_path, host_path] : files_) files.push_back({host_path, guest_path});
  return files;
}

}  // namespace

std::vector<std::string> ReadLdSoConf(const fs::path& conf) {
  std::vector<std::string> dirs;
  ReadLdSoConfInto(conf, 0, dirs);
  return dirs;
}

ClosureSearch HostSearch() {
  std::vector<std::string> dirs = ReadLdSoConf("/etc/ld.so.conf");
  for (const char* dir :
       {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"}) {
    dirs.emplace_back(dir);
  }
  ClosureSearch search;
  std::set<fs::path> seen;
  for (const std::string& dir : dirs) {
    std::error_code missing;
    const fs::path real = fs::canonical(dir, missing);
    if (!missing && fs::is_directory(real, missing) && seen.insert(real).second)
      search.library_dirs.push_back(dir);
  }
  search.path = SearchPath();
  return search;
}

Result<std::vector<ClosureFile>> ProgramClosure(const std::vector<ClosureRoot>& roots,
                                                const ClosureSearch& search) {
  ClosureBuilder builder(search);
  for (const ClosureRoot& root : roots) TRY(builder.AddProgram(root));
  return builder.Files();
}

}  // namespace ktstr::vmm
