// The store on directories made by hand: what counts as a template, what goes when room is needed. How one is
// made is tested with real guests (test/guest/test_template*.cpp).
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/cache_dir.h"
#include "vmm/template/template_store.h"

namespace ktstr::vmm {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr const char* kKey = "0123456789abcdef";
constexpr const char* kOther = "fedcba9876543210";

std::uint64_t HashOf(const fs::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return *HashPages(file.get());
}

/// A cache with templates that were never guests.
struct Shelf {
  Shelf() : store(*TemplateStore::Open(dir / "templates")) {}

  /// `name` is the directory, `key` what its manifest says, `age` the time since it was used.
  void Make(const std::string& name, const std::string& key, std::chrono::seconds age = 0s,
            std::size_t kib = 4) const {
    const std::string at = "templates/" + name + "/";
    const fs::path ram = dir.Write(at + "ram0", std::string(kib << 10, 'm'));
    const fs::path state = dir.Write(at + "state", "devices of " + key);
    static_cast<void>(dir.Write(
        at + "manifest.json", R"({"key": ")" + key + R"(", "description": "a guest", "kernel_release": "6.12",
                                "boot_id": "b-)" +
                                  key + R"(", "parked_ns": 5, "build_ms": 1.5, "ram_hashes": [)" +
                                  std::to_string(HashOf(ram)) + R"(], "state_hash": )" +
                                  std::to_string(HashOf(state)) + "}"));
    fs::last_write_time(dir / "templates" / name, fs::file_time_type::clock::now() - age);
  }
  [[nodiscard]] fs::path At(const std::string& name) const { return dir / "templates" / name; }
  [[nodiscard]] std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    for (const StoredTemplate& stored : store.List()) keys.push_back(stored.key);
    return keys;
  }

  TempDir dir;
  TemplateStore store;
};

TEST_CASE("a complete template is found, and is used from then on") {
  const Shelf shelf;
  shelf.Make(kOther, kOther, 60s);
  shelf.Make(kKey, kKey, 3600s);
  CHECK(shelf.Keys() == std::vector<std::string>{kOther, kKey});
  const auto found = shelf.store.Find(kKey);
  REQUIRE(found);
  CHECK(found->facts().key == kKey);
  CHECK(found->facts().kernel_release == "6.12");
  CHECK(found->facts().parked_ns == 5);
  CHECK(found->Intact());
  CHECK(shelf.Keys() == std::vector<std::string>{kKey, kOther});
  CHECK(shelf.store.Find("not-there") == nullptr);
}

TEST_CASE("each clone reads the state from its beginning") {
  const Shelf shelf;
  shelf.Make(kKey, kKey);
  const auto found = shelf.store.Find(kKey);
  REQUIRE(found);
  for (int clone = 0; clone < 2; ++clone) {
    const Result<MachineFiles> files = found->FilesForClone();
    REQUIRE(files.ok());
    REQUIRE(files->ram.size() == 1);
    std::string state(64, '\0');
    const ssize_t got = ::read(files->state.get(), state.data(), state.size());
    CHECK(state.substr(0, static_cast<std::size_t>(got)) == std::string("devices of ") + kKey);
  }
}

TEST_CASE("a template stays what it was when its directory goes") {
  const Shelf shelf;
  shelf.Make(kKey, kKey);
  const auto found = shelf.store.Find(kKey);
  REQUIRE(found);
  shelf.store.Discard(kKey);
  CHECK_FALSE(fs::exists(shelf.At(kKey)));
  CHECK(fs::is_empty(shelf.store.directory()));
  CHECK(found->Intact());
  CHECK(found->FilesForClone().ok());
}

TEST_CASE("what is not complete is not found") {
  const Shelf shelf;
  shelf.Make(kKey, kKey);
  SECTION("no state") { fs::remove(shelf.At(kKey) / "state"); }
  SECTION("no memory") { fs::remove(shelf.At(kKey) / "ram0"); }
  SECTION("no manifest") { fs::remove(shelf.At(kKey) / "manifest.json"); }
  SECTION("an empty manifest") { fs::resize_file(shelf.At(kKey) / "manifest.json", 0); }
  SECTION("half a manifest") { fs::resize_file(shelf.At(kKey) / "manifest.json", 100); }
  SECTION("a manifest of another kind") {
    static_cast<void>(shelf.dir.Write("templates/" + std::string(kKey) + "/manifest.json", R"({"key": 7})"));
  }
  SECTION("the manifest of another template") { shelf.Make(kKey, kOther); }
  CHECK(shelf.store.Find(kKey) == nullptr);
  CHECK(shelf.Keys() == std::vector<std::string>{kKey});  // until it is replaced, or goes to make room
}

TEST_CASE("one changed byte is seen") {
  const Shelf shelf;
  shelf.Make(kKey, kKey, 0s, 64);
  const auto overwrite = [&](const char* file, off_t at) {
    const UniqueFd fd(::open((shelf.At(kKey) / file).c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), "!", 1, at) == 1);
  };
  SECTION("of the memory") { overwrite("ram0", 65535); }
  SECTION("of the state") { overwrite("state", 0); }
  SECTION("or memory that ends early") { fs::resize_file(shelf.At(kKey) / "ram0", 65536 - 4096); }
  SECTION("or an empty state") { fs::resize_file(shelf.At(kKey) / "state", 0); }
  const auto found = shelf.store.Find(kKey);
  REQUIRE(found);
  CHECK_FALSE(found->Intact());
}

TEST_CASE("only the template that is bad is discarded, not its successor") {
  const Shelf shelf;
  shelf.Make(kKey, kKey);
  const auto first = shelf.store.Find(kKey);
  REQUIRE(first);
  shelf.store.Discard(kKey);
  shelf.Make(kKey, kKey);
  const std::string manifest = "templates/" + std::string(kKey) + "/manifest.json";
  std::string text;
  std::getline(std::ifstream(shelf.dir / manifest), text, '\0');
  text.replace(text.find("\"parked_ns\": 5"), 14, "\"parked_ns\": 6");
  static_cast<void>(shelf.dir.Write(manifest, text));
  shelf.store.Discard(*first);
  const auto second = shelf.store.Find(kKey);
  REQUIRE(second);
  shelf.store.Discard(*second);
  CHECK(shelf.store.Find(kKey) == nullptr);
}

TEST_CASE("a discard that was killed does not hinder the next one") {
  const Shelf shelf;
  shelf.Make(kKey, kKey);
  shelf.Make(std::string(kKey) + "." + std::to_string(::getpid()) + ".new", kKey);
  shelf.store.Discard(kKey);
  CHECK(fs::is_empty(shelf.store.directory()));
}

TEST_CASE("the least recently used go first, until the rest has room") {
  const Shelf shelf;
  shelf.Make("aaaa", "aaaa", 300s, 40);
  shelf.Make("bbbb", "bbbb", 100s, 40);
  shelf.Make("cccc", "cccc", 200s, 40);
  const std::vector<StoredTemplate> all = shelf.store.List();
  REQUIRE(all.size() == 3);
  CHECK(all[0].key == "bbbb");
  CHECK(all[0].description == "a guest");
  CHECK(all[0].bytes >= 40U << 10);
  CHECK(shelf.store.Collect(3 * all[0].bytes) == 0);
  CHECK(shelf.store.Collect(3 * all[0].bytes - 1) == all[2].bytes);
  CHECK(shelf.Keys() == std::vector<std::string>{"bbbb", "cccc"});
  CHECK(shelf.store.Collect(0) == all[0].bytes + all[1].bytes);
  CHECK(shelf.Keys().empty());
}

TEST_CASE("what a killed build left is removed, what is being built stays") {
  const Shelf shelf;
  const std::string killed = std::string(kKey) + ".new", under_way = std::string(kOther) + ".new";
  shelf.Make(killed, kKey);
  shelf.Make(std::string(kKey) + ".12345.new", kKey);  // a discard that was killed
  shelf.Make(under_way, kOther);
  const Result<FileLock> builder = FileLock::Acquire(shelf.At(std::string(kOther) + ".lock"));
  REQUIRE(builder.ok());
  CHECK(shelf.Keys().empty());
  CHECK(shelf.store.Collect(TemplateStore::kDefaultLimit) > 0);
  CHECK_FALSE(fs::exists(shelf.At(killed)));
  CHECK_FALSE(fs::exists(shelf.At(std::string(kKey) + ".12345.new")));
  CHECK(fs::exists(shelf.At(under_way) / "state"));
}

TEST_CASE("a place that cannot be written to is named with the reason") {
  const TempDir dir;
  static_cast<void>(dir.Write("file", ""));
  const Result<TemplateStore> in_file = TemplateStore::Open(dir / "file/templates");
  REQUIRE_FALSE(in_file.ok());
  CHECK(in_file.error().kind == ErrorKind::kEnvironment);
  CHECK(in_file.error().message ==
        "templates cannot be kept in " + (dir / "file/templates").string() + ": Not a directory");
  const Result<TemplateStore> no_parent = TemplateStore::Open("/proc/templates");
  REQUIRE_FALSE(no_parent.ok());
  CHECK(no_parent.error().message ==
        "templates cannot be kept in /proc/templates: No such file or directory");
}

}  // namespace
}  // namespace ktstr::vmm
