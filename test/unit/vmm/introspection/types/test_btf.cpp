#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "test/unit/vmm/introspection/types/btf_blob.h"
#include "vmm/introspection/types/btf.h"

using namespace ktstr;
using namespace ktstr::vmm;
using test::BtfBlob;
using test::SmallWorld;

namespace {

std::string WhyNot(const Result<std::shared_ptr<const Btf>>& parsed) {
  REQUIRE_FALSE(parsed.ok());
  CHECK(parsed.error().kind == ErrorKind::kInput);
  return parsed.error().message;
}

template <typename T>
std::string Message(const Result<T>& result) {
  return result.ok() ? "(no error)" : result.error().message;
}

std::uint32_t Id(int id) { return static_cast<std::uint32_t>(id); }

}  // namespace

TEST_CASE("btf: types are found by name, sized, resolved and named") {
  SmallWorld world;
  REQUIRE(world.task_type == SmallWorld::kTask);
  const auto parsed = world.blob.Parse();
  REQUIRE(parsed.ok());
  const Btf& btf = **parsed;

  CHECK(*btf.FindType("task") == Id(world.task_type));
  CHECK(*btf.FindType("u64") == Id(world.u64_type));
  CHECK(*btf.FindType("unsigned int") == Id(world.u32_type));
  CHECK(Message(btf.FindType("tassk")) == "the kernel has no type 'tassk'; did you mean 'task'?");
  CHECK(Message(btf.FindType("u46")) == "the kernel has no type 'u46'; did you mean 'u64'?");
  CHECK(Message(btf.FindType("completely_else")) == "the kernel has no type 'completely_else'");
  CHECK(Message(btf.FindType("")) == "the kernel has no type ''");

  CHECK(btf.SizeOf(Id(world.task_type)) == 80);
  CHECK(btf.SizeOf(Id(world.grid_type)) == 24);
  CHECK(btf.SizeOf(Id(world.u64_type)) == 8);
  CHECK(btf.SizeOf(Id(world.task_pointer)) == 8);
  CHECK(btf.SizeOf(0) == 0);
  CHECK(btf.SizeOf(4'000'000'000) == 0);
  CHECK(btf.Resolve(Id(world.pid_type)) == Id(world.int_type));
  CHECK(btf.Resolve(4'000'000'000) == 0);

  CHECK(btf.NameOf(Id(world.task_type)) == "struct task");
  CHECK(btf.NameOf(Id(world.task_pointer)) == "struct task *");
  CHECK(btf.NameOf(Id(world.u64_type)) == "u64");
  CHECK(btf.NameOf(Id(world.grid_type)) == "unsigned int[2][3]");
  CHECK(btf.NameOf(Id(world.either_type)) == "union (anonymous)");
  CHECK(btf.NameOf(Id(world.void_pointer)) == "void *");
  CHECK(btf.NameOf(Id(world.state_type)) == "enum state");
}

TEST_CASE("btf: names of pointers, arrays and qualifiers together") {
  BtfBlob blob;
  const int character = blob.Int("char", 1);
  const int text = blob.Const(blob.Ptr(blob.Const(character)));
  const int texts = blob.Array(text, 8);
  const int to_array = blob.Ptr(blob.Array(character, 4));
  const int function = blob.Ptr(blob.FuncProto(0));
  const int unknown = blob.Ptr(blob.Volatile(blob.Fwd("hidden")));
  const auto parsed = blob.Parse();
  REQUIRE(parsed.ok());
  CHECK((*parsed)->NameOf(Id(text)) == "const char *");
  CHECK((*parsed)->NameOf(Id(texts)) == "const char *[8]");
  CHECK((*parsed)->NameOf(Id(to_array)) == "char (*)[4]");
  CHECK((*parsed)->NameOf(Id(function)) == "function *");
  CHECK((*parsed)->NameOf(Id(unknown)) == "struct hidden *");
}

TEST_CASE("btf: of several types of one name a struct comes first, then the first one") {
  BtfBlob blob;
  const int integer = blob.Int("int", 4);
  blob.Typedef("same", integer);
  const int structure = blob.Struct("same", 4, {{"a", integer, 0}});
  blob.Struct("same", 8, {{"b", integer, 0}});
  blob.Fwd("only_declared");
  blob.Typedef("near_1", integer);
  blob.Typedef("near_2", integer);
  blob.Typedef("nearer_3", integer);
  const auto parsed = blob.Parse();
  REQUIRE(parsed.ok());
  CHECK(*(*parsed)->FindType("same") == Id(structure));
  CHECK(Message((*parsed)->FindType("near_x")) == "the kernel has no type 'near_x'; did you mean 'near_1'?");
  CHECK(Message((*parsed)->FindType("nearer_4")) ==
        "the kernel has no type 'nearer_4'; did you mean 'nearer_3'?");
  CHECK(Message((*parsed)->FindType("only_declared")) == "the kernel has no type 'only_declared'");
}

TEST_CASE("btf: enumerators of 32 and 64 bits, signed and not") {
  SmallWorld world;
  const auto parsed = world.blob.Parse();
  REQUIRE(parsed.ok());
  CHECK(*(*parsed)->FindEnumerator("STATE_TOP") == 4294967295);
  CHECK(*(*parsed)->FindEnumerator("LEVEL_LOW") == -1);
  CHECK(*(*parsed)->FindEnumerator("WIDE_BIG") == 1099511627776);
  CHECK(Message((*parsed)->FindEnumerator("STATE")) == "the kernel has no enumerator 'STATE'");
}

TEST_CASE("btf: variables of sections") {
  SmallWorld world;
  world.blob.Section(".data..percpu", 88,
                     {{world.blob.Var("current_task", world.task_pointer), 0, 8},
                      {world.blob.Var("tasks", world.task_type), 8, 80}});
  const auto parsed = world.blob.Parse();
  REQUIRE(parsed.ok());
  CHECK((*parsed)->VariableType("tasks") == std::optional(Id(world.task_type)));
  CHECK((*parsed)->VariableType("task") == std::nullopt);
  CHECK((*parsed)->SizeOf(*(*parsed)->FindType(".data..percpu")) == 88);
}

TEST_CASE("btf: a split blob adds to its base") {
  SmallWorld world;
  BtfBlob module(world.blob);
  const int pair = module.Struct("pair", 88, {{"task", world.task_type, 0}, {"next", world.u64_type, 640}});
  const int task = module.Struct("state_of_module", 4, {{"state", world.state_type, 0}});
  const auto base = world.blob.Parse();
  REQUIRE(base.ok());
  const auto parsed = module.Parse(*base);
  REQUIRE(parsed.ok());
  CHECK(*(*parsed)->FindType("pair") == Id(pair));
  CHECK(*(*parsed)->FindType("state_of_module") == Id(task));
  CHECK(*(*parsed)->FindType("task") == Id(world.task_type));
  CHECK(*(*parsed)->FindEnumerator("STATE_BUSY") == 1);
  CHECK((*parsed)->SizeOf(Id(world.grid_type)) == 24);
  CHECK((*parsed)->Path("pair.task.comm[1]")->offset == 5);
  CHECK(Message((*base)->FindType("pair")) == "the kernel has no type 'pair'");
  // Without its base it is not even BTF of its own.
  CHECK(WhyNot(module.Parse()).starts_with("not BTF: "));
}

TEST_CASE("btf: what is wrong with a header is named") {
  SmallWorld world;
  const std::vector<std::byte> good = world.blob.Bytes();
  const auto with = [&](std::size_t offset, std::uint32_t word) {
    std::vector<std::byte> bytes = good;
    std::memcpy(bytes.data() + offset, &word, sizeof word);
    return WhyNot(Btf::Parse(bytes));
  };
  CHECK(WhyNot(Btf::Parse({})) == "not BTF: 0 bytes are less than a header");
  CHECK(WhyNot(Btf::Parse(std::vector<std::byte>(33U << 20))) ==
        "not BTF: 34603008 bytes are more than 32 MiB");
  CHECK(with(0, 0x00019feb) == "not BTF: the magic number is 0x9feb");  // the other byte order
  CHECK(with(0, 0x0002eb9f) == "not BTF: version 2");
  CHECK(with(4, 20) == "not BTF: the header's length or the types' offset is wrong");
  CHECK(with(4, 25) == "not BTF: the header's length or the types' offset is wrong");
  CHECK(with(4, 28) == "not BTF: its sections do not fit into it");
  CHECK(with(8, 0xfffffffc) == "not BTF: its sections do not fit into it");
  CHECK(with(12, 0xffffffff) == "not BTF: its sections do not fit into it");
  CHECK(with(20, 0xffffffff) == "not BTF: its sections do not fit into it");
  CHECK(with(20, 0) == "not BTF: libbpf refuses it (Invalid argument)");
  CHECK(WhyNot(Btf::Parse(std::span(good).first(good.size() - 1))) ==
        "not BTF: its sections do not fit into it");
}

TEST_CASE("btf: types that libbpf takes but that would lead astray are refused") {
  const auto refused = [](auto&& fill) {
    BtfBlob blob;
    fill(blob, blob.Int("int", 4));
    return WhyNot(blob.Parse());
  };
  CHECK(refused([](BtfBlob& blob, int) { blob.Typedef("x", 99); }) ==
        "not BTF: type 2 refers to type 99, which does not exist");
  CHECK(refused([](BtfBlob& blob, int) {
          blob.Struct("s", 8, {{"a", 77, 0}});
        }) == "not BTF: type 2 refers to type 77, which does not exist");
  CHECK(refused([](BtfBlob& blob, int) { blob.Array(55, 1); }) ==
        "not BTF: type 2 refers to type 55, which does not exist");
  CHECK(refused([](BtfBlob& blob, int) { blob.Raw(blob.FuncProto(0))[2] = 44; }) ==
        "not BTF: type 2 refers to type 44, which does not exist");
  CHECK(refused([](BtfBlob& blob, int) { blob.Const(blob.Typedef("loop", 3)); }) ==
        "not BTF: type 2 leads back to itself");
  CHECK(refused([](BtfBlob& blob, int) { blob.Array(2, 1); }) == "not BTF: type 2 leads back to itself");
  CHECK(refused([](BtfBlob& blob, int integer) { blob.Array(blob.Array(integer, 1U << 20), 1U << 20); }) ==
        "not BTF: type 3 is an array of more than 4 GiB");
  CHECK(refused([](BtfBlob& blob, int integer) { blob.Array(integer, 1U << 30); }) ==
        "not BTF: type 2 is an array of more than 4 GiB");
  CHECK(refused([](BtfBlob& blob, int integer) {
          blob.Struct("s", 4, {{"a", integer, 0}, {"b", integer, 8}});
        }) == "not BTF: type 2 ends before its member 1");
  CHECK(refused([](BtfBlob& blob, int integer) {
          blob.Raw(blob.Struct("s", 4, {{"a", integer, 0}}))[5] = 4;
        }) == "not BTF: type 2 ends before its member 0");
  CHECK(refused([](BtfBlob& blob, int integer) {
          blob.Raw(blob.Struct("s", 16, {{"p", blob.Ptr(integer), 0}}))[5] = 4;
        }) == "not BTF: type 3 has a member 0 that is no bitfield and not on a byte");
  CHECK(refused([](BtfBlob& blob, int integer) {
          blob.Struct("s", 8, {{"p", blob.Ptr(integer), 0, 5}});
        }) == "not BTF: type 3 has a member 0 that is no bitfield and not on a byte");
  CHECK(refused([](BtfBlob& blob, int integer) {
          blob.Section(".bss", 4, {{integer, 0, 4}});
        }) == "not BTF: type 2 has type 1 for a variable");
  CHECK(refused([](BtfBlob& blob, int) {
          blob.Section(".bss", 4, {{blob.Func("f", blob.FuncProto(0)), 0, 4}});
        }) == "not BTF: type 4 has type 3 for a variable");
  CHECK(refused([](BtfBlob& blob, int) { blob.OddInt("odd", 4, 20, 16); }) ==
        "not BTF: type 2 has an impossible size");
  CHECK(refused([](BtfBlob& blob, int integer) { blob.Raw(integer)[0] = 5000; }) ==
        "not BTF: type 1 has a name outside the strings, at 5000");
  CHECK(refused([](BtfBlob& blob, int integer) { blob.Typedef("two\nlines", integer); }) ==
        "not BTF: type 2 has a name that cannot be printed");
  CHECK(refused([](BtfBlob& blob, int integer) { blob.Typedef(std::string(1024, 'a').c_str(), integer); }) ==
        "not BTF: type 2 has a name of more than 1023 bytes");
}
