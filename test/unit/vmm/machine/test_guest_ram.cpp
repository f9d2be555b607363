// A template's memory: what its hash sees and what a copy costs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "guest-init/base/fd.h"
#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/machine/guest_ram.h"

namespace ktstr::vmm {
namespace {

constexpr off_t kPage = 4096;

/// A file of `pages` zero pages, all of them a hole.
Fd Sparse(const std::filesystem::path& path, off_t pages) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  REQUIRE(::ftruncate(file.get(), pages * kPage) == 0);
  return file;
}

void Put(const Fd& file, off_t offset, const std::string& text) {
  REQUIRE(::pwrite(file.get(), text.data(), text.size(), offset) == static_cast<ssize_t>(text.size()));
}

std::uint64_t HashOf(const Fd& file) {
  const Result<std::uint64_t> hash = HashPages(file.get());
  REQUIRE(hash.ok());
  return *hash;
}

std::int64_t DiskBytes(const Fd& file) {
  struct stat status {};
  REQUIRE(::fstat(file.get(), &status) == 0);
  return status.st_blocks * 512;
}

TEST_CASE("zeros count the same whether they are a hole or written") {
  const TempDir dir;
  const Fd holes = Sparse(dir / "holes", 600);
  const Fd full = Sparse(dir / "full", 600);
  Put(full, 0, std::string(600 * kPage, '\0'));
  REQUIRE(DiskBytes(full) > DiskBytes(holes));
  CHECK(HashOf(holes) == HashOf(full));
  for (const Fd* file : {&holes, &full}) {
    Put(*file, 3, "near the beginning");
    Put(*file, 599 * kPage, "in the last page, behind the first mebibyte");
  }
  CHECK(HashOf(holes) == HashOf(full));
}

TEST_CASE("a hash tells content, place and length") {
  const TempDir dir;
  const auto with = [&](const std::string& name, off_t pages, off_t at, const std::string& text) {
    const Fd file = Sparse(dir / name, pages);
    Put(file, at, text);
    return HashOf(file);
  };
  const std::uint64_t original = with("original", 4, kPage, "text");
  CHECK(with("same", 4, kPage, "text") == original);
  CHECK(with("other text", 4, kPage, "tex!") != original);
  CHECK(with("other page", 4, 2 * kPage, "text") != original);
  CHECK(with("other byte", 4, kPage + 1, "text") != original);
  CHECK(with("longer by zeros", 5, kPage, "text") != original);
  CHECK(with("shorter by zeros", 3, kPage, "text") != original);
  CHECK(with("an odd length", 4, 4 * kPage, "text") != original);
}

TEST_CASE("two equal pages do not cancel each other out") {
  const TempDir dir;
  const Fd twice = Sparse(dir / "twice", 4);
  Put(twice, 0, "page");
  Put(twice, kPage, "page");
  CHECK(HashOf(twice) != HashOf(Sparse(dir / "none", 4)));
}

TEST_CASE("a copy has the content and the holes of its original") {
  const TempDir dir;
  const Fd from = Sparse(dir / "from", 1000);
  Put(from, 0, std::string(1000 * kPage, '\0'));  // the original has no holes at all
  Put(from, 7 * kPage + 100, "here");
  Put(from, 8 * kPage, "and next to it");
  Put(from, 700 * kPage, "far away");
  const Fd to = Sparse(dir / "to", 0);
  const Result<std::uint64_t> copied = CopyPages(from.get(), to.get());
  REQUIRE(copied.ok());
  CHECK(*copied == HashOf(from));
  CHECK(*copied == HashOf(to));
  CHECK(DiskBytes(to) <= 16 * kPage);
  struct stat status {};
  REQUIRE(::fstat(to.get(), &status) == 0);
  CHECK(status.st_size == 1000 * kPage);
  std::string bytes(8, '?');
  REQUIRE(::pread(to.get(), bytes.data(), bytes.size(), 700 * kPage) == 8);
  CHECK(bytes == "far away");
}

TEST_CASE("a copy of zeros has its length and takes no blocks") {
  const TempDir dir;
  const Fd from = Sparse(dir / "from", 50), to = Sparse(dir / "to", 0);
  const Result<std::uint64_t> copied = CopyPages(from.get(), to.get());
  REQUIRE(copied.ok());
  CHECK(*copied == HashOf(to));
  CHECK(DiskBytes(to) == 0);
  CHECK(std::filesystem::file_size(dir / "to") == 50 * kPage);
}

TEST_CASE("memory that cannot be copied or read says why") {
  const TempDir dir;
  const Fd from = Sparse(dir / "from", 2);
  Put(from, 0, "x");
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const Result<std::uint64_t> no_space = CopyPages(from.get(), full.get());
  REQUIRE_FALSE(no_space.ok());
  CHECK(no_space.error().kind == ErrorKind::kEnvironment);
  CHECK(no_space.error().message == "writing: No space left on device");
  const Result<std::uint64_t> closed = CopyPages(from.get(), -1);
  REQUIRE_FALSE(closed.ok());
  CHECK(closed.error().message == "writing: Bad file descriptor");
  const Result<std::uint64_t> unreadable = HashPages(-1);
  REQUIRE_FALSE(unreadable.ok());
  CHECK(unreadable.error().message == "reading the size: Bad file descriptor");
}

TEST_CASE("memory that does not divide evenly goes to the last node") {
  MachineConfig config;
  config.memory_mib = 1000;
  config.topology.numa_nodes = 3;
  CHECK(NodeMib(config, 0) == 333);
  CHECK(NodeMib(config, 1) == 333);
  CHECK(NodeMib(config, 2) == 334);
  const Result<MachineFiles> files = MakeBootFiles(config);
  REQUIRE(files.ok());
  REQUIRE(files->ram.size() == 3);
  CHECK_FALSE(files->state.valid());
  struct stat status {};
  REQUIRE(::fstat(files->ram[2].get(), &status) == 0);
  CHECK(status.st_size == off_t{334} << 20);
}

}  // namespace
}  // namespace ktstr::vmm
