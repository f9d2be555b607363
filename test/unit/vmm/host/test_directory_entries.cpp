#include <catch2/catch.hpp>
#include <fstream>
#include <set>
#include <string>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/directory_entries.h"

namespace ktstr::vmm {
namespace {

TEST_CASE("a directory's entries are those that are there, and none where it cannot be read") {
  const TempDir dir;
  std::filesystem::create_directory(dir.path() / "below");
  for (const char* name : {"file", "below/deeper"}) std::ofstream(dir.path() / name).put('x');
  std::set<std::string> names;
  for (const std::filesystem::directory_entry& entry : DirectoryEntries(dir.path()))
    names.insert(entry.path().filename().string());
  CHECK(names == std::set<std::string>{"below", "file"});
  CHECK(DirectoryEntries(dir.path() / "gone").empty());
  CHECK(DirectoryEntries(dir.path() / "file").empty());
}

}  // namespace
}  // namespace ktstr::vmm
