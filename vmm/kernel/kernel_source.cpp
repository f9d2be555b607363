#include "vmm/kernel/kernel_source.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "vmm/host/host_file.h"
#include "vmm/kernel/kernel_cache.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPackage = "linux-source-6.12";

/// The package itself, not its relatives (linux-source-6.12-rt).
std::vector<std::string> SourcePackages(std::string_view names) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find('\n'));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    if (name == kPackage) return {std::string(name)};
  }
  return {};
}

/// One line per file that is not git's: path, size and time of the last change.
Result<std::string> TreeIdentity(const fs::path& directory) {
  std::vector<std::string> lines;
  std::error_code failed;
  auto entry = fs::recursive_directory_iterator(directory, failed);
  for (; !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
    if (entry->path().filename() == ".git") {
      entry.disable_recursion_pending();
      continue;
    }
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) != 0 || S_ISDIR(status.st_mode)) continue;
    lines.push_back(fmt::format("{}\t{}\t{}.{}\n", entry->path().string(), status.st_size,
                                status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
  }
  if (failed)
    return InputError(
        fmt::format("the kernel source '{}' cannot be read: {}", directory.string(), failed.message()));
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const std::string& line : lines) all += line;
  return HashText(all);
}

Result<KernelSource> SourceDirectory(const fs::path& given) {
  KernelSource source;
  std::error_code failed;
  source.directory = fs::canonical(given, failed);
  if (const std::string lack = NotAKernelTree(source.directory); !lack.empty())
    return InputError(fmt::format("'{}' is not a kernel tree ({})", given.string(), lack));
  if (fs::exists(source.directory / ".config", failed) ||
      fs::exists(source.directory / "include/config", failed)) {
    return InputError(
        fmt::format("'{}' was built in, which keeps it from being built elsewhere; run `make -C {} mrproper`",
                    given.string(), given.string()));
  }
  source.name = source.directory.string();
  source.place = "directory " + source.name;
  source.identity = TRY(TreeIdentity(source.directory));
  return source;
}

}  // namespace

std::string NotAKernelTree(const fs::path& directory) {
  std::error_code ignored;
  for (const char* part : {"Makefile", "Kconfig", "arch/x86"})
    if (!fs::exists(directory / part, ignored)) return fmt::format("it has no {}", part);
  return {};
}

Result<KernelSource> FindKernelSource(const std::string& given, const KernelProgress& progress) {
  std::error_code failed;
  if (given.empty()) {
    const AptWish wish{std::string(kPackage), std::string(kPackage), &SourcePackages};
    auto package = FindAptPackage(wish, progress);
    if (!package.ok()) {
      return Error{package.error().kind,
                   fmt::format("no kernel source: {}; give one with --source DIR or TARBALL",
                               package.error().message)};
    }
    KernelSource source;
    source.name = source.place = source.identity = fmt::format("{} {}", package->name, package->version);
    source.package = std::move(*package);
    return source;
  }
  if (!fs::exists(given, failed))
    return InputError(fmt::format("the kernel source '{}' does not exist", given));
  if (fs::is_directory(given, failed)) return SourceDirectory(given);
  KernelSource source;
  const std::uint64_t hash = TRY(HashHostFile(given));
  source.tarball = fs::canonical(given, failed);
  source.name = source.tarball.string();
  source.identity = fmt::format("{:016x}", hash);
  source.place = "tarball " + source.identity;
  return source;
}

}  // namespace ktstr::vmm
