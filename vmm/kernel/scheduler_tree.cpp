#include "vmm/kernel/scheduler_tree.h"

#include <fmt/format.h>

#include "vmm/host/cache_dir.h"
#include "vmm/host/host_file.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOriginFile = "made-of";

std::string LacksSchedulers(const fs::path& tree) {
  std::error_code ignored;
  return fs::exists(tree / kSchedulerSources / "Makefile", ignored)
             ? ""
             : fmt::format("it has no {}", kSchedulerSources);
}

/// Cuts the first line off `text`.
std::string TakeLine(std::string_view& text) {
  std::string line(text.substr(0, text.find('\n')));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

Result<> MoveParts(const fs::path& unpacked, const fs::path& tree) {
  const fs::path partial = tree / "unpacking";
  for (const std::string& part : SchedulerSourceParts().paths) {
    std::error_code failed;
    if (!fs::exists(unpacked / part, failed)) continue;
    TRY(MakeDirectory((partial / part).parent_path()));
    fs::rename(unpacked / part, partial / part, failed);
    if (failed) return Error{ErrorKind::kEnvironment, failed.message()};
  }
  std::error_code failed;
  fs::rename(partial, tree / "source", failed);
  return failed ? Result<>(Error{ErrorKind::kEnvironment, failed.message()}) : Result<>();
}

}  // namespace

const SourceParts& SchedulerSourceParts() {
  static const SourceParts parts = {
      {kSchedulerSources, "tools/lib", "tools/bpf/bpftool", "tools/include", "tools/build", "tools/scripts",
       "tools/arch/x86/include", "kernel/bpf/disasm.c", "kernel/bpf/disasm.h", "scripts/bpf_doc.py"},
      &LacksSchedulers};
  return parts;
}

fs::path SchedulerTreeOf(const fs::path& schedulers, const Kernel& kernel) {
  return schedulers / (".build-" + kernel.version);
}

SchedulerTreeOrigin ReadSchedulerTreeOrigin(const fs::path& tree) {
  const auto text = ReadTextFile(tree / kOriginFile);
  if (!text.ok()) return {};
  std::string_view rest = *text;
  SchedulerTreeOrigin origin;
  origin.kernel_key = TakeLine(rest);
  origin.identity = TakeLine(rest);
  origin.name = TakeLine(rest);
  return origin;
}

Result<> WriteSchedulerTreeOrigin(const fs::path& tree, const SchedulerTreeOrigin& origin) {
  return WriteHostFile(tree / kOriginFile,
                       fmt::format("{}\n{}\n{}\n", origin.kernel_key, origin.identity, origin.name));
}

void KeepSchedulerSource(const fs::path& unpacked, const KernelSource& source, const Kernel& kernel) {
  if (!LacksSchedulers(unpacked).empty()) return;
  const auto schedulers = SchedulerCacheDir();
  if (!schedulers.ok()) return;
  const auto lock = FileLock::TryAcquire(*schedulers / ".lock");
  if (!lock.ok() || !*lock) return;
  const fs::path tree = SchedulerTreeOf(*schedulers, kernel);
  std::error_code ignored;
  fs::remove_all(tree, ignored);
  if (!MakeDirectory(tree).ok() || !MoveParts(unpacked, tree).ok() ||
      !WriteSchedulerTreeOrigin(tree, {kernel.key, source.identity, source.name}).ok())
    fs::remove_all(tree, ignored);
}

}  // namespace ktstr::vmm
