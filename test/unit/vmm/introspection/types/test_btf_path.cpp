#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "test/unit/vmm/introspection/types/btf_blob.h"
#include "vmm/introspection/types/btf.h"

using namespace ktstr;
using namespace ktstr::vmm;
using test::BtfBlob;
using test::SmallWorld;

namespace {

std::string Show(const Btf& btf, const Result<MemberPath>& path) {
  if (!path) return path.error().message;
  std::string text;
  for (const std::uint64_t hop : path->hops) text += "*" + std::to_string(hop) + " ";
  text += std::to_string(path->offset) + ":" + std::to_string(path->size);
  if (path->bit_size != 0)
    text += " bits " + std::to_string(path->bit_offset) + "+" + std::to_string(path->bit_size);
  return text + (path->is_signed ? " signed " : " ") + btf.NameOf(path->type);
}

}  // namespace

TEST_CASE("btf path: members, indices, anonymous members, pointers and bitfields") {
  SmallWorld world;
  const auto parsed = world.blob.Parse();
  REQUIRE(parsed.ok());
  const auto path = [&](const char* text) { return Show(**parsed, (*parsed)->Path(text)); };
  CHECK(path("task") == "0:80 struct task");
  CHECK(path("task.pid") == "0:4 signed int");
  CHECK(path("task->pid") == "0:4 signed int");
  CHECK(path("task.comm") == "4:16 char[16]");
  CHECK(path("task.comm[15]") == "19:1 signed char");
  CHECK(path("task.word") == "20:4 unsigned int");
  CHECK(path("task.hi") == "21:1 unsigned char");
  CHECK(path("task.grid[1]") == "36:12 unsigned int[3]");
  CHECK(path("task.grid[1][2]") == "44:4 unsigned int");
  CHECK(path("task.flag") == "48:1 bits 0+1 unsigned int");
  CHECK(path("task.prio") == "48:1 bits 1+7 signed int");
  CHECK(path("task.cookie") == "49:3 bits 4+20 unsigned int");
  CHECK(path("task.state") == "72:4 enum state");
  CHECK(path("task.parent") == "56:8 struct task *");
  CHECK(path("task.parent.pid") == "*56 0:4 signed int");
  CHECK(path("task.parent->parent.hi") == "*56 *56 21:1 unsigned char");
  CHECK(path("task.parent[2].pid") == "*56 160:4 signed int");
  CHECK(path("task.tail") == "80:0 u64[0]");
  CHECK(path("task.tail[5]") == "120:8 long long unsigned int");
  CHECK(path("u64") == "0:8 long long unsigned int");

  const auto from = [&](int type, const char* text) {
    return Show(**parsed, (*parsed)->Path(static_cast<std::uint32_t>(type), text));
  };
  CHECK(from(world.task_type, "") == "0:80 struct task");
  CHECK(from(world.grid_type, "[1][0]") == "12:4 unsigned int");
  CHECK(from(world.task_pointer, "pid") == "*0 0:4 signed int");
  CHECK(from(world.task_pointer, "[1].comm[0]") == "*0 84:1 signed char");
  CHECK(from(0, "") == "0:0 void");
}

TEST_CASE("btf path: what is wrong is named, with what may have been meant") {
  SmallWorld world;
  const auto parsed = world.blob.Parse();
  REQUIRE(parsed.ok());
  const auto path = [&](const std::string& text) { return Show(**parsed, (*parsed)->Path(text)); };
  CHECK(path("task.pidd") == "struct task has no member 'pidd'; did you mean 'pid'?");
  CHECK(path("task.lp") == "struct task has no member 'lp'; did you mean 'lo'?");
  CHECK(path("task.elsewhere") == "struct task has no member 'elsewhere'");
  CHECK(path("tusk.pid") == "the kernel has no type 'tusk'; did you mean 'task'?");
  CHECK(path("task.comm.x") == "'comm' is an array; give an index");
  CHECK(path("task.grid[1].x") == "'grid[1]' is an array; give an index");
  CHECK(path("task.comm[16]") == "index 16 is outside char[16]");
  CHECK(path("task.grid[0][3]") == "index 3 is outside unsigned int[3]");
  CHECK(path("task.pid.x") == "'pid' is an int; it has no members");
  CHECK(path("task.state.x") == "'state' is an enum; it has no members");
  CHECK(path("u64.x") == "'u64' is an int; it has no members");
  CHECK(path("task.pid[0]") == "'pid' is an int; it has no elements");
  CHECK(path("task.stack.x") == "'stack' points to void; it has no members");
  CHECK(path("task.stack[0]") == "'stack' points to void; it has no elements");
  CHECK(path("task..pid") == "an empty component in 'task..pid'");
  CHECK(path("task.") == "an empty component in 'task.'");
  CHECK(path("task.parent->") == "an empty component in 'task.parent->'");
  CHECK(path("task.[0]") == "an empty component in 'task.[0]'");
  CHECK(path("task.comm[3") == "'[3' lacks its ']' in 'task.comm[3'");
  CHECK(path("task.comm[x]") == "'[x]' in 'task.comm[x]' is not an index");
  CHECK(path("task.comm[]") == "'[]' in 'task.comm[]' is not an index");
  CHECK(path("task.comm[-1]") == "'[-1]' in 'task.comm[-1]' is not an index");
  CHECK(path("task.comm[1]x") == "'x' follows a ']' in 'task.comm[1]x'");
  CHECK(path("task.tail[9999999999999]") ==
        "'[9999999999999]' in 'task.tail[9999999999999]' is not an index");
  CHECK(path("task.parent[9999999999].pid.a[2]") == "'pid' is an int; it has no members");
  CHECK(path("task.pi\nd") == "a path has a byte that cannot be printed");
  CHECK(path("task." + std::string(508, 'a')) == "a path of 513 bytes; 512 are the limit");
}

TEST_CASE("btf path: limits of components, pointers and reach") {
  SmallWorld world;
  const int big = world.blob.Struct("big", 1U << 31, {{"pid", world.int_type, 0}});
  world.blob.Struct("holder", 8, {{"big", world.blob.Ptr(big), 0}});
  const auto parsed = world.blob.Parse();
  REQUIRE(parsed.ok());
  const auto path = [&](const std::string& text) { return Show(**parsed, (*parsed)->Path(text)); };
  std::string seventeen = "task";
  for (int i = 0; i < 17; ++i) seventeen += ".parent";
  CHECK(path(seventeen).ends_with("*56 56:8 struct task *"));
  CHECK(path(seventeen + ".pid") == "'" + seventeen + ".pid' follows more than 16 pointers");
  std::string many;
  for (int i = 0; i < 65; ++i) many += "[0]";
  CHECK(path("task.grid" + many) == "'grid[0][0]' is an int; it has no elements");
  CHECK(path("holder.big[512].pid") == "*0 1099511627776:4 signed int");
  CHECK(path("holder.big[513].pid") == "index 513 in 'holder.big[513].pid' is too large");
  BtfBlob deep;
  int at = deep.Int("int", 4);
  for (int i = 0; i < 60; ++i) at = deep.Array(at, 1);
  const int top = deep.Ptr(deep.Ptr(deep.Ptr(deep.Ptr(deep.Ptr(at)))));
  const auto deeply = deep.Parse();
  REQUIRE(deeply.ok());
  CHECK(Show(**deeply, (*deeply)->Path(static_cast<std::uint32_t>(top), many)) ==
        "'" + many + "' has more than 64 components");
}

TEST_CASE("btf path: bitfields encoded in their integer type") {
  BtfBlob blob;
  const int whole = blob.Int("unsigned int", 4);
  const int odd = blob.OddInt("unsigned int", 4, 3, 2);
  blob.Struct("old", 8, {{"whole", whole, 0}, {"odd", odd, 32}});
  const auto parsed = blob.Parse();
  REQUIRE(parsed.ok());
  CHECK(Show(**parsed, (*parsed)->Path("old.whole")) == "0:4 unsigned int");
  CHECK(Show(**parsed, (*parsed)->Path("old.odd")) == "4:1 bits 2+3 unsigned int");
}

TEST_CASE("btf path: a struct of nothing but itself ends") {
  BtfBlob blob;
  // Each is four times the next without a byte: 4^16 ways to look for a name even as deep as we go.
  for (int i = 1; i <= 40; ++i) {
    const BtfBlob::Member next{nullptr, i < 40 ? i + 1 : 1, 0};
    blob.Struct("level", 0, {next, next, next, next});
  }
  const auto parsed = blob.Parse();
  REQUIRE(parsed.ok());
  CHECK(Show(**parsed, (*parsed)->Path(1, "name")) == "struct level has no member 'name'");
}
