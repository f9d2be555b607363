// Where a kernel is, proved: on a made-up machine whose every part can be made to lie.
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <optional>

#include "test/unit/vmm/host/temp_dir.h"
#include "test/unit/vmm/introspection/memory/fake_physical.h"
#include "test/unit/vmm/introspection/types/btf_blob.h"
#include "vmm/introspection/kernel/guest_kernel.h"

namespace ktstr::vmm {
namespace {

using test::FakePhysical;
using test::TableBuilder;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kMoved = 0x19e00000;
constexpr std::uint64_t kIdt = 0xfffffe0000000000;
/// The image: physical 1 MiB is _text.
constexpr std::uint64_t kImage = kMiB;
constexpr const char* kBuildId = "e40aff";

constexpr const char* kSymbols =
    "0000000000000000 A __per_cpu_start\n"
    "0000000000001000 A runqueues\n"
    "0000000000002000 A __per_cpu_end\n"
    "ffffffff81000000 T _text\n"
    "ffffffff81000850 T asm_exc_divide_error\n"
    "ffffffff81001000 D linux_banner\n"
    "ffffffff81001100 D __per_cpu_offset\n"
    "ffffffff81001200 D page_offset_base\n"
    "ffffffff81001300 R __start_notes\n"
    "ffffffff81001314 R __stop_notes\n"
    "ffffffff81001400 R __start_BTF\n"
    "ffffffff8100%04x R __stop_BTF\n"
    "ffffffff81003000 D init_top_pgt\n";

std::string SymbolsFor(std::size_t btf_bytes) {
  char text[1024];
  std::snprintf(text, sizeof text, kSymbols, static_cast<unsigned>(0x1400 + btf_bytes));
  return text;
}

std::vector<std::byte> Types() {
  test::BtfBlob blob;
  blob.Int("int", 4);
  return blob.Bytes();
}

struct MadeUpKernel {
  std::vector<std::byte> types = Types();
  FakePhysical memory{4 * kMiB};
  Ready claims;
  KernelBuild build{*SymbolTable::FromText(SymbolsFor(types.size())), nullptr, "/x/System.map", ""};
  std::vector<CpuRegisters> registers{1};

  MadeUpKernel() {
    claims.kernel_release = "6.12.117-x";
    claims.kernel_build_id = kBuildId;
    claims.kernel_text = kLinkText + kMoved;
    claims.online_cpus = 2;
    MapKernel(0x10000);          // a process's tables
    MapKernel(kImage + 0x3000);  // init_top_pgt
    registers[0].cr3 = 0x10005;
    registers[0].cr4 = 0x3506b0;
    registers[0].idt_base = kIdt;
    SetHandler(kLinkText + kMoved + 0x850);
    memory.Put(kImage + 0x1000, "Linux version 6.12.117-x (gcc) #1");
    memory.Put(kImage + 0x1100, 0xffff88801f400000);
    memory.Put(kImage + 0x1108, 0xffff88801f600000);
    memory.Put(kImage + 0x1200, 0xffff9d5a40000000);
    memory.Put(kImage + 0x1300, std::string_view("\4\0\0\0\3\0\0\0\3\0\0\0GNU\0\xe4\x0a\xff\0", 20));
    memory.Put(kImage + 0x1400, {reinterpret_cast<const char*>(types.data()), types.size()});
  }
  void MapKernel(std::uint64_t table) {
    TableBuilder tables(memory, table, 4);
    for (std::uint64_t page = 0; page < 16; ++page)
      tables.Map(kLinkText + kMoved + page * 4096, kImage + page * 4096);
    tables.Map(kIdt, 0x8000);
  }
  void SetHandler(std::uint64_t handler) {
    memory.Put(0x8000, (handler & 0xffff) | 0x8e0000100000 | (handler >> 16 & 0xffff) << 48);
    memory.Put(0x8008, handler >> 32);
  }
  Result<FoundKernel> Find() { return FindKernel(memory, registers, claims, build); }
  std::string Refusal() {
    const auto found = Find();
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().kind == ErrorKind::kGuest);
    return found.error().message;
  }
};

TEST_CASE("a kernel that was moved is found, with all its facts") {
  MadeUpKernel kernel;
  const auto found = kernel.Find();
  INFO((found.ok() ? "" : found.error().message));
  REQUIRE(found.ok());
  CHECK(found->root == PageTableRoot{kImage + 0x3000, false});  // the kernel's own tables
  const KernelFacts& facts = found->facts;
  CHECK(facts.kaslr_offset == kMoved);
  CHECK(facts.page_offset == 0xffff9d5a40000000);
  CHECK(facts.per_cpu_offset == std::vector<std::uint64_t>{0xffff88801f400000, 0xffff88801f600000});
  CHECK(facts.release == "6.12.117-x");
  CHECK(facts.build_id == kBuildId);
  CHECK(facts.ram_bytes == 4 * kMiB);
  CHECK(facts.btf->FindType("int").ok());
  CHECK(facts.btf == kernel.build.btf);
  CHECK(kernel.Find()->facts.btf == facts.btf);  // types of a known build are not read again
}

TEST_CASE("CPUs whose tables do not lead to the kernel are passed over") {
  MadeUpKernel kernel;
  CpuRegisters before_start;
  CpuRegisters user_tables = kernel.registers[0];
  user_tables.cr3 = 0x11000;  // page-table isolation: the kernel's lie a page before
  kernel.registers = {before_start, user_tables};
  CHECK(kernel.Find().ok());
  kernel.registers = {before_start};
  CHECK(kernel.Refusal() == "no CPU's page tables lead to the interrupt table");
  kernel.registers = {};
  CHECK(kernel.Refusal() == "no CPU's page tables lead to the interrupt table");
}

TEST_CASE("the guest's word and its interrupt table must agree") {
  MadeUpKernel kernel;
  kernel.claims.kernel_text = kLinkText + kMoved + 2 * kMiB;
  CHECK(kernel.Refusal() ==
        "the guest says its kernel is moved by 0x1a000000, its interrupt table says by 0x19e00000");
  kernel.claims.kernel_text = 0;  // it does not know
  CHECK(kernel.Find().ok());
  kernel.SetHandler(kLinkText + kMoved + 0x860);
  CHECK(kernel.Refusal() ==
        "the interrupt table puts the kernel 0x19e00010 bytes above where it was linked to");
}

TEST_CASE("how far a kernel can be moved") {
  const auto offset = [](std::uint64_t link, std::uint64_t runtime) {
    const auto moved = KaslrOffset(link, runtime, "the guest");
    return moved.ok() ? std::to_string(*moved) : moved.error().message;
  };
  CHECK(offset(kLinkText, kLinkText) == "0");
  CHECK(offset(kLinkText, kLinkText + (1 << 30)) == "1073741824");
  CHECK(offset(kLinkText, kLinkText + (1 << 30) + 2 * kMiB) ==
        "the guest puts the kernel 0x40200000 bytes above where it was linked to");
  CHECK(offset(kLinkText, kLinkText + kMiB) ==
        "the guest puts the kernel 0x100000 bytes above where it was linked to");
  CHECK(offset(kLinkText, kLinkText - 2 * kMiB) ==
        "the guest puts the kernel at 0xffffffff80e00000, below where it was linked to");
  CHECK(offset(kLinkText, 0x401000) == "the guest puts the kernel at 0x401000, outside of kernel addresses");
  CHECK(offset(0x1000, kLinkText) ==
        "the guest puts the kernel at 0xffffffff81000000, outside of kernel addresses");
}

TEST_CASE("symbols of another kernel are detected") {
  const std::string begin = "the symbols of /x/System.map are not those of the running kernel: ";
  {
    MadeUpKernel kernel;
    kernel.claims.kernel_build_id = "e40afe";
    CHECK(kernel.Refusal() == begin + "at __start_notes there is build id 'e40aff', the guest says 'e40afe'");
    kernel.claims.kernel_build_id = "";  // a kernel without one: the banner must do
    CHECK(kernel.Find().ok());
  }
  MadeUpKernel kernel;
  kernel.claims.kernel_release = "6.12.117";
  CHECK(kernel.Refusal() == begin + "at linux_banner there is no \"Linux version 6.12.117\"");
}

TEST_CASE("bytes that are no BTF are refused") {
  MadeUpKernel kernel;
  kernel.memory.Put(kImage + 0x1400, std::uint64_t{0});
  CHECK(kernel.Refusal() == "the types of the guest's kernel: not BTF: the magic number is 0x0");
}

TEST_CASE("random bytes in place of a guest give errors at worst") {
  MadeUpKernel kernel;
  const std::vector<std::byte> good = kernel.memory.ram;
  for (std::size_t at = 0; at < 3000; ++at) {
    kernel.memory.ram = good;
    // In the tables, the interrupt table and the image's data.
    const std::size_t places[] = {0x10000 + at * 7 % 0x5000, 0x8000 + at % 16,
                                  kImage + 0x1000 + at * 5 % 0x3000};
    for (const std::size_t place : places) kernel.memory.ram[place] ^= static_cast<std::byte>(1 + at % 255);
    static_cast<void>(kernel.Find());
  }
}

/// A cache directory of its own for whoever asks CacheDir().
class OwnCache {
 public:
  OwnCache() {
    if (const char* before = ::getenv("XDG_CACHE_HOME")) before_ = before;
    ::setenv("XDG_CACHE_HOME", dir_.path().c_str(), 1);
  }
  ~OwnCache() {
    if (before_) ::setenv("XDG_CACHE_HOME", before_->c_str(), 1);
    if (!before_) ::unsetenv("XDG_CACHE_HOME");
  }
  [[nodiscard]] std::filesystem::path symbols() const { return dir_ / "ktstr-interp/symbols"; }

 private:
  TempDir dir_;
  std::optional<std::string> before_;
};

TEST_CASE("symbols come from the guest once, then from the cache directory") {
  const OwnCache cache;
  int fetched = 0;
  const std::string text = "ffffffff9ae00000 T _text\nffffffff9ae00100 T schedule\n";
  const FetchKallsyms fetch = [&] {
    ++fetched;
    return Result<std::string>(text);
  };
  Ready claims;
  claims.kernel_build_id = kBuildId;
  const TempDir dir;
  Kernel kernel;
  kernel.image = dir.Write("bzImage", "one");
  const auto find = [&] {
    auto build = FindSymbols(kernel, claims, fetch);
    REQUIRE(build.ok());
    CHECK(build->source == "the guest's /proc/kallsyms");
    CHECK(build->symbols->Find("schedule")->address == kLinkText + 0x100);
    return *std::move(build);
  };
  KernelBuild build = find();
  find();
  CHECK(fetched == 2);  // it was not proven yet
  KeepSymbols(kernel, claims, build);
  find();
  CHECK(fetched == 2);
  REQUIRE(std::distance(std::filesystem::directory_iterator(cache.symbols()), {}) == 1);
  std::ofstream(std::filesystem::directory_iterator(cache.symbols())->path()) << "damaged";
  build = find();
  CHECK(fetched == 3);
  KeepSymbols(kernel, claims, build);
  find();
  CHECK(fetched == 3);
  kernel.image = dir.Write("other", "two");  // says that it is the same build, and may lie
  find();
  CHECK(fetched == 4);
  claims.kernel_build_id = "";  // nothing to keep it under
  build = find();
  KeepSymbols(kernel, claims, build);
  find();
  CHECK(fetched == 6);
  const auto hidden =
      FindSymbols({}, claims, [] { return Result<std::string>("0000000000000000 T _text\n"); });
  CHECK(hidden.error().message ==
        "the guest's /proc/kallsyms: all addresses are hidden (kernel.kptr_restrict)");
}

TEST_CASE("a System.map beside the image is preferred to asking the guest") {
  const TempDir dir;
  Kernel kernel;
  kernel.system_map = dir.Write("System.map", SymbolsFor(0));
  const FetchKallsyms never = [] { return Result<std::string>(Error{ErrorKind::kGuest, "asked"}); };
  const auto build = FindSymbols(kernel, {}, never);
  REQUIRE(build.ok());
  CHECK(build->source == kernel.system_map.string());
  kernel.system_map = dir.Write("bad", "x");
  CHECK(FindSymbols(kernel, {}, never).error().message ==
        kernel.system_map.string() + ": line 1 is not \"address type name\"");
  kernel.system_map = dir.Write("vmlinux", "x");
  kernel.vmlinux = kernel.system_map;
  Ready claims;
  claims.kernel_build_id = kBuildId;
  CHECK(FindSymbols(kernel, claims, never).error().message ==
        "the guest runs build e40aff of its kernel, but " + kernel.vmlinux.string() + " is build ");
}

TEST_CASE("facts are shared by boot and by build") {
  KernelFactsCache cache;
  CHECK(cache.OfBoot("b").facts == nullptr);
  const auto facts = std::make_shared<const KernelFacts>();
  cache.KeepBoot("b", {{0x1000, false}, facts});
  CHECK(cache.OfBoot("b").facts == facts);
  CHECK(cache.OfBoot("b").root == PageTableRoot{0x1000, false});
  cache.KeepBoot("", {{}, facts});
  CHECK(cache.OfBoot("").facts == nullptr);
  const KernelBuild build{*SymbolTable::FromText(SymbolsFor(0)), nullptr, "", {}};
  cache.KeepBuild("x", build);
  cache.KeepBuild("", build);
  CHECK(cache.OfBuild("x").symbols == build.symbols);
  CHECK(cache.OfBuild("").symbols == nullptr);
}

}  // namespace
}  // namespace ktstr::vmm
