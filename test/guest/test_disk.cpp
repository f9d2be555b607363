// The throw-away disk: what a guest writes and flushes is in the host's file, and each machine begins with an
// empty one.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/guest/live_guest.h"
#include "vmm/image/initramfs.h"
#include "vmm/machine/guest_files.h"
#include "vmm/machine/throwaway_disk.h"

namespace ktstr::test {
namespace {

constexpr std::uint64_t kOffset = 1 << 20;

/// Runs a shell command in the guest to its end; returns its exit code.
int Shell(LiveGuest& guest, const std::string& command) {
  StartPayload start;
  start.name = "sh";
  start.argv = {"sh", "-c", command};
  REQUIRE(guest.Call(std::move(start)).error.empty());
  PayloadDone done;
  REQUIRE(guest.Call(AnyStruct::Of(AwaitPayload{0, 60'000'000'000}), nullptr, &done).error.empty());
  return done.exit_code;
}

std::string BytesAt(int file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '?');
  const ssize_t got = ::pread(file, bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

std::uint64_t Flushes(vmm::Machine& machine) {
  const nlohmann::json all = Need(
      machine.Command("query-blockstats", {{"query-nodes", false}}, vmm::After(std::chrono::seconds(30))));
  return all.at(0).at("stats").at("flush_operations").get<std::uint64_t>();
}

vmm::MachineConfig WithDisk() {
  vmm::MachineConfig config;
  config.topology = {1, 1, 1, 1};
  config.disk_mib = 64;
  return config;
}

void ExpectWritesReachTheHost(LiveGuest& guest) {
  const std::string empty(64, '\0');
  CHECK(guest.ReadFile("/sys/block/vda/size") == "131072\n");
  CHECK(guest.ReadFile("/sys/block/vda/serial") == kDiskSerial);
  CHECK(guest.ReadFile("/sys/block/vda/queue/write_cache") == "write back\n");
  const int file = guest.machine().disk();
  CHECK(BytesAt(file, kOffset, empty.size()) == empty);

  guest.Send(Need(vmm::PayloadFiles({{"sh", "/"}, {"dd", "/"}, {"printf", "/"}})));
  const std::uint64_t before = Flushes(guest.machine());
  REQUIRE(Shell(guest, "printf 'written by the guest' | dd of=/dev/vda bs=1M seek=1 conv=fdatasync") == 0);
  CHECK(BytesAt(file, kOffset, 20) == "written by the guest");
  CHECK(Flushes(guest.machine()) > before);
  CHECK(vmm::BackingOf(file).file_system != "unknown");
}

TEST_CASE("what a guest writes and flushes is in the host's file, and the next clone's disk is empty") {
  const auto kernel = CachedKernel("built");
  REQUIRE(kernel);
  for (int clone = 0; clone < 2; ++clone) {
    LiveGuest guest(*kernel, Start::kClone, WithDisk());
    ExpectWritesReachTheHost(guest);
  }
}

TEST_CASE("a guest that boots has a disk too, and one that asks for none has none") {
  const auto kernel = CachedKernel("built");
  REQUIRE(kernel);
  LiveGuest booted(*kernel, Start::kBoot, WithDisk());
  ExpectWritesReachTheHost(booted);
  LiveGuest plain(*kernel, Start::kClone);
  CHECK(plain.machine().disk() == -1);
  CHECK_THROWS_WITH(plain.ReadFile("/sys/block/vda/size"), Catch::Contains("No such file or directory"));
}

}  // namespace
}  // namespace ktstr::test
