// What can be wrong with the host: payloads, kernels, QEMU, KVM, disks. Each a cause in one line, before or
// instead of a boot.
#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

constexpr const char* kIdle = "steps: [{hold: 1ms}]\n";

std::string RunsPayload(const std::string& binary) {
  return "payloads: {p: {binary: '" + binary +
         "'}}\nsteps: [{ops: [{RunPayload: {payload: p}}, {WaitPayload: {payload: p}}]}]\n";
}

TEST_CASE("a payload binary that is not there") {
  GuestRun run(RunsPayload("no-such-program"));
  run.Finish("ERROR");
  CHECK(run.first_line() ==
        "ERROR scenario.yaml: program 'no-such-program' was not found beside the scenario or on PATH");
}

TEST_CASE("a payload binary for another architecture") {
  const TempDir dir;
  const std::filesystem::path arm = dir.path() / "arm";
  std::filesystem::copy_file("/bin/true", arm);
  std::fstream elf(arm, std::ios::in | std::ios::out | std::ios::binary);
  elf.seekp(18).write("\xb7\0", 2);  // e_machine: AArch64
  elf.close();
  GuestRun run(RunsPayload(arm.string()), {"--allow-host-files"});
  run.Finish("ERROR");
  CHECK(run.cause() == "'" + arm.string() + "' is built for AArch64; the guest is x86-64");
}

TEST_CASE("a payload that is no program at all") {
  const TempDir dir;
  const std::string file = WriteFile(dir.path(), "notes", "just text\n");
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  GuestRun run(RunsPayload(file), {"--allow-host-files"});
  run.Finish("ERROR");
  CHECK_THAT(run.cause(), Catch::Contains("'" + file + "'"));
  INFO(run.cause());
}

TEST_CASE("a kernel that is not a kernel") {
  const TempDir dir;
  const std::string file = WriteFile(dir.path(), "vmlinuz", std::string(4096, 'k'));
  GuestRun run(kIdle, {"--kernel", file});
  run.Finish("ERROR");
  CHECK(run.cause() == "--kernel: '" + file + "' is not a Linux kernel image (no bzImage header)");
}

TEST_CASE("a kernel that crashes before it says a word") {
  const TempDir dir;
  const std::filesystem::path broken = dir.path() / "vmlinuz";
  std::filesystem::copy_file(DefaultKernel(), broken);
  std::fstream image(broken, std::ios::in | std::ios::out | std::ios::binary);
  const int setup_sectors = image.seekg(0x1f1).get();
  image.seekp((setup_sectors + 1) * 512);  // where the kernel proper begins
  std::string nonsense;
  while (nonsense.size() < 65536) nonsense += "\x0f\x0b";  // ud2
  image.write(nonsense.data(), static_cast<std::streamsize>(nonsense.size()));
  image.close();
  GuestRun run(kIdle, {"--kernel", broken.string()});
  run.Finish("ERROR");
  CHECK(run.cause() == "the guest reset itself");
}

TEST_CASE("QEMU is not there") {
  GuestRun no_path(kIdle, {}, {"PATH=/nonexistent"});
  no_path.Finish("ERROR");
  CHECK(no_path.cause() == "qemu-system-x86_64 was not found on PATH; install qemu-system-x86");
  GuestRun no_file(kIdle, {"--qemu", "/nonexistent/qemu"});
  no_file.Finish("ERROR");
  CHECK(no_file.cause() == "/nonexistent/qemu is not an executable file");
}

TEST_CASE("a QEMU that is another program") {
  GuestRun run(kIdle, {"--qemu", "/bin/false"});
  run.Finish("ERROR");
  CHECK(run.cause() == "QEMU would not start: it exited with code 1");
}

TEST_CASE("KVM that cannot run a kernel") {
  GuestRun run(kIdle, {"--accel", "kvm"});
  run.process().WaitUntil([] { return false; });
  if (run.process().err().find(", accel kvm (it has just booted this kernel)") != std::string::npos)
    return Skip("KVM works here");
  run.Finish("ERROR");
  CHECK_THAT(run.cause(), Catch::Matches("KVM cannot be used: .+"));
}

TEST_CASE("results that cannot be kept anywhere") {
  const TempDir dir;
  const std::string file = WriteFile(dir.path(), "file", "");
  GuestRun run(kIdle, {"--out", file + "/out"});
  run.FinishWithoutResults(2);
  CHECK(run.process().err() ==
        "ktstr-interp: the results directory '" + file + "/out' cannot be made: Not a directory\n");
}

/// A file system of a few kilobytes at `path`, as long as it lives.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path path, const char* size) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    const std::string options = std::string("size=") + size;
    mounted_ = mount("ktstr-test", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::filesystem::path path_;
  bool mounted_ = false;
};

TEST_CASE("a disk that fills up during the run does not change the verdict") {
  const TempDir dir;
  const SmallDisk disk(dir.path() / "out", "16k");
  if (!disk.mounted()) return Skip("a small file system cannot be mounted: not root?");
  GuestRun run(
      "steps: [{cgroups: [{name: busy, work: [{type: SpinWait}]}], hold: 300ms,\n"
      "         checks: [{metric: iterations_per_worker, cgroup: busy, max: 0}]}]\n",
      {"--out", (dir.path() / "out").string()});
  run.Finish("FAIL");
  CHECK_THAT(run.first_line(), Catch::Matches("FAIL scenario\\.yaml: iterations_per_worker of cgroup busy in "
                                              "phase step1 is [0-9.]+, above the maximum of 0"));
  CHECK_THAT(run.result().at("host").at("directory_fault").get<std::string>(),
             Catch::Matches("No space left on device \\(writing [a-z.]+\\)"));
  CHECK_THAT(run.process().err(), Catch::Contains("  warning: run directory incomplete: No space left on"));
}

}  // namespace
}  // namespace ktstr::test
