// The payload half of initramfs.h: from a name in a scenario to the files the guest needs.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "vmm/host/directory_trees.h"
#include "vmm/host/elf_closure.h"
#include "vmm/host/spawn.h"
#include "vmm/image/initramfs.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

Error NotExecutable(const std::string& binary, const fs::path& path) {
  return {ErrorKind::kInput,
          fmt::format("program '{}' is not executable (chmod +x {})", binary, path.string())};
}

/// "program 'x'" for messages.
std::string What(const PayloadSource& source) {
  return fmt::format("{} '{}'", source.file_path.empty() ? "program" : "file", source.binary);
}

/// One of kOwnPayloads, where this program lies; empty when it is none or not there.
fs::path FindOwn(const std::string& binary) {
  const auto known = std::find(std::begin(kOwnPayloads), std::end(kOwnPayloads), binary);
  if (known == std::end(kOwnPayloads)) return {};
  std::error_code lost;  // then the path is empty, and nothing is found
  return FindOnPath(binary, fs::read_symlink("/proc/self/exe", lost).parent_path().string());
}

fs::path Beside(const PayloadSource& source) {
  return (source.scenario_dir / source.binary).lexically_normal();
}

}  // namespace

std::string PayloadGuestPath(std::string_view binary) {
  return "/payload/bin/" + fs::path(binary).filename().string();
}

Result<> CheckPayloadPlace(const PayloadSource& source) {
  if (source.host_files) return {};
  DirectoryTrees tree;
  tree.Add(source.scenario_dir);
  std::error_code lost;  // the working directory: then nothing is below anything
  if (tree.Have(fs::absolute(Beside(source), lost))) return {};
  return Error{ErrorKind::kInput,
               fmt::format("{} is outside the scenario's directory; {}allow such files by --allow-host-files",
                           What(source), source.file_path.empty() ? "name a program on PATH, or " : "")};
}

Result<fs::path> FindPayload(const PayloadSource& source, const std::string& path) {
  const std::string& binary = source.binary;
  if (binary.empty() || binary.ends_with('/') || fs::path(binary).filename() == "..") {
    return Error{ErrorKind::kInput, What(source) + " does not name a file"};
  }
  TRY(CheckPayloadPlace(source));
  const fs::path beside = Beside(source);
  std::error_code ignored;
  if (fs::is_regular_file(beside, ignored)) {
    if (source.file_path.empty() && ::access(beside.c_str(), X_OK) != 0) return NotExecutable(binary, beside);
    return beside;
  }
  if (binary.find('/') == std::string::npos && source.file_path.empty()) {
    fs::path found = FindOnPath(binary, path);
    if (found.empty()) found = FindOwn(binary);
    if (!found.empty()) return found;
    return Error{ErrorKind::kInput,
                 fmt::format("program '{}' was not found beside the scenario or on PATH", binary)};
  }
  if (fs::is_directory(beside, ignored)) {
    return Error{ErrorKind::kInput, What(source) + " is a directory"};
  }
  return Error{ErrorKind::kInput,
               fmt::format("{} does not exist (looked for {})", What(source), beside.string())};
}

Result<std::vector<InitramfsFile>> PayloadFiles(const std::vector<PayloadSource>& sources) {
  if (sources.empty()) return std::vector<InitramfsFile>{};
  const ClosureSearch search = HostSearch();
  std::vector<ClosureRoot> roots;
  std::vector<InitramfsFile> files;
  for (const PayloadSource& source : sources) {
    fs::path found = TRY(FindPayload(source, search.path));
    if (source.file_path.empty())
      roots.push_back({std::move(found), PayloadGuestPath(source.binary), source.binary, source.host_files});
    else
      files.push_back({source.file_path, std::move(found), 0644});
  }
  for (ClosureFile& file : TRY(ProgramClosure(roots, search)))
    files.push_back({std::move(file.guest_path), std::move(file.host_path), 0755});
  std::sort(files.begin(), files.end(),
            [](const InitramfsFile& a, const InitramfsFile& b) { return a.guest_path < b.guest_path; });
  return files;
}

}  // namespace ktstr::vmm
