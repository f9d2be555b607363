// Windows of kernel addresses that need no page tables: used within their bounds only, found only where it is
// so.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "test/unit/vmm/introspection/memory/fake_physical.h"
#include "vmm/introspection/memory/linear_windows.h"
#include "vmm/introspection/memory/paused_memory.h"

namespace ktstr::vmm {
namespace {

using test::FakePhysical;
using test::TableBuilder;

constexpr std::uint64_t kText = 0xffffffff81000000;
constexpr std::uint64_t kMoved = 0x200000;
constexpr std::uint64_t kDirect = 0xffff888000000000;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::string TextAt(KernelMemory& memory, std::uint64_t address, std::size_t count) {
  std::string text(count, '?');
  text.resize(memory.ReadSome(address, std::as_writable_bytes(std::span(text))));
  return text;
}

TEST_CASE("a window is read without page tables, and nothing beyond it") {
  FakePhysical memory(kMiB);
  TableBuilder tables(memory, 0x1000, 4);
  for (std::uint64_t page = 0; page < 4; ++page) tables.Map(kText + page * 4096, 0x9000 + page * 4096);
  tables.Map(kText + 0x3000, 0x7000);  // behind the window, elsewhere
  tables.Map(kText - 4096, 0x6000);    // before it, elsewhere
  memory.Put(0xbffd, "abc");
  memory.Put(0x7000, "def");
  memory.Put(0x6ffd, "xyz");
  memory.Put(0x9000, "uvw");
  AddressSpace space(memory, tables.root());
  space.UseWindows({{kText, 0x3000, 0x9000}});
  memory.reads = 0;
  CHECK(TextAt(space, kText + 0x2ffd, 3) == "abc");
  CHECK(memory.reads == 1);
  CHECK(TextAt(space, kText + 0x2ffd, 6) == "abcdef");
  CHECK(TextAt(space, kText - 3, 6) == "xyzuvw");
  CHECK(space.Translate(kText + 0x2fff) == Translation{0xbfff, 4096});
  CHECK(space.Translate(kText + 0x3000) == Translation{0x7000, 4096});
  CHECK(space.Translate(kText - 1) == Translation{0x6fff, 4096});
  const std::string_view written = "123456";
  REQUIRE(space.Write(kText + 0x2ffd, std::as_bytes(std::span(written))));
  CHECK(std::memcmp(&memory.ram[0xbffd], "123", 3) == 0);
  CHECK(std::memcmp(&memory.ram[0x7000], "456", 3) == 0);
  PausedMemory paused(space);
  memory.reads = 0;
  CHECK(TextAt(paused, kText + 0x2000, 3).size() == 3);
  CHECK(memory.reads == 1);
}

TEST_CASE("a window that reaches beyond RAM is read up to its end, and not written") {
  FakePhysical memory(16 * 4096);
  AddressSpace space(memory, {0x1000, false});
  space.UseWindows({{kText, 0x8000, 0xc000}});
  CHECK(TextAt(space, kText + 0x3ffd, 6).size() == 3);
  const std::string_view written = "123456";
  CHECK_FALSE(space.Write(kText + 0x3ffd, std::as_bytes(std::span(written))));
  CHECK(memory.ram[0xfffd] == std::byte{0});
}

/// A kernel of 6 MiB at physical 16 MiB: text, 1 MiB from 3 MiB on that is freed after boot, data. 32 MiB of
/// RAM.
struct Booted {
  Booted() {
    const std::uint64_t image = kText + kMoved;
    for (const std::uint64_t part : {0, 4}) tables.Map(image + part * kMiB, (16 + part) * kMiB, 2 * kMiB);
    for (std::uint64_t page = 0; page < 512; ++page)
      tables.Map(image + 2 * kMiB + page * 4096, 18 * kMiB + page * 4096);
    for (std::uint64_t mib = 0; mib < 30; mib += 2) tables.Map(kDirect + mib * kMiB, mib * kMiB, 2 * kMiB);
    for (std::uint64_t page = 0; page < 509; ++page)  // the last three are the firmware's
      tables.Map(kDirect + 30 * kMiB + page * 4096, 30 * kMiB + page * 4096);
    std::string map;
    for (const auto& [name, at] : {std::pair("_text", 0UL), std::pair("__init_begin", 3 * kMiB),
                                   std::pair("__init_end", 4 * kMiB), std::pair("_end", 6 * kMiB)})
      map += fmt::format("{:016x} T {}\n", kText + at, name);
    facts.symbols = SymbolTable::FromText(map).value();
    facts.kaslr_offset = kMoved;
    facts.page_offset = kDirect;
    facts.ram_bytes = 32 * kMiB;
  }
  std::vector<LinearWindow> Windows() { return FindLinearWindows(memory, tables.root(), facts); }

  FakePhysical memory{32 * kMiB};
  TableBuilder tables{memory, 0x1000, 4};
  KernelFacts facts;
  LinearWindow text{kText + kMoved, 3 * kMiB, 16 * kMiB};
  LinearWindow data{kText + kMoved + 4 * kMiB, 2 * kMiB, 20 * kMiB};
  LinearWindow direct{kDirect + kMiB, 31 * kMiB - 3 * 4096, kMiB};
};

using Windows = std::vector<LinearWindow>;

TEST_CASE("the image without what is freed, and the direct map") {
  Booted guest;
  CHECK(guest.Windows() == Windows{guest.text, guest.data, guest.direct});
  CHECK(WindowsHold(guest.memory, guest.tables.root(), guest.Windows()));
}

TEST_CASE("a page of the image that is missing or lies elsewhere ends a window") {
  Booted guest;
  const std::uint64_t page = kText + kMoved + 2 * kMiB + 0x5000;
  guest.tables.Map(page, 0, 4096, 0);
  const LinearWindow before{guest.text.begin, 2 * kMiB + 0x5000, 16 * kMiB};
  const LinearWindow behind{page + 4096, kMiB - 0x6000, 18 * kMiB + 0x6000};
  CHECK(guest.Windows() == Windows{before, behind, guest.data, guest.direct});
  guest.tables.Map(page, 0x7000);
  const LinearWindow apart{page, 4096, 0x7000};
  CHECK(guest.Windows() == Windows{before, apart, behind, guest.data, guest.direct});
}

TEST_CASE("a direct map that is not linear, or not where it is said to be, is no window") {
  Booted guest;
  const Windows image{guest.text, guest.data};
  SECTION("a page lies elsewhere") { guest.tables.Map(kDirect + 14 * kMiB, 8 * kMiB, 2 * kMiB); }
  SECTION("it begins elsewhere") { guest.facts.page_offset += 2 * kMiB; }
  SECTION("its beginning is not mapped") { guest.tables.Map(kDirect, 0, 2 * kMiB, 0); }
  SECTION("most of it is not mapped") {
    for (std::uint64_t mib = 4; mib < 28; mib += 2) guest.tables.Map(kDirect + mib * kMiB, 0, 2 * kMiB, 0);
  }
  CHECK(guest.Windows() == image);
}

TEST_CASE("a kernel without the marks of its image has no window there") {
  Booted guest;
  guest.facts.symbols = SymbolTable::FromText("ffffffff81000000 T _text\n").value();
  CHECK(guest.Windows() == Windows{guest.direct});
}

TEST_CASE("windows of another guest are not used") {
  Booted guest;
  const Windows windows = guest.Windows();
  std::size_t broken = 0;
  SECTION("the first page") { guest.tables.Map(guest.text.begin, 8 * kMiB, 2 * kMiB); }
  SECTION("the last page") { guest.tables.Map(guest.text.begin + 3 * kMiB - 4096, 0x7000); }
  SECTION("of another window") {
    guest.tables.Map(guest.data.begin, 8 * kMiB, 2 * kMiB);
    broken = 1;
  }
  for (std::size_t i = 0; i < windows.size(); ++i) {
    INFO(i);
    CHECK(WindowsHold(guest.memory, guest.tables.root(), std::span(windows).subspan(i, 1)) == (i != broken));
  }
  CHECK_FALSE(WindowsHold(guest.memory, guest.tables.root(), windows));
}

}  // namespace
}  // namespace ktstr::vmm
