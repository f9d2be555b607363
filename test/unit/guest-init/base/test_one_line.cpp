#include <catch2/catch.hpp>

#include "guest-init/base/one_line.h"

namespace ktstr {
namespace {

TEST_CASE("foreign text becomes one line without surplus blanks or control characters") {
  CHECK(OneLine("\n two\nlines\r\n\t and  blanks \n") == "two lines and  blanks");
  CHECK(OneLine("\x1b[31mred\x07\x7f") == R"(\x1b[31mred\x07\x7f)");
  CHECK(OneLine(" \n ") == "");
  CHECK(OneLine("gr\xC3\xBC\xC3\x9F") == "gr\xC3\xBC\xC3\x9F");
}

TEST_CASE("a long text is cut after a whole character") {
  CHECK(OneLine("abc", 3) == "abc");
  CHECK(OneLine("abcd", 3) == "abc...");
  CHECK(OneLine("ab\xC3\xA4z", 3) == "ab...");
  CHECK(OneLine("ab\xC3\xA4z", 4) == "ab\xC3\xA4...");
}

}  // namespace
}  // namespace ktstr
