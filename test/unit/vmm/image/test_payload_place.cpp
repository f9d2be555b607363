// Where the programs of a scenario may lie.
#include <catch2/catch.hpp>

#include "test/unit/vmm/host/elf_builder.h"
#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/image/initramfs.h"

namespace ktstr::vmm {
namespace {

TEST_CASE("a scenario cannot name files outside its directory, nor learn whether they exist") {
  const TempDir dir;
  const auto tool = dir.Write("home/tool", BuildElf({}), 0755);
  (void)dir.Write("scenarios/a/inside", BuildElf({}), 0755);
  const std::filesystem::path scenarios = dir / "scenarios/a";
  std::filesystem::create_symlink(tool, scenarios / "link");
  std::filesystem::create_directory_symlink(dir / "home", scenarios / "home");
  std::filesystem::create_directory_symlink(scenarios, dir / "linked");
  const auto find = [&](const std::string& binary) -> std::string {
    const auto found = FindPayload({binary, scenarios}, (dir / "home").string());
    return found.ok() ? found->string() : found.error().message;
  };
  const auto refused = [](const std::string& binary) {
    return "program '" + binary +
           "' is outside the scenario's directory; name a program on PATH, or allow such files by "
           "--allow-host-files";
  };
  for (int there = 1; there >= 0; --there) {
    for (const std::string& binary : {tool.string(), std::string("../../home/tool"), std::string("../a.sh"),
                                      std::string("link"), std::string("./link"), std::string("home/tool"),
                                      std::string("inside/../home/tool"), std::string("/etc/shadow")}) {
      INFO(binary << (there == 1 ? " there" : " gone"));
      CHECK(find(binary) == refused(binary));
    }
    if (there == 1) CHECK(find("tool") == tool.string());  // on PATH
    std::filesystem::remove(tool);
  }
  const std::string inside = (scenarios / "inside").string();
  for (const std::string& binary :
       {std::string("inside"), std::string("./inside"), std::string("../a/inside"), inside})
    CHECK(find(binary) == inside);
  // The directory itself may be called by a link.
  const auto linked = FindPayload({"inside", dir / "linked"}, "");
  REQUIRE(linked.ok());
  CHECK(*linked == dir / "linked/inside");
}

}  // namespace
}  // namespace ktstr::vmm
