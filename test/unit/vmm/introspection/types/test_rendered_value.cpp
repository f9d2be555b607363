#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "vmm/introspection/types/rendered_value.h"

using namespace ktstr;
using namespace ktstr::vmm;
using Kind = RenderedValue::Kind;

namespace {

RenderedValue Number(Kind kind, std::uint32_t bits, std::uint64_t number, std::string text = "") {
  RenderedValue value;
  value.kind = kind;
  value.bits = bits;
  value.number = number;
  value.text = std::move(text);
  return value;
}
RenderedValue Uint(std::uint64_t number) { return Number(Kind::kUint, 64, number); }

RenderedValue Struct(std::string name, std::vector<RenderedMember> members) {
  RenderedValue value;
  value.kind = Kind::kStruct;
  value.text = std::move(name);
  value.members = std::move(members);
  return value;
}

RenderedValue Array(const std::vector<RenderedValue>& elements, std::uint64_t length = 0) {
  RenderedValue value;
  value.kind = Kind::kArray;
  value.length = length == 0 ? elements.size() : length;
  for (const RenderedValue& element : elements) value.members.push_back({"", element});
  return value;
}

RenderedValue Text(const std::string& text, Kind kind, std::size_t length) {
  std::vector<RenderedValue> elements;
  for (std::size_t i = 0; i < length; ++i)
    elements.push_back(
        Number(kind, kind == Kind::kChar ? 0 : 8, i < text.size() ? static_cast<unsigned char>(text[i]) : 0));
  return Array(elements);
}

RenderedValue Pointer(std::uint64_t address, std::vector<RenderedValue> target, std::string reason = "") {
  RenderedValue value = Number(Kind::kPtr, 0, address);
  for (RenderedValue& what : target) value.members.push_back({"", std::move(what)});
  value.reason = std::move(reason);
  return value;
}

RenderedValue Truncated(std::uint64_t needed, std::uint64_t had, std::vector<RenderedValue> partial) {
  RenderedValue value = Pointer(0, std::move(partial));
  value.kind = Kind::kTruncated;
  value.needed = needed;
  value.had = had;
  return value;
}

/// Any value that Render() could give.
class RandomValues {
 public:
  RenderedValue Make(int depth) {
    const auto kind = static_cast<Kind>(random_() % (depth == 0 ? 6 : 13));
    RenderedValue value;
    value.kind = kind;
    switch (kind) {
      case Kind::kInt:
      case Kind::kUint:
      case Kind::kEnum:
        value.bits = 8U << random_() % 4;
        value.number = Wide();
        if (kind == Kind::kEnum) value.text = Word();
        break;
      case Kind::kBool:
        value.number = random_() % 2;
        break;
      case Kind::kChar:
        value.number = random_() % 256;
        break;
      case Kind::kFloat: {
        constexpr std::array kOdd = {0.0,
                                     -0.0,
                                     0.1,
                                     1e308,
                                     std::numeric_limits<double>::quiet_NaN(),
                                     std::numeric_limits<double>::infinity(),
                                     -std::numeric_limits<double>::infinity()};
        value.bits = 64;
        value.real = random_() % 2 == 0 ? kOdd[random_() % kOdd.size()] : std::ldexp(1.0 + Wide(), -40);
        break;
      }
      case Kind::kStruct:
        value.text = Word();
        for (auto n = random_() % 4; n > 0; --n) value.members.push_back({Word(), Make(depth - 1)});
        break;
      case Kind::kArray:
        for (auto n = random_() % 4; n > 0; --n) value.members.push_back({"", Make(depth - 1)});
        value.length = Wide();
        break;
      case Kind::kPtr:
      case Kind::kTruncated:
        if (random_() % 2 == 0) value.members.push_back({"", Make(depth - 1)});
        if (kind == Kind::kPtr) {
          value.number = Wide();
          value.reason = Word();
        } else {
          value.needed = Wide();
          value.had = Wide();
        }
        break;
      case Kind::kCpuList:
      case Kind::kBytes:
        value.text = Word();
        break;
      case Kind::kUnsupported:
        value.reason = Word();
        break;
    }
    return value;
  }

 private:
  std::uint64_t Wide() { return (std::uint64_t{random_()} << 32 | random_()) >> random_() % 64; }
  std::string Word() {
    std::string word(random_() % 6, ' ');
    for (char& c : word) c = static_cast<char>(' ' + random_() % 95);
    return word;
  }
  std::mt19937 random_{4};
};

std::string WhyNot(const char* json) {
  const auto read = RenderedFromJson(nlohmann::json::parse(json));
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().kind == ErrorKind::kInput);
  return read.error().message;
}

}  // namespace

TEST_CASE("rendered value: the JSON form read back is the same value") {
  RandomValues values;
  for (int i = 0; i < 2000; ++i) {
    const RenderedValue value = values.Make(4);
    const std::string json = ToJson(value).dump();
    const auto back = RenderedFromJson(nlohmann::json::parse(json));
    INFO(json);
    REQUIRE(back.ok());
    REQUIRE(*back == value);
    REQUIRE_FALSE(FormatRendered(value).empty());
  }
}

TEST_CASE("rendered value: equality looks at everything") {
  const RenderedValue one = Struct("s", {{"a", Uint(1)}});
  CHECK(one == Struct("s", {{"a", Uint(1)}}));
  CHECK_FALSE(one == Struct("s", {{"a", Uint(2)}}));
  CHECK_FALSE(one == Struct("s", {{"b", Uint(1)}}));
  CHECK_FALSE(one == Struct("t", {{"a", Uint(1)}}));
  CHECK_FALSE(Pointer(1, {}) == Pointer(1, {}, "why"));
  CHECK_FALSE(Array({}, 1) == Array({}, 2));
  CHECK_FALSE(Truncated(2, 1, {}) == Truncated(3, 1, {}));
}

TEST_CASE("rendered value: numbers of JSON that are no value are refused") {
  CHECK(WhyNot("7") == "a rendered value is not an object");
  CHECK(WhyNot("{}") == "a rendered value has no 'kind'");
  CHECK(WhyNot(R"({"kind":7})") == "'kind' of a rendered value is not a string");
  CHECK(WhyNot(R"({"kind":"map"})") == "a rendered value has no kind 'map'");
  CHECK(WhyNot(R"({"kind":"uint","value":1})") == "a rendered uint has no 'bits'");
  CHECK(WhyNot(R"({"kind":"uint","bits":64,"value":-1})") ==
        "'value' of a rendered uint is not a number from 0 on");
  CHECK(WhyNot(R"({"kind":"uint","bits":4294967296,"value":1})") ==
        "'bits' of a rendered uint is not a number from 0 to 4294967295");
  CHECK(WhyNot(R"({"kind":"char","value":256})") ==
        "'value' of a rendered char is not a number from 0 to 255");
  CHECK(WhyNot(R"({"kind":"int","bits":64,"value":9223372036854775808})") ==
        "'value' of a rendered int is not an integer of 64 bits");
  CHECK(WhyNot(R"({"kind":"int","bits":64,"value":1.5})") ==
        "'value' of a rendered int is not an integer of 64 bits");
  CHECK(WhyNot(R"({"kind":"bool","value":1})") == "'value' of a rendered bool is not true or false");
  CHECK(WhyNot(R"({"kind":"float","bits":64,"value":"many"})") ==
        "'value' of a rendered float is not a number");
  CHECK(WhyNot(R"({"kind":"enum","bits":8,"value":1,"variant":2})") ==
        "'variant' of a rendered enum is not a string");
  CHECK(WhyNot(R"({"kind":"array","len":1,"elements":{}})") ==
        "'elements' of a rendered array is not an array");
  CHECK(WhyNot(R"({"kind":"array","len":1,"elements":[{"kind":"x"}]})") ==
        "a rendered value has no kind 'x'");
  CHECK(WhyNot(R"({"kind":"struct","members":[3]})") == "a member of a rendered struct is not an object");
  CHECK(WhyNot(R"({"kind":"struct","members":[{"name":"a"}]})") == "a rendered member has no 'value'");
  CHECK(WhyNot(R"({"kind":"struct","members":[{"value":1}]})") == "a rendered member has no 'name'");
  CHECK(WhyNot(R"({"kind":"ptr","value":1,"deref":null})") == "a rendered value is not an object");
  std::string deep = R"({"kind":"cpu_list","cpus":""})";
  for (int i = 0; i < 201; ++i) deep = R"({"kind":"ptr","value":1,"deref":)" + deep + "}";
  CHECK(WhyNot(deep.c_str()) == "a rendered value is nested more than 200 deep");
}

TEST_CASE("rendered value: scalars as text are one line") {
  CHECK(FormatRendered(Number(Kind::kInt, 32, static_cast<std::uint64_t>(-7))) == "-7");
  CHECK(FormatRendered(Uint(~std::uint64_t{0})) == "18446744073709551615");
  CHECK(FormatRendered(Number(Kind::kBool, 0, 1)) == "true");
  CHECK(FormatRendered(Number(Kind::kChar, 0, 'x')) == "'x'");
  CHECK(FormatRendered(Number(Kind::kChar, 0, 10)) == R"('\x0a')");
  CHECK(FormatRendered(Number(Kind::kEnum, 32, 1024, "SCX_EXIT_ERROR")) == "SCX_EXIT_ERROR (1024)");
  CHECK(FormatRendered(Number(Kind::kEnum, 32, 5)) == "5");
  CHECK(FormatRendered(Number(Kind::kCpuList, 0, 0, "0-2,5")) == "CPUs 0-2,5");
  CHECK(FormatRendered(Number(Kind::kCpuList, 0, 0)) == "no CPU");
  CHECK(FormatRendered(Number(Kind::kBytes, 0, 0, "00ff")) == "hex 00ff");
  CHECK(FormatRendered(Number(Kind::kBytes, 0, 0, std::string(200, '1'))) ==
        "hex " + std::string(128, '1') + "... (100 bytes)");
  CHECK(FormatRendered(Pointer(0, {})) == "0x0");
  CHECK(FormatRendered(Pointer(0xffff888003a1c000, {Uint(7)})) == "0xffff888003a1c000 -> 7");
  CHECK(FormatRendered(Pointer(0x10, {}, "[cycle]")) == "0x10 [cycle]");
  CHECK(FormatRendered(Pointer(0x10, {}, "cannot be read")) == "0x10 [chase: cannot be read]");
  CHECK(FormatRendered(Truncated(8, 3, {})) == "[truncated: 3 of 8 bytes]");
  CHECK(FormatRendered(Truncated(8, 3, {Struct("s", {{"a", Uint(1)}})})) ==
        "[truncated: 3 of 8 bytes] s {a: 1}");
  RenderedValue unsupported;
  unsupported.reason = "void has no value";
  CHECK(FormatRendered(unsupported) == "[unsupported: void has no value]");
  RenderedValue real;
  real.kind = Kind::kFloat;
  real.real = 2.5;
  CHECK(FormatRendered(real) == "2.5");
}

TEST_CASE("rendered value: arrays of bytes that are text, and of zeros") {
  CHECK(FormatRendered(Text("bash", Kind::kChar, 16)) == R"("bash")");
  CHECK(FormatRendered(Text("a\"b\\\n", Kind::kChar, 16)) == R"("a\"b\\\n")");
  CHECK(FormatRendered(Text(std::string("ls\0ld", 5), Kind::kChar, 8)) == R"("ls")");
  CHECK(FormatRendered(Text("abc", Kind::kUint, 8)) == R"("abc")");
  CHECK(FormatRendered(Text("ab", Kind::kUint, 4)) == "[97, 98, 0, 0]");
  CHECK(FormatRendered(Text(std::string("abc\0d", 5), Kind::kUint, 5)) == "[97, 98, 99, 0, 100]");
  CHECK(FormatRendered(Text("\x01\x02\x03", Kind::kChar, 3)) == R"(['\x01', '\x02', '\x03'])");
  CHECK(FormatRendered(Text("", Kind::kChar, 16)) == "[all 16 zero]");
  CHECK(FormatRendered(Array({Struct("s", {{"a", Uint(0)}}), Struct("s", {{"a", Pointer(0, {})}})})) ==
        "[all 2 zero]");
  CHECK(FormatRendered(Array({Uint(0), Uint(0)}, 9000)) == "[the first 2 of 9000 elements, zero]");
  CHECK(FormatRendered(Array({})) == "[]");
  CHECK(FormatRendered(Array({Uint(1), Uint(2)}, 9000)) == "[1, 2, [2 of 9000 elements]]");
}

TEST_CASE("rendered value: structs are a line when short, else a block") {
  const RenderedValue list = Struct("list_head", {{"next", Pointer(0x10, {})}, {"prev", Pointer(0x20, {})}});
  CHECK(FormatRendered(list) == "list_head {next: 0x10, prev: 0x20}");
  CHECK(FormatRendered(Struct("", {})) == "{}");
  std::vector<RenderedValue> numbers;
  for (std::uint64_t i = 0; i < 30; ++i) numbers.push_back(Uint(i * 1000));
  const RenderedValue block = Struct("rq", {{"lists", Array({list, list})},
                                            {"", Struct("", {{"lo", Uint(1)}, {"hi", Uint(2)}})},
                                            {"numbers", Array(numbers)},
                                            {"curr", Pointer(0x30, {Struct("task", {{"pid", Uint(1)}})})}});
  CHECK(FormatRendered(block, 2) == R"(rq {
    lists: [
      [0] list_head {next: 0x10, prev: 0x20}
      [1] list_head {next: 0x10, prev: 0x20}
    ]
    {lo: 1, hi: 2}
    numbers: [
      0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 11000, 12000,
      13000, 14000, 15000, 16000, 17000, 18000, 19000, 20000, 21000, 22000, 23000,
      24000, 25000, 26000, 27000, 28000, 29000
    ]
    curr: 0x30 -> task {pid: 1}
  })");
}
