#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/machine/throwaway_disk.h"

namespace ktstr::vmm {
namespace {

TEST_CASE("a disk's file is as long as asked for, takes no room, and has no name") {
  const TempDir dir;
  const Result<Fd> file = MakeDiskFile(64, dir.path());
  REQUIRE(file.ok());
  struct stat status {};
  REQUIRE(::fstat(file->get(), &status) == 0);
  CHECK(status.st_size == 64 << 20);
  CHECK(status.st_blocks * 512 < 1 << 20);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_CASE("a disk that cannot be made is an error that names size and place") {
  const Result<Fd> file = MakeDiskFile(64, "/nonexistent/scratch");
  REQUIRE_FALSE(file.ok());
  CHECK(file.error().kind == ErrorKind::kEnvironment);
  CHECK(file.error().message ==
        "a disk of 64 MiB cannot be made in /nonexistent/scratch: No such file or directory");
}

TEST_CASE("the mount table tells what a disk lies on") {
  CHECK(ParseMount("36 35 98:0 /a /mnt rw,noatime master:1 shared:2 - ext4 /dev/vda1 rw").Describe() ==
        "ext4 on /dev/vda1");
  CHECK(ParseMount("36 35 98:0 / /tmp rw - tmpfs tmpfs rw,size=1g").Describe() == "tmpfs (in memory)");
  CHECK(ParseMount("36 35 0:40 / / rw - overlay overlay rw,lowerdir=/l").Describe() == "overlay");
  CHECK(ParseMount("36 35 0:40 / /home rw - nfs4 server:/home rw").Describe() == "nfs4");
  CHECK(ParseMount("garbage").Describe() == "unknown");
  CHECK_FALSE(ParseMount("36 35 98:0 / /tmp rw - tmpfs /dev/shm rw").durable);
  CHECK(ParseMount("36 35 98:0 / / rw - xfs /dev/sda rw").durable);
}

TEST_CASE("a disk's own mount is found in the table") {
  const TempDir dir;
  const Result<Fd> file = MakeDiskFile(1, dir.path());
  REQUIRE(file.ok());
  CHECK(BackingOf(file->get()).file_system != "unknown");
  // The table of a chroot has not got it.
  const DiskBacking bare =
      BackingOf(file->get(), dir.Write("mountinfo", "1 0 0:1 / / rw - ext4 /dev/x rw\n"));
  CHECK(bare.file_system == BackingOf(file->get()).file_system);
  CHECK(bare.durable == BackingOf(file->get()).durable);
  CHECK(bare.device.empty());
}

}  // namespace
}  // namespace ktstr::vmm
