#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <thread>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/cache_dir.h"

namespace ktstr::vmm {
namespace {

TEST_CASE("the cache directory: where it is, private, and a clear error") {
  const TempDir dir;
  const std::string root = dir.path().string();
  CHECK(CacheDirFrom(root + "/x", "/nonexistent").value() == root + "/x/ktstr-interp");
  CHECK((std::filesystem::status(root + "/x/ktstr-interp").permissions() & std::filesystem::perms::all) ==
        std::filesystem::perms::owner_all);
  CHECK(CacheDirFrom("", root).value() == root + "/.cache/ktstr-interp");
  CHECK(CacheDirFrom("relative", root).value() == root + "/.cache/ktstr-interp");
  CHECK(CacheDirFrom("", "").error().message ==
        "no cache directory: neither $XDG_CACHE_HOME nor $HOME is an absolute path");
  CHECK(CacheDirFrom("/dev/null", "").error().message ==
        "the cache directory /dev/null/ktstr-interp cannot be written: Not a directory");
  CHECK(CacheDirFrom("/proc", "").error().message ==
        "the cache directory /proc/ktstr-interp cannot be written: No such file or directory");
}

TEST_CASE("the lock keeps others out until it is gone, and tells who waits") {
  const TempDir dir;
  auto held = std::make_unique<FileLock>(FileLock::Acquire(dir / "lock").value());
  std::atomic<bool> waiting = false, released = false, too_early = false;
  std::thread other([&] {
    const auto lock = FileLock::Acquire(dir / "lock", [&] { waiting = true; });
    too_early = !released;
  });
  while (!waiting) std::this_thread::yield();
  released = true;
  held.reset();
  other.join();
  CHECK_FALSE(too_early);
}

TEST_CASE("a cache directory that others can put something into is refused with the reason") {
  const TempDir dir;
  const std::string root = dir.path().string();
  const std::filesystem::path cache = dir / "ktstr-interp";
  const auto why = [&] {
    const auto found = CacheDirFrom(root, "");
    return found.ok() ? "trusted" : found.error().message;
  };
  const std::string refused = "the cache directory " + cache.string() + " cannot be trusted: ";
  CHECK(why() == "trusted");
  REQUIRE(::chmod(cache.c_str(), 0770) == 0);
  CHECK(why() == refused + "others may write to it");
  REQUIRE(::chmod(cache.c_str(), 0702) == 0);
  CHECK(why() == refused + "others may write to it");
  REQUIRE(::chmod(cache.c_str(), 0755) == 0);  // reading it does no harm
  CHECK(why() == "trusted");
  if (::geteuid() == 0) {
    REQUIRE(::chown(cache.c_str(), 12345, 0) == 0);
    CHECK(why() == refused + "it belongs to user 12345");
  }
  std::filesystem::rename(cache, dir / "elsewhere");
  std::filesystem::create_directory_symlink("elsewhere", cache);
  CHECK(why() == refused + "it is a link");
}

TEST_CASE("a cache directory that others can put another in the place of is refused") {
  const TempDir dir;
  const std::filesystem::path open = dir / "open";
  std::filesystem::create_directory(open);
  const auto why = [&] {
    const auto found = CacheDirFrom((open / "cache").string(), "");
    return found.ok() ? "trusted" : found.error().message;
  };
  CHECK(why() == "trusted");
  REQUIRE(::chmod(open.c_str(), 0777) == 0);
  CHECK(why() == "the cache directory " + (open / "cache/ktstr-interp").string() +
                     " cannot be trusted: others may put another in its place, as everybody may write to " +
                     open.string());
  REQUIRE(::chmod(open.c_str(), 01777) == 0);  // as /tmp: only the owner renames
  CHECK(why() == "trusted");
}

TEST_CASE("what others could have written to in the cache is told from what is ours") {
  const TempDir dir;
  const auto file = dir.Write("kernel/vmlinuz", "x");
  const std::filesystem::path kernel = file.parent_path();
  ::chmod(kernel.c_str(), 0755);
  CHECK(OnlyOursToWrite(kernel));
  ::chmod(file.c_str(), 0666);
  CHECK_FALSE(OnlyOursToWrite(kernel));
  ::chmod(file.c_str(), 0644);
  ::chmod(kernel.c_str(), 0777);
  CHECK_FALSE(OnlyOursToWrite(kernel));
  ::chmod(kernel.c_str(), 0755);
  std::filesystem::create_symlink("/etc/passwd", kernel / "config");
  CHECK_FALSE(OnlyOursToWrite(kernel));
  std::filesystem::remove(kernel / "config");
  CHECK(OnlyOursToWrite(kernel));
  std::filesystem::create_directory_symlink(kernel, dir / "link");
  CHECK_FALSE(OnlyOursToWrite(dir / "link"));
}

TEST_CASE("what lies below the cache directory is as private as itself") {
  const TempDir dir;
  const ScopedEnvironment cache_home("XDG_CACHE_HOME", dir.path().string());
  REQUIRE(CacheSubdir("kernels").ok());
  const std::filesystem::path kernels = dir / "ktstr-interp/kernels";
  std::filesystem::rename(kernels, dir / "elsewhere");
  std::filesystem::create_directory_symlink(dir / "elsewhere", kernels);
  CHECK(CacheSubdir("kernels").error().message ==
        "the cache directory " + kernels.string() + " cannot be trusted: it is a link");
}

/// From here on flock(2) fails with ENOLCK, as on a network without a lock server.
bool ForbidLocks() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_flock, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(rules), rules};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_CASE("a file system without locks is an error, not a lock that somebody holds for ever") {
  const TempDir dir;
  const std::string expected = (dir / "lock").string() + " cannot be locked: No locks available";
  const pid_t child = ::fork();
  if (child == 0) {
    if (!ForbidLocks()) ::_exit(77);
    const auto tried = FileLock::TryAcquire(dir / "lock");
    const auto waited = FileLock::Acquire(dir / "lock");
    const bool told = !tried.ok() && tried.error().message == expected && !waited.ok() &&
                      waited.error().message == expected;
    ::_exit(told ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace ktstr::vmm
