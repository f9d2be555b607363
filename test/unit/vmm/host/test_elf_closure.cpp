// What a program needs in the guest: read from ELF files made to order, and from the host's own programs
// compared with ldd.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "test/unit/vmm/host/elf_builder.h"
#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/elf_closure.h"
#include "vmm/host/elf_file.h"
#include "vmm/host/host_command.h"
#include "vmm/host/spawn.h"
#include "vmm/image/initramfs.h"

namespace ktstr::vmm {
namespace {

ElfReading Read(std::string_view file) { return ReadElf(std::as_bytes(std::span(file.data(), file.size()))); }

std::string FaultText(std::string_view file) {
  const ElfReading reading = Read(file);
  return reading.fault == ElfFault::kNone ? "no fault" : ElfError(reading, "x").message;
}

/// guest path -> host path, or the error under the key "error".
std::map<std::string, std::string> Closure(const std::vector<ClosureRoot>& roots,
                                           const ClosureSearch& search) {
  const auto files = ProgramClosure(roots, search);
  if (!files.ok()) return {{"error", files.error().message}};
  std::map<std::string, std::string> found;
  for (const ClosureFile& file : *files) found[file.guest_path] = file.host_path.string();
  return found;
}

using Found = std::map<std::string, std::string>;

TEST_CASE("an ELF file's loader, libraries and search paths are read") {
  const ElfReading reading = Read(BuildElf({.needed = {"liba.so.1", "libc.so.6"},
                                            .interpreter = "/lib64/ld.so",
                                            .rpath = "/r",
                                            .runpath = "/u:$ORIGIN"}));
  REQUIRE(reading.fault == ElfFault::kNone);
  CHECK(reading.needs.interpreter == "/lib64/ld.so");
  CHECK(reading.needs.needed == std::vector<std::string>{"liba.so.1", "libc.so.6"});
  CHECK(reading.needs.rpath == "/r");
  CHECK(reading.needs.runpath == "/u:$ORIGIN");
  CHECK(Read(BuildElf({.type = ET_EXEC})).fault == ElfFault::kNone);
}

TEST_CASE("what the guest cannot load is named") {
  CHECK(FaultText("hello") == "'x' is neither an ELF program nor a script that starts with #!");
  CHECK(FaultText("") == "'x' is neither an ELF program nor a script that starts with #!");
  CHECK(FaultText(BuildElf({.machine = EM_AARCH64})) == "'x' is built for AArch64; the guest is x86-64");
  CHECK(FaultText(BuildElf({.machine = EM_RISCV})) == "'x' is built for RISC-V; the guest is x86-64");
  CHECK(FaultText(BuildElf({.machine = 4711})) == "'x' is built for ELF machine 4711; the guest is x86-64");
  CHECK(FaultText(BuildElf({.type = ET_REL})) == "'x' is an ELF object file or core dump, not a program");
  std::string file = BuildElf({});
  file[EI_CLASS] = ELFCLASS32;
  CHECK(FaultText(file) == "'x' is built for x32; the guest is x86-64");
  file = BuildElf({.machine = 0x1500});  // 21, PowerPC, in the other byte order
  file[EI_DATA] = ELFDATA2MSB;
  CHECK(FaultText(file) == "'x' is built for 64-bit PowerPC; the guest is x86-64");
}

TEST_CASE("a truncated ELF file is damaged at every length") {
  const std::string file =
      BuildElf({.needed = {"libc.so.6"}, .interpreter = "/lib64/ld.so", .runpath = "/u"});
  REQUIRE(Read(file).fault == ElfFault::kNone);
  for (std::size_t length = 0; length < file.size(); ++length) {
    INFO("length " << length);
    CHECK(Read(file.substr(0, length)).fault == (length < SELFMAG ? ElfFault::kNotElf : ElfFault::kCorrupt));
  }
  CHECK(FaultText(file.substr(0, 40)) == "'x' is a damaged ELF file: it ends inside the ELF header");
  CHECK(FaultText(file.substr(0, 100)) ==
        "'x' is a damaged ELF file: its program headers reach past its end");
  CHECK(FaultText(file.substr(0, file.size() - 1)) ==
        "'x' is a damaged ELF file: a segment reaches past its end");
}

TEST_CASE("damage inside an ELF file is named") {
  const auto damaged = [](std::size_t at, std::size_t segment) {
    std::string file = BuildElf({.needed = {"libc.so.6"}, .interpreter = "/lib64/ld.so"});
    file[sizeof(Elf64_Ehdr) + segment * sizeof(Elf64_Phdr) + at + 6] = '\x7F';  // an offset of 2^55
    return FaultText(file);
  };
  CHECK(damaged(offsetof(Elf64_Phdr, p_offset), 0) ==
        "'x' is a damaged ELF file: a segment reaches past its end");
  CHECK(damaged(offsetof(Elf64_Phdr, p_vaddr), 0) ==
        "'x' is a damaged ELF file: its dynamic string table is outside the file");
  CHECK(damaged(offsetof(Elf64_Phdr, p_offset), 1) ==
        "'x' is a damaged ELF file: the name of its loader is damaged");
  CHECK(damaged(offsetof(Elf64_Phdr, p_offset), 2) ==
        "'x' is a damaged ELF file: its dynamic section reaches past its end");
}

TEST_CASE("no single wrong byte, and no random damage, makes the reader read outside the file") {
  // Run under ASan; here the point is that it returns at all.
  const std::string file = BuildElf(
      {.needed = {"liba.so.1", "libb.so"}, .interpreter = "/lib64/ld.so", .rpath = "/r", .runpath = "/u"});
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const char value : {'\x00', '\x01', '\x7F', '\x80', '\xFF'}) {
      std::string damaged = file;
      damaged[at] = value;
      (void)Read(damaged);
    }
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = file;
    for (int i = 0; i < 8; ++i) damaged[random() % file.size()] = static_cast<char>(random());
    std::memcpy(damaged.data(), ELFMAG, SELFMAG);
    (void)Read(damaged);
  }
}

TEST_CASE("libraries are followed through libraries and land where the guest's loader looks") {
  const TempDir dir;
  const auto program = dir.Write(
      "prog", BuildElf({.needed = {"liba.so.1", "libc.so.6"}, .interpreter = (dir / "two/ld.so").string()}));
  (void)dir.Write("two/ld.so", BuildElf({}));
  const auto a = dir.Write("one/liba.so.1", BuildElf({.needed = {"libb.so", "libc.so.6", "ld.so"}}));
  const auto b = dir.Write("two/libb.so", BuildElf({.needed = {"liba.so.1"}}));  // a circle
  const auto c = dir.Write("two/libc.so.6", BuildElf({}));
  (void)dir.Write("one/libb.so", BuildElf({.machine = EM_AARCH64}));  // passed over, like the loader does
  const ClosureSearch search{{(dir / "one").string(), (dir / "two").string()}, ""};
  CHECK(Closure({{program, "/payload/bin/prog", "prog"}}, search) ==
        Found{{(dir / "two/ld.so").string(), (dir / "two/ld.so").string()},
              {"/lib/x86_64-linux-gnu/liba.so.1", a.string()},
              {"/lib/x86_64-linux-gnu/libb.so", b.string()},
              {"/lib/x86_64-linux-gnu/libc.so.6", c.string()},
              {"/payload/bin/prog", program.string()}});
}

/// Said of a RUNPATH that leads elsewhere.
constexpr const char* kOutside =
    "; /opt/x is neither one of the system's library directories nor the program's own";

TEST_CASE("a missing or unusable library is named with who needs it") {
  const TempDir dir;
  const auto program = dir.Write("prog", BuildElf({.needed = {"liba.so"}, .runpath = "/opt/x"}));
  const std::vector<ClosureRoot> roots = {{program, "/payload/bin/prog", "prog"}};
  const ClosureSearch search{{(dir / "lib").string(), "/nowhere"}, ""};
  const std::string lib = (dir / "lib").string();
  CHECK(Closure(roots, search)["error"] ==
        "'prog' needs liba.so, which is in none of " + lib + ", /nowhere" + kOutside);
  (void)dir.Write("lib/liba.so", BuildElf({.needed = {"libz.so.9"}}));
  CHECK(Closure(roots, search)["error"] ==
        "'" + lib + "/liba.so' needs libz.so.9, which is in none of " + lib + ", /nowhere");
  (void)dir.Write("lib/liba.so", "GROUP ( /lib/x )");
  CHECK(Closure(roots, search)["error"] ==
        "'prog' needs liba.so, but '" + lib + "/liba.so' is not a shared library");
  (void)dir.Write("lib/liba.so", BuildElf({}).substr(0, 80));
  CHECK(Closure(roots, search)["error"] ==
        "'prog' needs liba.so: '" + lib +
            "/liba.so' is a damaged ELF file: its program headers reach past its end");
  const std::string loader = (dir / "lib/ld-musl-x86_64.so.7").string();
  (void)dir.Write("prog", BuildElf({.interpreter = loader}));
  CHECK(Closure(roots, search)["error"] == "'prog' needs the loader " + loader + ", which does not exist");
}

TEST_CASE("$ORIGIN keeps a library's place relative to the program, through a link to it") {
  const TempDir dir;
  const auto program =
      dir.Write("real/bin/prog", BuildElf({.needed = {"liba.so"}, .runpath = "relative:$ORIGIN/../lib"}));
  std::filesystem::create_symlink(program, dir / "link");
  const auto a =
      dir.Write("real/lib/liba.so", BuildElf({.needed = {"libb.so"}, .runpath = "${ORIGIN}/deep"}));
  const auto b = dir.Write("real/lib/deep/libb.so", BuildElf({}));
  const auto found = Closure({{dir / "link", "/payload/bin/prog", "prog"}}, {});
  CHECK(found.size() == 3);
  CHECK(found.count("/payload/lib/liba.so") == 1);
  CHECK(found.count("/payload/lib/deep/libb.so") == 1);
}

TEST_CASE("RPATH reaches the libraries of libraries, RUNPATH does not, and RUNPATH switches RPATH off") {
  const TempDir dir;
  const std::string lib = (dir / "lib").string();
  (void)dir.Write("lib/liba.so", BuildElf({.needed = {"libb.so"}}));
  const auto b = dir.Write("lib/libb.so", BuildElf({}));
  const std::vector<ClosureRoot> roots = {{dir / "prog", "/payload/bin/prog", "prog"}};
  (void)dir.Write("prog", BuildElf({.needed = {"liba.so"}, .rpath = lib}));
  CHECK(Closure(roots, {}).at(b.string()) == b.string());
  (void)dir.Write("prog", BuildElf({.needed = {"liba.so"}, .runpath = lib}));
  CHECK(Closure(roots, {})["error"] == "'" + lib + "/liba.so' needs libb.so, which was not found");
  (void)dir.Write("prog", BuildElf({.needed = {"liba.so"}, .rpath = lib, .runpath = "/opt/x"}));
  CHECK(Closure(roots, {})["error"] == std::string("'prog' needs liba.so, which was not found") + kOutside);
  // A library's own RUNPATH switches off the RPATH of the program above it.
  (void)dir.Write("prog", BuildElf({.needed = {"liba.so"}, .rpath = lib}));
  (void)dir.Write("lib/liba.so", BuildElf({.needed = {"libb.so"}, .runpath = "/opt/x"}));
  CHECK(Closure(roots, {})["error"] == "'" + lib + "/liba.so' needs libb.so, which was not found" + kOutside);
  // A program's RPATH that its RUNPATH switched off stays off for its libraries.
  (void)dir.Write("prog", BuildElf({.needed = {"liba.so"}, .rpath = lib, .runpath = lib + "2"}));
  (void)dir.Write("lib2/liba.so", BuildElf({.needed = {"libb.so"}}));
  CHECK(Closure(roots, {})["error"] == "'" + lib + "2/liba.so' needs libb.so, which was not found");
}

TEST_CASE("a program cannot have a file shipped by calling it its loader") {
  const TempDir dir;
  const auto key = dir.Write("home/.ssh/id", "the key", 0600);
  const auto program = dir.Write("scenarios/prog", BuildElf({.interpreter = key.string()}));
  const std::vector<ClosureRoot> roots = {{program, "/payload/bin/prog", "prog"}};
  const ClosureSearch search{{(dir / "lib").string()}, ""};
  const auto refused = [](const std::filesystem::path& loader) {
    return "'prog' needs the loader " + loader.string() +
           ", which is not in the system's library directories";
  };
  CHECK(Closure(roots, search)["error"] == refused(key));
  std::filesystem::remove(key);  // the answer does not tell whether it is there
  CHECK(Closure(roots, search)["error"] == refused(key));
  // Neither does it help to go there through a library directory, by name or by a link ...
  (void)dir.Write("home/.ssh/id", BuildElf({}), 0600);
  const auto around = dir / "lib/../home/.ssh/id";
  (void)dir.Write("lib/libc.so.6", BuildElf({}));
  (void)dir.Write("scenarios/prog", BuildElf({.interpreter = around.string()}));
  CHECK(Closure(roots, search)["error"] == refused(around));
  std::filesystem::create_symlink(key, dir / "lib/ld.so");
  (void)dir.Write("scenarios/prog", BuildElf({.interpreter = (dir / "lib/ld.so").string()}));
  CHECK(Closure(roots, search)["error"] == refused(dir / "lib/ld.so"));
  // ... and what lies in one has to be a loader.
  const auto text = dir.Write("lib/secret", "the key");
  (void)dir.Write("scenarios/prog", BuildElf({.interpreter = text.string()}));
  CHECK(Closure(roots, search)["error"] ==
        "'prog' needs the loader " + text.string() + ": '" + text.string() +
            "' is neither an ELF program nor a script that starts with #!");
  const auto arm = dir.Write("lib/ld-arm.so", BuildElf({.machine = EM_AARCH64}));
  (void)dir.Write("scenarios/prog", BuildElf({.interpreter = arm.string()}));
  CHECK(Closure(roots, search)["error"] == "'prog' needs the loader " + arm.string() + ": '" + arm.string() +
                                               "' is built for AArch64; the guest is x86-64");
}

TEST_CASE("a program cannot have a library shipped from anywhere but the system's directories and its own") {
  const TempDir dir;
  const auto foreign = dir.Write("home/libx.so", BuildElf({}));
  const std::vector<ClosureRoot> roots = {{dir / "scenarios/prog", "/payload/bin/prog", "prog"}};
  const std::string home = (dir / "home").string();
  const std::string refused = "'prog' needs libx.so, which was not found; " + home +
                              " is neither one of the system's library directories nor the program's own";
  (void)dir.Write("scenarios/prog", BuildElf({.needed = {"libx.so"}, .runpath = home}));
  CHECK(Closure(roots, {})["error"] == refused);
  std::filesystem::remove(foreign);
  CHECK(Closure(roots, {})["error"] == refused);
  (void)dir.Write("scenarios/prog", BuildElf({.needed = {foreign.string()}}));
  CHECK(Closure(roots, {})["error"] ==
        "'prog' needs " + foreign.string() + ", which was not found; " + home +
            " is neither one of the system's library directories nor the program's own");
  (void)dir.Write("scenarios/prog", BuildElf({.needed = {"libx.so"}, .runpath = "$ORIGIN/lib"}));
  std::filesystem::create_directory(dir / "scenarios/lib");
  std::filesystem::create_symlink(foreign, dir / "scenarios/lib/libx.so");
  CHECK(Closure(roots, {})["error"] == "'prog' needs libx.so, but '" +
                                           (dir / "scenarios/lib/libx.so").string() +
                                           "' leads out of the directories for libraries");
}

TEST_CASE("a script brings its interpreter, and env brings what it starts") {
  const TempDir dir;
  const auto interpreter = dir.Write("bin/inter", BuildElf({}), 0755);
  const std::string path = interpreter.string();
  const auto script = dir.Write("s", "#! " + path + " -x\nbody\n");
  const std::vector<ClosureRoot> roots = {{script, "/payload/bin/s", "s"}};
  ClosureSearch search = HostSearch();
  search.path = (dir / "bin").string();
  CHECK(Closure(roots, search) == Found{{"/payload/bin/s", script.string()}, {path, path}});
  (void)dir.Write("s", "#!/usr/bin/env -S A=1 inter -u\n");
  Found found = Closure(roots, search);
  CHECK(found.at("/usr/bin/env") == "/usr/bin/env");
  CHECK(found.at("/usr/bin/inter") == path);
  CHECK(found.count("/lib64/ld-linux-x86-64.so.2") == 1);

  const auto error = [&](std::string_view text) {
    (void)dir.Write("s", text);
    return Closure(roots, search)["error"];
  };
  CHECK(error("#!/usr/bin/env nosuch\n") ==
        "'s' starts with #!/usr/bin/env nosuch, and nosuch is not on PATH");
  CHECK(error("#!/bin/nosuch\n") == "'s' starts with #!/bin/nosuch, which does not exist");
  CHECK(error("#!") == "'s' starts with #! but names no interpreter");
  CHECK(error("#!/usr/bin/env\n") == "'s' starts with #!/usr/bin/env but names no program");
  CHECK(error("#!bin/sh\n") == "'s' starts with #!bin/sh, which is not an absolute path");
  CHECK(error("#!/bin/sh\r\n") ==
        "'s' has Windows line endings, so the guest cannot start its #! interpreter");
  search.path = dir.path().string();
  CHECK(error("#!" + script.string() + "\n") ==
        "'" + script.string() + "' is a script run by a script, more than 4 deep");
}

TEST_CASE("a script cannot have a file shipped by calling it its interpreter") {
  const TempDir dir;
  const auto secret = dir.Write("home/secret.sh", "#!/bin/sh\nTOKEN=the-key\n", 0700);
  ClosureSearch search = HostSearch();
  search.path = "/usr/bin";
  const auto error = [&](const std::string& first_line, bool any_interpreter = false) {
    const auto script = dir.Write("scenarios/s", first_line);
    return Closure({{script, "/payload/bin/s", "s", any_interpreter}}, search)["error"];
  };
  const std::string refused = "'s' is a script for " + secret.string() + ", which is in no directory of PATH";
  const std::string around = "/usr/bin/../.." + secret.string();
  for (int there = 1; there >= 0; --there) {  // the answer does not tell whether it is there
    CHECK(error("#!" + secret.string() + "\n") == refused);
    CHECK(error("#!/usr/bin/env " + secret.string() + "\n") == refused);
    CHECK(error("#!" + around + "\n") == refused);
    if (there == 1) CHECK(error("#!" + secret.string() + "\n", true).empty());
    std::filesystem::remove(secret);
  }
}

TEST_CASE("two different files cannot have one place in the guest; the same file may be named twice") {
  const TempDir dir;
  const auto a = dir.Write("a/prog", BuildElf({}));
  const auto b = dir.Write("b/prog", BuildElf({}));
  CHECK(Closure({{a, "/payload/bin/prog", "a/prog"}, {b, "/payload/bin/prog", "b/prog"}}, {})["error"] ==
        "'" + a.string() + "' and '" + b.string() + "' would both be /payload/bin/prog in the guest");
  CHECK(Closure({{a, "/payload/bin/prog", "a/prog"}, {a, "/payload/bin/prog", "prog"}}, {}).size() == 1);
}

TEST_CASE("ld.so.conf is read with its includes") {
  const TempDir dir;
  (void)dir.Write("d/1.conf", "/one # first\n  /two\nnot-absolute\n");
  (void)dir.Write("d/2.conf", "include ../ld.so.conf\n");  // a circle ends
  const auto conf = dir.Write("ld.so.conf", "# comment\n/zero\ninclude d/1*.conf\n");
  CHECK(ReadLdSoConf(conf) == std::vector<std::string>{"/zero", "/one", "/two"});
  (void)dir.Write("ld.so.conf", "include d/2.conf\n");
  CHECK(ReadLdSoConf(conf).empty());
  CHECK(ReadLdSoConf(dir / "none").empty());
}

TEST_CASE("a payload is looked for beside the scenario, then on PATH") {
  const TempDir dir;
  const auto on_path = dir.Write("bin/tool", BuildElf({}), 0755);
  const std::string path = (dir / "bin").string();
  const auto find = [&](const std::string& binary) -> std::string {
    const auto found = FindPayload({binary, dir.path() / "scenarios", /*host_files=*/true}, path);
    return found.ok() ? found->string() : found.error().message;
  };
  CHECK(find("tool") == on_path.string());
  CHECK(find("foo") == "program 'foo' was not found beside the scenario or on PATH");
  CHECK(find("./tool") ==
        "program './tool' does not exist (looked for " + (dir / "scenarios/tool").string() + ")");
  CHECK(find("../bin/tool") == on_path.string());
  CHECK(find(on_path.string()) == on_path.string());
  CHECK(find("../bin") == "program '../bin' is a directory");
  CHECK(find("") == "program '' does not name a file");
  CHECK(find("bin/") == "program 'bin/' does not name a file");
  const auto beside = dir.Write("scenarios/tool", "x");
  CHECK(find("tool") == "program 'tool' is not executable (chmod +x " + beside.string() + ")");
  (void)dir.Write("scenarios/tool", "x", 0755);
  CHECK(find("tool") == beside.string());
  CHECK(PayloadGuestPath("../bin/tool") == "/payload/bin/tool");
}

TEST_CASE("the closure of the host's own programs is what ldd says") {
  for (const char* name : {"stress-ng", "hackbench", "cyclictest", "bash"}) {
    const auto program = FindOnPath(name, "/usr/bin:/bin");
    if (program.empty()) {
      WARN(name << " is not installed");
      continue;
    }
    INFO(name);
    const auto files = PayloadFiles({{name, "/nonexistent"}});
    REQUIRE(files.ok());
    std::set<std::string> packed;
    for (const InitramfsFile& file : *files)
      packed.insert(std::filesystem::path(file.guest_path).filename().string());

    const auto ldd = RunCommand({"ldd", program.string()});
    REQUIRE(ldd.ok());
    std::set<std::string> expected = {name};
    std::istringstream lines(ldd->output);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string first;
      words >> first;
      if (!first.starts_with("linux-vdso")) expected.insert(std::filesystem::path(first).filename().string());
    }
    CHECK(packed == expected);
  }
}

TEST_CASE("a host program patched to another architecture is refused by that name") {
  const TempDir dir;
  std::ifstream input("/bin/true", std::ios::binary);
  std::string program((std::istreambuf_iterator<char>(input)), {});
  program[offsetof(Elf64_Ehdr, e_machine)] = static_cast<char>(EM_AARCH64);
  (void)dir.Write("true", program, 0755);
  const auto files = PayloadFiles({{"./true", dir.path()}});
  REQUIRE_FALSE(files.ok());
  CHECK(files.error().message == "'./true' is built for AArch64; the guest is x86-64");
  CHECK(files.error().kind == ErrorKind::kInput);
}

}  // namespace
}  // namespace ktstr::vmm
