// `kernel build` with a source tree of ten lines: what is built, kept, gone on with, and said.
#include <fcntl.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "guest-init/base/fd.h"
#include "test/unit/vmm/host/temp_dir.h"
#include "test/unit/vmm/machine/fake_image.h"
#include "vmm/host/cache_dir.h"
#include "vmm/host/host_command.h"
#include "vmm/host/host_file.h"
#include "vmm/kernel/build_tools.h"
#include "vmm/kernel/kernel_build.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/kernel_config.h"
#include "vmm/kernel/kernel_make.h"

namespace ktstr::vmm {
namespace {

std::string ReadText(const std::filesystem::path& path) {
  const auto bytes = ReadHostFile(path);
  return bytes.ok() ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "";
}

/// A kernel tree that makes one file, then the image. Files beside the tree steer it: `fail`, `block`,
/// `drop`.
class FakeTree {
 public:
  FakeTree() {
    (void)dir_.Write("src/Makefile", R"(
allnoconfig:
	@touch ../drop; grep -v -x -F -f ../drop $(KCONFIG_ALLCONFIG) >$(O)/.config
olddefconfig: ;
bzImage: $(O)/one.o
	@if [ -e ../fail ]; then echo two.c:3: warning: odd; echo two.c:4: error: worse; echo more.c: error: no; exit 1; fi
	@if [ -e ../block ]; then echo >../block; sleep 1000; fi
	@mkdir -p $(O)/arch/x86/boot; cp image $(O)/arch/x86/boot/bzImage; cp /bin/true $(O)/vmlinux; touch $(O)/System.map
$(O)/one.o:
	@echo '  CC      one.o'; echo made >>../made; touch $@
)");
    (void)dir_.Write("src/Kconfig", "");
    (void)dir_.Write("src/arch/x86/Kconfig", "");
    (void)dir_.Write("src/image", FakeImage("6.12.9-ktstr-fake"));
  }
  [[nodiscard]] const TempDir& dir() const { return dir_; }
  [[nodiscard]] std::string Path() const { return (dir_ / "src").string(); }
  [[nodiscard]] std::filesystem::path Kernels() const { return dir_ / "cache/ktstr-interp/kernels"; }
  [[nodiscard]] std::string Made() const { return ReadText(dir_ / "made"); }
  [[nodiscard]] std::filesystem::path BuildTree() const {
    for (const auto& entry : std::filesystem::directory_iterator(Kernels()))
      if (entry.is_directory() && entry.path().filename().string().starts_with(".build-"))
        return entry.path();
    return {};
  }

 private:
  TempDir dir_;
  ScopedEnvironment cache_{"XDG_CACHE_HOME", (dir_ / "cache").string()};
};

KernelBuildRequest Of(const std::string& source, const std::string& fragment = {}, unsigned jobs = 1) {
  return {source, fragment, jobs, -1};
}

std::string BuildError(const KernelBuildRequest& request) {
  const auto kernel = BuildKernel(request, {});
  return kernel.ok() ? "no error" : kernel.error().message;
}

TEST_CASE("a kernel is built from a directory once, kept complete, and preferred by runs") {
  const FakeTree tree;
  std::vector<std::string> lines;
  const KernelProgress progress = [&](std::string_view line) { lines.emplace_back(line); };
  const auto built = BuildKernel(Of(tree.Path(), "", 2), progress);
  REQUIRE(built.ok());
  CHECK(built->origin == "built");
  CHECK(built->built);
  CHECK(built->source == tree.Path());
  const auto home = tree.Kernels() / "6.12.9-ktstr-fake";
  CHECK(built->image == home / "vmlinuz");
  CHECK(built->config == home / "config");
  CHECK(built->vmlinux == home / "vmlinux");
  CHECK(ReadText(home / "config").starts_with(KernelFragment()));
  CHECK(ReadText(home / "build.log").find("  CC      one.o\n") != std::string::npos);
  CHECK(tree.BuildTree().empty());
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "configuring " + tree.Path());
  CHECK(lines[1].starts_with("building with 2 jobs; log: " + tree.Kernels().string() + "/.build-"));
  CHECK(lines[2] == "1 files made in 0 s");

  CHECK(BuildKernel(Of(tree.Path()), {}).value().origin == "cache");
  CHECK(tree.Made() == "made\n");
  CHECK(ResolveKernel({}, {}).value().version == "6.12.9-ktstr-fake");
  CHECK(ResolveKernel({"6.12.9-ktstr-fake", ""}, {}).value().image == built->image);
}

TEST_CASE("another content or another fragment is another kernel; the user's options come last") {
  const FakeTree tree;
  const auto plain = BuildKernel(Of(tree.Path()), {}).value();
  const auto fragment = tree.dir().Write("my.config", "# CONFIG_KSM is not set\n");
  const auto mine = BuildKernel(Of(tree.Path(), fragment.string()), {}).value();
  CHECK(mine.key != plain.key);
  const std::string config = ReadText(mine.config);
  CHECK(config.find("CONFIG_KSM=y") < config.find("# CONFIG_KSM is not set\nCONFIG_LOCALVERSION") - 1);
  CHECK(config.find("\nCONFIG_LOCALVERSION=\"-ktstr-" + mine.key.substr(0, 6) + "\"\n") != std::string::npos);
  (void)tree.dir().Write("src/new.c", "int x;\n");
  CHECK(BuildKernel(Of(tree.Path()), {}).value().key != plain.key);
  CHECK(tree.Made() == "made\nmade\nmade\n");
}

TEST_CASE("a tarball is unpacked and built like a directory") {
  const FakeTree tree;
  const auto tar = tree.dir() / "linux.tar.xz";
  REQUIRE(RunCommand({"tar", "-cJf", tar.string(), "src"}, tree.dir().path()).value().exit_code == 0);
  // The tree lies in the cache, so that is where it looks for what steers it.
  const auto built = BuildKernel(Of(tar.string()), {});
  REQUIRE(built.ok());
  CHECK(built->source == tar);
  CHECK(BuildKernel(Of(tar.string()), {}).value().origin == "cache");
}

TEST_CASE("of a kernel source that was unpacked, what its schedulers are made of stays") {
  const FakeTree tree;
  (void)tree.dir().Write("src/tools/sched_ext/Makefile", "all: ;\n");
  const auto tar = tree.dir() / "linux.tar";
  REQUIRE(RunCommand({"tar", "-cf", tar.string(), "src"}, tree.dir().path()).value().exit_code == 0);
  REQUIRE(BuildKernel(Of(tar.string()), {}).ok());
  const auto kept = tree.dir() / "cache/ktstr-interp/schedulers/.build-6.12.9-ktstr-fake/source";
  CHECK(ReadText(kept / "tools/sched_ext/Makefile") == "all: ;\n");
  CHECK_FALSE(std::filesystem::exists(kept / "Makefile"));
  CHECK(tree.BuildTree().empty());
}

TEST_CASE("a build that breaks says the first error and the log; the next try goes on") {
  const FakeTree tree;
  (void)tree.dir().Write("fail", "");
  const std::string error = BuildError(Of(tree.Path()));
  CHECK(error ==
        "make failed: two.c:4: error: worse (log: " + (tree.BuildTree() / "build.log").string() + ")");
  CHECK(ListKernels().value().empty());
  std::filesystem::remove(tree.dir() / "fail");
  CHECK(BuildKernel(Of(tree.Path()), {}).value().origin == "built");
  CHECK(tree.Made() == "made\n");  // the first try's file served
  CHECK(tree.BuildTree().empty());
}

TEST_CASE("an interrupted build ends at once and is continued by the next") {
  const FakeTree tree;
  const auto fifo = tree.dir() / "block";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  const Fd cancel(::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));  // make writes into it
  KernelBuildRequest request = Of(tree.Path());
  request.cancel_fd = cancel.get();
  const auto stopped = BuildKernel(request, {});
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().kind == ErrorKind::kCancelled);
  CHECK(stopped.error().message == "the kernel build was interrupted; the same command goes on with it");
  std::filesystem::remove(fifo);
  CHECK(BuildKernel(Of(tree.Path()), {}).value().origin == "built");
  CHECK(tree.Made() == "made\n");
}

TEST_CASE("two builders at once: one builds, the other gets its kernel") {
  const FakeTree tree;
  std::atomic<int> built = 0, cached = 0;
  std::vector<std::thread> builders;
  for (int i = 0; i < 3; ++i) {
    builders.emplace_back([&] {
      const auto kernel = BuildKernel(Of(tree.Path()), {});
      if (kernel.ok()) ++(kernel->origin == "built" ? built : cached);
    });
  }
  for (std::thread& builder : builders) builder.join();
  CHECK(built == 1);
  CHECK(cached == 2);
  CHECK(tree.Made() == "made\n");
}

TEST_CASE("what is no kernel source is named as what it is") {
  const FakeTree tree;
  const std::string at = tree.dir().path().string();
  CHECK(BuildError(Of(at + "/none")) == "the kernel source '" + at + "/none' does not exist");
  CHECK(BuildError(Of(at)) == "'" + at + "' is not a kernel tree (it has no Makefile)");
  CHECK(BuildError(Of(tree.Path(), at + "/none")) == "--config: '" + at + "/none' does not exist");
  const auto text = tree.dir().Write("notes.tar", "hello");
  CHECK(BuildError(Of(text.string())) ==
        "the kernel source '" + text.string() +
            "' cannot be unpacked: tar: This does not look like a tar archive");
  REQUIRE(RunCommand({"tar", "-cf", at + "/other.tar", "src/arch"}, at).value().exit_code == 0);
  CHECK(BuildError(Of(at + "/other.tar")) ==
        "'" + at + "/other.tar' holds no kernel tree (it has no Makefile)");
  (void)tree.dir().Write("src/.config", "");
  CHECK(BuildError(Of(tree.Path())) ==
        "'" + tree.Path() +
            "' was built in, which keeps it from being built elsewhere; run `make "
            "-C " +
            tree.Path() + " mrproper`");
  CHECK(ListKernels().value().empty());
}

TEST_CASE("a configuration without required options is refused before the build, each with its hint") {
  const FakeTree tree;
  (void)tree.dir().Write("drop", "CONFIG_TMPFS=y\nCONFIG_EXT_GROUP_SCHED=y\n");
  CHECK(
      BuildError(Of(tree.Path())) ==
      "the configuration lacks 2 required options\n"
      "  CONFIG_TMPFS: guest-init mounts one on /tmp\n"
      "  CONFIG_EXT_GROUP_SCHED: sched_ext in cgroups; needs CONFIG_SCHED_CLASS_EXT and CONFIG_CGROUP_SCHED");
  CHECK(tree.Made().empty());
}

TEST_CASE("our fragment asks for all that is required, with a hint for each") {
  CHECK(LackingOptions(KernelFragment()).empty());
  CHECK(LackingOptions("").size() == RequiredOptions().size());
  for (const RequiredOption& option : RequiredOptions()) CHECK_FALSE(option.hint.empty());
}

std::string MissingText(const std::filesystem::path& bin,
                        std::span<const std::filesystem::path> include_dirs) {
  return MissingToolsText("building a kernel",
                          MissingBuildTools(KernelBuildTools(), bin.string(), include_dirs));
}

TEST_CASE("missing build tools are named all at once") {
  const TempDir dir;
  for (const char* tool : {"make", "gcc", "ld", "bc", "bison", "cpio", "lz4", "xz"})
    (void)dir.Write(std::string("bin/") + tool, "#!/bin/sh\n", 0755);
  (void)dir.Write("include/openssl/ssl.h", "");
  const std::vector<std::filesystem::path> include_dirs = {dir / "none", dir / "include"};
  CHECK(MissingText(dir / "bin", include_dirs) ==
        "building a kernel needs flex, pahole and libelf's headers; install them with: sudo apt-get install "
        "flex dwarves libelf-dev");
  (void)dir.Write("bin/flex", "", 0755);
  (void)dir.Write("bin/pahole", "", 0755);
  CHECK(MissingText(dir / "bin", include_dirs) ==
        "building a kernel needs libelf's headers; install it with: sudo apt-get install libelf-dev");
  (void)dir.Write("include/gelf.h", "");
  CHECK(MissingBuildTools(KernelBuildTools(), (dir / "bin").string(), include_dirs).empty());
}

TEST_CASE("the first error is found in a build log") {
  CHECK(FirstErrorLine("a\n  b.c:1: error: x \nc.c:2: error: y\n") == "b.c:1: error: x");
  CHECK(FirstErrorLine("a\nmake[1]: *** [x] Error 2\nmake: *** [y] Error 2\nlast") ==
        "make[1]: *** [x] Error 2");
  CHECK(FirstErrorLine("one\n  two  \n\n") == "two");
  CHECK(FirstErrorLine("").empty());
}

/// A kernel put into the made-up cache as a fetch or a build would.
void Put(const FakeTree& tree, const std::string& version, bool built) {
  const auto image = tree.dir().Write("cache/ktstr-interp/kernels/ready/vmlinuz", FakeImage(version));
  Kernel kernel;
  kernel.built = built;
  REQUIRE(PutKernel(tree.Kernels(), image.parent_path(), kernel).ok());
}

std::vector<std::string> Versions() {
  std::vector<std::string> versions;
  const std::vector<Kernel> listed = ListKernels().value();
  for (const Kernel& kernel : listed) versions.push_back(kernel.version);
  return versions;
}

TEST_CASE("built kernels come before fetched ones, the newest first") {
  const FakeTree tree;
  REQUIRE(KernelCacheDir().ok());
  Put(tree, "6.13.1-cloud", false);
  Put(tree, "6.12.9-ktstr", true);
  Put(tree, "6.12.10-ktstr", true);
  Put(tree, "6.12.8-cloud", false);
  CHECK(Versions() ==
        std::vector<std::string>{"6.12.10-ktstr", "6.12.9-ktstr", "6.13.1-cloud", "6.12.8-cloud"});
  CHECK(ResolveKernel({}, {}).value().version == "6.12.10-ktstr");
}

TEST_CASE("gc keeps the newest of each kind, and nothing damaged or abandoned") {
  const FakeTree tree;
  REQUIRE(KernelCacheDir().ok());
  for (const char* version : {"6.12.8-cloud", "6.12.9-cloud"}) Put(tree, version, false);
  for (const char* version : {"6.12.8-ktstr", "6.12.9-ktstr"}) Put(tree, version, true);
  (void)tree.dir().Write("cache/ktstr-interp/kernels/6.11/vmlinuz", "damaged");
  (void)tree.dir().Write("cache/ktstr-interp/kernels/.build-12/obj/a.o", std::string(5000, 'x'));
  (void)tree.dir().Write("cache/ktstr-interp/kernels/.fetch-1/part", "x");
  const auto removed = KeepNewestKernels(1, {});
  REQUIRE(removed.ok());
  std::vector<std::string> what;
  for (const RemovedKernel& kernel : *removed) what.push_back(kernel.what);
  CHECK(what == std::vector<std::string>{"6.12.8-ktstr (built)", "6.12.8-cloud (fetched)", "6.11 (damaged)",
                                         "an abandoned fetch (.fetch-1)", "an abandoned build (.build-12)"});
  CHECK(removed->back().bytes == 5000);
  CHECK(Versions() == std::vector<std::string>{"6.12.9-ktstr", "6.12.9-cloud"});
  CHECK(KeepNewestKernels(1, {}).value().empty());
}

TEST_CASE("gc leaves a build in progress alone") {
  const FakeTree tree;
  const auto kernels = KernelCacheDir().value();
  const auto lock = FileLock::Acquire(kernels / ".build.lock");
  REQUIRE(lock.ok());
  std::filesystem::create_directory(kernels / ".build-12");
  std::vector<std::string> lines;
  CHECK(KeepNewestKernels(0, [&](std::string_view line) { lines.emplace_back(line); }).value().empty());
  CHECK(lines == std::vector<std::string>{"a build by another ktstr-interp goes on; its files stay"});
  CHECK(std::filesystem::exists(kernels / ".build-12"));
}

}  // namespace
}  // namespace ktstr::vmm
