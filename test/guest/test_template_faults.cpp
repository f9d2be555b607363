// Templates that are damaged or half made, and clones that die: the run must not notice, or say why it ended.
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "guest-init/base/fd.h"
#include "test/checkout.h"
#include "test/guest/template_cache.h"
#include "vmm/machine/guest_ram.h"

namespace ktstr::test {
namespace {

namespace fs = std::filesystem;

// ---- the program is killed while it saves ----

/// Starts a run and kills it as soon as `file` of the template under way is there ("": its directory). False
/// when the run was faster.
bool KilledAt(const TemplateCache& cache, const fs::path& yaml, const std::string& file) {
  const auto begun = fs::file_time_type::clock::now();
  CliProcess run({"run", yaml.string(), "--out", (cache.home() / "out").string(), "--accel", "tcg",
                  "--kernel", DefaultKernel()},
                 {"XDG_CACHE_HOME=" + cache.home().string(), "TMPDIR=" + cache.home().string()});
  const auto is_there = [&] {
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(cache.templates(), absent)) {
      if (!entry.path().filename().string().ends_with(".new")) continue;
      const fs::file_time_type written = fs::last_write_time(entry.path() / file, absent);
      if (!absent && written > begun) return true;  // of this run, not of one killed before
    }
    return false;
  };
  // Much finer than WaitUntil: the files appear within milliseconds of each other.
  for (siginfo_t ended{}; !is_there(); ::usleep(100))
    if (::waitid(P_PID, static_cast<id_t>(run.pid()), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        ended.si_pid != 0)
      return false;
  run.Signal(SIGKILL);
  CHECK(run.Finish() == 128 + SIGKILL);
  CHECK(WaitUntil([&] { return ProcessesWith(cache.home().string()).empty(); }));
  return true;
}

bool HalfMade(const TemplateCache& cache) {
  const std::vector<std::string> left = cache.Names();
  return std::any_of(left.begin(), left.end(), [](const auto& name) { return name.ends_with(".new"); });
}

TEST_CASE("killed at any point of saving, the next run recovers") {
  const TemplateCache cache;
  const fs::path yaml = WriteFile(cache.home(), "scenario.yaml", std::string("version: 1\n") + kTiny);
  for (const std::string point : {"", "initramfs.img", "state", "ram0"}) {
    INFO("killed when '" << point << "' appeared");
    // The point lasts for milliseconds; on a busy host we may be off the CPU for longer, and miss it.
    while (!KilledAt(cache, yaml, point) || !HalfMade(cache)) fs::remove_all(cache.templates());
    CHECK(cache.Names().size() == 1);
  }
  const auto run = cache.Pass();
  CHECK(TemplatesMade(*run) == 1);
  CHECK(run->Warnings().empty());
  CHECK("clone of " + cache.Names().at(0) == Started(*run));
  CHECK(cache.Names().size() == 1);
}

TEST_CASE("killed when all is written, the next run recovers") {
  const TemplateCache cache;
  const fs::path yaml = WriteFile(cache.home(), "scenario.yaml", std::string("version: 1\n") + kTiny);
  static_cast<void>(
      KilledAt(cache, yaml, "manifest.json"));  // either just before or just after it has its name
  const auto run = cache.Pass();
  CHECK(run->Warnings().empty());
  CHECK(std::vector<std::string>{Started(*run).substr(9)} == cache.Names());
}

// ---- the files are damaged ----

void FlipByte(const fs::path& path, off_t at) {
  const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  char byte = 0;
  REQUIRE(::pread(file.get(), &byte, 1, at) == 1);
  byte = static_cast<char>(byte ^ 1);
  REQUIRE(::pwrite(file.get(), &byte, 1, at) == 1);
}

/// The template is made anew under its old name, and nobody need know.
void ExpectMadeAnew(const TemplateCache& cache) {
  const std::string key = cache.Names().at(0);
  const auto run = cache.Pass();
  CHECK(Started(*run) == "clone of " + key);
  CHECK(TemplatesMade(*run) == 1);
  CHECK(run->Warnings().empty());
  CHECK(cache.Names() == std::vector<std::string>{key});
  const auto next = cache.Pass();
  CHECK(TemplatesMade(*next) == 0);
}

TEST_CASE("a template whose memory is cut short is made anew") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  fs::resize_file(cache.File("ram0"), fs::file_size(cache.File("ram0")) / 2);
  ExpectMadeAnew(cache);
}

TEST_CASE("a template with one flipped bit in its memory is made anew") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  FlipByte(cache.File("ram0"), 0x1000000);  // where the kernel lies
  ExpectMadeAnew(cache);
}

TEST_CASE("a template with one flipped bit in its state is made anew") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  FlipByte(cache.File("state"), static_cast<off_t>(fs::file_size(cache.File("state")) / 2));
  ExpectMadeAnew(cache);
}

TEST_CASE("a template whose state is empty is made anew") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  fs::resize_file(cache.File("state"), 0);
  ExpectMadeAnew(cache);
}

TEST_CASE("a template without a readable manifest is made anew") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  fs::resize_file(cache.File("manifest.json"), 40);
  ExpectMadeAnew(cache);
}

TEST_CASE("a template that QEMU refuses is removed with a warning and made anew") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  const std::string key = cache.Names()[0];
  WriteFile(cache.templates() / key, "state", "no state at all, but with the right hash");
  const Fd state(::open(cache.File("state").c_str(), O_RDONLY | O_CLOEXEC));
  Json manifest = Json::parse(ReadFile(cache.File("manifest.json")));
  manifest["state_hash"] = *vmm::HashPages(state.get());
  WriteFile(cache.templates() / key, "manifest.json", manifest.dump());
  const auto run = cache.Pass();
  CHECK(Started(*run) == "clone of " + key);
  CHECK(TemplatesMade(*run) == 1);
  REQUIRE(run->Warnings().size() == 1);
  CHECK_THAT(run->Warnings()[0], Catch::Matches("a clone of template " + key +
                                                " did not start \\(.+\\); the "
                                                "template was removed"));
}

// ---- a clone's QEMU dies ----

/// The shim and the FIFO from which it takes deaths, in one directory: beside itself it may read.
class ShimWithDeaths {
 public:
  ShimWithDeaths(const TemplateCache& cache, int deaths) : directory_(cache.home() / "shim") {
    fs::create_directory(directory_);
    fs::copy_file(kQemuShim, shim());
    REQUIRE(::mkfifo(fifo().c_str(), 0600) == 0);
    fifo_ = Fd(::open(fifo().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    const std::string bytes(static_cast<std::size_t>(deaths), '.');
    REQUIRE(::write(fifo_.get(), bytes.data(), bytes.size()) == deaths);
  }
  [[nodiscard]] fs::path shim() const { return directory_ / "qemu_shim"; }
  [[nodiscard]] fs::path fifo() const { return directory_ / "deaths"; }
  [[nodiscard]] int left() const {
    int bytes = -1;
    ::ioctl(fifo_.get(), FIONREAD, &bytes);
    return bytes;
  }

 private:
  fs::path directory_;
  Fd fifo_;
};

/// A run in which clones die at `point`, as often as `deaths` allows.
std::unique_ptr<GuestRun> WithDeaths(const TemplateCache& cache, const std::string& point,
                                     const ShimWithDeaths& deaths) {
  return cache.Pass(kTiny, {"--qemu", deaths.shim().string()},
                    {"KTSTR_SHIM=" + point, "KTSTR_SHIM_DEATHS=" + deaths.fifo().string()});
}

void ExpectRetried(const std::string& point, const std::string& cause) {
  const TemplateCache cache = TemplateCache::WithTemplate(kQemuShim);
  const std::string key = cache.Names()[0];
  const auto run = WithDeaths(cache, point, ShimWithDeaths(cache, 1));
  CHECK(Started(*run) == "clone of " + key);
  CHECK(TemplatesMade(*run) == 1);
  CHECK(run->Warnings() == std::vector<std::string>{"a clone of template " + key + " did not start (" +
                                                    cause + "); the template was removed"});
}

TEST_CASE("a clone whose QEMU dies before it loads is tried again") {
  ExpectRetried("start", "QEMU would not start: it exited with code 1");
}

TEST_CASE("a clone whose QEMU dies while it loads is tried again") {
  ExpectRetried("load", "QEMU would not start: it was killed by SIGKILL");
}

TEST_CASE("a clone whose QEMU dies before the guest has answered is tried again") {
  ExpectRetried("cont", "QEMU was killed by SIGKILL");
}

TEST_CASE("when no clone lives the guest is booted") {
  const TemplateCache cache = TemplateCache::WithTemplate(kQemuShim);
  const std::string key = cache.Names()[0];
  const ShimWithDeaths deaths(cache, 99);
  const auto run = WithDeaths(cache, "cont", deaths);
  CHECK(Started(*run) == "boot");
  CHECK(deaths.left() == 97);
  const std::string warning =
      "a clone of template " + key + " did not start (QEMU was killed by SIGKILL); the template was removed";
  CHECK(run->Warnings() == std::vector<std::string>{warning, warning});
  CHECK(cache.Names().empty());
}

TEST_CASE("a clone whose QEMU dies in the middle of the scenario ends the run, and not the template") {
  const TemplateCache cache = TemplateCache::WithTemplate();
  const auto run = cache.Start("topology: 1n1l1c1t\nsteps: [{hold: 60s}]\n");
  REQUIRE(run->process().WaitForOutput("request      hold 1m"));
  const std::vector<pid_t> qemu = run->process().Children();
  REQUIRE(qemu.size() == 1);
  REQUIRE(kill(qemu[0], SIGKILL) == 0);
  run->Finish("ERROR");
  CHECK(run->first_line() == "ERROR scenario.yaml: QEMU was killed by SIGKILL");
  CHECK_THAT(Started(*run), Catch::StartsWith("clone of "));
  CHECK(run->Warnings().empty());
  CHECK(cache.Names().size() == 1);
}

TEST_CASE("a QEMU that no longer starts at all ends the run once") {
  const TemplateCache cache = TemplateCache::WithTemplate(kQemuShim);
  const std::string key = cache.Names()[0], why = "QEMU would not start: it exited with code 1";
  const auto run = cache.Start(kTiny, {"--qemu", kQemuShim}, {"KTSTR_SHIM=never"});
  run->Finish("ERROR");
  CHECK(run->cause() == why);
  CHECK(run->Warnings() == std::vector<std::string>{"a clone of template " + key + " did not start (" + why +
                                                        "); the template was removed",
                                                    "no template: " + why});
  CHECK(cache.Names().empty());
}

}  // namespace
}  // namespace ktstr::test
