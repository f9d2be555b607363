#include "vmm/kernel/kernel_apt.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <optional>

#include "vmm/host/directory_entries.h"
#include "vmm/host/host_command.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

/// apt-get with what every call needs. As root apt would drop to the user _apt, who may not enter the cache,
/// and print a warning about it.
std::vector<std::string> AptGet(std::initializer_list<std::string> arguments) {
  std::vector<std::string> argv = {"apt-get", "-q",
                                   "-o",      "Acquire::Retries=2",
                                   "-o",      "Acquire::http::Timeout=30",
                                   "-o",      "DPkg::Lock::Timeout=60"};
  if (::geteuid() == 0) argv.insert(argv.end(), {"-o", "APT::Sandbox::User=root"});
  argv.insert(argv.end(), arguments);
  return argv;
}

/// The value of a field of a package's record; empty when it has none.
std::string_view Field(std::string_view record, std::string_view name) {
  const std::string start = fmt::format("\n{}: ", name);
  const std::size_t at = record.find(start);
  if (at == std::string_view::npos) return {};
  record.remove_prefix(at + start.size());
  return record.substr(0, record.find('\n'));
}

/// apt lists names that other packages merely mention, so the record itself is asked for.
Result<std::optional<AptPackage>> OfferedPackage(const AptWish& wish) {
  const auto names = TRY(RunCommand({"apt-cache", "pkgnames", wish.prefix}));
  for (const std::string& name : wish.choose(names.output)) {
    const auto record = TRY(RunCommand({"apt-cache", "show", "--no-all-versions", name}));
    if (record.exit_code != 0 || Field(record.output, "Filename").empty()) continue;
    AptPackage package{name, std::string(Field(record.output, "Version"))};
    const std::string_view size = Field(record.output, "Size");
    std::from_chars(size.data(), size.data() + size.size(), package.bytes);
    return std::optional<AptPackage>(std::move(package));
  }
  return std::optional<AptPackage>();
}

/// What went wrong; apt-get itself counts an unreachable mirror as a success with a warning.
Result<> UpdateLists(const KernelProgress& progress) {
  if (progress) progress("updating apt's package lists");
  const auto update = TRY(RunCommand(AptGet({"update"})));
  if (update.exit_code == 0 && update.errors.find("Failed to fetch") == std::string::npos) return {};
  return Error{ErrorKind::kEnvironment,
               update.exit_code == 0 ? "apt-get update could not fetch the package lists (is the network up?)"
                                     : fmt::format("apt-get update failed: {}", CommandCause(update))};
}

}  // namespace

Result<AptPackage> FindAptPackage(const AptWish& wish, const KernelProgress& progress) {
  auto package = TRY(OfferedPackage(wish));
  if (!package && ::geteuid() == 0) {
    const Result<> updated = UpdateLists(progress);
    package = TRY(OfferedPackage(wish));
    // One unreachable source among many does no harm as long as the package is there.
    if (!package) TRY(updated);
  }
  if (package) return *package;
  return Error{ErrorKind::kEnvironment,
               ::geteuid() == 0
                   ? fmt::format("apt offers no {} package", wish.pattern)
                   : fmt::format("apt knows no {} package (sudo apt-get update may help)", wish.pattern)};
}

Result<fs::path> DownloadAptPackage(const AptPackage& package, const fs::path& directory,
                                    const KernelProgress& progress) {
  if (progress) {
    const std::string size =
        package.bytes == 0 ? "" : fmt::format(" ({} MB)", (package.bytes + 500'000) / 1'000'000);
    progress(fmt::format("fetching {}{} with apt-get, into the cache only", package.name, size));
  }
  auto download = TRY(RunCommand(AptGet({"download", package.name}), directory));
  if (download.exit_code != 0 && ::geteuid() == 0) {
    // Stale lists name a version the mirror no longer has. If this fails too, the download says why.
    (void)UpdateLists(progress);
    download = TRY(RunCommand(AptGet({"download", package.name}), directory));
  }
  fs::path archive = FileStarting(directory, package.name + "_");
  if (download.exit_code == 0 && !archive.empty()) return archive;
  return Error{ErrorKind::kEnvironment,
               fmt::format("apt-get download {} failed: {}", package.name, CommandCause(download))};
}

Result<> UnpackAptPackage(std::string_view name, const fs::path& archive, const fs::path& into) {
  const auto unpack = TRY(RunCommand({"dpkg-deb", "-x", archive.string(), into.string()}));
  if (unpack.exit_code == 0) return {};
  return Error{ErrorKind::kEnvironment, fmt::format("{} cannot be unpacked: {}", name, CommandCause(unpack))};
}

fs::path FileStarting(const fs::path& directory, std::string_view prefix) {
  std::error_code failed;
  for (const fs::directory_entry& entry : DirectoryEntries(directory)) {
    if (entry.path().filename().string().starts_with(prefix) && entry.is_regular_file(failed))
      return entry.path();
  }
  return {};
}

}  // namespace ktstr::vmm
