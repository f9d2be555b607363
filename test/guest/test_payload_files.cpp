// What reaches a clone over the channel: whole files, whatever their size, as they are on the host.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "test/guest/template_cache.h"

namespace ktstr::test {
namespace {

namespace fs = std::filesystem;

/// A program with `bytes` of noise behind it, which the kernel ignores.
std::string BigProgram(const fs::path& dir, std::size_t bytes) {
  const fs::path path = dir / "big";
  fs::copy_file("/bin/true", path);
  std::string noise(bytes, '\0');
  std::uint64_t state = 88172645463325252;
  for (char& byte : noise) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    byte = static_cast<char>(state);
  }
  std::ofstream(path, std::ios::app | std::ios::binary) << noise;
  return path.string();
}

/// What a command prints.
std::string OnHost(const std::string& command, const fs::path& dir) {
  REQUIRE(std::system((command + " > " + (dir / "printed").string()).c_str()) == 0);
  return ReadFile(dir / "printed");
}

std::string Script(const std::string& include, const std::string& script) {
  return "topology: 1n1l1c1t\nmemory: 512MiB\npayloads: {p: {binary: sh, include: [" + include +
         "], args: [-c, '" + script +
         "'], checks: [{exit_code: 0}]}}\n"
         "steps: [{ops: [{RunPayload: {payload: p}}, {WaitPayload: {payload: p, timeout: 60s}}]}]\n";
}

TEST_CASE("a payload of 40 MB arrives as it was sent") {
  const TempDir dir;
  const std::string big = BigProgram(dir.path(), 40'000'000);
  const std::string host_sum = OnHost("cksum < " + big, dir.path());
  GuestRun run(Script(big + ", cksum, stat",
                      "big && cksum < /payload/bin/big; stat -c %a /payload/bin/big /payload/bin /payload"),
               {"--allow-host-files"});
  run.Finish("PASS");
  CHECK(run.Text("payload-0-p.stdout") == host_sum + "755\n755\n755\n");
  CHECK(run.File("verdict.json").at("machine").at("file_bytes") > 40'000'000);
}

TEST_CASE("payloads that are too large for the guest's memory are found before it starts") {
  const TemplateCache cache;
  const std::string big = BigProgram(cache.home(), 80'000'000);
  std::string yaml = Script(big, "big");
  yaml.replace(yaml.find("512MiB"), 6, "128MiB");
  const auto run = cache.Start(yaml, {"--allow-host-files"});
  run->Finish("ERROR");
  CHECK_THAT(run->cause(),
             Catch::Matches("the payloads' files take (7[6-9]|8[0-9]) MiB, more than half of the "
                            "guest's memory of 128 MiB"));
  CHECK(run->Warnings().empty());
  CHECK(cache.Names().empty());
}

}  // namespace
}  // namespace ktstr::test
