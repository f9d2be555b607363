#include "vmm/introspection/kernel/kernel_facts.h"

#include <fmt/format.h>

#include "guest-init/wire/elf_notes.h"

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kLowestKernel = 0xffffffff80000000;
constexpr std::uint64_t kMostMoved = std::uint64_t{1} << 30;
constexpr std::uint64_t kMovedBy = std::uint64_t{2} << 20;
constexpr std::uint64_t kPageOffset4 = 0xffff888000000000;
constexpr std::uint64_t kPageOffset5 = 0xff11000000000000;
constexpr std::uint64_t kMostBtf = std::uint64_t{32} << 20;
constexpr std::uint64_t kMostNotes = std::uint64_t{1} << 20;
/// With page-table isolation user mode has its own tables, a page behind the kernel's.
constexpr std::uint64_t kUserTables = std::uint64_t{1} << 12;

Error Wrong(std::string message) { return {ErrorKind::kGuest, std::move(message)}; }

/// The bytes from one symbol to another; the symbols name a section's ends.
Result<std::vector<std::byte>> ReadSection(const KernelView& view, const char* begin, const char* end,
                                           std::uint64_t most) {
  const std::uint64_t from = TRY(view.Symbol(begin));
  const std::uint64_t to = TRY(view.Symbol(end));
  if (to < from || to - from > most)
    return Wrong(
        fmt::format("{} and {} are {} bytes apart", begin, end, static_cast<std::int64_t>(to - from)));
  std::vector<std::byte> bytes(to - from);
  if (!view.memory().Read(from, bytes))
    return Wrong(fmt::format("the guest's memory at {} cannot be read", begin));
  return bytes;
}

/// A CPU whose tables lead to the interrupt table, and the address of its first handler.
struct Entry {
  PageTableRoot root;
  std::uint64_t divide_error = 0;
};

Result<Entry> FindEntry(PhysicalMemory& memory, std::span<const CpuRegisters> registers) {
  for (const CpuRegisters& cpu : registers) {
    const PageTableRoot as_is = PageTableRoot::FromRegisters(cpu.cr3, cpu.cr4);
    PageTableRoot kernels = as_is;
    kernels.table &= ~kUserTables;
    for (const PageTableRoot& root : {kernels, as_is}) {
      AddressSpace space(memory, root);
      const auto handler = InterruptHandler(space, cpu.idt_base, 0);
      // The tables of user mode know the handler too, but little else of the kernel.
      if (handler && *handler >= kLowestKernel && space.Translate(*handler)) return Entry{root, *handler};
    }
  }
  return Wrong("no CPU's page tables lead to the interrupt table");
}

Result<std::uint64_t> AgreedOffset(const SymbolTable& symbols, std::uint64_t divide_error,
                                   std::uint64_t claimed_text) {
  const auto handler = symbols.Find("asm_exc_divide_error");
  if (!handler) return Wrong("the kernel has no symbol asm_exc_divide_error");
  const std::uint64_t by_table = TRY(KaslrOffset(handler->address, divide_error, "the interrupt table"));
  if (claimed_text == 0) return by_table;  // it could not read its own symbols
  const std::uint64_t by_guest = TRY(KaslrOffset(kLinkText, claimed_text, "the guest"));
  if (by_guest != by_table)
    return Wrong(fmt::format("the guest says its kernel is moved by {:#x}, its interrupt table says by {:#x}",
                             by_guest, by_table));
  return by_table;
}

/// The tables that the kernel itself keeps; a process's die with it.
Result<PageTableRoot> OwnTables(const AddressSpace& space, const KernelView& view) {
  for (const char* name : {"init_top_pgt", "swapper_pg_dir"}) {
    if (!view.facts().symbols->Find(name)) continue;
    const auto at = space.Translate(TRY(view.Symbol(name)));
    if (!at) return Wrong(fmt::format("the guest's memory at {} cannot be read", name));
    return PageTableRoot{at->physical, space.root().five_levels};
  }
  return Wrong("the kernel has no symbol init_top_pgt");
}

Result<> ProveBuild(const KernelView& view, const Ready& claims, const std::string& source) {
  const auto not_those = [&](std::string why) {
    return Wrong(fmt::format("the symbols of {} are not those of the running kernel: {}", source, why));
  };
  if (!BannerFits(view))
    return not_those(fmt::format("at linux_banner there is no \"Linux version {}\"", view.facts().release));
  if (claims.kernel_build_id.empty()) return {};
  const std::vector<std::byte> notes = TRY(ReadSection(view, "__start_notes", "__stop_notes", kMostNotes));
  const std::string found = BuildIdIn(notes);
  if (found != claims.kernel_build_id)
    return not_those(fmt::format("at __start_notes there is build id '{}', the guest says '{}'", found,
                                 claims.kernel_build_id));
  return {};
}

Result<> FindPerCpu(const KernelView& view, std::uint32_t cpus, KernelFacts& facts) {
  const std::uint64_t link_start = facts.symbols->per_cpu_start();
  const std::uint64_t start = link_start >= kLowestKernel ? link_start + facts.kaslr_offset : link_start;
  facts.per_cpu_offset.resize(cpus);
  const std::uint64_t array = TRY(view.Symbol("__per_cpu_offset"));
  if (!view.memory().Read(array, std::as_writable_bytes(std::span(facts.per_cpu_offset))))
    return Wrong("the guest's memory at __per_cpu_offset cannot be read");
  for (std::uint64_t& offset : facts.per_cpu_offset) offset += start;
  return {};
}

Result<std::uint64_t> FindPageOffset(const KernelView& view, bool five_levels) {
  if (!view.facts().symbols->Find("page_offset_base")) return five_levels ? kPageOffset5 : kPageOffset4;
  const auto base = view.Load<std::uint64_t>(TRY(view.Symbol("page_offset_base")));
  if (!base) return Wrong("the guest's memory at page_offset_base cannot be read");
  return *base;
}

}  // namespace

Result<std::uint64_t> KaslrOffset(std::uint64_t link, std::uint64_t runtime, std::string_view source) {
  if (link < kLowestKernel || runtime < kLowestKernel)
    return Wrong(fmt::format("{} puts the kernel at {:#x}, outside of kernel addresses", source, runtime));
  if (runtime < link)
    return Wrong(fmt::format("{} puts the kernel at {:#x}, below where it was linked to", source, runtime));
  const std::uint64_t moved = runtime - link;
  if (moved > kMostMoved || moved % kMovedBy != 0)
    return Wrong(fmt::format("{} puts the kernel {:#x} bytes above where it was linked to", source, moved));
  return moved;
}

std::optional<std::uint64_t> InterruptHandler(KernelMemory& memory, std::uint64_t idt_base,
                                              std::uint32_t gate) {
  struct Gate {
    std::uint16_t low;
    std::uint16_t selector;
    std::uint16_t flags;
    std::uint16_t middle;
    std::uint32_t high;
    std::uint32_t reserved;
  };
  static_assert(sizeof(Gate) == 16);
  Gate found;
  if (!memory.Read(idt_base + gate * sizeof found, std::as_writable_bytes(std::span(&found, 1))))
    return std::nullopt;
  return std::uint64_t{found.high} << 32 | std::uint64_t{found.middle} << 16 | found.low;
}

bool BannerFits(const KernelView& view) {
  const auto at = view.Symbol("linux_banner");
  if (!at.ok()) return false;
  const std::string expected = "Linux version " + view.facts().release + " ";
  return view.LoadString(*at, expected.size()) == expected;
}

Result<FoundKernel> FindKernel(PhysicalMemory& memory, std::span<const CpuRegisters> registers,
                               const Ready& claims, KernelBuild& build) {
  const Entry entry = TRY(FindEntry(memory, registers));
  FoundKernel found;
  KernelFacts& facts = found.facts;
  facts.symbols = build.symbols;
  facts.release = claims.kernel_release;
  facts.build_id = claims.kernel_build_id;
  facts.ram_bytes = memory.bytes();
  facts.kaslr_offset = TRY(AgreedOffset(*build.symbols, entry.divide_error, claims.kernel_text));

  AddressSpace first(memory, entry.root);
  found.root = TRY(OwnTables(first, KernelView(facts, first)));
  AddressSpace space(memory, found.root);
  const KernelView view(facts, space);
  TRY(ProveBuild(view, claims, build.source));
  facts.page_offset = TRY(FindPageOffset(view, found.root.five_levels));
  TRY(FindPerCpu(view, claims.online_cpus, facts));
  if (build.btf == nullptr) {
    const std::vector<std::byte> types = TRY(ReadSection(view, "__start_BTF", "__stop_BTF", kMostBtf));
    Result<std::shared_ptr<const Btf>> parsed = Btf::Parse(types);
    if (!parsed.ok()) return Wrong("the types of the guest's kernel: " + parsed.error().message);
    build.btf = *std::move(parsed);
  }
  facts.btf = build.btf;
  return found;
}

}  // namespace ktstr::vmm
