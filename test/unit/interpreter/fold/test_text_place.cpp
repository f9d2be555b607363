// Values in the texts of /proc and /sys.
#include <catch2/catch.hpp>

#include "interpreter/fold/text_place.h"

using namespace ktstr;

namespace {

std::string At(std::string_view text, const TextPlace& place) {
  const Result<std::string> found = TextAt(text, place);
  return found.ok() ? *found : "! " + found.error().message;
}

}  // namespace

TEST_CASE("a value is found by line, key, word and JSON path") {
  CHECK(At(" 17\n", {}) == "17");
  CHECK(At("max 100000\n", {.word = 2}) == "100000");
  const std::string stat = "usage_usec 12\nuser_usec 5\nnr: 7\nx=y z\nempty\n";
  CHECK(At(stat, {.line = 2}) == "user_usec 5");
  CHECK(At(stat, {.line = 2, .word = 2}) == "5");
  CHECK(At(stat, {.key = "usage_usec"}) == "12");
  CHECK(At(stat, {.key = "nr"}) == "7");
  CHECK(At(stat, {.key = "x"}) == "y z");
  CHECK(At(stat, {.key = "empty"}).empty());
  const std::string psi = "some avg10=1.50 avg60=0.00 total=9\nfull avg10=0.25 total=1\n";
  CHECK(At(psi, {.key = "some.avg10"}) == "1.50");
  CHECK(At(psi, {.key = "full.total"}) == "1");
  CHECK(At("se.exec_start   :   17.5\n", {.key = "se.exec_start"}) == "17.5");
  CHECK(At(R"({"a": {"b": [1, "two"]}})", {.json = "a.b.0"}) == "1");
  CHECK(At(R"({"a": {"b": [1, "two"]}})", {.json = "a.b.1"}) == "two");
}

TEST_CASE("a place that a text does not have is told") {
  CHECK(At("a 1\nb 2\n", {.line = 3}) == "! it has no line 3, but 2");
  CHECK(At("ab 1\n", {.key = "a"}) == "! no line of it begins with the key a");
  CHECK(At("a 1\n", {.word = 3}) == "! there is no word 3, but 2");
  CHECK(At("a 1\n", {.json = "a"}) == "! it is not JSON");
  CHECK(At("{\"a\": 1}", {.json = "b.c"}) == "! its JSON has nothing at b.c");
}

TEST_CASE("a number is a whole text") {
  CHECK(NumberIn("12") == 12);
  CHECK(NumberIn("-1.5e3") == -1500);
  for (const char* text : {"", "max", "12 kB", "0x10", "inf", "1-2", "-"}) CHECK_FALSE(NumberIn(text));
}
