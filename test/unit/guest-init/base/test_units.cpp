// Quantities: what is read, what is refused with which words, and that printing and reading are inverse.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <random>

#include "guest-init/base/units.h"

namespace ktstr {
namespace {

/// The parsed value printed again, or "error: ...".
template <typename T>
std::string Read(std::string_view text) {
  T value;
  const std::string fault = T::Scalar().parse(text, &value);
  return fault.empty() ? T::Scalar().print(&value) : "error: " + fault;
}
template <typename T>
T Value(std::string_view text) {
  T value;
  REQUIRE(T::Scalar().parse(text, &value).empty());
  return value;
}

TEST_CASE("durations") {
  CHECK(Value<Duration>("500ms").ns == 500'000'000);
  CHECK(Value<Duration>("1.5s").ns == 1'500'000'000);
  CHECK(Value<Duration>("250us").ns == 250'000);
  CHECK(Value<Duration>("2m").ns == 120'000'000'000);
  CHECK(Value<Duration>("1h").ns == 3'600'000'000'000);
  CHECK(Value<Duration>("0s").ns == 0);
  CHECK(Value<Duration>("7ns").ns == 7);
  CHECK(Value<Duration>("0.1s").ns == 100'000'000);
  CHECK(Value<Duration>("1.0004us").ns == 1000);  // rounded to whole nanoseconds
  CHECK(Value<Duration>("1.0005us").ns == 1001);
  CHECK(Value<Duration>("0.00000000000000000000000001s").ns == 0);
  CHECK(Value<Duration>("3153600000000000000ns").ns == 3'153'600'000'000'000'000);
  CHECK(Value<Duration>("9007199254740993ns").ns == 9'007'199'254'740'993);  // not a double
  CHECK(Read<Duration>("1500ms") == "1.5s");
  CHECK(Read<Duration>("90s") == "90s");
  CHECK(Read<Duration>("120s") == "2m");
  CHECK(Read<Duration>("7200s") == "2h");
  CHECK(Read<Duration>("5") == "error: '5' has no unit; write e.g. 5ms or 5s");
  CHECK(Read<Duration>("5 s") == "error: ' s' is not a unit of time; use ns, us, ms, s, m or h");
  CHECK(Read<Duration>("5sec") == "error: 'sec' is not a unit of time; use ns, us, ms, s, m or h");
  CHECK(Read<Duration>("-1s") == "error: '-1s' is not a duration; write e.g. 500ms or 2s");
  CHECK(Read<Duration>("") == "error: '' is not a duration; write e.g. 500ms or 2s");
  CHECK(Read<Duration>(".5s") == "error: '.5s' is not a duration; write e.g. 500ms or 2s");
  CHECK(Read<Duration>("1.2.3s") == "error: '1.2.3s' is not a duration; write e.g. 500ms or 2s");
  CHECK(Read<Duration>("1e3s") == "error: 'e3s' is not a unit of time; use ns, us, ms, s, m or h");
  CHECK(Read<Duration>("3153600000000000001ns") == "error: '3153600000000000001ns' is longer than 100 years");
  CHECK(Read<Duration>("99999999999999999999999h") ==
        "error: '99999999999999999999999h' is longer than 100 years");
}

TEST_CASE("sizes") {
  CHECK(Value<ByteSize>("64MiB").bytes == 67'108'864);
  CHECK(Value<ByteSize>("4096").bytes == 4096);
  CHECK(Value<ByteSize>("1.5KiB").bytes == 1536);
  CHECK(Value<ByteSize>("2MB").bytes == 2'000'000);
  CHECK(Value<ByteSize>("9007199254740993B").bytes == 9'007'199'254'740'993);
  CHECK(Read<ByteSize>("1048576") == "1MiB");
  CHECK(Read<ByteSize>("1TiB") == "1024GiB");
  CHECK(Read<ByteSize>("0") == "0B");
  CHECK(Read<ByteSize>("1.5") == "error: '1.5' is not a whole number of bytes");
  CHECK(Read<ByteSize>("5 MiB") ==
        "error: ' MiB' is not a unit of size; use B, KiB, MiB, GiB, TiB, kB, MB or GB");
  CHECK(Read<ByteSize>("x") == "error: 'x' is not a size; write e.g. 64MiB");
  CHECK(Read<ByteSize>("9999999TiB") == "error: '9999999TiB' is more than 8 EiB");
}

TEST_CASE("percentages") {
  CHECK(Value<Percent>("90%").fraction == 0.9);
  CHECK(Value<Percent>("29%").fraction == 0.29);
  CHECK(Value<Percent>("12.5%").fraction == 0.125);
  CHECK(Read<Percent>("0.1%") == "0.1%");
  CHECK(Read<Percent>("150%") == "150%");
  CHECK(Read<Percent>("0%") == "0%");
  CHECK(Read<Percent>("57%") == "57%");
  CHECK(Read<Percent>("90") == "error: '90' lacks its percent sign; write e.g. 90%");
  CHECK(Value<Percent>("1000000%").fraction == 10'000);
  CHECK(Read<Percent>("1000000.1%") == "error: '1000000.1%' is more than 1000000%");
  CHECK(Read<WorkerCount>("10000000000000000000000%") ==
        "error: '10000000000000000000000%' is more than 1000000%");
  CHECK(Read<Percent>("%") == "error: '%' is not a percentage; write e.g. 90%");
}

TEST_CASE("worker counts") {
  CHECK(Value<WorkerCount>("4") == WorkerCount{4, 0});
  CHECK(Value<WorkerCount>("90%") == WorkerCount{0, 0.9});
  CHECK(Read<WorkerCount>("90%") == "90%");
  CHECK(Read<WorkerCount>("0") == "error: at least one worker is needed");
  CHECK(Read<WorkerCount>("0%") == "error: a share of the CPUs must be more than 0%");
  CHECK(Read<WorkerCount>("10001") == "error: '10001' workers are more than the limit of 10000");
  CHECK(Read<WorkerCount>("1.5") ==
        "error: '1.5' is neither a number of workers (4) nor a share of the CPUs (90%)");
}

TEST_CASE("CPU lists") {
  CHECK(Value<CpuSet>("0-3,8").cpus == std::vector<std::uint32_t>{0, 1, 2, 3, 8});
  CHECK(Value<CpuSet>("8,2-3,2").cpus == std::vector<std::uint32_t>{2, 3, 8});
  CHECK(Read<CpuSet>("0,1,2,5,6") == "0-2,5-6");
  for (const char* wrong : {"", "a", "3-1", "1,", ",1", "1-", "1--2", "8192", "0-99999999", "-1"}) {
    INFO(wrong);
    CHECK(Read<CpuSet>(wrong) == "error: '" + std::string(wrong) + "' is not a CPU list; write e.g. 0-3,8");
  }
  CpuSet none;
  CHECK(ParseCpus("", none));
  CHECK(FormatCpus(none).empty());
  const CpuSet some{{1, 2, 3}};
  CHECK(some.Contains(2));
  CHECK_FALSE(some.Contains(4));
  CHECK(some.Intersect({{2, 3, 4}}).cpus == std::vector<std::uint32_t>{2, 3});
}

TEST_CASE("what is printed reads back as the same value") {
  std::mt19937_64 random(4);
  for (int i = 0; i < 20'000; ++i) {
    // All magnitudes alike.
    const std::uint64_t bits = (random() >> 1) >> (random() % 63);
    const Duration duration{static_cast<std::int64_t>(bits % 3'153'600'000'000'000'000)};
    REQUIRE(Value<Duration>(FormatDuration(duration)) == duration);
    const ByteSize size{bits};
    REQUIRE(Value<ByteSize>(FormatSize(size)) == size);
    const Percent percent{static_cast<double>(random() >> 11) /
                          static_cast<double>(std::uint64_t{1} << (40 + random() % 20))};
    const std::string text = Percent::Scalar().print(&percent);
    INFO(text);
    REQUIRE(Value<Percent>(text) == percent);
    const double real = std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 1800) - 900);
    double again = 0;
    REQUIRE(ParseDouble(FormatDouble(real), again));
    REQUIRE(again == real);
    CpuSet cpus;
    for (int n = 0; n < 10; ++n) cpus.Add(random() % 40);
    CpuSet cpus_again;
    REQUIRE(ParseCpus(FormatCpus(cpus), cpus_again));
    REQUIRE(cpus_again == cpus);
  }
}

TEST_CASE("doubles") {
  double value = 0;
  CHECK(ParseDouble("+1.5", value));
  CHECK(value == 1.5);
  for (const char* wrong : {"", "inf", "nan", "1x", "0x10", "1e999", " 1", "++1"}) {
    INFO(wrong);
    CHECK_FALSE(ParseDouble(wrong, value));
  }
  CHECK(FormatDouble(0.1) == "0.1");
  CHECK(FormatDouble(1e300) == "1e+300");
  CHECK(FormatDouble(2) == "2");
}

}  // namespace
}  // namespace ktstr
