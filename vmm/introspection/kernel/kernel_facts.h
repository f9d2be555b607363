// Finding out what KernelFacts (kernel_memory.h) say about a guest: where its kernel is, proved from two
// sources that know nothing of each other; its symbols; its types, out of its own memory.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "guest-init/base/result.h"
#include "guest-init/wire/messages.h"
#include "vmm/introspection/memory/address_space.h"
#include "vmm/introspection/memory/kernel_memory.h"
#include "vmm/introspection/memory/registers.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {

/// What lives as long as a kernel build: the same for all guests that run it.
struct KernelBuild {
  std::shared_ptr<const SymbolTable> symbols;
  std::shared_ptr<const Btf> btf;  // null until a guest's memory has been read
  std::string source;              // of the symbols, for messages: a path, or "the guest's /proc/kallsyms"
  std::string fetched;             // what the guest showed just now, if it was asked; not proven, not kept
};

/// Brings the text of the guest's /proc/kallsyms.
using FetchKallsyms = std::function<Result<std::string>()>;

/// How far a kernel was moved. Errors (kGuest), `source` being who says so: "the interrupt table puts the
/// kernel at 0x..., below where it was linked to", "... 0x... bytes above where it was linked to", which is
/// more than 1 GiB or no multiple of 2 MiB; "... outside of kernel addresses".
Result<std::uint64_t> KaslrOffset(std::uint64_t link, std::uint64_t runtime, std::string_view source);

/// The address of the handler in gate `gate` of the interrupt table at `idt_base`; nullopt where it cannot be
/// read.
std::optional<std::uint64_t> InterruptHandler(KernelMemory& memory, std::uint64_t idt_base,
                                              std::uint32_t gate);

/// The symbols of the kernel that `claims` tells of: of the vmlinux, else the System.map beside the image,
/// else what KeepSymbols() kept, else what the guest shows in /proc/kallsyms. Errors:
/// (kEnvironment) "the guest runs build A of its kernel, but /x/vmlinux is build B"; (kInput) those of
/// SymbolTable with the file's name; those of `fetch`.
Result<KernelBuild> FindSymbols(const Kernel& kernel, const Ready& claims, const FetchKallsyms& fetch);

/// Keeps `build.fetched` in the cache directory for later guests of this kernel, under the hash of the host's
/// image together with the build id: a kernel that pretends to be another one misleads only itself.
/// REQUIRES: FindKernel() has proven `build`, and CheckClaims() `claims`.
void KeepSymbols(const Kernel& kernel, const Ready& claims, KernelBuild& build);

/// Where the kernel's own page tables begin, and the facts. `registers` may be those of any moment: a CPU
/// whose page tables do not lead to the kernel is passed over. `build.btf` is filled in unless it is there.
/// Errors (kGuest): "the guest says its kernel is moved by A, its interrupt table says by B"; "no CPU's page
/// tables lead to the interrupt table"; "the symbols of X are not those of the running kernel: ..."; those of
/// Btf::Parse.
struct FoundKernel {
  PageTableRoot root;
  KernelFacts facts;
};
Result<FoundKernel> FindKernel(PhysicalMemory& memory, std::span<const CpuRegisters> registers,
                               const Ready& claims, KernelBuild& build);

/// Whether linux_banner begins with "Linux version <release>": cheap proof that facts fit a guest.
bool BannerFits(const KernelView& view);

}  // namespace ktstr::vmm
