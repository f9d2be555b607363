// A cache of templates for one test, which may damage it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "test/guest/guest_run.h"

namespace ktstr::test {

/// The smallest machine, doing nothing.
inline constexpr const char* kTiny = "topology: 1n1l1c1t\nsteps: [{hold: 1ms}]\n";

class TemplateCache {
 public:
  /// Empty, in a directory of its own.
  TemplateCache();
  /// Holds the template of kTiny for `qemu`, copied from a cache that all tests share, in which it is made by
  /// the first that needs it.
  static TemplateCache WithTemplate(const std::string& qemu = "");

  /// Runs `yaml` with this cache.
  [[nodiscard]] std::unique_ptr<GuestRun> Start(const std::string& yaml = kTiny,
                                                std::vector<std::string> args = {},
                                                std::vector<std::string> env = {}) const;
  /// Start() and Finish("PASS").
  [[nodiscard]] std::unique_ptr<GuestRun> Pass(const std::string& yaml = kTiny,
                                               std::vector<std::string> args = {},
                                               std::vector<std::string> env = {}) const;

  /// $XDG_CACHE_HOME, and where the templates are in it.
  [[nodiscard]] std::filesystem::path home() const { return dir_->path(); }
  [[nodiscard]] std::filesystem::path templates() const { return home() / "ktstr-interp" / "templates"; }
  /// The names of what is in it, but for locks.
  [[nodiscard]] std::vector<std::string> Names() const;
  /// A file of its only template.
  [[nodiscard]] std::filesystem::path File(const std::string& name) const;

 private:
  std::unique_ptr<TempDir> dir_;
};

/// "boot", or "clone of " and 16 digits.
std::string Started(const GuestRun& run);
/// How often a run said that it makes a template.
int TemplatesMade(GuestRun& run);

}  // namespace ktstr::test
