// `schedulers build` with a kernel source of ten lines and a made-up clang; where what it built is found.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <regex>

#include "guest-init/base/fd.h"
#include "test/checkout.h"
#include "test/unit/vmm/host/temp_dir.h"
#include "test/unit/vmm/machine/fake_image.h"
#include "vmm/host/cache_dir.h"
#include "vmm/host/host_file.h"
#include "vmm/kernel/build_tools.h"
#include "vmm/kernel/kernel_cache.h"
#include "vmm/kernel/scheduler_build.h"
#include "vmm/kernel/scheduler_sources.h"
#include "vmm/kernel/scheduler_tree.h"
#include "vmm/kernel/schedulers.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

std::string TextOf(const fs::path& path) {
  const auto bytes = ReadHostFile(path);
  return bytes.ok() ? std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()) : "";
}

/// A kernel source whose schedulers are copies of /bin/true, and a cache with a kernel of it. The file `fail`
/// beside the source makes the build fail.
class FakeSource {
 public:
  FakeSource() {
    for (const char* file : {"Makefile", "Kconfig", "arch/x86/Kconfig"}) (void)dir_.Write(src(file), "");
    for (const char* scheduler : {"scx_simple", "scx_qmap"})
      (void)dir_.Write(src(std::string("tools/sched_ext/") + scheduler + ".bpf.c"), "");
    (void)dir_.Write(src("tools/bpf/bpftool/Makefile"),
                     "bootstrap: ; @mkdir -p $(OUTPUT)bootstrap; touch $(OUTPUT)bootstrap/bpftool\n");
    // The rule of the loader is our own; what its variables stand for is faked.
    (void)dir_.Write(src("tools/sched_ext/Makefile"),
                     "BINDIR = $(O)/build/bin\nCC = cp /bin/true $(BINDIR)/ktstr_load; :\n"
                     "all: $(c-sched-targets) ; @echo $(CLANG) $(c-sched-targets) >>" +
                         made() + "\n$(c-sched-targets):\n\t@if [ -e " + (dir_ / "fail").string() +
                         " ]; then echo $@.bpf.c:7:1: error: no such kfunc; exit 1; fi\n"
                         "\t@test -e $(VMLINUX_BTF) -a -e $(BPFTOOL)\n"
                         "\t@mkdir -p $(BINDIR); cp /bin/true $(BINDIR)/$@\n"
                         "$(BINDIR): ; @mkdir -p $@\n");
    for (const char* tool : {"clang-19", "python3", "xz"})  // only looked for
      (void)dir_.Write(std::string("bin/") + tool, "#!/bin/sh\n", 0755);
    CacheKernel("6.12.9-ktstr", "one");
  }

  void CacheKernel(const std::string& version, const std::string& key) const {
    REQUIRE(KernelCacheDir().ok());
    const std::string ready = "cache/ktstr-interp/kernels/ready/";
    (void)dir_.Write(ready + "vmlinux", "types");
    const auto image = dir_.Write(ready + "vmlinuz", FakeImage(version));
    Kernel kernel;
    kernel.built = true;
    kernel.source = (dir_ / "src").string();
    kernel.key = key;
    REQUIRE(PutKernel(KernelCacheDir().value(), image.parent_path(), kernel).ok());
  }
  [[nodiscard]] const TempDir& dir() const { return dir_; }
  [[nodiscard]] fs::path cache() const { return dir_ / "cache/ktstr-interp/schedulers"; }
  [[nodiscard]] std::string Made() const { return TextOf(made()); }
  [[nodiscard]] std::string made() const { return (dir_ / "made").string(); }

 private:
  static std::string src(const std::string& name) { return "src/" + name; }

  TempDir dir_;
  ScopedEnvironment cache_{"XDG_CACHE_HOME", (dir_ / "cache").string()};
  ScopedEnvironment path_{"PATH", (dir_ / "bin").string() + ":/usr/local/bin:/usr/bin:/bin"};
};

SchedulerBuildRequest Names(std::vector<std::string> names) { return {std::move(names), "", "", 1, -1}; }

std::string BuildError(const SchedulerBuildRequest& request) {
  const auto built = BuildSchedulers(request, {});
  return built.ok() ? "no error" : built.error().message;
}

std::string FoundIn(const fs::path& cache, std::string_view name, std::string_view kernel = "6.12.9-ktstr") {
  const auto found = FindBuiltScheduler(cache, name, kernel);
  return found.ok() ? found->string() : found.error().message;
}

TEST_CASE("schedulers are built once, with the kernel's types and source, and found afterwards") {
  const FakeSource source;
  CHECK(FoundIn(source.cache(), "scx_simple") ==
        "the scheduler scx_simple is not built; `ktstr-interp schedulers build` builds it");
  std::vector<std::string> lines;
  const auto built = BuildSchedulers(Names({}), [&](std::string_view line) { lines.emplace_back(line); });
  REQUIRE(built.ok());
  const fs::path place = source.cache() / "6.12.9-ktstr";
  CHECK(built->kernel == "6.12.9-ktstr");
  CHECK_FALSE(built->from_cache);
  CHECK(built->files ==
        std::vector<fs::path>{place / "scx_simple", place / "scx_qmap", SchedulerBinary(place, "ktstr_scx"),
                              SchedulerBinary(place, kObjectLoader), SchedulerBinary(place, kProbeProgram)});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] == "building scx_simple, scx_qmap, ktstr_scx, ktstr_load, ktstr_probe of " +
                        (source.dir() / "src").string() + " with clang-19; log: " +
                        (source.cache() / ".build-6.12.9-ktstr/build.log").string());
  CHECK(FoundIn(source.cache(), "scx_qmap") == (place / "scx_qmap").string());
  // Another kernel takes what there is; a scheduler that the source lacks stays unbuilt.
  CHECK(FoundIn(source.cache(), "scx_qmap", "6.13.0") == (place / "scx_qmap").string());
  CHECK(FoundIn(source.cache(), "scx_flatcg") ==
        "the scheduler scx_flatcg is not built; `ktstr-interp schedulers build` builds it");

  CHECK(BuildSchedulers(Names({}), {}).value().from_cache);
  const auto again = BuildSchedulers(Names({"scx_qmap"}), {});
  CHECK(again.value().from_cache);
  CHECK(again.value().files == std::vector<fs::path>{place / "scx_qmap"});
  CHECK(source.Made() == "clang-19 scx_simple scx_qmap ktstr_scx ktstr_probe\n");
  REQUIRE(WriteHostFile(place / "built.json", "{").ok());  // then nobody knows what they are of
  CHECK_FALSE(BuildSchedulers(Names({}), {}).value().from_cache);
}

TEST_CASE("a kernel built anew needs its schedulers anew, and one that is gone takes its own along") {
  const FakeSource source;
  REQUIRE(BuildSchedulers(Names({"scx_simple"}), {}).ok());
  source.CacheKernel("6.12.9-ktstr", "two");
  CHECK_FALSE(BuildSchedulers(Names({"scx_simple"}), {}).value().from_cache);
  CHECK(source.Made() == "clang-19 scx_simple\nclang-19 scx_simple\n");
  source.CacheKernel("6.12.10-ktstr", "three");
  fs::remove_all(source.dir() / "cache/ktstr-interp/kernels/6.12.9-ktstr");
  CHECK(BuildSchedulers(Names({"scx_simple"}), {}).value().kernel == "6.12.10-ktstr");
  CHECK_FALSE(fs::exists(source.cache() / "6.12.9-ktstr"));
  CHECK_FALSE(fs::exists(source.cache() / ".build-6.12.9-ktstr"));
}

TEST_CASE("our own scheduler is compiled from this program's sources, and anew when they are others") {
  const FakeSource source;
  REQUIRE(BuildSchedulers(Names({"ktstr_scx"}), {}).ok());
  const fs::path place = source.cache() / "6.12.9-ktstr";
  const fs::path sources = source.cache() / ".build-6.12.9-ktstr/source/tools/sched_ext";
  CHECK(TextOf(sources / "ktstr_scx.bpf.c").find("char _license[]") != std::string::npos);
  CHECK(TextOf(sources / "ktstr_scx_faults.inc").find("#define KTSTR_FAULTS(X)") != std::string::npos);
  CHECK(FoundIn(source.cache(), "ktstr_scx") == SchedulerBinary(place, "ktstr_scx").string());

  // Another program, of other sources, has built its own.
  const fs::path others = place / "0123456789abcdef/ktstr_scx";
  fs::create_directories(others.parent_path());
  fs::rename(SchedulerBinary(place, "ktstr_scx"), others);
  REQUIRE(WriteHostFile(sources / "ktstr_scx.bpf.c", "other").ok());
  CHECK(FoundIn(source.cache(), "ktstr_scx") ==
        "the scheduler ktstr_scx is not built; `ktstr-interp schedulers build` builds it");
  CHECK_FALSE(BuildSchedulers(Names({}), {}).value().from_cache);
  CHECK(FoundIn(source.cache(), "ktstr_scx") == SchedulerBinary(place, "ktstr_scx").string());
  CHECK(TextOf(sources / "ktstr_scx.bpf.c").find("char _license[]") != std::string::npos);
  CHECK(fs::exists(others));
}

TEST_CASE("the loader of BPF objects is built from this program's sources, by itself or with all others") {
  const FakeSource source;
  CHECK(FoundIn(source.cache(), kObjectLoader) ==
        "ktstr_load, which loads BPF objects, is not built; `ktstr-interp schedulers build` builds it");
  const auto built = BuildSchedulers(Names({"ktstr_load"}), {});
  INFO((built.ok() ? "" : built.error().message));
  REQUIRE(built.ok());
  const fs::path loader = SchedulerBinary(source.cache() / "6.12.9-ktstr", kObjectLoader);
  CHECK(built->files == std::vector<fs::path>{loader});
  CHECK(FoundIn(source.cache(), kObjectLoader) == loader.string());
  const fs::path text = source.cache() / ".build-6.12.9-ktstr/source/tools/sched_ext/ktstr_load.c";
  CHECK(TextOf(text).find("bpf_map__attach_struct_ops") != std::string::npos);
  CHECK(BuildSchedulers(Names({"ktstr_load"}), {}).value().from_cache);
  CHECK(FoundIn(source.cache(), "scx_simple").find("is not built") != std::string::npos);
  CHECK(FindShippedScheduler(kObjectLoader) == nullptr);  // no scenario can name it as its scheduler
}

TEST_CASE("what older versions of this program built of its own is removed when a week has passed") {
  const FakeSource source;
  REQUIRE(BuildSchedulers(Names({"ktstr_scx"}), {}).ok());
  const fs::path place = source.cache() / "6.12.9-ktstr";
  const fs::path old = place / "0123456789abcdef", recent = place / "fedcba9876543210";
  const auto days_ago = [](int days) {
    return fs::file_time_type::clock::now() - std::chrono::hours(24 * days);
  };
  for (const fs::path& other : {old, recent}) {
    fs::create_directories(other);
    REQUIRE(WriteHostFile(other / "ktstr_scx", "").ok());
  }
  fs::last_write_time(old, days_ago(8));
  fs::last_write_time(recent, days_ago(6));
  fs::last_write_time(SchedulerBinary(place, "ktstr_scx").parent_path(), days_ago(8));
  REQUIRE(BuildSchedulers(Names({"scx_simple"}), {}).ok());
  CHECK_FALSE(fs::exists(old));
  CHECK(fs::exists(recent / "ktstr_scx"));
  CHECK(FoundIn(source.cache(), "ktstr_scx") == SchedulerBinary(place, "ktstr_scx").string());
}

TEST_CASE("what the kernel build unpacked serves the schedulers, which then need no source") {
  const FakeSource source;
  const Kernel kernel = ListKernels().value().front();
  KernelSource unpacked;
  unpacked.name = "linux 1";
  unpacked.identity = "one";
  const fs::path copy = source.cache().parent_path() / "copy";
  REQUIRE(SchedulerCacheDir().ok());
  fs::copy(source.dir() / "src", copy, fs::copy_options::recursive);
  fs::remove_all(source.dir() / "src");  // where the kernel says that it came from
  KeepSchedulerSource(copy, unpacked, kernel);
  std::vector<std::string> lines;
  const auto built = BuildSchedulers(Names({}), [&](std::string_view line) { lines.emplace_back(line); });
  INFO((built.ok() ? "" : built.error().message));
  REQUIRE(built.ok());
  CHECK(built->files.size() == 5);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with(
      "building scx_simple, scx_qmap, ktstr_scx, ktstr_load, ktstr_probe of linux 1 with clang-19; log: "));
}

TEST_CASE("a build of schedulers that breaks says the first error and the log, and replaces nothing") {
  const FakeSource source;
  REQUIRE(BuildSchedulers(Names({"scx_simple"}), {}).ok());
  (void)source.dir().Write("fail", "");
  CHECK(BuildError(Names({"scx_qmap"})) ==
        "the schedulers cannot be built: scx_qmap.bpf.c:7:1: error: no such kfunc (log: " +
            (source.cache() / ".build-6.12.9-ktstr/build.log").string() + ")");
  CHECK(FoundIn(source.cache(), "scx_simple") == (source.cache() / "6.12.9-ktstr/scx_simple").string());
}

TEST_CASE("the documents tell of every fault of our scheduler what was said of it") {
  const std::string docs = TextOf(fs::path(test::kSourceDir) / "docs/SCHEDULERS.md");
  const std::string text(OurSchedulerSources().back().text);
  const std::regex row("X\\(([0-9]+), [A-Z_]+, \"([a-z-]+)\"");
  std::size_t faults = 0;
  for (auto at = std::sregex_iterator(text.begin(), text.end(), row); at != std::sregex_iterator(); ++at) {
    ++faults;
    const std::string number = (*at)[1], name = (*at)[2];
    INFO(number << ' ' << name);
    CHECK(std::regex_search(
        docs, std::regex("\n\\|[0-9, ]*\\b" + number + "\\b[0-9, ]*\\|[^|]*\\b" + name + "\\b")));
  }
  CHECK(faults == 25);
}

TEST_CASE("a build of schedulers that is interrupted is gone on with by the next") {
  const FakeSource source;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd cancel(ends[0]), signal(ends[1]);
  REQUIRE(::write(signal.get(), "x", 1) == 1);
  SchedulerBuildRequest request = Names({"scx_simple"});
  request.cancel_fd = cancel.get();
  const auto stopped = BuildSchedulers(request, {});
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().kind == ErrorKind::kCancelled);
  CHECK(stopped.error().message ==
        "the build of schedulers was interrupted; the same command goes on with it");
  CHECK_FALSE(fs::exists(source.cache() / "6.12.9-ktstr"));
  CHECK_FALSE(BuildSchedulers(Names({"scx_simple"}), {}).value().from_cache);
}

TEST_CASE("what keeps schedulers from being built is one line that says what to do") {
  const FakeSource source;
  CHECK(BuildError(Names({"scx_smple"})) ==
        "there is no scheduler 'scx_smple' among the shipped ones (scx_simple, scx_qmap, scx_central, "
        "scx_flatcg, ktstr_scx)");
  CHECK(BuildError(Names({"scx_flatcg"})) ==
        "the kernel source '" + (source.dir() / "src").string() + "' has no scx_flatcg");
  SchedulerBuildRequest request = Names({});
  request.kernel = "6.99";
  CHECK(BuildError(request) ==
        "no kernel 6.99 that was built is in the cache; `ktstr-interp kernel list` shows which are");
  fs::remove_all(source.dir() / "src/tools/sched_ext");
  fs::remove_all(source.cache());
  CHECK(BuildError(Names({})) ==
        "'" + (source.dir() / "src").string() + "' holds no kernel tree (it has no tools/sched_ext)");
  fs::remove_all(source.dir() / "cache/ktstr-interp/kernels");
  CHECK(
      BuildError(Names({})) ==
      "schedulers are built with the types of a kernel that was built; none is cached, `ktstr-interp kernel "
      "build` makes one");
}

TEST_CASE("a clang that is too old for schedulers is none") {
  const TempDir dir;
  const std::string bin = (dir / "bin").string();
  (void)dir.Write("bin/clang-14", "#!/bin/sh\n", 0755);
  (void)dir.Write("bin/clang", "#!/bin/sh\necho 14.0.6\n", 0755);
  CHECK(FindBpfClang(bin).empty());
  for (const char* tool : {"make", "gcc", "ld", "python3", "xz"})
    (void)dir.Write(std::string("bin/") + tool, "#!/bin/sh\n", 0755);
  const std::vector<fs::path> include_dirs = {"/usr/include"};
  CHECK(
      MissingToolsText("building schedulers", MissingBuildTools(SchedulerBuildTools(), bin, include_dirs)) ==
      "building schedulers needs clang 16 or later; install it with: sudo apt-get install clang-19");
  (void)dir.Write("bin/clang", "#!/bin/sh\necho 18.1.3\n", 0755);
  CHECK(FindBpfClang(bin) == "clang");
  (void)dir.Write("bin/clang-16", "#!/bin/sh\n", 0755);
  CHECK(FindBpfClang(bin) == "clang-16");
}

}  // namespace
}  // namespace ktstr::vmm
