// Kernel images told from other files, and the cache with a fake apt in place of the real one.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <thread>

#include "test/unit/vmm/host/temp_dir.h"
#include "test/unit/vmm/machine/fake_image.h"
#include "vmm/host/host_file.h"
#include "vmm/kernel/kernel_fetch.h"
#include "vmm/kernel/kernels.h"

namespace ktstr::vmm {
namespace {

Result<std::string> Version(std::string_view image) {
  return KernelVersion(std::as_bytes(std::span(image.data(), image.size())), image.size(), "x");
}

std::string VersionError(std::string_view image) {
  const auto version = Version(image);
  return version.ok() ? "no error" : version.error().message;
}

/// Stand-ins for apt-cache, apt-get and dpkg-deb in front of PATH, and a cache of their own.
class FakeApt {
 public:
  FakeApt() {
    (void)dir_.Write("image", FakeImage("6.12.9+deb12-cloud-amd64"));
    Tool("apt-cache", R"(case "$1" in
pkgnames) cat "$D/names" ;;
show) grep -qx "$3" "$D/offered" || exit 100
      printf 'Package: %s\nFilename: pool/x.deb\nSize: 34304772\n' "$3" ;;
esac)");
    Tool("apt-get", R"(for name; do :; done
case "$*" in
*" download "*) echo download >>"$D/log"; [ -e "$D/offline" ] && { echo 'E: Failed to fetch http://deb: no route' >&2; echo 'W: a remark' >&2; exit 100; }
                echo "$name" >"${name}_1_amd64.deb" ;;
*update*) echo update >>"$D/log"; [ -e "$D/offline" ] && echo 'W: Failed to fetch http://deb' >&2 || cp "$D/after-update" "$D/names" ;;
esac; exit 0)");
    Tool("dpkg-deb", R"(mkdir -p "$3/boot"; cp "$D/image" "$3/boot/vmlinuz-6.12.9+deb12-cloud-amd64"
echo CONFIG_SMP=y >"$3/boot/config-6.12.9+deb12-cloud-amd64"; echo stub >"$3/boot/System.map-6.12.9+deb12-cloud-amd64")");
    (void)dir_.Write("names",
                     "linux-image-6.12.9+deb12-cloud-amd64\nlinux-image-6.12.10+deb12-cloud-amd64\n");
    (void)dir_.Write("after-update", "");
    (void)dir_.Write("offered", "linux-image-6.12.9+deb12-cloud-amd64\n");  // 6.12.10 is only mentioned
  }
  [[nodiscard]] const TempDir& dir() const { return dir_; }
  [[nodiscard]] std::string Log() const {
    const auto bytes = ReadHostFile(dir_ / "log");
    return bytes.ok() ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "";
  }
  [[nodiscard]] std::filesystem::path Kernels() const { return dir_ / "cache/ktstr-interp/kernels"; }

 private:
  void Tool(std::string_view name, std::string_view script) {
    (void)dir_.Write("bin/" + std::string(name),
                     "#!/bin/sh\nD='" + dir_.path().string() + "'\n" + std::string(script) + "\n", 0755);
  }
  TempDir dir_;
  ScopedEnvironment path_{"PATH", (dir_ / "bin").string() + ":/usr/bin:/bin"};
  ScopedEnvironment cache_{"XDG_CACHE_HOME", (dir_ / "cache").string()};
};

TEST_CASE("the version comes from the image's header") {
  CHECK(Version(FakeImage("6.12.117+deb12-cloud-amd64")).value() == "6.12.117+deb12-cloud-amd64");
}

TEST_CASE("what is not a kernel image is named as what it is") {
  CHECK(VersionError("") == "'x' is not a Linux kernel image (no bzImage header)");
  CHECK(VersionError(std::string(8192, 'x')) == "'x' is not a Linux kernel image (no bzImage header)");
  CHECK(VersionError("\177ELF" + std::string(8192, '\0')) ==
        "'x' is an uncompressed ELF kernel; give the bzImage (arch/x86/boot/bzImage)");
  std::string arm(4096, '\0');
  arm.replace(0x38, 4, "ARM\x64");
  CHECK(VersionError(arm) == "'x' is a kernel for AArch64; the guest is x86-64");

  std::string image = FakeImage("6.1");
  image[0x202] = 'h';
  CHECK(VersionError(image) == "'x' is not a Linux kernel image (no bzImage header)");
  image = FakeImage("6.1");
  image[0x236] = 0;
  CHECK(VersionError(image) == "'x' is a 32-bit kernel; the guest is x86-64");
  image = FakeImage("6.1");
  image[0x206] = 0x0B;
  CHECK(VersionError(image) == "'x' is a 32-bit kernel; the guest is x86-64");
  image = FakeImage("");
  CHECK(VersionError(image) == "'x' is a kernel image without a version in its header");
}

TEST_CASE("a truncated image never passes, whatever its length") {
  const std::string image = FakeImage("6.1");
  CHECK(VersionError(image.substr(0, image.size() - 1)) ==
        "'x' is a truncated kernel image: 2623 bytes of 2624");
  CHECK(VersionError(image.substr(0, 0x210)) == "'x' is a truncated kernel image");
  for (std::size_t length = 0; length < image.size(); ++length) {
    INFO("length " << length);
    CHECK_FALSE(Version(image.substr(0, length)).ok());
  }
}

TEST_CASE("a version pointer outside the image is not followed") {
  std::string image = FakeImage("6.1");
  image[0x20E] = image[0x20F] = '\xFF';
  CHECK(VersionError(image) == "'x' is a kernel image without a version in its header");
}

TEST_CASE("a version that would lead out of the cache is refused") {
  const auto refused = [](const std::string& version) {
    return "'x' is a kernel image whose version '" + version + "' cannot be part of a file's name";
  };
  CHECK(VersionError(FakeImage("../../.ssh/x")) == refused("../../.ssh/x"));
  CHECK(VersionError(FakeImage("/etc/x")) == refused("/etc/x"));
  CHECK(VersionError(FakeImage(".hidden")) == refused(".hidden"));
  CHECK(VersionError(FakeImage("..")) == refused(".."));
}

TEST_CASE("versions compare by number") {
  CHECK(CompareVersions("6.9", "6.12") < 0);
  CHECK(CompareVersions("6.12.117+deb12", "6.12.99+deb12") > 0);
  CHECK(CompareVersions("6.12", "6.12") == 0);
  CHECK(CompareVersions("6.012", "6.12") == 0);
  CHECK(CompareVersions("6.12", "6.12.1") < 0);
  CHECK(CompareVersions("99999999999999999999999", "100000000000000000000000") < 0);
}

TEST_CASE("kernel packages: newest first, signed before unsigned, no debug symbols") {
  CHECK(KernelPackages("linux-image-6.12.9+deb12-cloud-amd64\n"
                       "linux-image-6.12-cloud-amd64\n"
                       "linux-image-6.12.117+deb12-cloud-amd64-dbg\n"
                       "linux-image-6.12.117+deb12-cloud-amd64-unsigned\n"
                       "linux-image-6.12.117+deb12-amd64\n"
                       "linux-image-6.12.117+deb12-cloud-amd64\n"
                       "linux-image-6.12.20+deb12-cloud-amd64") ==
        std::vector<std::string>{
            "linux-image-6.12.117+deb12-cloud-amd64", "linux-image-6.12.117+deb12-cloud-amd64-unsigned",
            "linux-image-6.12.20+deb12-cloud-amd64", "linux-image-6.12.9+deb12-cloud-amd64"});
}

TEST_CASE("a given image wins over the environment, which wins over the cache") {
  const FakeApt apt;
  const auto option = apt.dir().Write("boot/vmlinuz-6.1", FakeImage("6.1"));
  const auto environment = apt.dir().Write("other/vmlinuz", FakeImage("6.2"));
  (void)apt.dir().Write("boot/config-6.1", "CONFIG_SMP=y\n");
  REQUIRE(FetchDefaultKernel({}).ok());

  const auto by_option = ResolveKernel({option.string(), environment.string()}, {});
  REQUIRE(by_option.ok());
  CHECK(by_option->version == "6.1");
  CHECK(by_option->origin == "--kernel");
  CHECK(by_option->config == apt.dir() / "boot/config-6.1");
  const auto by_environment = ResolveKernel({"", environment.string()}, {});
  REQUIRE(by_environment.ok());
  CHECK(by_environment->origin == "$KTSTR_KERNEL");
  CHECK(by_environment->config.empty());
  CHECK(ResolveKernel({}, {}).value().origin == "cache");
  CHECK(ResolveKernel({"6.12.9+deb12-cloud-amd64", ""}, {}).value().image ==
        apt.Kernels() / "6.12.9+deb12-cloud-amd64/vmlinuz");
}

TEST_CASE("a word is a version, also where a file of that name lies in the working directory") {
  const FakeApt apt;
  REQUIRE(FetchDefaultKernel({}).ok());
  const std::string version = "6.12.9+deb12-cloud-amd64";
  (void)apt.dir().Write("work/" + version, FakeImage("6.66-planted"));
  (void)apt.dir().Write("work/bzImage", FakeImage("6.66-planted"));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(apt.dir() / "work");
  const auto by_version = ResolveKernel({version, ""}, {});
  const auto by_word = ResolveKernel({"bzImage", ""}, {});
  const auto by_path = ResolveKernel({"./bzImage", ""}, {});
  std::filesystem::current_path(before);
  CHECK(by_version.value().image == apt.Kernels() / version / "vmlinuz");
  CHECK(by_word.error().message ==
        "--kernel: no kernel of version 'bzImage' is in the cache, which has 6.12.9+deb12-cloud-amd64; an "
        "image is "
        "named by its path, e.g. ./bzImage");
  CHECK(by_path.value().version == "6.66-planted");
}

TEST_CASE("a bad --kernel or $KTSTR_KERNEL is an error that names it, never the next choice") {
  const FakeApt apt;
  const auto text = apt.dir().Write("notes.txt", "hello");
  CHECK(ResolveKernel({text.string(), ""}, {}).error().message ==
        "--kernel: '" + text.string() + "' is not a Linux kernel image (no bzImage header)");
  CHECK(ResolveKernel({"", "/nonexistent/vmlinuz"}, {}).error().message ==
        "$KTSTR_KERNEL: '/nonexistent/vmlinuz' does not exist");
  CHECK(ResolveKernel({apt.dir().path().string(), ""}, {}).error().message ==
        "--kernel: '" + apt.dir().path().string() + "' is a directory; give the image in it, e.g. " +
            (apt.dir() / "arch/x86/boot/bzImage").string());
  CHECK(apt.Log().empty());
}

TEST_CASE("the first use fetches the newest package apt offers; later ones use the cache") {
  const FakeApt apt;
  std::vector<std::string> lines;
  const KernelProgress progress = [&](std::string_view line) { lines.emplace_back(line); };
  const auto fetched = ResolveKernel({}, progress);
  REQUIRE(fetched.ok());
  CHECK(fetched->origin == "fetched");
  CHECK(fetched->version == "6.12.9+deb12-cloud-amd64");
  CHECK(fetched->package == "linux-image-6.12.9+deb12-cloud-amd64");
  CHECK(fetched->config == apt.Kernels() / "6.12.9+deb12-cloud-amd64/config");
  CHECK(fetched->system_map.empty());  // Debian's is a one-line remark
  CHECK(lines ==
        std::vector<std::string>{
            "fetching linux-image-6.12.9+deb12-cloud-amd64 (34 MB) with apt-get, into the cache only"});
  CHECK(ResolveKernel({}, progress).value().origin == "cache");
  CHECK(FetchDefaultKernel(progress).value().origin == "cache");
  CHECK(apt.Log() == "download\n");
  CHECK(lines.size() == 1);
}

TEST_CASE("a damaged or half-made kernel in the cache is not used but replaced") {
  const FakeApt apt;
  REQUIRE(FetchDefaultKernel({}).ok());
  const auto image = apt.Kernels() / "6.12.9+deb12-cloud-amd64/vmlinuz";
  std::string damaged = FakeImage("6.12.9+deb12-cloud-amd64");
  damaged.back() = '!';
  REQUIRE(WriteHostFile(image, damaged).ok());
  std::filesystem::create_directory(apt.Kernels() / "6.13");
  std::filesystem::create_directory(apt.Kernels() / ".fetch-1");
  CHECK(ListKernels().value().empty());
  CHECK(ResolveKernel({}, {}).value().origin == "fetched");
  CHECK(ListKernels().value().size() == 1);
  CHECK_FALSE(std::filesystem::exists(apt.Kernels() / ".fetch-1"));
}

TEST_CASE("concurrent runs fetch once") {
  const FakeApt apt;
  std::vector<std::thread> runs;
  std::atomic<int> fetched = 0, cached = 0;
  for (int i = 0; i < 4; ++i) {
    runs.emplace_back([&] {
      const auto kernel = FetchDefaultKernel({});
      if (kernel.ok()) ++(kernel->origin == "fetched" ? fetched : cached);
    });
  }
  for (std::thread& run : runs) run.join();
  CHECK(fetched == 1);
  CHECK(cached == 3);
  CHECK(apt.Log() == "download\n");
}

TEST_CASE("no network, no package, no apt: one line that says what to do, and nothing left in the cache") {
  const FakeApt apt;
  const std::string what_to_do = "; give one with --kernel IMAGE or $KTSTR_KERNEL";
  const bool root = ::geteuid() == 0;
  SECTION("offline") {
    (void)apt.dir().Write("offline", "");
    CHECK(ResolveKernel({}, {}).error().message ==
          "no kernel: apt-get download linux-image-6.12.9+deb12-cloud-amd64 failed: Failed to fetch "
          "http://deb: no route" +
              what_to_do);
  }
  SECTION("apt has no such package") {
    (void)apt.dir().Write("names", "");
    CHECK(ResolveKernel({}, {}).error().message ==
          (root ? "no kernel: apt offers no linux-image-6.12*-cloud-amd64 package" + what_to_do
                : "no kernel: apt knows no linux-image-6.12*-cloud-amd64 package (sudo apt-get update may "
                  "help)" +
                      what_to_do));
    CHECK(apt.Log() == (root ? "update\n" : ""));
  }
  SECTION("apt has no lists and the network is down") {
    (void)apt.dir().Write("names", "");
    (void)apt.dir().Write("offline", "");
    if (root) {
      CHECK(ResolveKernel({}, {}).error().message ==
            "no kernel: apt-get update could not fetch the package lists (is the network up?)" + what_to_do);
    }
  }
  SECTION("no apt") {
    std::filesystem::remove_all(apt.dir() / "bin");
    const ScopedEnvironment path("PATH", (apt.dir() / "bin").string());
    CHECK(ResolveKernel({}, {}).error().message == "no kernel: apt-cache was not found on PATH" + what_to_do);
  }
  SECTION("the package holds no kernel") {
    (void)apt.dir().Write("image", "not a kernel");
    CHECK(ResolveKernel({}, {}).error().message.ends_with("is not a Linux kernel image (no bzImage header)" +
                                                          what_to_do));
  }
  CHECK(ListKernels().value().empty());
  for (const auto& entry : std::filesystem::directory_iterator(apt.Kernels()))
    CHECK(entry.path().filename() == ".lock");
}

TEST_CASE("empty package lists are updated once, by root only") {
  const FakeApt apt;
  if (::geteuid() != 0) return;
  std::filesystem::copy_file(apt.dir() / "names", apt.dir() / "after-update",
                             std::filesystem::copy_options::overwrite_existing);
  (void)apt.dir().Write("names", "");
  CHECK(ResolveKernel({}, {}).value().origin == "fetched");
  CHECK(apt.Log() == "update\ndownload\n");
}

}  // namespace
}  // namespace ktstr::vmm
