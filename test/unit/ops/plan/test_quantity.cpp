#include <catch2/catch.hpp>

#include "ops/plan/quantity.h"

using namespace ktstr;

namespace {

Quantity Parsed(std::string_view text) {
  Quantity quantity;
  REQUIRE(Quantity::Scalar().parse(text, &quantity).empty());
  return quantity;
}
std::string Diagnose(std::string_view text) {
  Quantity quantity;
  return Quantity::Scalar().parse(text, &quantity);
}
double In(std::string_view text, std::string_view unit) {
  const Result<double> value = Parsed(text).In(unit);
  REQUIRE(value.ok());
  return *value;
}
std::string Mismatch(std::string_view text, std::string_view unit) {
  const Result<double> value = Parsed(text).In(unit);
  REQUIRE_FALSE(value.ok());
  return value.error().message;
}

}  // namespace

TEST_CASE("quantities in a metric's unit") {
  CHECK(In("2s", "ms") == 2000);
  CHECK(In("2s", "us") == 2e6);
  CHECK(In("2s", "µs") == 2e6);
  CHECK(In("250us", "ms") == 0.25);
  CHECK(In("1m", "s") == 60);
  CHECK(In("5", "ms") == 5);
  CHECK(In("5", "iter/s") == 5);
  CHECK(In("-1.5e3", "") == -1500);
  CHECK(In("90%", "%") == 90);
  CHECK(In("90%", "") == 0.9);
  CHECK(In("90%", "x") == 0.9);
  CHECK(In("64MiB", "B") == 67108864);
  CHECK(In("64MiB", "KiB") == 65536);
  CHECK(In("1GB", "MB") == 1000);
}

TEST_CASE("a quantity that does not go with the unit says so") {
  CHECK(Mismatch("2s", "iter/s") == "2s is a time, which cannot bound a number in iter/s");
  CHECK(Mismatch("2s", "") == "2s is a time, which cannot bound a plain number");
  CHECK(Mismatch("2s", "%") == "2s is a time, which cannot bound a number in %");
  CHECK(Mismatch("90%", "ms") == "90% is a share, which cannot bound a number in ms");
  CHECK(Mismatch("4KiB", "ms") == "4KiB is a size, which cannot bound a number in ms");
}

TEST_CASE("what is not a quantity") {
  const std::string rest =
      " is not a quantity; write a number (2000), a time (2s), a share (90%) or a size (64MiB)";
  for (const std::string text : {"", "s", "2 s", "2x", "two", "1.5.2s", "-2s", "nan", "inf", "1e999", "%"})
    CHECK(Diagnose(text) == "'" + text + "'" + rest);
  CHECK(Diagnose("1.5B") == "'1.5B' is not a whole number of bytes");
}

TEST_CASE("the text form reads back exactly") {
  for (const std::string_view text : {"0", "2000", "-1.5", "0.1", "1e+300", "2s", "1.5s", "250us", "1ns",
                                      "0s", "1h", "90%", "12.5%", "0.3%", "64MiB", "1B", "4097B"}) {
    const Quantity quantity = Parsed(text);
    CHECK(Quantity::Scalar().print(&quantity) == text);
    CHECK(Parsed(Quantity::Scalar().print(&quantity)) == quantity);
  }
  const Quantity minute = Parsed("60s");
  CHECK(FormatQuantity(minute) == "1m");
}

TEST_CASE("quantities of one kind compare") {
  CHECK(Parsed("2s").SurelyMoreThan(Parsed("1999ms")));
  CHECK_FALSE(Parsed("2s").SurelyMoreThan(Parsed("2000ms")));
  CHECK_FALSE(Parsed("2s").SurelyMoreThan(Parsed("1")));
  CHECK(Parsed("3").SurelyMoreThan(Parsed("2.5")));
}

TEST_CASE("amounts for people") {
  CHECK(FormatAmount(2500, "ms") == "2500 ms");
  CHECK(FormatAmount(0.3125, "") == "0.3125");
  CHECK(FormatAmount(1.0 / 3, "") == "0.333333");
  CHECK(FormatAmount(90, "%") == "90%");
  CHECK(FormatAmount(1.5, "x") == "1.5x");
  CHECK(FormatAmount(-0.0, "ms") == "0 ms");
  CHECK(FormatAmount(1234567.8, "") == "1234568");
  CHECK(FormatAmount(12345.678, "iter/s") == "12345.7 iter/s");
  CHECK(FormatAmount(1e20, "") == "1e+20");
}
