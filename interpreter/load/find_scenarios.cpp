#include "interpreter/load/find_scenarios.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace ktstr {
namespace {

namespace fs = std::filesystem;

class Finder {
 public:
  void Add(const std::string& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return AddFile(path);
    const std::size_t before = seen_in_walk_;
    const std::size_t diagnostics = found_.diagnostics.size();
    Walk(path, true);
    if (seen_in_walk_ == before && found_.diagnostics.size() == diagnostics)
      found_.diagnostics.push_back({path, "no scenario (*.yaml, *.yml) in this directory"});
  }

  FoundScenarios Take() { return std::move(found_); }

 private:
  void AddFile(const fs::path& path) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(path, error);
    if (!error && !known_.insert(real.string()).second) return;
    found_.files.push_back(path.lexically_normal().string());
  }

  void Walk(const fs::path& directory, bool named_by_user) {
    std::error_code error;
    if (!named_by_user && fs::exists(directory / kResultsMark, error)) return;
    std::vector<fs::directory_entry> entries;
    fs::directory_iterator at(directory, error);
    for (; !error && at != fs::directory_iterator(); at.increment(error)) entries.push_back(*at);
    if (error) {
      found_.diagnostics.push_back({directory.string(), "the directory cannot be read: " + error.message()});
      return;
    }
    std::sort(entries.begin(), entries.end());
    for (const fs::directory_entry& entry : entries) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with('.')) continue;
      std::error_code ignored;
      // A link's target may lie anywhere, and lint shows lines of what is taken for a scenario.
      if (entry.is_symlink(ignored)) continue;
      if (entry.is_directory(ignored)) {
        Walk(entry.path(), false);
      } else if (const std::string extension = entry.path().extension().string();
                 extension == ".yaml" || extension == ".yml") {
        ++seen_in_walk_;
        AddFile(entry.path());
      }
    }
  }

  FoundScenarios found_;
  std::set<std::string> known_;
  std::size_t seen_in_walk_ = 0;  // also counts files that an earlier path has already given
};

}  // namespace

FoundScenarios FindScenarios(std::span<const std::string> paths) {
  Finder finder;
  for (const std::string& path : paths) finder.Add(path);
  return finder.Take();
}

}  // namespace ktstr
