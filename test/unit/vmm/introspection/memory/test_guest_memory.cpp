// Where RAM is, in guest-physical addresses and in QEMU's memory.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "vmm/introspection/memory/guest_memory.h"

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

std::vector<RamRange> LayOut(std::vector<std::uint64_t> files) { return LayOutRam(files); }

TEST_CASE("RAM continues above the hole below 4 GiB") {
  using Ranges = std::vector<RamRange>;
  CHECK(LayOut({512 * kMiB}) == Ranges{{0, 512 * kMiB, 0, 0}});
  CHECK(LayOut({0xaff00000}) == Ranges{{0, 0xaff00000, 0, 0}});
  CHECK(LayOut({0xb0000000}) == Ranges{{0, 0x80000000, 0, 0}, {0x100000000, 0x30000000, 0, 0x80000000}});
  // Nodes one after the other; the second of two ends at the hole, or spans it, or lies above.
  CHECK(LayOut({256 * kMiB, 257 * kMiB}) == Ranges{{0, 256 * kMiB, 0, 0}, {256 * kMiB, 257 * kMiB, 1, 0}});
  CHECK(LayOut({2 * kGiB, 2 * kGiB}) == Ranges{{0, 2 * kGiB, 0, 0}, {4 * kGiB, 2 * kGiB, 1, 0}});
  constexpr std::uint64_t kNode = 3 * kGiB / 2;
  CHECK(LayOut({kNode, kNode, kNode}) == Ranges{{0, kNode, 0, 0},
                                                {kNode, kGiB / 2, 1, 0},
                                                {4 * kGiB, kGiB, 1, kGiB / 2},
                                                {5 * kGiB, kNode, 2, 0}});
}

constexpr const char* kMaps =
    "55d0c0000000-55d0c0100000 r-xp 00000000 08:01 77                         /usr/bin/qemu-system-x86_64\n"
    "7f0000000000-7f0000400000 rw-s 00000000 00:01 1234                       /memfd:ktstr-guest-ram "
    "(deleted)\n"
    "7f1000000000-7f1000100000 rw-p 00000000 00:2d 99                         /cache/with space/ram0\n"
    "7f1000100000-7f1000400000 rw-p 00100000 00:2d 99                         /cache/with space/ram0\n"
    "7ffe00000000-7ffe00021000 rw-p 00000000 00:00 0                          [stack]\n"
    "not a line of maps\n";

TEST_CASE("a RAM file's mapping is found by device and inode, or by its path") {
  const auto shared = FindMapping(kMaps, {1, 1234, "", 0x400000});
  REQUIRE(shared.ok());
  CHECK(shared->start == 0x7f0000000000);
  CHECK(shared->shared);
  // Parts that touch are one; the device may be another one than stat() says.
  const auto whole = FindMapping(kMaps, {0x2d, 99, "", 0x400000});
  REQUIRE(whole.ok());
  CHECK(whole->start == 0x7f1000000000);
  CHECK_FALSE(whole->shared);
  CHECK(FindMapping(kMaps, {0x99, 99, "/cache/with space/ram0", 0x400000}).ok());
  CHECK(FindMapping(kMaps, {0x99, 99, "/cache/ram0", 0x400000}).error().message ==
        "QEMU does not map its RAM file /cache/ram0");
  CHECK(FindMapping(kMaps, {0x2d, 98, "/cache/with space/ram0", 0x400000}).error().message ==
        "QEMU does not map its RAM file /cache/with space/ram0");
  const auto longer = FindMapping(kMaps, {0x2d, 99, "/x", 0x400001});
  CHECK(longer.error().message == "QEMU maps only 4194304 of the 4194305 bytes of its RAM file /x");
  CHECK(longer.error().kind == ErrorKind::kEnvironment);
  const auto torn = FindMapping("7f10-7f11 rw-p 00000000 00:2d 99 /r\n7f12-7f13 rw-p 00000001 00:2d 99 /r\n",
                                {0x2d, 99, "/r", 2});
  CHECK(torn.error().message == "QEMU maps only 1 of the 2 bytes of its RAM file /r");
}

/// Two files of two pages, mapped by a child as QEMU would.
class Child {
 public:
  explicit Child(bool shared) {
    for (Fd& file : files_) {
      file = Fd(::memfd_create("ram", MFD_CLOEXEC));
      REQUIRE(::ftruncate(file.get(), 8192) == 0);
    }
    REQUIRE(::pwrite(files_[1].get(), "saved", 5, 0) == 5);
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      for (const Fd& file : files_) {
        void* at =
            ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, file.get(), 0);
        std::strcpy(static_cast<char*>(at) + 8190 - 5, "here!");
      }
      static_cast<void>(!::write(ready[1], "x", 1));
      for (;;) ::pause();
    }
    char x;
    REQUIRE(::read(ready[0], &x, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Child() { Kill(); }
  void Kill() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    pid_ = 0;
  }
  Result<std::unique_ptr<GuestMemory>> Open() const {
    const int files[] = {files_[0].get(), files_[1].get()};
    return GuestMemory::OpenProcess(pid_, files);
  }

 private:
  Fd files_[2];
  pid_t pid_ = 0;
};

std::string TextAt(PhysicalMemory& memory, std::uint64_t address, std::size_t count) {
  std::string text(count, '?');
  return memory.Read(address, std::as_writable_bytes(std::span(text))) ? text : "unreadable";
}
bool Put(PhysicalMemory& memory, std::uint64_t address, std::string_view text) {
  return memory.Write(address, std::as_bytes(std::span(text)));
}

TEST_CASE("memory of a process that shares its RAM files and of one that keeps its own") {
  const bool shared = GENERATE(true, false);
  Child child(shared);
  const auto memory = child.Open();
  REQUIRE(memory.ok());
  CHECK((*memory)->mapped() == shared);
  CHECK((*memory)->bytes() == 16384);
  CHECK(TextAt(**memory, 8185, 12) == std::string("here!\0\0saved", 12));  // over the end of the first file
  CHECK(TextAt(**memory, 8192 + 8185, 5) == "here!");
  REQUIRE(Put(**memory, 8190, "1234"));
  CHECK(TextAt(**memory, 8185, 12) == "here!1234ved");
  // Only what is RAM, and all of it or nothing.
  CHECK(TextAt(**memory, 16380, 5) == "unreadable");
  CHECK(TextAt(**memory, ~std::uint64_t{0}, 2) == "unreadable");
  CHECK_FALSE(Put(**memory, 16383, "xy"));
  CHECK(TextAt(**memory, 16383, 1) == std::string(1, '\0'));

  for (const std::uint64_t odd : {0, 1, 2, 4}) {  // whole words where they are aligned, bytes where not
    const std::uint64_t word = 0x1122334455667788;
    REQUIRE((*memory)->Write(64 + odd, std::as_bytes(std::span(&word, 1))));
    std::uint32_t half = 0;
    REQUIRE((*memory)->Read(64 + odd + 4, std::as_writable_bytes(std::span(&half, 1))));
    CHECK(half == 0x11223344);
  }
  child.Kill();
  // A private copy is gone with its process.
  CHECK((TextAt(**memory, 8185, 5) == "here!") == shared);
  CHECK(Put(**memory, 0, "x") == shared);
}

TEST_CASE("a process that is gone or does not map the files has no memory to open") {
  Child child(false);
  const Fd other(::memfd_create("other", MFD_CLOEXEC));
  REQUIRE(::ftruncate(other.get(), 4096) == 0);
  const int files[] = {other.get()};
  CHECK(GuestMemory::OpenProcess(::getpid(), files).error().message ==
        "QEMU does not map its RAM file /memfd:other (deleted)");
  child.Kill();
  const auto gone = GuestMemory::OpenProcess(1 << 30, files);
  CHECK(gone.error().message == "/proc/1073741824/maps cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace ktstr::vmm
