// Requirements on the kernel, with the kernels that are really in the cache.
#include <catch2/catch.hpp>

#include "test/checkout.h"
#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

const std::string kScenario = std::string(kSourceDir) + "/scenarios/sched-ext/present.yaml";

/// The version of the first cached kernel of this kind; "" when there is none.
std::string Cached(const std::string& kind) {
  const CliResult list = RunCli({"kernel", "list", "--json"}, {});
  REQUIRE(list.exit_code == 0);
  for (const Json& kernel : Json::parse(list.out))
    if (kernel.at("kind") == kind) return kernel.at("version");
  return {};
}

CliResult RunOn(const std::string& kernel, const TempDir& dir, std::vector<std::string> more = {}) {
  std::vector<std::string> args = {"run",      kScenario, "--accel", "tcg",
                                   "--kernel", kernel,    "--out",   (dir.path() / "out").string()};
  args.insert(args.end(), more.begin(), more.end());
  return RunCli(args, {"TMPDIR=" + dir.path().string()});
}

TEST_CASE("the built kernel has sched_ext, and a run takes it by default") {
  const std::string built = Cached("built");
  if (built.empty()) {
    WARN("SKIPPED: no kernel was built");
    return;
  }
  const TempDir dir;
  const CliResult run = RunOn(built, dir, {"--require"});
  INFO(run.out << run.err);
  CHECK(run.exit_code == 0);
  CHECK(FirstLine(run.out).starts_with("PASS " + kScenario + "  [" + built + ", "));
  const CliResult path = RunCli({"kernel", "path"}, {});
  CHECK(path.out.find("/" + built + "/vmlinuz\n") != std::string::npos);
}

TEST_CASE("Debian's kernel has no sched_ext: skipped with the reason and the way out, or an error") {
  const std::string fetched = Cached("fetched");
  if (fetched.empty()) {
    WARN("SKIPPED: no kernel was fetched");
    return;
  }
  const TempDir dir;
  const std::string cause = " " + kScenario + ": needs sched_ext, which kernel " + fetched +
                            " does not have; `ktstr-interp kernel build` makes one that has it all";
  const CliResult skipped = RunOn(fetched, dir);
  CHECK(skipped.exit_code == 0);
  CHECK(FirstLine(skipped.out) == "SKIP" + cause);
  const CliResult refused = RunOn(fetched, dir, {"--require"});
  CHECK(refused.exit_code == 2);
  CHECK(FirstLine(refused.out) == "ERROR" + cause);
}

}  // namespace
}  // namespace ktstr::test
