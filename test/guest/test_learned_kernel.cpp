// What a run believes about a kernel because another run has found it out.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

// The payload makes jiffies_64 another name of the banner, "Linux ve": 7.3e18.
constexpr const char* kHead = "version: 1\ntopology: 1n1l1c1t\n";
constexpr const char* kLie = R"(
payloads:
  lie:
    binary: sh
    include: [sed, mount]
    args:
      - -c
      - >-
        sed 's/ jiffies_64$/ other/; s/^\(.*\) linux_banner$/\1 linux_banner\n\1 jiffies_64/' /proc/kallsyms > /tmp/k &&
        mount --bind /tmp/k /proc/kallsyms
steps:
  - name: lie
    ops: [{RunPayload: {payload: lie}}, {WaitPayload: {payload: lie}}]
)";
constexpr const char* kLook = R"(
  - name: look
    ops: [{ReadKernelHot: {tag: j, target: jiffies_64, width: u64}}]
    checks: [{read: j, max: 1000000000000000000}]
)";

TEST_CASE("what a guest that ran payloads says of its kernel misleads only its own run") {
  const auto kernel = CachedKernel("fetched");  // it has no symbols on the host
  if (!kernel) return Skip("no kernel was fetched");
  const TempDir dir;
  const std::string lies =
      WriteFile(dir.path(), "a.yaml", std::string(kHead) + "name: lies" + kLie + (kLook + 1));
  const std::string honest =
      WriteFile(dir.path(), "b.yaml", std::string(kHead) + "name: honest\nsteps:" + kLook);
  const CliResult result = RunCli({"run", lies, honest, "-j1", "--accel", "tcg", "--no-clone", "--out",
                                   (dir.path() / "out").string(), "--kernel", kernel->image.string()},
                                  {"XDG_CACHE_HOME=" + (dir.path() / "cache").string()});
  INFO(result.out << result.err);
  CHECK_THAT(result.out, Catch::StartsWith("FAIL " + lies + ": read j (jiffies_64) is 73"));
  CHECK_THAT(result.out, Catch::Contains("\nPASS " + honest));
}

}  // namespace
}  // namespace ktstr::test
