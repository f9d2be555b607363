// Page tables, as they should be and as they should not.
#include <catch2/catch.hpp>
#include <random>

#include "test/unit/vmm/introspection/memory/fake_physical.h"
#include "vmm/introspection/memory/paused_memory.h"

namespace ktstr::vmm {
namespace {

using test::FakePhysical;
using test::TableBuilder;

constexpr std::uint64_t kKernel = 0xffffffff81000000;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::string TextAt(KernelMemory& memory, std::uint64_t address, std::size_t count) {
  std::string text(count, '?');
  text.resize(memory.ReadSome(address, std::as_writable_bytes(std::span(text))));
  return text;
}
bool Put(KernelMemory& memory, std::uint64_t address, std::string_view text) {
  return memory.Write(address, std::as_bytes(std::span(text)));
}

TEST_CASE("CR3 and CR4 say where page tables begin and how deep they are") {
  CHECK(PageTableRoot::FromRegisters(0x8000000012345fff, 0x3506b0) == PageTableRoot{0x12345000, false});
  CHECK(PageTableRoot::FromRegisters(0x000ffffffffff000, 0x1000) == PageTableRoot{0x000ffffffffff000, true});
}

TEST_CASE("pages of all sizes with four and five levels") {
  const int levels = GENERATE(4, 5);
  FakePhysical memory(8 * kMiB);
  TableBuilder tables(memory, 0x1000, levels);
  const std::uint64_t direct = levels == 4 ? 0xffff888000000000 : 0xff11000000000000;
  tables.Map(kKernel, 0x5000, 4096, 0x8000000000000163);       // no-execute is no part of the address
  tables.Map(kKernel + 2 * kMiB, 4 * kMiB, 2 * kMiB, 0x11e3);  // bit 12 of a large page is a memory type
  tables.Map(direct, 0, kGiB);
  AddressSpace space(memory, tables.root());
  CHECK(space.Translate(kKernel + 0x123) == Translation{0x5123, 4096});
  CHECK(space.Translate(kKernel + 2 * kMiB + 0x122456) == Translation{4 * kMiB + 0x122456, 2 * kMiB});
  CHECK(space.Translate(direct + 0x3fffffff) == Translation{0x3fffffff, kGiB});
  CHECK_FALSE(space.Translate(kKernel + 4096));
  CHECK_FALSE(space.Translate(0));
}

TEST_CASE("addresses that are not canonical are not mapped") {
  FakePhysical memory(kMiB);
  TableBuilder four(memory, 0x1000, 4);
  TableBuilder five(memory, 0x80000, 5);
  // In each tree both halves of what the deeper one could tell apart lead to a page.
  for (TableBuilder* tables : {&four, &five})
    for (const std::uint64_t address :
         {0x0000'7fff'ffff'f000ULL, 0xffff'8000'0000'0000ULL, 0x00ff'7fff'ffff'f000ULL})
      tables->Map(address, 0x5000);
  const auto at = [&](const TableBuilder& tables, std::uint64_t address) {
    return WalkPageTables(memory, tables.root(), address).has_value();
  };
  CHECK(at(four, 0x0000'7fff'ffff'f000));
  CHECK(at(four, 0xffff'8000'0000'0000));
  CHECK_FALSE(at(four, 0x0000'8000'0000'0000));
  CHECK_FALSE(at(four, 0x00ff'7fff'ffff'f000));
  CHECK(at(five, 0x00ff'7fff'ffff'f000));
  CHECK_FALSE(at(five, 0x01ff'7fff'ffff'f000));
}

TEST_CASE("reads and writes cross pages that lie apart") {
  FakePhysical memory(kMiB);
  TableBuilder tables(memory, 0x1000, 4);
  tables.Map(kKernel, 0x9000);
  tables.Map(kKernel + 4096, 0x7000);
  memory.Put(0x9ffd, "abc");
  memory.Put(0x7000, "def");
  AddressSpace space(memory, tables.root());
  CHECK(TextAt(space, kKernel + 4093, 6) == "abcdef");
  REQUIRE(Put(space, kKernel + 4094, "XYZ!"));
  CHECK(TextAt(space, kKernel + 4093, 6) == "aXYZ!f");
  // The page behind is missing: a part can be read, nothing is written.
  CHECK(TextAt(space, kKernel + 8192 - 3, 6).size() == 3);
  CHECK_FALSE(Put(space, kKernel + 8192 - 3, "123456"));
  CHECK(TextAt(space, kKernel + 8192 - 3, 3) == std::string(3, '\0'));
}

TEST_CASE("what is mapped but is not RAM cannot be read or written") {
  FakePhysical memory(4 * kMiB + 4096);
  TableBuilder tables(memory, 0x1000, 4);
  tables.Map(kKernel, 0xfee00000);                     // a device
  tables.Map(kKernel + 2 * kMiB, 4 * kMiB, 2 * kMiB);  // ends in the middle of RAM
  tables.Map(kKernel + 4 * kMiB, 0x3000);
  AddressSpace space(memory, tables.root());
  CHECK(TextAt(space, kKernel, 8).empty());
  CHECK_FALSE(Put(space, kKernel, "x"));
  CHECK(TextAt(space, kKernel + 2 * kMiB, 9000).size() == 4096);
  CHECK_FALSE(Put(space, kKernel + 2 * kMiB, std::string(5000, 'x')));
  CHECK(memory.ram[4 * kMiB] == std::byte{0});
  tables.Map(kKernel + 2 * kMiB - 4096, 0x3f0000);
  CHECK_FALSE(Put(space, kKernel + 2 * kMiB - 4, std::string(5000, 'x')));
  CHECK(memory.ram[0x3f0ffc] == std::byte{0});
  CHECK(WalkPageTables(memory, {0x122456789000, false}, kKernel) == std::nullopt);
}

TEST_CASE("page tables that lead to themselves end the walk") {
  FakePhysical memory(64 * 1024);
  for (std::uint64_t entry = 0x1000; entry < 0x2000; entry += 8) memory.Put(entry, 0x1063);
  CHECK(WalkPageTables(memory, {0x1000, false}, kKernel + 7) == Translation{0x1007, 4096});
  CHECK(WalkPageTables(memory, {0x1000, true}, kKernel + 7) == Translation{0x1007, 4096});
}

TEST_CASE("a large page at a level that has none is not mapped") {
  FakePhysical memory(64 * 1024);
  memory.Put(0x1000 + 511 * 8, 0x20e3);
  CHECK_FALSE(WalkPageTables(memory, {0x1000, false}, kKernel));
}

TEST_CASE("random bytes as page tables") {
  std::mt19937_64 random(7);
  FakePhysical memory(64 * 1024);
  int found = 0;
  for (int round = 0; round < 10'000; ++round) {
    // Entries that are present and lead into RAM more often than chance would have it.
    for (int i = 0; i < 64; ++i)
      memory.Put(random() % (64 * 1024 - 8) & ~std::uint64_t{7}, (random() & 0x800000000000ffff) | 1);
    const PageTableRoot root{random() & 0xf000, (random() & 1) != 0};
    const std::uint64_t address = random() % 4 == 0 ? random() : kKernel + random() % (64 * kMiB);
    AddressSpace space(memory, root);
    std::byte bytes[64];
    const auto at = space.Translate(address);
    const std::size_t got = space.ReadSome(address, bytes);
    if (!at) CHECK(got == 0);
    if (at) {
      ++found;
      CHECK(at->physical % 4096 == address % 4096);
    }
    PausedMemory paused(space);
    CHECK(paused.ReadSome(address, bytes) == got);
    static_cast<void>(space.Write(address, std::span(bytes).first(random() % 8)));
  }
  CHECK(found > 100);
}

TEST_CASE("paused memory reads each page once and sees its own writes") {
  FakePhysical memory(kMiB);
  TableBuilder tables(memory, 0x1000, 4);
  tables.Map(kKernel, 0x9000);
  tables.Map(kKernel + 4096, 0x7000);
  memory.Put(0x9ffd, "abc");
  memory.Put(0x7000, "def");
  const AddressSpace live(memory, tables.root());
  PausedMemory paused(live);
  memory.reads = 0;
  for (int i = 0; i < 1000; ++i) CHECK(TextAt(paused, kKernel + 4093, 6) == "abcdef");
  CHECK(memory.reads == 6);  // four tables, two pages
  REQUIRE(Put(paused, kKernel + 4094, "XYZ!"));
  CHECK(TextAt(paused, kKernel + 4093, 6) == "aXYZ!f");
  CHECK(std::memcmp(&memory.ram[0x7000], "Z!f", 3) == 0);
  CHECK_FALSE(Put(paused, kKernel + 8191, "12"));
  CHECK(TextAt(paused, kKernel + 8192, 1).empty());
}

TEST_CASE("paused memory is bounded") {
  constexpr std::uint64_t kPages = PageCache::kPages + 100;
  FakePhysical memory(kPages * 4096);
  PageCache cache(memory);
  std::byte byte{};
  for (std::uint64_t page = 0; page < kPages; ++page) REQUIRE(cache.Read(page * 4096, std::span(&byte, 1)));
  CHECK(memory.reads == static_cast<int>(kPages));
  REQUIRE(cache.Read((kPages - 1) * 4096, std::span(&byte, 1)));
  CHECK(memory.reads == static_cast<int>(kPages));
  REQUIRE(cache.Read(0, std::span(&byte, 1)));  // dropped when it was full
  CHECK(memory.reads == static_cast<int>(kPages) + 1);
  std::byte over_the_end[2];
  CHECK_FALSE(cache.Read(kPages * 4096 - 1, over_the_end));
}

}  // namespace
}  // namespace ktstr::vmm
