#include "vmm/host/landlock_rules.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

// The headers of Debian 12 end at version 2 of the interface.
constexpr std::uint64_t kTruncate = 1ULL << 14;
constexpr std::uint64_t kBindTcp = 1ULL << 0;
constexpr std::uint64_t kConnectTcp = 1ULL << 1;
constexpr std::uint64_t kScopeAbstractSockets = 1ULL << 0;
constexpr std::uint64_t kScopeSignals = 1ULL << 1;

/// landlock_ruleset_attr of version 6. A kernel takes a longer structure than it knows while the rest is 0.
struct RulesetAttributes {
  std::uint64_t files = 0;
  std::uint64_t network = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kReadTree = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;

RulesetAttributes Handled(int abi) {
  RulesetAttributes handled;
  handled.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // all of version 1
  if (abi >= 2) handled.files |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) handled.files |= kTruncate;
  if (abi >= 4) handled.network = kBindTcp | kConnectTcp;
  if (abi >= 6) handled.scoped = kScopeAbstractSockets | kScopeSignals;
  return handled;
}

void AllowBelow(int ruleset, int place, std::uint64_t access) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = place;
  // What cannot be allowed stays forbidden, and the program says what it misses.
  ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

void AllowReading(int ruleset, const fs::path& path) {
  const Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (!place.valid() || ::fstat(place.get(), &status) != 0) return;
  AllowBelow(ruleset, place.get(), S_ISDIR(status.st_mode) ? kReadTree : kReadFile);
}

/// The program, and what an installation puts beside it: lib, share.
void AllowProgram(int ruleset, const fs::path& program) {
  std::error_code failed;
  const fs::path place = fs::canonical(program, failed);
  if (failed) return;
  const fs::path directory = place.parent_path();
  if (directory != "/") AllowReading(ruleset, directory);
  for (const char* beside : {"lib", "lib64", "libexec", "share"})
    AllowReading(ruleset, directory.parent_path() / beside);
}

/// $LD_LIBRARY_PATH, which the program inherits.
void AllowLibraryPath(int ruleset) {
  const char* const path = std::getenv("LD_LIBRARY_PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    if (!directory.empty() && directory != "/") AllowReading(ruleset, directory);
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
  }
}

}  // namespace

int LandlockAbi() {
  return static_cast<int>(
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

Fd MakeLandlockRuleset(int abi, const LandlockRules& rules) {
  const RulesetAttributes handled = Handled(abi);
  Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0)));
  if (!ruleset.valid()) return ruleset;
  // The last two are where NixOS and Guix have their programs.
  static constexpr std::array<const char*, 18> kSystem = {
      "/usr",      "/lib",         "/lib32",    "/lib64",           "/bin",           "/sbin",
      "/opt",      "/proc",        "/sys",      "/etc/ld.so.cache", "/etc/localtime", "/etc/qemu",
      "/dev/null", "/dev/urandom", "/dev/zero", "/dev/random",      "/nix/store",     "/gnu/store"};
  for (const char* path : kSystem) AllowReading(ruleset.get(), path);
  AllowProgram(ruleset.get(), rules.program);
  AllowLibraryPath(ruleset.get());
  for (const int file : rules.read) AllowBelow(ruleset.get(), file, LANDLOCK_ACCESS_FS_READ_FILE);
  const std::uint64_t truncate = abi >= 3 ? kTruncate : 0;
  for (const int file : rules.written)
    AllowBelow(ruleset.get(), file, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | truncate);
  return ruleset;
}

}  // namespace ktstr::vmm
