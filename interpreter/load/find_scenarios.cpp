#include "interpreter/load/find_scenarios.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <system_error>

#include "guest-init/base/fd.h"

namespace ktstr {
namespace {

namespace fs = std::filesystem;

/// Far deeper than any tree of scenarios; each level has a descriptor open.
constexpr int kMaxDepth = 64;

bool IsScenarioName(const std::string& name) {
  const std::string extension = fs::path(name).extension().string();
  return extension == ".yaml" || extension == ".yml";
}

/// What is in an open directory, sorted, without hidden entries; nothing, and errno, when that cannot be
/// read.
std::optional<std::vector<std::string>> NamesIn(const Fd& directory) {
  const int copy = ::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy < 0 ? nullptr : ::fdopendir(copy), &::closedir);
  if (stream == nullptr) return std::nullopt;
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get()))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  if (errno != 0) return std::nullopt;
  std::sort(names.begin(), names.end());
  return names;
}

/// Directories are entered by name from the one above, never through a link: what lies behind one may be
/// anywhere, and lint shows lines of what is taken for a scenario.
class Finder {
 public:
  void Add(const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return AddFile({ScenarioPath(path)});
    const std::size_t before = seen_in_walk_;
    const std::size_t diagnostics = found_.diagnostics.size();
    root_ = path;
    Walk(Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), {}, 0);
    if (seen_in_walk_ == before && found_.diagnostics.size() == diagnostics)
      found_.diagnostics.push_back({path, "no scenario (*.yaml, *.yml) in this directory"});
  }

  FoundScenarios Take() { return std::move(found_); }

 private:
  void AddFile(ScenarioFile file) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(file.path, error);
    if (!error && !known_.insert(real.string()).second) return;
    found_.files.push_back(std::move(file));
  }

  void Diagnose(const fs::path& below, const std::string& message) {
    const fs::path directory = fs::path(root_) / below;
    found_.diagnostics.push_back({below.empty() ? root_ : directory.string(), message});
  }

  /// `below`: the way from root_ to `directory`; empty for root_ itself, which the user named.
  void Walk(const Fd& directory, const fs::path& below, int depth) {
    if (depth > 0 && ::faccessat(directory.get(), std::string(kResultsMark).c_str(), F_OK, 0) == 0) return;
    const auto names = directory.valid() ? NamesIn(directory) : std::nullopt;
    if (!names) {
      const std::error_code error(errno, std::generic_category());
      return Diagnose(below, "the directory cannot be read: " + error.message());
    }
    for (const std::string& name : *names) {
      struct stat status = {};
      if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (S_ISLNK(status.st_mode)) continue;
      const fs::path inner = below / name;
      if (S_ISDIR(status.st_mode)) {
        if (depth == kMaxDepth)
          Diagnose(inner,
                   "directories nested deeper than " + std::to_string(kMaxDepth) + " are not searched");
        else
          Walk(Fd(::openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)),
               inner, depth + 1);
      } else if (IsScenarioName(name)) {
        ++seen_in_walk_;
        AddFile({ScenarioPath((fs::path(root_) / inner).string()), root_, inner.string()});
      }
    }
  }

  FoundScenarios found_;
  std::string root_;  // of the search under way
  std::set<std::string> known_;
  std::size_t seen_in_walk_ = 0;  // also counts files that an earlier path has already given
};

}  // namespace

std::string ScenarioPath(const std::string& path) {
  constexpr std::string_view kHarmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./";
  std::string normal = fs::path(path).lexically_normal().string();
  const bool odd = !normal.empty() && kHarmless.find(normal.front()) == std::string_view::npos;
  return odd ? "./" + normal : normal;
}

FoundScenarios FindScenarios(std::span<const std::string> paths) {
  Finder finder;
  for (const std::string& path : paths) finder.Add(path);
  return finder.Take();
}

}  // namespace ktstr
