#include <catch2/catch.hpp>

#include "guest-init/base/typing_slips.h"

namespace ktstr {
namespace {

TEST_CASE("typing slips are insertions, deletions, changes and swaps of neighbours") {
  TypingSlips typing;
  CHECK(typing.Count("hot", "hot", 3) == 0);
  CHECK(typing.Count("hto", "hot", 3) == 1);
  CHECK(typing.Count("ht", "hot", 3) == 1);
  CHECK(typing.Count("hoot", "hot", 3) == 1);
  CHECK(typing.Count("hat", "hot", 3) == 1);
  CHECK(typing.Count("kitten", "sitting", 5) == 3);
  CHECK(typing.Count("", "abc", 5) == 3);
  SECTION("beyond the limit it says limit + 1, whatever the distance") {
    CHECK(typing.Count("kitten", "sitting", 2) == 3);
    CHECK(typing.Count("abcdefgh", "stuvwxyz", 2) == 3);
    CHECK(typing.Count("a", "abcdef", 2) == 3);
  }
}

}  // namespace
}  // namespace ktstr
