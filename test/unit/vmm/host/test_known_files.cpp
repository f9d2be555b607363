#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/host_file.h"
#include "vmm/host/known_files.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

/// A large file and what is known of it; counts how often it had to be read.
struct Known {
  /// As a later invocation would ask.
  std::string Fact(const std::string& name = "first-byte") {
    const Result<std::string> fact =
        KnownFiles(entries).Fact(file, name, [this](std::span<const std::byte> content) {
          ++reads;
          return std::string(1, static_cast<char>(content[0]));
        });
    return fact.ok() ? *fact : fact.error().message;
  }
  /// Sets the time of the last change of its content, which also ends the doubt about a change just now, as
  /// soon as the time of its inode is old enough.
  void Age(int seconds = 100) const {
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::seconds(seconds));
  }
  [[nodiscard]] std::vector<fs::path> Entries() const {
    std::vector<fs::path> all;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(entries, none)) all.push_back(entry.path());
    return all;
  }

  TempDir dir;
  fs::path file = dir.Write("file", "content");
  fs::path entries = dir / "known";
  int reads = 0;
};

/// A file whose two times are both long past; a test cannot set the time of an inode.
fs::path OldFile() { return "/usr/bin/env"; }

TEST_CASE("what is known of an old file is not worked out again, in private files") {
  Known known;
  known.file = OldFile();
  CHECK(known.Fact() == "\177");
  CHECK(known.Fact() == "\177");
  CHECK(known.reads == 1);
  CHECK(known.Fact("another-fact") == "\177");
  CHECK(known.reads == 2);
  REQUIRE(known.Entries().size() == 2);
  struct stat status {};
  REQUIRE(::stat(known.Entries()[0].c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  REQUIRE(::stat(known.entries.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
}

TEST_CASE("nothing is kept of a file that has just changed: the next change might not show in its times") {
  Known known;
  CHECK(known.Fact() == "c");
  known.Age();  // its content looks old, but its inode has just changed
  CHECK(known.Fact() == "c");
  CHECK(known.reads == 2);
  CHECK(known.Entries().empty());
}

TEST_CASE("what was known of another file of the same name does not count") {
  Known known;
  known.file = OldFile();
  known.Fact();
  REQUIRE(known.Entries().size() == 1);
  // As if the file had been replaced since: each part of what it is, in turn, is another.
  const auto bytes = ReadHostFile(known.Entries()[0]);
  const std::string entry(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  const std::size_t line = entry.find('\n', entry.find('\n') + 1) + 1;
  for (std::size_t part = 0, at = line; part < 5; ++part, at = entry.find(' ', at) + 1) {
    std::string other = entry;
    other[at] = other[at] == '1' ? '2' : '1';
    REQUIRE(WriteHostFile(known.Entries()[0], other, 0600).ok());
    const int before = known.reads;
    CHECK(known.Fact() == "\177");
    CHECK(known.reads == before + 1);
  }
}

TEST_CASE("an entry that is damaged or that others may write is passed over and replaced") {
  Known known;
  known.file = OldFile();
  known.Fact();
  REQUIRE(known.Entries().size() == 1);
  const fs::path entry = known.Entries()[0];
  SECTION("cut short") { fs::resize_file(entry, fs::file_size(entry) - 1); }
  SECTION("empty") { fs::resize_file(entry, 0); }
  SECTION("another value") {
    const auto bytes = ReadHostFile(entry);
    std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    text.replace(text.find('\177'), 1, "x");
    REQUIRE(WriteHostFile(entry, text, 0600).ok());
  }
  SECTION("writable by all") { fs::permissions(entry, fs::perms::others_write, fs::perm_options::add); }
  SECTION("writable by the group") { fs::permissions(entry, fs::perms::group_write, fs::perm_options::add); }
  SECTION("a link") {
    fs::rename(entry, known.dir / "elsewhere");
    fs::create_symlink(known.dir / "elsewhere", entry);
  }
  CHECK(known.Fact() == "\177");
  CHECK(known.reads == 2);
  CHECK(known.Fact() == "\177");
  CHECK(known.reads == 2);
}

TEST_CASE("where nothing can be kept, everything is worked out each time") {
  Known known;
  known.file = OldFile();
  SECTION("no directory") { known.entries.clear(); }
  SECTION("a directory that cannot be made") { known.entries = "/proc/known"; }
  SECTION("a file in its place") { known.entries = known.dir.Write("known", "x"); }
  CHECK(known.Fact() == "\177");
  CHECK(known.Fact() == "\177");
  CHECK(known.reads == 2);
}

TEST_CASE("a file that is not there is an error, and its hash is that of its content") {
  Known known;
  CHECK(*KnownFiles(known.entries).Hash(known.file) == *HashHostFile(known.file));
  CHECK(*KnownFiles(known.entries).Hash(OldFile()) == *HashHostFile(OldFile()));
  CHECK(*KnownFiles(known.entries).Hash(OldFile()) == *HashHostFile(OldFile()));
  fs::remove(known.file);
  CHECK(known.Fact() == "'" + known.file.string() + "' does not exist");
}

TEST_CASE("only so many entries are kept") {
  Known known;
  known.file = OldFile();
  for (std::size_t i = 0; i < KnownFiles::kMaxEntries + 3; ++i) known.Fact("fact-" + std::to_string(i));
  CHECK(known.Entries().size() == KnownFiles::kMaxEntries);
  known.Fact("fact-" + std::to_string(KnownFiles::kMaxEntries + 2));
  CHECK(known.reads == static_cast<int>(KnownFiles::kMaxEntries) + 3);
}

}  // namespace
}  // namespace ktstr::vmm
