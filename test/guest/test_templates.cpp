// Clones in good health: what they share with their template and what they do not; who makes it; where it
// lies.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <sstream>

#include "test/checkout.h"
#include "test/guest/live_guest.h"
#include "test/guest/template_cache.h"
#include "vmm/machine/guest_ram.h"
#include "vmm/template/template_cache.h"

namespace ktstr::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono;

constexpr const char* kTellsWhoItIs =
    "topology: 1n1l1c1t\n"
    "payloads: {p: {binary: sh, include: [cat, date], args: [-c, 'cat /proc/sys/kernel/random/boot_id "
    "/proc/sys/kernel/random/uuid; date +%s.%N']}}\n"
    "steps: [{ops: [{RunPayload: {payload: p}}, {WaitPayload: {payload: p, timeout: 60s}}]}]\n";

struct Told {
  std::string boot_id;
  std::string random;
  double time = 0;
};

Told Tells(const TemplateCache& cache, const std::vector<std::string>& args = {}) {
  const auto run = cache.Pass(kTellsWhoItIs, args);
  Told told;
  std::istringstream(run->Text("payload-0-p.stdout")) >> told.boot_id >> told.random >> told.time;
  REQUIRE(told.random.size() == 36);
  return told;
}

double Now() { return duration<double>(system_clock::now().time_since_epoch()).count(); }

TEST_CASE("the second run is a clone of what the first has made") {
  const TemplateCache cache;
  const auto first = cache.Pass();
  CHECK_THAT(Started(*first), Catch::Matches("clone of [0-9a-f]{16}"));
  CHECK(TemplatesMade(*first) == 1);
  const auto second = cache.Pass();
  CHECK(Started(*second) == Started(*first));
  CHECK(TemplatesMade(*second) == 0);
  CHECK(cache.Names() == std::vector<std::string>{Started(*first).substr(9)});
  CHECK(first->Warnings().empty());
  CHECK(second->Warnings().empty());
}

/// Stands for a QEMU that a guest has taken over: it writes to all files it can get at, then goes on.
constexpr const char* kTurncoat =
    "#!/bin/sh\n"
    "case \"$*\" in *-incoming*)\n"
    "  for file in /proc/self/fd/* \"$1\"; do test -f $file && echo evil 1<>$file; done 2>/dev/null\n"
    "esac\n"
    "exec qemu-system-x86_64 \"$@\"\n";

TEST_CASE("a QEMU that a guest has taken over cannot alter a template that later runs use") {
  const TempDir dir;
  const std::string qemu = WriteFile(dir.path(), "qemu", kTurncoat);
  fs::permissions(qemu, fs::perms::owner_all);
  const TemplateCache cache = TemplateCache::WithTemplate(qemu);
  const auto bytes = [&] {
    const Fd ram(::open(cache.File("ram0").c_str(), O_RDONLY | O_CLOEXEC));
    const Fd state(::open(cache.File("state").c_str(), O_RDONLY | O_CLOEXEC));
    return std::pair(vmm::HashPages(ram.get()).value(), vmm::HashPages(state.get()).value());
  };
  const auto before = bytes();
  const auto run = cache.Pass(kTiny, {"--qemu", qemu});
  CHECK_THAT(Started(*run), Catch::StartsWith("clone of "));
  CHECK(TemplatesMade(*run) == 0);
  CHECK(run->Warnings().empty());
  CHECK(bytes() == before);
}

TEST_CASE("what holds QEMU is in the verdict and said by -v") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  const auto run = cache.Pass(kTiny, {"-v"});
  const std::string holds = run->result().at("host").at("confinement");
  CHECK_THAT(holds, Catch::Contains("no new privileges, no core dumps, seccomp (templates are read-only, no "
                                    "file is opened for writing)"));
  CHECK_THAT(run->process().err(), Catch::Contains("QEMU: " + holds + "\n"));
}

TEST_CASE("with --no-clone it boots, and leaves the cache alone") {
  const TemplateCache cache;
  const auto run = cache.Pass(kTiny, {"--no-clone"});
  CHECK(Started(*run) == "boot");
  CHECK_FALSE(fs::exists(cache.templates()));
}

TEST_CASE("clones share a boot, and neither randomness nor the past") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  const Json manifest = Json::parse(ReadFile(cache.File("manifest.json")));
  const double before = Now();
  const Told first = Tells(cache), second = Tells(cache);
  const double after = Now();
  CHECK(first.boot_id == second.boot_id);
  CHECK(first.boot_id == manifest.at("boot_id"));
  CHECK(first.random != second.random);
  // However old the template is, and in the order in which they were run.
  CHECK(first.time > before - 2);
  CHECK(second.time > first.time);
  CHECK(second.time < after + 2);
  // On the wall clock --seed fixes what the guest is given, not when its interrupts come, which Linux mixes
  // in.
  const Told seeded = Tells(cache, {"--seed", "5"});
  CHECK(seeded.boot_id == first.boot_id);
  CHECK(seeded.random != first.random);
}

TEST_CASE("a clone's cgroups can be task groups before any request asks for it") {
  LiveGuest guest(Need(vmm::ResolveKernel({"", ""}, {})), Start::kClone);
  CHECK(guest.ReadFile("/sys/fs/cgroup/ktstr/cgroup.subtree_control") == "cpu\n");
  CHECK(guest.Call(CreateCgroup{"first"}).error.empty());
  CHECK(guest.ReadFile("/sys/fs/cgroup/ktstr/first/cpu.weight") == "100\n");
}

TEST_CASE("two runs at once make one template") {
  const TemplateCache cache;
  const auto maker = cache.Start();
  REQUIRE(maker->process().WaitForOutput("making a template (once for this kernel and machine)"));
  const auto other = cache.Start();
  REQUIRE(other->process().WaitForOutput("waiting for another run that makes the same template"));
  other->Finish("PASS");
  maker->Finish("PASS");
  CHECK(TemplatesMade(*maker) == 1);
  CHECK(TemplatesMade(*other) == 0);
  CHECK(Started(*other) == Started(*maker));
  CHECK(cache.Names().size() == 1);
}

TEST_CASE("a run that waits for another's template can be interrupted") {
  const TemplateCache cache;
  const auto maker = cache.Start();
  REQUIRE(maker->process().WaitForOutput("making a template"));
  const auto other = cache.Start();
  REQUIRE(other->process().WaitForOutput("waiting for another run"));
  other->process().Signal(SIGINT);
  other->Finish("ERROR");
  CHECK(other->cause() == "interrupted by SIGINT");
  maker->process().Signal(SIGINT);
  maker->Finish("ERROR");
  CHECK(cache.Names().empty());
}

TEST_CASE("making room does not disturb a clone that runs") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  const auto run = cache.Start(
      "topology: 1n1l1c1t\nsteps: [{cgroups: [{name: busy, work: [{type: SpinWait}]}], hold: 2s}]\n");
  REQUIRE(run->process().WaitForOutput("request      hold 2s"));
  const Result<vmm::TemplateCache> store = vmm::TemplateCache::Open(cache.templates());
  REQUIRE(store.ok());
  CHECK(store->Collect(0) > 0);
  CHECK(cache.Names().empty());
  run->Finish("PASS");
  CHECK(run->Warnings().empty());
}

TEST_CASE("a cache too small for one template still serves the run that makes it") {
  const TemplateCache cache;
  const auto run = cache.Pass(kTiny, {"--cache-size", "1MiB"});
  CHECK_THAT(Started(*run), Catch::StartsWith("clone of "));
  CHECK(TemplatesMade(*run) == 1);
  CHECK(run->Warnings().empty());
  CHECK(cache.Names().empty());
}

/// A file system of its own at `path`, as long as it lives.
class Disk {
 public:
  Disk(fs::path path, const std::string& options, unsigned long flags = 0) : path_(std::move(path)) {
    fs::create_directory(path_);
    mounted_ = mount("ktstr-test", path_.c_str(), "tmpfs", flags, options.c_str()) == 0;
  }
  ~Disk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  Disk(const Disk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  fs::path path_;
  bool mounted_ = false;
};

TEST_CASE("templates may lie on another file system") {
  const TemplateCache cache;
  const Disk disk(cache.home() / "ktstr-interp", "mode=700,size=512m");
  if (!disk.mounted()) return Skip("a file system cannot be mounted: not root?");
  const auto run = cache.Pass();
  CHECK_THAT(Started(*run), Catch::StartsWith("clone of "));
  CHECK(run->Warnings().empty());
}

TEST_CASE("without room for a template the run boots, and says why") {
  const TemplateCache cache;
  const Disk disk(cache.home() / "ktstr-interp", "mode=700,size=16m");
  if (!disk.mounted()) return Skip("a file system cannot be mounted: not root?");
  const auto run = cache.Pass();
  CHECK(Started(*run) == "boot");
  CHECK(run->Warnings() ==
        std::vector<std::string>{
            "no template: a template cannot be written: writing: No space left on device"});
  CHECK(cache.Names().empty());
}

void ExpectBootsWithWarning(const TemplateCache& cache, const std::string& why) {
  const auto run = cache.Pass();
  CHECK(Started(*run) == "boot");
  CHECK(run->Warnings().empty());  // it is about the invocation
  const std::string text = run->process().err();
  const std::string warning = "ktstr-interp: warning: the cache directory " +
                              (cache.home() / "ktstr-interp").string() + " cannot be written: " + why +
                              "; every machine is booted\n";
  const std::size_t at = text.find(warning);
  INFO(text);
  REQUIRE(at != std::string::npos);
  CHECK(text.find("warning", at + warning.size()) == std::string::npos);
}

TEST_CASE("where there is a file in the cache's place every machine boots, and it is said once") {
  const TemplateCache cache;
  WriteFile(cache.home(), "ktstr-interp", "");
  ExpectBootsWithWarning(cache, "Not a directory");
}

TEST_CASE("with a read-only cache every machine boots, and it is said once") {
  const TemplateCache cache;
  const Disk disk(cache.home() / "ktstr-interp", "", MS_RDONLY);
  if (!disk.mounted()) return Skip("a file system cannot be mounted: not root?");
  ExpectBootsWithWarning(cache, "Read-only file system");
}

TEST_CASE("another QEMU has templates of its own") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  const std::string key = cache.Names()[0];
  const fs::path qemu = cache.home() / "qemu-system-x86_64";
  fs::copy_file(kQemuShim, qemu);  // becomes the real one
  const auto run = cache.Pass(kTiny, {"--qemu", qemu.string()});
  CHECK_THAT(Started(*run), Catch::StartsWith("clone of "));
  CHECK(Started(*run) != "clone of " + key);
  CHECK(TemplatesMade(*run) == 1);
  CHECK(cache.Names().size() == 2);
  CHECK(run->Warnings().empty());
  std::ofstream(qemu, std::ios::app) << '\n';  // an update
  CHECK(TemplatesMade(*cache.Pass(kTiny, {"--qemu", qemu.string()})) == 1);
  CHECK(cache.Names().size() == 3);
}

}  // namespace
}  // namespace ktstr::test
