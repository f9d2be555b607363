// Guest-physical memory that a guest made up: walking its page tables, reading and writing through them, and
// the windows that are found in them end, and what they say holds. Also, the text of /proc/PID/maps. The
// input: a byte that picks, three words (CR3, an address, where the kernel claims to be), then what stands in
// memory.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "vmm/introspection/memory/guest_memory.h"
#include "vmm/introspection/memory/linear_windows.h"

namespace ktstr::vmm {
namespace {

void Demand(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

constexpr std::uint64_t kRam = std::uint64_t{4} << 20;

/// A page of the bytes, repeated to its end, over and over, so that tables may lie anywhere.
class OnePage final : public PhysicalMemory {
 public:
  explicit OnePage(std::span<const std::uint8_t> bytes) {
    for (std::size_t i = 0; i < page_.size() && !bytes.empty(); ++i)
      page_[i] = std::byte{bytes[i % bytes.size()]};
  }
  bool Read(std::uint64_t address, std::span<std::byte> into) override {
    return Each(address, into.size(), [&](std::byte* in_page, std::size_t at, std::size_t count) {
      std::memcpy(into.data() + at, in_page, count);
    });
  }
  bool Write(std::uint64_t address, std::span<const std::byte> from) override {
    return Each(address, from.size(), [&](std::byte* in_page, std::size_t at, std::size_t count) {
      std::memcpy(in_page, from.data() + at, count);
    });
  }
  [[nodiscard]] std::uint64_t bytes() const override { return kRam; }

 private:
  /// Calls `part` with each part of the stretch that lies in one page; false: not all of it is RAM.
  template <typename Part>
  bool Each(std::uint64_t address, std::uint64_t count, const Part& part) {
    if (address > kRam || count > kRam - address) return false;
    for (std::uint64_t at = 0; at < count;) {
      const std::uint64_t in_page = (address + at) % page_.size();
      const std::uint64_t some = std::min(count - at, page_.size() - in_page);
      part(&page_[in_page], at, some);
      at += some;
    }
    return true;
  }
  std::array<std::byte, 4096> page_{};
};

void ReadThrough(OnePage& memory, const PageTableRoot& root, std::uint64_t address) {
  AddressSpace space(memory, root);
  if (const auto at = space.Translate(address)) {
    const std::uint64_t in_page = at->page_bytes - 1;
    Demand((at->page_bytes & in_page) == 0 && at->page_bytes >= 4096, "pages have the size of pages");
    Demand((at->physical & in_page) == (address & in_page), "an address keeps its place in its page");
  }
  std::array<std::byte, 9000> bytes{};
  const std::size_t some = space.ReadSome(address, bytes);
  Demand(some <= bytes.size(), "no more is read than was asked for");
  Demand(space.Read(address, bytes) == (some == bytes.size()), "both kinds of reading agree");
}

void FindWindows(OnePage& memory, const PageTableRoot& root, std::uint64_t offset, bool is_odd) {
  // The image has a second part behind what is freed after boot, or ends within the last page of that.
  static const auto usual = SymbolTable::FromText(
      "ffffffff81000000 T _text\nffffffff81010000 T __init_begin\nffffffff81020000 T __init_end\n"
      "ffffffff81030000 B _end\n");
  static const auto odd = SymbolTable::FromText(
      "ffffffff81000000 T _text\nffffffff81010000 T __init_begin\nffffffff81020801 T __init_end\n"
      "ffffffff81020900 B _end\n");
  const auto& symbols = is_odd ? odd : usual;
  Demand(symbols.ok(), "the made-up symbols can be read");
  KernelFacts facts;
  facts.symbols = *symbols;
  facts.kaslr_offset = offset;
  facts.page_offset = offset;
  facts.ram_bytes = kRam;
  const auto windows = FindLinearWindows(memory, root, facts);
  Demand(WindowsHold(memory, root, windows), "windows that were found hold");
}

void ReadMaps(std::string_view text, std::uint64_t device, std::uint64_t inode) {
  const auto found = FindMapping(text, {device, inode, "/ram", 8192});
  Demand(found.ok() || found.error().kind == ErrorKind::kEnvironment, "what is not there is explained");
}

}  // namespace
}  // namespace ktstr::vmm

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ktstr::vmm;
  std::array<std::uint64_t, 3> words{};
  if (size < 1 + sizeof words) return 0;
  std::memcpy(words.data(), data + 1, sizeof words);
  const auto [table, address, offset] = words;
  const std::span<const std::uint8_t> rest(data + 1 + sizeof words, size - 1 - sizeof words);
  OnePage memory(rest);
  const PageTableRoot root = PageTableRoot::FromRegisters(table, (data[0] & 128) != 0 ? 1U << 12 : 0);
  switch (data[0] % 4) {
    case 0:
      ReadThrough(memory, root, address);
      break;
    case 1:
      FindWindows(memory, root, offset, (data[0] & 64) != 0);
      break;
    case 2: {
      const std::array<std::byte, 5000> from{};
      static_cast<void>(AddressSpace(memory, root).Write(address, from));
      break;
    }
    default:
      ReadMaps({reinterpret_cast<const char*>(rest.data()), rest.size()}, table, address);
  }
  return 0;
}
