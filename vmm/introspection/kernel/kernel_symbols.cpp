// Where the symbols of a guest's kernel come from.
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "guest-init/wire/elf_notes.h"
#include "vmm/host/cache_dir.h"
#include "vmm/host/host_file.h"
#include "vmm/host/known_files.h"
#include "vmm/introspection/kernel/kernel_facts.h"

namespace ktstr::vmm {
namespace {

constexpr const char* kKallsyms = "the guest's /proc/kallsyms";

/// The build id in a vmlinux; empty when it has none.
Result<std::string> BuildIdOf(const std::filesystem::path& vmlinux) {
  const std::vector<std::byte> file = TRY(ReadHostFile(vmlinux));
  Elf64_Ehdr header;
  if (file.size() < sizeof header) return std::string();
  std::memcpy(&header, file.data(), sizeof header);
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const std::uint64_t at = header.e_phoff + i * sizeof segment;
    if (at > file.size() || file.size() - at < sizeof segment) break;
    std::memcpy(&segment, &file[at], sizeof segment);
    if (segment.p_type != PT_NOTE || segment.p_offset > file.size()) continue;
    const std::uint64_t count = std::min<std::uint64_t>(segment.p_filesz, file.size() - segment.p_offset);
    std::string id = BuildIdIn(std::span(file).subspan(segment.p_offset, count));
    if (!id.empty()) return id;
  }
  return std::string();
}

/// A kallsyms says itself where its kernel was when it was written.
std::optional<std::uint64_t> TextIn(std::string_view kallsyms) {
  constexpr std::size_t kDigits = 16;
  const std::size_t at = kallsyms.find(" T _text\n");
  if (at == std::string_view::npos || at < kDigits) return std::nullopt;
  return std::strtoull(std::string(kallsyms.substr(at - kDigits, kDigits)).c_str(), nullptr, 16);
}

Result<KernelBuild> FromKallsyms(std::string_view text) {
  // Without the symbol FromText() finds the better words.
  auto symbols = SymbolTable::FromText(text, TextIn(text).value_or(0));
  if (!symbols.ok()) return symbols.error().Within(kKallsyms);
  return KernelBuild{*std::move(symbols), nullptr, kKallsyms, {}};
}

/// Nullopt: nothing can be kept of this kernel.
std::optional<std::filesystem::path> KeptSymbols(const Kernel& kernel, const Ready& claims) {
  if (claims.kernel_build_id.empty() || kernel.image.empty()) return std::nullopt;
  const auto hash = KnownFiles::InCache().Hash(kernel.image);
  const auto directory = CacheSubdir("symbols");
  if (!hash.ok() || !directory.ok()) return std::nullopt;
  return *directory / fmt::format("{:016x}-{}.kallsyms", *hash, claims.kernel_build_id);
}

Result<KernelBuild> FromGuest(const Kernel& kernel, const Ready& claims, const FetchKallsyms& fetch) {
  if (const auto kept = KeptSymbols(kernel, claims)) {
    const Result<std::vector<std::byte>> bytes = ReadHostFile(*kept);
    if (bytes.ok()) {
      auto build = FromKallsyms({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
      if (build.ok()) return build;  // a damaged one is fetched and written anew
    }
  }
  std::string text = TRY(fetch());
  KernelBuild build = TRY(FromKallsyms(text));
  build.fetched = std::move(text);
  return build;
}

}  // namespace

Result<KernelBuild> FindSymbols(const Kernel& kernel, const Ready& claims, const FetchKallsyms& fetch) {
  if (!kernel.vmlinux.empty()) {
    const std::string id = TRY(BuildIdOf(kernel.vmlinux));
    if (id != claims.kernel_build_id)
      return Error{ErrorKind::kEnvironment,
                   fmt::format("the guest runs build {} of its kernel, but {} is build {}",
                               claims.kernel_build_id, kernel.vmlinux.string(), id)};
    return KernelBuild{TRY(SymbolTable::FromElf(kernel.vmlinux)), nullptr, kernel.vmlinux.string(), {}};
  }
  if (!kernel.system_map.empty()) {
    const std::vector<std::byte> bytes = TRY(ReadHostFile(kernel.system_map));
    auto symbols = SymbolTable::FromText({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!symbols.ok()) return symbols.error().Within(kernel.system_map.string());
    return KernelBuild{*std::move(symbols), nullptr, kernel.system_map.string(), {}};
  }
  return FromGuest(kernel, claims, fetch);
}

void KeepSymbols(const Kernel& kernel, const Ready& claims, KernelBuild& build) {
  const std::string text = std::exchange(build.fetched, {});
  if (text.empty()) return;
  // The next program will have to ask its guest too where this cannot be written.
  if (const auto kept = KeptSymbols(kernel, claims)) static_cast<void>(WriteHostFile(*kept, text));
}

}  // namespace ktstr::vmm
