// The cache on directories made by hand: what counts as a template, what goes when room is needed. How one is
// made is tested with real guests (test/guest/test_template*.cpp).
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/cache_dir.h"
#include "vmm/template/template_cache.h"

namespace ktstr::vmm {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr const char* kKey = "0123456789abcdef";
constexpr const char* kOther = "fedcba9876543210";

std::uint64_t HashOf(const fs::path& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return *HashPages(file.get());
}

/// A cache with templates that were never guests.
struct HandMade {
  HandMade() : cache(*TemplateCache::Open(dir / "templates")) {}

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
    for (const StoredTemplate& stored : cache.List()) keys.push_back(stored.key);
    return keys;
  }

  TempDir dir;
  TemplateCache cache;
};

TEST_CASE("a complete template is found, and is used from then on") {
  const HandMade templates;
  templates.Make(kOther, kOther, 60s);
  templates.Make(kKey, kKey, 3600s);
  CHECK(templates.Keys() == std::vector<std::string>{kOther, kKey});
  const auto found = templates.cache.Find(kKey);
  REQUIRE(found);
  CHECK(found->facts().key == kKey);
  CHECK(found->facts().kernel_release == "6.12");
  CHECK(found->facts().parked_ns == 5);
  CHECK(found->Intact());
  CHECK(templates.Keys() == std::vector<std::string>{kKey, kOther});
  CHECK(templates.cache.Find("not-there") == nullptr);
}

TEST_CASE("each clone reads the state from its beginning") {
  const HandMade templates;
  templates.Make(kKey, kKey);
  const auto found = templates.cache.Find(kKey);
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
  const HandMade templates;
  templates.Make(kKey, kKey);
  const auto found = templates.cache.Find(kKey);
  REQUIRE(found);
  templates.cache.Discard(kKey);
  CHECK_FALSE(fs::exists(templates.At(kKey)));
  CHECK(fs::is_empty(templates.cache.directory()));
  CHECK(found->Intact());
  CHECK(found->FilesForClone().ok());
}

TEST_CASE("what is not complete is not found") {
  const HandMade templates;
  templates.Make(kKey, kKey);
  SECTION("no state") { fs::remove(templates.At(kKey) / "state"); }
  SECTION("no memory") { fs::remove(templates.At(kKey) / "ram0"); }
  SECTION("no manifest") { fs::remove(templates.At(kKey) / "manifest.json"); }
  SECTION("an empty manifest") { fs::resize_file(templates.At(kKey) / "manifest.json", 0); }
  SECTION("half a manifest") { fs::resize_file(templates.At(kKey) / "manifest.json", 100); }
  SECTION("a manifest of another kind") {
    static_cast<void>(
        templates.dir.Write("templates/" + std::string(kKey) + "/manifest.json", R"({"key": 7})"));
  }
  SECTION("the manifest of another template") { templates.Make(kKey, kOther); }
  CHECK(templates.cache.Find(kKey) == nullptr);
  CHECK(templates.Keys() == std::vector<std::string>{kKey});  // until it is replaced, or goes to make room
}

TEST_CASE("one changed byte is seen") {
  const HandMade templates;
  templates.Make(kKey, kKey, 0s, 64);
  const auto overwrite = [&](const char* file, off_t at) {
    const Fd fd(::open((templates.At(kKey) / file).c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(fd.get(), "!", 1, at) == 1);
  };
  SECTION("of the memory") { overwrite("ram0", 65535); }
  SECTION("of the state") { overwrite("state", 0); }
  SECTION("or memory that ends early") { fs::resize_file(templates.At(kKey) / "ram0", 65536 - 4096); }
  SECTION("or an empty state") { fs::resize_file(templates.At(kKey) / "state", 0); }
  const auto found = templates.cache.Find(kKey);
  REQUIRE(found);
  CHECK_FALSE(found->Intact());
}

TEST_CASE("only the template that is bad is discarded, not its successor") {
  const HandMade templates;
  templates.Make(kKey, kKey);
  const auto first = templates.cache.Find(kKey);
  REQUIRE(first);
  templates.cache.Discard(kKey);
  templates.Make(kKey, kKey);
  const std::string manifest = "templates/" + std::string(kKey) + "/manifest.json";
  std::string text;
  std::getline(std::ifstream(templates.dir / manifest), text, '\0');
  text.replace(text.find("\"parked_ns\": 5"), 14, "\"parked_ns\": 6");
  static_cast<void>(templates.dir.Write(manifest, text));
  templates.cache.Discard(*first);
  const auto second = templates.cache.Find(kKey);
  REQUIRE(second);
  templates.cache.Discard(*second);
  CHECK(templates.cache.Find(kKey) == nullptr);
}

TEST_CASE("a discard that was killed does not hinder the next") {
  const HandMade templates;
  templates.Make(kKey, kKey);
  templates.Make(std::string(kKey) + "." + std::to_string(::getpid()) + ".new", kKey);
  templates.cache.Discard(kKey);
  CHECK(fs::is_empty(templates.cache.directory()));
}

TEST_CASE("the least recently used go first, until the rest has room") {
  const HandMade templates;
  templates.Make("aaaa", "aaaa", 300s, 40);
  templates.Make("bbbb", "bbbb", 100s, 40);
  templates.Make("cccc", "cccc", 200s, 40);
  const std::vector<StoredTemplate> all = templates.cache.List();
  REQUIRE(all.size() == 3);
  CHECK(all[0].key == "bbbb");
  CHECK(all[0].description == "a guest");
  CHECK(all[0].bytes >= 40U << 10);
  CHECK(templates.cache.Collect(3 * all[0].bytes) == 0);
  CHECK(templates.cache.Collect(3 * all[0].bytes - 1) == all[2].bytes);
  CHECK(templates.Keys() == std::vector<std::string>{"bbbb", "cccc"});
  CHECK(templates.cache.Collect(0) == all[0].bytes + all[1].bytes);
  CHECK(templates.Keys().empty());
}

TEST_CASE("what a killed build left goes; what is being built stays") {
  const HandMade templates;
  const std::string killed = std::string(kKey) + ".new", under_way = std::string(kOther) + ".new";
  templates.Make(killed, kKey);
  templates.Make(std::string(kKey) + ".12345.new", kKey);  // a discard that was killed
  templates.Make(under_way, kOther);
  const Result<FileLock> builder = FileLock::Acquire(templates.At(std::string(kOther) + ".lock"));
  REQUIRE(builder.ok());
  CHECK(templates.Keys().empty());
  CHECK(templates.cache.Collect(TemplateCache::kDefaultLimit) > 0);
  CHECK_FALSE(fs::exists(templates.At(killed)));
  CHECK_FALSE(fs::exists(templates.At(std::string(kKey) + ".12345.new")));
  CHECK(fs::exists(templates.At(under_way) / "state"));
}

TEST_CASE("a place that cannot be written to is named with the reason") {
  const TempDir dir;
  static_cast<void>(dir.Write("file", ""));
  const Result<TemplateCache> in_file = TemplateCache::Open(dir / "file/templates");
  REQUIRE_FALSE(in_file.ok());
  CHECK(in_file.error().kind == ErrorKind::kEnvironment);
  CHECK(in_file.error().message ==
        "templates cannot be kept in " + (dir / "file/templates").string() + ": Not a directory");
  const Result<TemplateCache> no_parent = TemplateCache::Open("/proc/templates");
  REQUIRE_FALSE(no_parent.ok());
  CHECK(no_parent.error().message ==
        "templates cannot be kept in /proc/templates: No such file or directory");
}

}  // namespace
}  // namespace ktstr::vmm
