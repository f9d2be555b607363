#include <catch2/catch.hpp>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

TEST_CASE("a path with a NUL byte in it reaches no file of the host") {
  const TempDir dir;
  const std::filesystem::path file = dir.Write("file", "content");
  const std::filesystem::path hidden = file.string() + std::string("\0.kallsyms", 10);
  const std::string why = "there is a NUL byte in its path";
  CHECK(ReadHostFile(hidden).error().message == "'" + file.string() + "?.kallsyms' cannot be read: " + why);
  CHECK(WriteHostFile(hidden, std::string_view("mine")).error().message ==
        "'" + file.string() + "?.kallsyms' cannot be written: " + why);
  const auto content = ReadHostFile(file);
  REQUIRE(content.ok());
  CHECK(content->size() == 7);
}

}  // namespace
}  // namespace ktstr::vmm
