// Paths into one value, what it is as a number or a text, and the texts of keys.
#include <catch2/catch.hpp>
#include <limits>

#include "test/unit/vmm/introspection/snapshot/snapshot_samples.h"
#include "vmm/introspection/snapshot/snapshot_value.h"

using namespace ktstr::vmm;
using namespace ktstr::vmm::test;
using Fault = SnapshotError::Kind;

namespace {

constexpr std::int64_t kMin64 = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();

struct Wrong {
  Fault kind;
  std::string message;
  bool operator==(const Wrong&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Wrong& wrong) {
  return out << KindName(wrong.kind) << ": " << wrong.message;
}
template <typename T>
Wrong Failure(const SnapshotOutcome<T>& outcome) {
  if (outcome.ok()) return {Fault::kProjectionFailed, "(there is a value)"};
  return {outcome.error().kind, outcome.error().message};
}
SnapshotValue At(const RenderedValue& value) { return {value, "here"}; }
std::uint64_t U64(const RenderedValue& value, std::string_view path) {
  const auto found = At(value).Get(path);
  if (!found.ok()) FAIL(found.error().message);
  const auto number = found->AsU64();
  REQUIRE(number.ok());
  return *number;
}

/// a pointer to a pointer ... to {x: 7}, `hops` of them
RenderedValue Chain(int hops) {
  RenderedValue value = Struct("end", {{"x", Uint(7)}});
  for (int i = 0; i < hops; ++i) value = PtrTo(0x1000, std::move(value));
  return value;
}

const RenderedValue kTask =
    Struct("task", {{"pid", Int(42)},
                    {"se", Struct("se", {{"load", Struct("load", {{"weight", Uint(1024)}})}})},
                    {"", Struct("", {{"left", Uint(1)}, {"", Struct("", {{"deep", Uint(2)}})}})},
                    {"list", Array({Uint(5), Struct("n", {{"c", Uint(6)}})})},
                    {"big", Array({Uint(0)}, 5000)},
                    {"parent", PtrTo(0x10, Struct("task", {{"pid", Int(1)}}))},
                    {"lost", Ptr(0x20, "not mapped")},
                    {"raw", Ptr(0x30)},
                    {"mode", Enum(2, "FIFO")}});

}  // namespace

TEST_CASE("a path goes through structs, anonymous members, arrays and pointers") {
  CHECK(U64(kTask, "pid") == 42);
  CHECK(U64(kTask, "se.load.weight") == 1024);
  CHECK(U64(kTask, "left") == 1);
  CHECK(U64(kTask, "deep") == 2);
  CHECK(U64(kTask, "list[0]") == 5);
  CHECK(U64(kTask, "list[1].c") == 6);
  CHECK(U64(kTask, "parent.pid") == 1);
  CHECK(U64(kTask, "parent") == 0x10);  // the last value is not followed
  CHECK(U64(Array({Array({Uint(1), Uint(2)})}), "[0][1]") == 2);
  CHECK(At(kTask).Get("list[1].c")->Where() == "here, field list[1].c");
  CHECK(At(kTask).Get("")->Where() == "here");
}

TEST_CASE("sixteen pointers are followed, a seventeenth is not") {
  CHECK(U64(Chain(16), "x") == 7);
  CHECK(Failure(At(Chain(17)).Get("x")) ==
        Wrong{Fault::kProjectionFailed, "here: more than 16 pointers on the way"});
}

TEST_CASE("a path that leads nowhere says what there is") {
  const auto missing = At(kTask).Get("se.lod");
  CHECK(Failure(missing) ==
        Wrong{Fault::kFieldNotFound, "here, field se: no field 'lod' in struct se; did you mean 'load'?"});
  CHECK(missing.error().suggestions == std::vector<std::string>{"load"});
  CHECK(At(kTask).Get("x").error().suggestions == std::vector<std::string>{"pid", "se", "left", "deep",
                                                                           "list", "big", "parent", "lost",
                                                                           "raw", "mode"});
  CHECK(Failure(At(kTask).Get("pid.x")) ==
        Wrong{Fault::kNotAStruct, "here, field pid: an int has no field 'x'"});
  CHECK(Failure(At(kTask).Get("pid[0]")) ==
        Wrong{Fault::kNotAStruct, "here, field pid: an int has no element [0]"});
  CHECK(Failure(At(kTask).Get("list[2]")) ==
        Wrong{Fault::kIndexOutOfRange, "here, field list: no element [2] in an array of 2"});
  CHECK(Failure(At(kTask).Get("big[4097]")) ==
        Wrong{Fault::kIndexOutOfRange,
              "here, field big: no element [4097] in an array of 5000, of which the first 1 were kept"});
  CHECK(Failure(At(kTask).Get("lost.pid")) ==
        Wrong{Fault::kNotAStruct,
              "here, field lost: the pointer 0x20 was not followed: not mapped, so there is no field 'pid'"});
  CHECK(Failure(At(kTask).Get("raw.pid")) ==
        Wrong{Fault::kNotAStruct,
              "here, field raw: the pointer 0x30 was not followed, so there is no field 'pid'"});
}

TEST_CASE("a malformed path") {
  for (const char* path : {"a..b", ".a", "a.", "a[]", "a.[1]", "a[=1]", "."})
    CHECK(Failure(At(kTask).Get(path)) ==
          Wrong{Fault::kEmptyPathComponent, std::string("here: path '") + path + "' has an empty component"});
  CHECK(Failure(At(kTask).Get("list[1")) ==
        Wrong{Fault::kProjectionFailed, "here: path 'list[1': '[' is not closed"});
  CHECK(Failure(At(kTask).Get("list[x]")) ==
        Wrong{Fault::kProjectionFailed, "here: path 'list[x]': [x] is neither an index nor member=value"});
  CHECK(Failure(At(kTask).Get("list[-1]")) ==
        Wrong{Fault::kProjectionFailed, "here: path 'list[-1]': [-1] is neither an index nor member=value"});
  CHECK(Failure(At(kTask).Get("list[1]c")) ==
        Wrong{Fault::kProjectionFailed, "here: path 'list[1]c': '.' or '[' must follow ']'"});
  CHECK(Failure(At(kTask).Get("list[c=6]")) ==
        Wrong{Fault::kProjectionFailed,
              "here, field list: [member=value] chooses from lists of the report, not in a value"});
}

TEST_CASE("what was cut short gives what is there, and never claims that the rest does not exist") {
  const RenderedValue part = Truncated(16, 8, Struct("s", {{"a", Uint(3)}}));
  CHECK(U64(part, "a") == 3);
  CHECK(Failure(At(part).Get("b")) ==
        Wrong{Fault::kMapRenderIncomplete,
              "here: no field 'b' in struct s (only 8 of 16 bytes could be read)"});
  CHECK(Failure(At(Truncated(16, 8)).Get("b")) ==
        Wrong{Fault::kNoRendered, "here: only 8 of 16 bytes could be read"});
  CHECK(Failure(At(Truncated(16, 8)).AsU64()) ==
        Wrong{Fault::kNoRendered, "here: only 8 of 16 bytes could be read"});
  CHECK(Failure(At(Unsupported("a function")).Get("b")) == Wrong{Fault::kNoRendered, "here: a function"});
  CHECK(Failure(At(Unsupported("a function")).AsF64()) == Wrong{Fault::kNoRendered, "here: a function"});
}

TEST_CASE("as u64: uint, char, bool, pointer, and int or enum from 0 on") {
  CHECK(*At(Uint(kMax64)).AsU64() == kMax64);
  CHECK(*At(Int(5)).AsU64() == 5);
  CHECK(*At(Enum(2, "FIFO")).AsU64() == 2);
  CHECK(*At(Bool(true)).AsU64() == 1);
  CHECK(*At(Char('A')).AsU64() == 65);
  CHECK(*At(Ptr(0x10)).AsU64() == 0x10);
  CHECK(Failure(At(Int(-1)).AsU64()) == Wrong{Fault::kTypeMismatch, "here: an int of -1 is no u64"});
  CHECK(Failure(At(Enum(-1, "")).AsU64()) == Wrong{Fault::kTypeMismatch, "here: an enum of -1 is no u64"});
  CHECK(Failure(At(Float(1)).AsU64()) == Wrong{Fault::kTypeMismatch, "here: a float of 1 is no u64"});
  CHECK(Failure(At(kTask).AsU64()) == Wrong{Fault::kTypeMismatch, "here: a struct is no u64"});
  CHECK(Failure(At(CpuList("0-2")).AsU64()) ==
        Wrong{Fault::kTypeMismatch, "here: a CPU list of 0-2 is no u64"});
}

TEST_CASE("as i64: int, enum, char, bool, and uint that fits") {
  CHECK(*At(Int(kMin64, 64)).AsI64() == kMin64);
  CHECK(*At(Enum(-3, "")).AsI64() == -3);
  CHECK(*At(Uint(kMax64 / 2)).AsI64() == std::numeric_limits<std::int64_t>::max());
  CHECK(*At(Bool(false)).AsI64() == 0);
  CHECK(*At(Char('A')).AsI64() == 65);
  CHECK(Failure(At(Uint(kMax64)).AsI64()) ==
        Wrong{Fault::kTypeMismatch, "here: a uint of 18446744073709551615 is no i64"});
  CHECK(Failure(At(Ptr(0x10)).AsI64()) == Wrong{Fault::kTypeMismatch, "here: a pointer of 0x10 is no i64"});
}

TEST_CASE("as bool, f64 and text") {
  CHECK(*At(Bool(true)).AsBool());
  CHECK(*At(Uint(1)).AsBool());
  CHECK_FALSE(*At(Int(0)).AsBool());
  CHECK(Failure(At(Uint(2)).AsBool()) == Wrong{Fault::kTypeMismatch, "here: a uint of 2 is no bool"});
  CHECK(*At(Float(0.25)).AsF64() == 0.25);
  CHECK(*At(Int(-2)).AsF64() == -2);
  CHECK(*At(Uint(kMax64)).AsF64() == 18446744073709551615.0);
  CHECK(Failure(At(Ptr(1)).AsF64()) == Wrong{Fault::kTypeMismatch, "here: a pointer of 0x1 is no f64"});
  CHECK(*At(Enum(2, "FIFO")).AsStr() == "FIFO");
  CHECK(*At(CpuList("0-2,5")).AsStr() == "0-2,5");
  CHECK(*At(Text("spin", 16)).AsStr() == "spin");
  CHECK(Failure(At(Enum(9, "")).AsStr()) == Wrong{Fault::kTypeMismatch, "here: an enum of 9 is no text"});
  CHECK(Failure(At(Uint(9)).AsStr()) == Wrong{Fault::kTypeMismatch, "here: a uint of 9 is no text"});
  CHECK(Failure(At(Array({Uint(300)})).AsStr()) == Wrong{Fault::kTypeMismatch, "here: an array is no text"});
}

TEST_CASE("keys as people write them") {
  const RenderedValue pair =
      Struct("key", {{"a", Uint(1)}, {"in", Struct("", {{"b", Int(-2)}})}, {"name", Text("x", 4)}});
  CHECK(KeyText(Uint(3, 32), "03000000") == "3");
  CHECK(KeyText(Int(-3), "") == "-3");
  CHECK(KeyText(Enum(2, "FIFO"), "") == "FIFO");
  CHECK(KeyText(Text("spin", 16), "") == "spin");
  CHECK(KeyText(pair, "") == "a=1,in.b=-2,name=x");
  CHECK(KeyText(Array({Uint(1), Uint(2)}), "") == "[0]=1,[1]=2");
  CHECK(KeyText(std::nullopt, "0a0B") == "hex:0a0B");
  CHECK(KeyText(std::nullopt, std::string(100, '0')) == "hex:" + std::string(73, '0') + "...");
}

TEST_CASE("a key is found by its text, its number in any base, some of its members, or its bytes") {
  const RenderedValue pair = Struct("key", {{"a", Uint(1)}, {"in", Struct("", {{"b", Int(-2)}})}});
  CHECK(KeyIs(Uint(16), "10000000", "16"));
  CHECK(KeyIs(Uint(16), "10000000", "0x10"));
  CHECK(KeyIs(Uint(16), "1a000000", "hex:1A000000"));
  CHECK_FALSE(KeyIs(Uint(16), "10000000", "10"));
  CHECK_FALSE(KeyIs(Uint(16), "10000000", ""));
  CHECK_FALSE(KeyIs(Uint(16), "10000000", "hex:"));
  CHECK_FALSE(KeyIs(Uint(16), "10000000", "hex:100000"));
  CHECK(KeyIs(Int(-1), "", "-1"));
  CHECK(KeyIs(Enum(2, "FIFO"), "", "FIFO"));
  CHECK(KeyIs(Enum(2, "FIFO"), "", "2"));
  CHECK(KeyIs(pair, "", "a=1,in.b=-2"));
  CHECK(KeyIs(pair, "", "in.b=-2"));
  CHECK(KeyIs(pair, "", "a=0x1"));
  CHECK_FALSE(KeyIs(pair, "", "a=2"));
  CHECK_FALSE(KeyIs(pair, "", "a=1,c=1"));
  CHECK_FALSE(KeyIs(pair, "", "1"));
  CHECK_FALSE(KeyIs(std::nullopt, "01", "1"));
}
