// The packed image, read back by a cpio reader and an LZ4 call of the test's own.
#include <lz4.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/host_file.h"
#include "vmm/image/guest_image.h"
#include "vmm/image/initramfs.h"

namespace ktstr::vmm {
namespace {

struct Member {
  std::string name;
  unsigned mode = 0, major = 0, minor = 0, inode = 0, time = 0;
  std::string content;
};

std::string Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> Bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

/// Every member up to the trailer, following cpio(5) word for word.
std::vector<Member> ReadCpio(const std::string& archive) {
  std::vector<Member> members;
  for (std::size_t at = 0;;) {
    REQUIRE(archive.size() >= at + 110);
    REQUIRE(archive.substr(at, 6) == "070701");
    const auto field = [&](std::size_t index) {
      return static_cast<unsigned>(std::stoul(archive.substr(at + 6 + 8 * index, 8), nullptr, 16));
    };
    const std::size_t name_size = field(11), size = field(6);
    const std::string name = archive.substr(at + 110, name_size - 1);
    REQUIRE(archive[at + 110 + name_size - 1] == '\0');
    if (name == "TRAILER!!!") return members;
    const std::size_t content = (at + 110 + name_size + 3) / 4 * 4;
    members.push_back(
        {name, field(1), field(9), field(10), field(0), field(5), archive.substr(content, size)});
    at = (content + size + 3) / 4 * 4;
  }
}

std::string DecompressLegacy(const std::string& image) {
  std::uint32_t word = 0;
  std::memcpy(&word, image.data(), 4);
  REQUIRE(word == 0x184C2102);
  std::string out;
  std::string block(8 << 20, '\0');
  for (std::size_t at = 4; at < image.size();) {
    std::memcpy(&word, image.data() + at, 4);
    const int length = LZ4_decompress_safe(image.data() + at + 4, block.data(), static_cast<int>(word),
                                           static_cast<int>(block.size()));
    REQUIRE(length > 0);
    out.append(block, 0, static_cast<std::size_t>(length));
    at += 4 + word;
  }
  return out;
}

std::string Diagnose(const InitramfsSpec& spec) {
  const auto archive = BuildCpio(spec);
  return archive.ok() ? "no error" : archive.error().message;
}

TEST_CASE("the guest image is a static x86-64 program") {
  const auto image = GuestInitImage();
  REQUIRE(image.size() > 100'000);
  CHECK(Text(image.first(4)) == "\177ELF");
  CHECK(Text(image).find("/lib64/ld-linux") == std::string::npos);
}

TEST_CASE("an archive holds what was asked for, parents first, no times") {
  const TempDir dir;
  const auto host = dir.Write("prog", "binary");
  const auto init = Bytes("INIT!");
  InitramfsSpec spec;
  spec.init = init;
  spec.files = {{"/payload/bin/prog", host, 0755}, {"/etc/x", Bytes("abc"), 0600}};
  spec.directories = {"/proc", "/payload", "/sys/"};
  const auto archive = BuildCpio(spec);
  REQUIRE(archive.ok());
  CHECK(archive->size() % 512 == 0);
  std::vector<std::string> shown;
  unsigned inode = 0;
  for (const Member& member : ReadCpio(Text(*archive))) {
    char line[200];
    std::snprintf(line, sizeof line, "%s %o %u,%u %s", member.name.c_str(), member.mode, member.major,
                  member.minor, member.content.c_str());
    shown.emplace_back(line);
    CHECK(member.time == 0);
    CHECK(member.inode == ++inode);
  }
  CHECK(shown == std::vector<std::string>{"dev 40755 0,0 ", "dev/console 20600 5,1 ", "dev/null 20666 1,3 ",
                                          "etc 40755 0,0 ", "etc/x 100600 0,0 abc", "init 100755 0,0 INIT!",
                                          "payload 40755 0,0 ", "payload/bin 40755 0,0 ",
                                          "payload/bin/prog 100755 0,0 binary", "proc 40755 0,0 ",
                                          "sys 40755 0,0 "});
}

TEST_CASE("the same input gives the same bytes, in whatever order it is listed") {
  const auto init = Bytes("I");
  InitramfsSpec one, two;
  one.init = two.init = init;
  one.files = {{"/a", Bytes("1"), 0755}, {"/b", Bytes("2"), 0755}};
  two.files = {{"/b", Bytes("2"), 0755}, {"/a", Bytes("1"), 0755}};
  CHECK(BuildCpio(one).value() == BuildCpio(two).value());
  CHECK(HashInitramfs(one).value() == HashInitramfs(two).value());
  two.files[0].mode = 0700;
  CHECK(HashInitramfs(one).value() != HashInitramfs(two).value());
}

TEST_CASE("packing compresses to the legacy LZ4 frame, over the 8 MiB block border too") {
  const TempDir dir;
  std::mt19937 random(7);
  std::string big(static_cast<std::size_t>(GENERATE(0, 8 << 20, 20'000'000)), 'x');
  for (std::size_t i = 0; i < big.size(); i += 1 + random() % 64) big[i] = static_cast<char>(random());
  InitramfsSpec spec;
  const auto init = Bytes(big);
  spec.init = init;
  const auto info = PackInitramfs(spec, dir / "image");
  REQUIRE(info.ok());
  const std::string image = Text(ReadHostFile(dir / "image").value());
  const std::string archive = Text(BuildCpio(spec).value());
  CHECK(DecompressLegacy(image) == archive);
  CHECK(info->packed_bytes == image.size());
  CHECK(info->unpacked_bytes == archive.size());
  CHECK(info->content_hash == HashInitramfs(spec).value());
  CHECK((big.empty() || image.size() < archive.size()));

  spec.compression = InitramfsCompression::kNone;
  CHECK(PackInitramfs(spec, dir / "plain").value().content_hash == info->content_hash);
  CHECK((Text(ReadHostFile(dir / "plain").value()) == archive));
}

TEST_CASE("paths that cannot be are errors that name them") {
  const auto with = [](std::vector<std::string> paths) {
    InitramfsSpec spec;
    for (const std::string& path : paths) spec.files.push_back({path, Bytes("x"), 0755});
    return Diagnose(spec);
  };
  CHECK(with({"/a", "/b/c"}) == "no error");
  CHECK(with({"a"}) == "guest path 'a' is not absolute");
  CHECK(with({"/a/../b"}) == "guest path '/a/../b' contains '..'");
  CHECK(with({"/"}) == "guest path '/' is the root directory");
  CHECK(with({"/a", "//a"}) == "guest path '/a' is given twice");
  CHECK(with({"/init"}) == "guest path '/init' is given twice");
  CHECK(with({"/a", "/a/b"}) == "guest path '/a' is wanted both as a file and as a directory");
  CHECK(with({"/a/b", "/a"}) == "guest path '/a' is wanted both as a file and as a directory");
  InitramfsSpec spec;
  spec.files = {{"/a", std::filesystem::path("/nonexistent/x"), 0755}};
  CHECK(Diagnose(spec) == "'/nonexistent/x' does not exist");
}

TEST_CASE("an image that cannot be written leaves nothing and names the place") {
  const TempDir dir;
  const auto info = PackInitramfs({}, dir / "no/image");
  REQUIRE_FALSE(info.ok());
  CHECK(info.error().message ==
        "'" + (dir / "no/image").string() + "' cannot be written: No such file or directory");
  CHECK(info.error().kind == ErrorKind::kEnvironment);
  // /dev/full cannot be renamed over, so the full disk is a rename that fails here; the write path is the
  // same.
  std::filesystem::create_directory(dir / "image");
  CHECK(PackInitramfs({}, dir / "image").error().message ==
        "'" + (dir / "image").string() + "' cannot be written: Is a directory");
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE("a host file is read whole or refused with the cause") {
  const TempDir dir;
  const auto file = dir.Write("f", "12345");
  CHECK(Text(ReadHostFile(file, 5).value()) == "12345");
  CHECK(ReadHostFile(file, 4).error().message == "'" + file.string() + "' is 5 bytes long; the limit is 4");
  CHECK(ReadHostFile(dir.path()).error().message == "'" + dir.path().string() + "' is a directory");
  CHECK(ReadHostFile("/dev/null").error().message == "'/dev/null' is not a regular file");
  const auto fifo = dir / "fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(ReadHostFile(fifo).error().message == "'" + fifo.string() + "' is not a regular file");
}

}  // namespace
}  // namespace ktstr::vmm
