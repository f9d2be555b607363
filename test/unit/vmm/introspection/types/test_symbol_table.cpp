// Kernel symbols out of System.map, kallsyms and ELF files.
#include <elf.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/introspection/types/symbol_table.h"

namespace ktstr::vmm {
namespace {

constexpr const char* kSystemMap =
    "0000000000000000 D __per_cpu_start\n"
    "0000000000000000 D fixed_percpu_data\n"
    "000000000002d900 D runqueues\n"
    "000000000002f0d8 D __per_cpu_end\n"
    "0000000001000000 A phys_startup_64\n"
    "ffffffff81000000 T _text\n"
    "ffffffff81000000 T _stext\n"
    "ffffffff81000100 t helper\n"
    "ffffffff81000200 T schedule\n"
    "ffffffff81000300 t helper\n"
    "ffffffff81000400 T helper_exported\n"
    "ffffffff82007a00 D jiffies\n"
    "ffffffff82007a00 D jiffies_64\n";

std::shared_ptr<const SymbolTable> Parse(std::string_view text, std::uint64_t runtime_text = 0) {
  const auto table = SymbolTable::FromText(text, runtime_text);
  INFO((table.ok() ? "" : table.error().message));
  REQUIRE(table.ok());
  return *table;
}
std::string Refusal(std::string_view text, std::uint64_t runtime_text = 0) {
  const auto table = SymbolTable::FromText(text, runtime_text);
  REQUIRE_FALSE(table.ok());
  CHECK(table.error().kind == ErrorKind::kInput);
  return table.error().message;
}
std::string CoveringText(const SymbolTable& table, std::uint64_t address) {
  const auto place = table.Covering(address);
  return place ? std::string(place->name) + "+" + std::to_string(place->offset) : "none";
}

TEST_CASE("symbols of a System.map") {
  const auto table = Parse(kSystemMap);
  CHECK(table->size() == 13);
  CHECK(table->per_cpu_start() == 0);
  CHECK(table->Find("schedule")->address == 0xffffffff81000200);
  CHECK(table->Find("schedule")->type == 'T');
  CHECK_FALSE(table->Find("schedule")->per_cpu);
  CHECK(table->Find("helper")->address == 0xffffffff81000100);  // the lowest of two
  CHECK_FALSE(table->Find("sched"));
  CHECK_FALSE(table->Find(""));
  const auto runqueues = table->Find("runqueues");
  CHECK(runqueues->per_cpu);
  CHECK(runqueues->address == 0x2d900);
  CHECK(table->Find("fixed_percpu_data")->per_cpu);
  CHECK_FALSE(table->Find("phys_startup_64")->per_cpu);
  CHECK_FALSE(table->Find("__per_cpu_end")->per_cpu);
}

TEST_CASE("of several symbols with one name a global one counts") {
  const auto table = Parse("ffffffff81000000 T _text\nffffffff81000100 t twice\nffffffff81000200 T twice\n");
  CHECK(table->Find("twice")->address == 0xffffffff81000200);
}

TEST_CASE("a running kernel's symbols are turned back, without modules") {
  constexpr const char* kKallsyms =
      "0000000000000000 A __per_cpu_start\n"
      "0000000000031000 A runqueues\n"
      "0000000000032000 A __per_cpu_end\n"
      "ffffffff9ae00000 T _text\n"
      "ffffffff9ae00200 T schedule\n"
      "ffffffffc0000000 t module_function\t[virtio_blk]\n"
      "ffffffffc0001000 t bpf_prog_6deef7357e7b4530_x\t[bpf]\n";
  const auto table = Parse(kKallsyms, 0xffffffff9ae00000);
  CHECK(table->size() == 5);
  CHECK(table->Find("_text")->address == kLinkText);
  CHECK(table->Find("schedule")->address == 0xffffffff81000200);
  CHECK(table->Find("runqueues")->address == 0x31000);
  CHECK(table->Find("runqueues")->per_cpu);
  CHECK(Refusal(kKallsyms, 0xffffffff9ac00000) ==
        "_text is at 0xffffffff9ae00000, not at 0xffffffff9ac00000");
}

TEST_CASE("since Linux 6.15 per-CPU symbols lie among the others") {
  const auto table = Parse(
      "ffffffff81000000 T _text\n"
      "ffffffff82800000 D before\n"
      "ffffffff82800000 D __per_cpu_start\n"
      "ffffffff82801000 D runqueues\n"
      "ffffffff82830000 D __per_cpu_end\n"
      "ffffffff82830000 D behind\n");
  CHECK(table->per_cpu_start() == 0xffffffff82800000);
  CHECK(table->Find("runqueues")->address == 0x1000);
  CHECK(table->Find("runqueues")->per_cpu);
  CHECK_FALSE(table->Find("behind")->per_cpu);
  CHECK(table->Find("_text")->address == kLinkText);
  CHECK(CoveringText(*table, 0xffffffff82801000) == "__per_cpu_start+4096");
}

TEST_CASE("the symbol that covers an address") {
  const auto table = Parse(kSystemMap);
  CHECK(CoveringText(*table, 0xffffffff81000200) == "schedule+0");
  CHECK(CoveringText(*table, 0xffffffff810002ff) == "schedule+255");
  CHECK(CoveringText(*table, 0xffffffff81000310) == "helper+16");
  CHECK(CoveringText(*table, 0xffffffff81000000) == "_text+0");
  CHECK(CoveringText(*table, 0xffffffff80ffffff) == "none");
  CHECK(CoveringText(*table, 0xffffffff82107a00) == "jiffies+1048576");
  CHECK(CoveringText(*table, 0xffffffff82107a01) == "none");  // too far
  CHECK(CoveringText(*table, 0x2d910) == "none");             // a per-CPU offset is no address
  CHECK(CoveringText(*table, ~std::uint64_t{0}) == "none");
}

TEST_CASE("names that are nearly right") {
  const auto table = Parse(kSystemMap);
  const auto similar = [&](std::string_view name) {
    std::string all;
    for (const std::string_view each : table->Similar(name)) all += std::string(each) + " ";
    return all;
  };
  CHECK(similar("shcedule") == "schedule ");
  CHECK(similar("jiffies_65") == "jiffies_64 ");
  CHECK(similar("helpers") == "helper ");
  CHECK(similar("entirely_else").empty());
}

TEST_CASE("texts that are no symbols") {
  CHECK(Refusal("ffffffff81000000 T start\n") == "has no symbol _text");
  CHECK(Refusal("") == "has no symbol _text");
  CHECK(Refusal("ffffffff81000000 T _text\nffffffff8100000 T x\n") == "line 2 is not \"address type name\"");
  CHECK(Refusal("ffffffff81000000 T _text\n\n") == "line 2 is not \"address type name\"");
  CHECK(Refusal("fffffffg81000000 T _text\n") == "line 1 is not \"address type name\"");
  CHECK(Refusal("ffffffff81000000 T \n") == "line 1 is not \"address type name\"");
  CHECK(Refusal("0000000000000000 T _text\n0000000000000000 T x\n", 0xffffffff9ae00000) ==
        "all addresses are hidden (kernel.kptr_restrict)");
  CHECK(Refusal("ffffffff82000000 T _text\n") == "_text is at 0xffffffff82000000, not at 0xffffffff81000000");
  CHECK(Parse("ffffffff81000000 T _text")->size() == 1);  // without a newline at the end
}

/// An ELF file: header, four sections (null, .text, .symtab, .strtab), symbols, names.
struct ElfFile {
  Elf64_Ehdr header{};
  Elf64_Shdr sections[4]{};
  std::vector<Elf64_Sym> symbols{{}};
  std::string names = std::string(1, '\0');

  ElfFile() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_machine = EM_X86_64;
    header.e_shoff = sizeof header;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 4;
    sections[1].sh_type = SHT_PROGBITS;
    sections[1].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
  }
  void Add(const char* name, std::uint64_t address, unsigned char info, std::uint16_t section) {
    symbols.push_back({static_cast<std::uint32_t>(names.size()), info, 0, section, address, 0});
    names += name + std::string(1, '\0');
  }
  [[nodiscard]] std::string Bytes() {
    sections[2].sh_type = SHT_SYMTAB;
    sections[2].sh_link = 3;
    sections[2].sh_offset = sizeof header + sizeof sections;
    sections[2].sh_size = symbols.size() * sizeof(Elf64_Sym);
    sections[3].sh_type = SHT_STRTAB;
    sections[3].sh_offset = sections[2].sh_offset + sections[2].sh_size;
    sections[3].sh_size = names.size();
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    bytes.append(reinterpret_cast<const char*>(sections), sizeof sections);
    bytes.append(reinterpret_cast<const char*>(symbols.data()), sections[2].sh_size);
    return bytes + names;
  }
};

constexpr unsigned char Info(int binding, int type) {
  return static_cast<unsigned char>(binding << 4 | type);
}

TEST_CASE("symbols of an ELF file") {
  const TempDir dir;
  ElfFile elf;
  elf.Add("_text", kLinkText, Info(STB_GLOBAL, STT_NOTYPE), 1);
  elf.Add("local", kLinkText + 16, Info(STB_LOCAL, STT_FUNC), 1);
  elf.Add("__per_cpu_start", 0, Info(STB_GLOBAL, STT_NOTYPE), SHN_ABS);
  elf.Add("runqueues", 0x1000, Info(STB_GLOBAL, STT_OBJECT), SHN_ABS);
  elf.Add("__per_cpu_end", 0x2000, Info(STB_GLOBAL, STT_NOTYPE), SHN_ABS);
  elf.Add("file.c", 0, Info(STB_LOCAL, STT_FILE), SHN_ABS);
  elf.Add("elsewhere", 0, Info(STB_GLOBAL, STT_NOTYPE), SHN_UNDEF);
  const auto table = SymbolTable::FromElf(dir.Write("vmlinux", elf.Bytes()));
  REQUIRE(table.ok());
  CHECK((*table)->size() == 5);
  CHECK((*table)->Find("_text")->type == 'T');
  CHECK((*table)->Find("local")->type == 't');
  CHECK((*table)->Find("local")->address == kLinkText + 16);
  CHECK((*table)->Find("runqueues")->per_cpu);
  CHECK((*table)->Find("runqueues")->type == 'A');
  CHECK_FALSE((*table)->Find("elsewhere"));
  CHECK_FALSE((*table)->Find("file.c"));
}

TEST_CASE("ELF files that are not right") {
  const TempDir dir;
  const auto refusal = [&](const std::string& bytes) {
    const std::filesystem::path path = dir.Write("vmlinux", bytes);
    const auto table = SymbolTable::FromElf(path);
    REQUIRE_FALSE(table.ok());
    const std::string begin = "'" + path.string() + "': ";
    REQUIRE_THAT(table.error().message, Catch::StartsWith(begin));
    return table.error().message.substr(begin.size());
  };
  ElfFile elf;
  CHECK(refusal("") == "is not an ELF file");
  CHECK(refusal(elf.Bytes()) == "has no symbol _text");
  elf.Add("_text", kLinkText, Info(STB_GLOBAL, STT_NOTYPE), 1);
  const std::string good = elf.Bytes();
  CHECK(refusal(good.substr(0, 100)) == "its section table is outside the file");
  CHECK(refusal(good.substr(0, good.size() - 1)) == "its symbol table is outside the file");
  ElfFile other = elf;
  other.header.e_machine = EM_AARCH64;
  CHECK(refusal(other.Bytes()) == "is not built for x86-64");
  ElfFile bare = elf;
  bare.header.e_shnum = 2;
  CHECK(refusal(bare.Bytes()) == "has no symbol table");
  // Names outside the table of names are passed over.
  ElfFile odd = elf;
  odd.symbols.back().st_name = 1U << 30;
  CHECK(refusal(odd.Bytes()) == "has no symbol _text");
  CHECK(SymbolTable::FromElf(dir / "none").error().message ==
        "'" + (dir / "none").string() + "' does not exist");
}

}  // namespace
}  // namespace ktstr::vmm
