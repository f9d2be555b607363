// Everything that shapes a guest changes the name of its template, and nothing else does.
#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/template/machine_pool.h"
#include "vmm/template/template_key.h"

namespace ktstr::vmm {
namespace {

struct Guest {
  Guest() {
    spec.machine.qemu = dir.Write("qemu", "emulator", 0755).string();
    spec.machine.kernel = dir.Write("vmlinuz", "kernel");
  }
  /// As a new invocation would name it.
  [[nodiscard]] static std::string KeyOf(const TemplateSpec& spec) {
    const Result<std::string> key = TemplateKeys().KeyOf(spec);
    REQUIRE(key.ok());
    return *key;
  }
  [[nodiscard]] std::string Key() const { return KeyOf(spec); }

  TempDir dir;
  TemplateSpec spec;
};

InitramfsFile File(const std::string& content, const std::string& path = "/payload/bin/p") {
  std::vector<std::byte> bytes;
  for (const char c : content) bytes.push_back(static_cast<std::byte>(c));
  return {path, bytes, 0755};
}

TEST_CASE("a key is 16 hexadecimal digits and stays the same") {
  const Guest guest;
  CHECK(guest.Key().size() == 16);
  CHECK(guest.Key().find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(guest.Key() == guest.Key());
}

TEST_CASE("what shapes the guest changes the key") {
  Guest guest;
  const std::string before = guest.Key();
  MachineConfig& machine = guest.spec.machine;
  SECTION("the kernel's bytes") { static_cast<void>(guest.dir.Write("vmlinuz", "kernel!")); }
  SECTION("QEMU's bytes") { static_cast<void>(guest.dir.Write("qemu", "emulator!", 0755)); }
  SECTION("cores") { machine.topology.cores_per_llc += 1; }
  SECTION("caches") { machine.topology.llcs += 1; }
  SECTION("SMT") { machine.topology.threads_per_core += 1; }
  SECTION("memory") { machine.memory_mib += 1; }
  SECTION("a disk") { machine.disk_mib = 64; }
  SECTION("the command line") { machine.extra_cmdline = "quiet"; }
  SECTION("the speed of the time-stamp counter") { machine.tsc_khz = 1'000'000; }
  SECTION("the clock") { machine.clock = Clock::kVirtual; }
  SECTION("the accelerator") { machine.accel = Accel::kKvm; }
  SECTION("a file") { guest.spec.files.push_back(File("program")); }
  CHECK(guest.Key() != before);
}

TEST_CASE("the speed of the virtual clock changes the key") {
  Guest guest;
  guest.spec.machine.clock = Clock::kVirtual;
  const std::string before = guest.Key();
  guest.spec.machine.icount_shift += 1;
  CHECK(guest.Key() != before);
}

TEST_CASE("the same CPUs in another order are another machine") {
  Guest guest;
  guest.spec.machine.topology = {.numa_nodes = 1, .llcs = 2, .cores_per_llc = 4, .threads_per_core = 1};
  const std::string wide = guest.Key();
  guest.spec.machine.topology = {.numa_nodes = 1, .llcs = 4, .cores_per_llc = 2, .threads_per_core = 1};
  const std::string narrow = guest.Key();
  guest.spec.machine.topology = {.numa_nodes = 2, .llcs = 4, .cores_per_llc = 2, .threads_per_core = 1};
  CHECK(wide != narrow);
  CHECK(narrow != guest.Key());
}

TEST_CASE("a file's content, name and mode change the key") {
  Guest guest;
  guest.spec.files = {File("program")};
  const std::string before = guest.Key();
  SECTION("content") { guest.spec.files = {File("another")}; }
  SECTION("name") { guest.spec.files = {File("program", "/payload/bin/q")}; }
  SECTION("mode") { guest.spec.files[0].mode = 0644; }
  CHECK(guest.Key() != before);
}

TEST_CASE("the size of a disk changes the key, the place of its file does not") {
  Guest guest;
  guest.spec.machine.disk_mib = 64;
  const std::string before = guest.Key();
  guest.spec.machine.disk_directory = "/elsewhere";
  CHECK(guest.Key() == before);
  guest.spec.machine.disk_mib = 128;
  CHECK(guest.Key() != before);
}

TEST_CASE("where the files lie does not matter") {
  Guest guest;
  guest.spec.files = {File("program")};
  const std::string before = guest.Key();
  guest.spec.machine.kernel = guest.dir.Write("elsewhere/bzImage", "kernel");
  guest.spec.machine.qemu = guest.dir.Write("elsewhere/qemu-system-x86_64", "emulator", 0755).string();
  guest.spec.files[0].content = guest.dir.Write("p", "program");
  CHECK(guest.Key() == before);
}

TEST_CASE("what is missing is named") {
  Guest guest;
  guest.spec.machine.kernel = "/nonexistent/vmlinuz";
  const Result<std::string> no_kernel = TemplateKeys().KeyOf(guest.spec);
  REQUIRE_FALSE(no_kernel.ok());
  CHECK(no_kernel.error().message == "'/nonexistent/vmlinuz' does not exist");
  guest.spec.machine.qemu = "/nonexistent/qemu";
  const Result<std::string> no_qemu = TemplateKeys().KeyOf(guest.spec);
  REQUIRE_FALSE(no_qemu.ok());
  CHECK(no_qemu.error().kind == ErrorKind::kEnvironment);
  CHECK(no_qemu.error().message == "/nonexistent/qemu is not an executable file");
}

TEST_CASE("clones with different seeds come from one template") {
  const Guest guest;
  const std::string key = guest.Key();
  const std::string at = "templates/" + key + "/";
  static_cast<void>(guest.dir.Write(at + "ram0", "m"));
  static_cast<void>(guest.dir.Write(at + "state", "s"));
  static_cast<void>(guest.dir.Write(at + "manifest.json",
                                    R"({"key": ")" + key + R"(", "description": "", "kernel_release": "",
                                    "boot_id": "", "parked_ns": 0, "build_ms": 0, "ram_hashes": [1],
                                    "state_hash": 2})"));
  OpenTemplates templates(*TemplateCache::Open(guest.dir / "templates"), KnownFiles(),
                          [](std::string_view) {});
  CHECK(templates.Known(guest.spec) == nullptr);  // nobody has asked for it yet
  const auto plain = templates.Obtain(guest.spec, -1);
  REQUIRE(plain.ok());
  TemplateSpec seeded = guest.spec;
  seeded.machine.rng_seed = 7;
  const auto with_seed = templates.Obtain(seeded, -1);
  REQUIRE(with_seed.ok());
  CHECK(*with_seed == *plain);
  CHECK(templates.Known(seeded) == *plain);
}

}  // namespace
}  // namespace ktstr::vmm
