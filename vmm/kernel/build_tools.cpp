#include "vmm/kernel/build_tools.h"

#include <fmt/format.h>

#include <charconv>

#include "vmm/host/host_command.h"
#include "vmm/host/spawn.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

constexpr BuildTool kForKernels[] = {
    {"make", "make", "make"},
    {"gcc", "gcc", "gcc"},
    {"ld", "ld", "binutils"},
    {"bc", "bc", "bc"},
    {"flex", "flex", "flex"},
    {"bison", "bison", "bison"},
    {"pahole", "pahole", "dwarves"},
    {"cpio", "cpio", "cpio"},
    {"lz4", "lz4", "lz4"},
    {"xz", "xz", "xz-utils"},
    {"libelf's headers", "gelf.h", "libelf-dev"},
    {"OpenSSL's headers", "openssl/ssl.h", "libssl-dev"},
};
constexpr BuildTool kForSchedulers[] = {
    {"make", "make", "make"},
    {"gcc", "gcc", "gcc"},
    {"ld", "ld", "binutils"},
    {"clang 16 or later", kBpfClang, "clang-19"},
    {"python3", "python3", "python3"},
    {"xz", "xz", "xz-utils"},
    {"libelf's headers", "gelf.h", "libelf-dev"},
    {"zlib's headers", "zlib.h", "zlib1g-dev"},
};

constexpr int kOldestClang = 16;
constexpr int kNewestClang = 24;

bool IsHeader(const BuildTool& tool) { return tool.probe.ends_with(".h"); }

bool IsThere(const BuildTool& tool, const std::string& path, std::span<const fs::path> include_dirs) {
  if (tool.probe == kBpfClang) return !FindBpfClang(path).empty();
  if (!IsHeader(tool)) return !FindOnPath(tool.probe, path).empty();
  std::error_code ignored;
  for (const fs::path& dir : include_dirs)
    if (fs::exists(dir / tool.probe, ignored)) return true;
  return false;
}

}  // namespace

std::span<const BuildTool> KernelBuildTools() { return kForKernels; }
std::span<const BuildTool> SchedulerBuildTools() { return kForSchedulers; }

std::vector<BuildTool> MissingBuildTools(std::span<const BuildTool> tools, const std::string& path,
                                         std::span<const fs::path> include_dirs) {
  std::vector<BuildTool> missing;
  for (const BuildTool& tool : tools)
    if (!IsThere(tool, path, include_dirs)) missing.push_back(tool);
  return missing;
}

std::string MissingToolsText(std::string_view what, std::span<const BuildTool> missing) {
  std::string names, packages;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const std::string_view glue = i == 0 ? "" : i + 1 == missing.size() ? " and " : ", ";
    names += fmt::format("{}{}", glue, missing[i].name);
    packages += fmt::format(" {}", missing[i].package);
  }
  return fmt::format("{} needs {}; install {} with: sudo apt-get install{}", what, names,
                     missing.size() == 1 ? "it" : "them", packages);
}

Result<> CheckBuildTools(std::string_view what, std::span<const BuildTool> tools) {
  const fs::path include_dirs[] = {"/usr/include", "/usr/local/include", "/usr/include/x86_64-linux-gnu"};
  const auto missing = MissingBuildTools(tools, SearchPath(), include_dirs);
  if (missing.empty()) return {};
  return Error{ErrorKind::kEnvironment, MissingToolsText(what, missing)};
}

std::string FindBpfClang(const std::string& path) {
  for (int version = kNewestClang; version >= kOldestClang; --version)
    if (std::string name = fmt::format("clang-{}", version); !FindOnPath(name, path).empty()) return name;
  const fs::path plain = FindOnPath("clang", path);
  if (plain.empty()) return {};
  const auto said = RunCommand({plain.string(), "-dumpversion"});
  int major = 0;
  if (said.ok()) std::from_chars(said->output.data(), said->output.data() + said->output.size(), major);
  return major >= kOldestClang ? "clang" : "";
}

}  // namespace ktstr::vmm
