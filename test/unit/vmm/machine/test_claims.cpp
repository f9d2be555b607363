#include <catch2/catch.hpp>
#include <string>

#include "vmm/machine/claims.h"

using namespace ktstr::vmm;

TEST_CASE("only hex is taken for a build id") {
  CHECK(IsBuildId(""));
  CHECK(IsBuildId("e40aff"));
  CHECK(IsBuildId(std::string(128, 'a')));
  CHECK_FALSE(IsBuildId(std::string(130, 'a')));
  for (const char* odd : {"e40af", "E4", "/e", "..", "../e40aff", "e4 0aff0"}) CHECK_FALSE(IsBuildId(odd));
  CHECK_FALSE(IsBuildId(std::string_view("e4\0\0", 4)));
}
