#include "vmm/kernel/build_tree.h"

#include <fmt/format.h>
#include <poll.h>

#include "vmm/host/host_file.h"
#include "vmm/kernel/kernel_apt.h"
#include "vmm/kernel/kernel_cache.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

/// tar's arguments that name `parts` below whatever the archive's top directory is called.
std::vector<std::string> MembersOf(const SourceParts& parts) {
  if (parts.paths.empty()) return {};
  std::vector<std::string> arguments = {"--wildcards", "--no-wildcards-match-slash"};
  for (const std::string& path : parts.paths) arguments.push_back("*/" + path);
  return arguments;
}

/// Copies the parts that are there; what lacks is found out afterwards.
Result<> CopyParts(const fs::path& from, const SourceParts& parts, const fs::path& into) {
  for (const std::string& part : parts.paths) {
    std::error_code failed;
    if (!fs::exists(from / part, failed)) continue;
    TRY(MakeDirectory((into / part).parent_path()));
    fs::copy(from / part, into / part, fs::copy_options::recursive | fs::copy_options::copy_symlinks, failed);
    if (failed) return NotWritten(into / part, failed);
  }
  return {};
}

}  // namespace

BuildTree::BuildTree(fs::path directory, int cancel_fd, const KernelProgress& progress)
    : directory_(std::move(directory)),
      log_(directory_ / "build.log"),
      cancel_fd_(cancel_fd),
      progress_(progress) {}

Result<> BuildTree::Create() const { return MakeDirectory(directory_); }

void BuildTree::Say(std::string_view line) const {
  if (progress_) progress_(line);
}

Result<int> BuildTree::Run(std::vector<std::string> argv, const CommandWatcher& watcher) const {
  return RunLogged({std::move(argv), directory_, log_, cancel_fd_}, watcher);
}

void BuildTree::MarkLog() {
  std::error_code none;
  const std::uintmax_t size = fs::file_size(log_, none);
  log_start_ = none ? 0 : static_cast<std::size_t>(size);
}

Error BuildTree::LogError(std::string_view what) const {
  const auto log = ReadTextFile(log_);
  const std::string line = log.ok() ? FirstErrorLine(log->substr(log_start_)) : std::string();
  return {ErrorKind::kEnvironment,
          fmt::format("{}: {} (log: {})", what, line.empty() ? "no reason given" : line, log_.string())};
}

Result<fs::path> BuildTree::Source(const KernelSource& source, const SourceParts& parts) {
  const fs::path complete = directory_ / "source", partial = directory_ / "unpacking";
  std::error_code failed;
  if (fs::exists(complete, failed)) return complete;
  fs::remove_all(partial, failed);
  TRY(MakeDirectory(partial));
  if (source.directory.empty()) {
    TRY(Unpack(source, parts, partial));
  } else {
    TRY(CopyParts(source.directory, parts, partial));
  }
  if (const std::string lack = parts.lacks(partial); !lack.empty())
    return Error{ErrorKind::kInput, fmt::format("'{}' holds no kernel tree ({})", source.name, lack)};
  fs::remove_all(directory_ / "package", failed);
  fs::rename(partial, complete, failed);
  if (failed) return NotWritten(complete, failed);
  return complete;
}

Result<> BuildTree::Unpack(const KernelSource& source, const SourceParts& parts, const fs::path& into) {
  fs::path tarball = source.tarball;
  if (tarball.empty()) {
    const fs::path archive = TRY(DownloadAptPackage(source.package, directory_, progress_));
    TRY(UnpackAptPackage(source.package.name, archive, directory_ / "package"));
    tarball = FileStarting(directory_ / "package/usr/src", source.package.name + ".tar");
    std::error_code ignored;
    fs::remove(archive, ignored);
  }
  Say(fmt::format("unpacking {}", source.name));
  MarkLog();
  std::vector<std::string> tar = {"tar", "-xf",         tarball.string(),
                                  "-C",  into.string(), "--strip-components=1"};
  const std::vector<std::string> members = MembersOf(parts);
  tar.insert(tar.end(), members.begin(), members.end());
  if (TRY(Run(std::move(tar))) == 0) return {};
  // tar and xz say the cause first, then that they give up.
  const auto log = ReadTextFile(log_);
  const std::string said = log.ok() ? log->substr(log_start_) : std::string();
  return Error{ErrorKind::kInput, fmt::format("the kernel source '{}' cannot be unpacked: {}", source.name,
                                              said.substr(0, said.find('\n')))};
}

Result<> MakeDirectory(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  return failed ? Result<>(NotWritten(path, failed)) : Result<>();
}

Result<std::string> ReadTextFile(const fs::path& path) {
  const auto bytes = TRY(ReadHostFile(path));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

bool IsCancelled(int cancel_fd) {
  pollfd wait{cancel_fd, POLLIN, 0};
  return cancel_fd >= 0 && ::poll(&wait, 1, 0) > 0;
}

std::string Elapsed(std::chrono::steady_clock::duration time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  return seconds < 60 ? fmt::format("{} s", seconds) : fmt::format("{} min {} s", seconds / 60, seconds % 60);
}

}  // namespace ktstr::vmm
