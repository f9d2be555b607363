// Files of the guest on their way to the host, and what it tells of its kernel.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "guest-init/kernel_identity.h"
#include "guest-init/wire/elf_notes.h"
#include "test/unit/guest-init/guest_process.h"

namespace ktstr::guest {
namespace {

namespace fs = std::filesystem;

/// A file with this content, removed at the end.
struct HostFile {
  explicit HostFile(const std::string& content) {
    std::string name = "/tmp/ktstr-read-XXXXXX";
    close(mkstemp(name.data()));
    path = name;
    std::ofstream(path) << content;
  }
  ~HostFile() { fs::remove(path); }
  fs::path path;
};

/// What comes for one ReadFile; checks that the pieces follow one another.
std::string Fetch(GuestProcess& guest, const std::string& path) {
  const std::uint32_t id = guest.Send(ReadFile{path});
  std::string content;
  for (;;) {
    const FileContent piece = guest.NextEvent<FileContent>();
    REQUIRE(piece.path == path);
    REQUIRE(piece.offset == content.size());
    REQUIRE(piece.bytes.size() <= kMaxFileContent);
    content += piece.bytes;
    if (piece.last) break;
  }
  const Reply reply = guest.NextReply();
  CHECK(reply.request_id == id);
  CHECK(reply.error.empty());
  return content;
}

TEST_CASE("a file comes in pieces and whole") {
  std::string content;
  for (int i = 0; content.size() < 9'000'000; ++i)
    content += std::to_string(i) + '\n';  // more than may be queued
  const HostFile large(content);
  const HostFile empty("");
  GuestProcess guest;
  CHECK(Fetch(guest, large.path) == content);
  CHECK(Fetch(guest, empty.path).empty());
  CHECK(Fetch(guest, "/proc/sys/kernel/ostype") == "Linux\n");  // its stat() says 0 bytes
}

TEST_CASE("a file that cannot be read is refused with its name") {
  GuestProcess guest;
  CHECK(guest.Call(ReadFile{"/nowhere/at/all"}).error ==
        "opening /nowhere/at/all: No such file or directory");
  CHECK(guest.Call(ReadFile{"/tmp"}).error == "reading /tmp: Is a directory");
  CHECK(guest.Call(Ping{}).error.empty());
}

TEST_CASE("the kernel's text is found behind the per-CPU symbols") {
  std::string lines;
  for (int i = 0; i < 400; ++i) lines += "0000000000001000 A some_per_cpu_variable\n";
  const std::string text = "ffffffff9a000000 T _text\n";
  CHECK(KernelTextAddress(HostFile(lines + text + lines).path.c_str()) == 0xffffffff9a000000);
  CHECK(KernelTextAddress(HostFile(text).path.c_str()) == 0xffffffff9a000000);
  // Wherever a read ends in it.
  for (std::size_t before = 4096 - 30; before < 4096; ++before)
    CHECK(KernelTextAddress(HostFile(std::string(before - 1, ' ') + '\n' + text).path.c_str()) ==
          0xffffffff9a000000);
  CHECK(KernelTextAddress(HostFile(lines).path.c_str()) == 0);
  CHECK(KernelTextAddress("/nowhere") == 0);
}

TEST_CASE("a build id is found among the notes") {
  const auto id = [](std::string_view bytes) { return BuildIdIn(std::as_bytes(std::span(bytes))); };
  using namespace std::literals;
  const std::string other = "\6\0\0\0\4\0\0\0\1\1\0\0Linux\0\0\0\0\0\0\0"s;
  const std::string gnu = "\4\0\0\0\3\0\0\0\3\0\0\0GNU\0\xe4\x0a\xff\0"s;
  CHECK(id(gnu) == "e40aff");
  CHECK(id(other + gnu) == "e40aff");
  CHECK(id(other).empty());
  CHECK(id("").empty());
  for (std::size_t cut = 0; cut < gnu.size(); ++cut) CHECK(id(gnu.substr(0, cut)).empty());
  CHECK(id("\xff\xff\xff\xff\xff\xff\xff\xff\3\0\0\0GNU\0"sv).empty());
}

}  // namespace
}  // namespace ktstr::guest
