#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "test/unit/vmm/introspection/types/btf_blob.h"
#include "vmm/introspection/types/btf.h"

using namespace ktstr;
using namespace ktstr::vmm;
using test::BtfBlob;
using test::SmallWorld;
using Kind = RenderedValue::Kind;

namespace {

std::uint32_t Id(int id) { return static_cast<std::uint32_t>(id); }

std::shared_ptr<const Btf> Parsed(const BtfBlob& blob) {
  auto parsed = blob.Parse();
  INFO((parsed.ok() ? "" : parsed.error().message));
  REQUIRE(parsed.ok());
  return *parsed;
}

/// Bytes with little-endian numbers put in.
class Memory {
 public:
  explicit Memory(std::size_t size) : bytes_(size) {}
  template <typename T>
  Memory& Put(std::size_t offset, T value) {
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
    return *this;
  }
  Memory& Text(std::size_t offset, const char* text) {
    std::memcpy(bytes_.data() + offset, text, std::strlen(text));
    return *this;
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// A guest of a few pieces of memory.
class FakeGuest {
 public:
  void Put(std::uint64_t address, const Memory& memory) {
    pieces_[address] = std::vector<std::byte>(memory.bytes().begin(), memory.bytes().end());
  }
  Fetch Reader() {
    return [this](std::uint64_t address, std::span<std::byte> into) {
      ++reads;
      auto piece = pieces_.upper_bound(address);
      if (piece == pieces_.begin()) return false;
      --piece;
      const std::uint64_t offset = address - piece->first;
      if (offset + into.size() > piece->second.size()) return false;
      std::memcpy(into.data(), piece->second.data() + offset, into.size());
      return true;
    };
  }
  int reads = 0;

 private:
  std::map<std::uint64_t, std::vector<std::byte>> pieces_;
};

std::string Json(const RenderedValue& value) { return ToJson(value).dump(); }

const RenderedValue& At(const RenderedValue& value, const std::string& name) {
  for (const RenderedMember& member : value.members)
    if (member.name == name) return member.value;
  FAIL("no member " << name);
  return value;
}

Memory ATask() {
  Memory memory(80);
  memory.Put<std::int32_t>(0, -7)
      .Text(4, "worker")
      .Put<std::uint32_t>(20, 0x1234abcd)
      .Put<std::uint32_t>(44, 9);
  // flag 1, prio -2 (7 bits from bit 1), cookie 0xabcde (20 bits from bit 12)
  memory.Put<std::uint32_t>(48, 1U | 0x7eU << 1 | 0xabcdeU << 12);
  memory.Put<std::uint64_t>(56, 0x1000).Put<std::uint64_t>(64, 0x2000).Put<std::uint32_t>(72, 1);
  return memory;
}

}  // namespace

TEST_CASE("btf render: scalars have the JSON of their kind") {
  BtfBlob blob;
  const int s16 = blob.Int("short int", 2, BTF_INT_SIGNED);
  const int u64 = blob.Typedef("u64", blob.Const(blob.Int("long long unsigned int", 8)));
  const int boolean = blob.Int("_Bool", 1, BTF_INT_BOOL);
  const int character = blob.Int("char", 1, BTF_INT_SIGNED);
  const int real = blob.Float("double", 8);
  const int small_real = blob.Float("float", 4);
  const int long_real = blob.Float("long double", 16);
  const int wide = blob.Int("__int128", 16, BTF_INT_SIGNED);
  const int pointer = blob.Ptr(0);
  const int state = blob.Enum("state", 4, {{"IDLE", 0}, {"TOP", 0xffffffff}});
  const int level = blob.Enum("level", 1, {{"LOW", -1}, {"HIGH", 1}});
  const int big = blob.Enum64("big", true, {{"NEGATIVE", static_cast<std::uint64_t>(-5)}});
  const int declared = blob.Fwd("hidden");
  const int odd = blob.OddInt("odd", 2, 5, 3);
  const auto btf = Parsed(blob);
  const auto render = [&](int type, auto value) {
    return Json(btf->Render(Id(type), Memory(sizeof value).Put(0, value).bytes()));
  };
  CHECK(render(s16, std::int16_t{-2}) == R"({"bits":16,"kind":"int","value":-2})");
  CHECK(render(u64, ~std::uint64_t{0}) == R"({"bits":64,"kind":"uint","value":18446744073709551615})");
  CHECK(render(boolean, std::uint8_t{2}) == R"({"kind":"bool","value":true})");
  CHECK(render(character, std::uint8_t{200}) == R"({"kind":"char","value":200})");
  CHECK(render(real, 0.1) == R"({"bits":64,"kind":"float","value":0.1})");
  CHECK(render(small_real, 0.5F) == R"({"bits":32,"kind":"float","value":0.5})");
  CHECK(render(pointer, std::uint64_t{0xffff888000000000}) ==
        R"({"kind":"ptr","value":18446612682070032384})");
  CHECK(render(state, std::uint32_t{0xffffffff}) ==
        R"({"bits":32,"kind":"enum","value":4294967295,"variant":"TOP"})");
  CHECK(render(state, std::uint32_t{3}) == R"({"bits":32,"kind":"enum","value":3})");
  CHECK(render(level, std::int8_t{-1}) == R"({"bits":8,"kind":"enum","value":-1,"variant":"LOW"})");
  CHECK(render(big, std::int64_t{-5}) == R"({"bits":64,"kind":"enum","value":-5,"variant":"NEGATIVE"})");
  CHECK(render(odd, std::uint16_t{0xff57}) == R"({"bits":5,"kind":"uint","value":10})");
  const Memory sixteen = Memory(16).Put<std::uint64_t>(0, 0x0123456789abcdef).Put<std::uint64_t>(8, 1);
  const std::string hex = R"({"hex":"efcdab89674523010100000000000000","kind":"bytes"})";
  CHECK(Json(btf->Render(Id(wide), sixteen.bytes())) == hex);
  CHECK(Json(btf->Render(Id(long_real), sixteen.bytes())) == hex);
  CHECK(Json(btf->Render(Id(declared), {})) ==
        R"({"kind":"unsupported","reason":"struct hidden is only declared"})");
  CHECK(Json(btf->Render(0, {})) == R"({"kind":"unsupported","reason":"void has no value"})");
  CHECK(Json(btf->Render(12345, {})) == R"({"kind":"unsupported","reason":"void has no value"})");
}

TEST_CASE("btf render: a struct with arrays, a union, bitfields and an enum") {
  SmallWorld world;
  const auto btf = Parsed(world.blob);
  const RenderedValue task = btf->Render(Id(world.task_type), ATask().bytes());
  CHECK(task.kind == Kind::kStruct);
  CHECK(task.text == "task");
  REQUIRE(task.members.size() == 11);
  CHECK(Json(At(task, "pid")) == R"({"bits":32,"kind":"int","value":-7})");
  const RenderedValue& comm = At(task, "comm");
  CHECK(comm.kind == Kind::kArray);
  CHECK(comm.length == 16);
  REQUIRE(comm.members.size() == 16);
  CHECK(comm.members[0].value.kind == Kind::kChar);
  CHECK(comm.members[0].value.number == 'w');
  CHECK(task.members[2].name.empty());
  CHECK(
      Json(task.members[2].value) ==
      R"({"kind":"struct","members":[{"name":"word","value":{"bits":32,"kind":"uint","value":305441741}},)"
      R"({"name":"","value":{"kind":"struct","members":[{"name":"lo","value":{"bits":8,"kind":"uint","value":205}},)"
      R"({"name":"hi","value":{"bits":8,"kind":"uint","value":171}}]}}]})");
  const RenderedValue& grid = At(task, "grid");
  CHECK(grid.length == 2);
  CHECK(grid.members[1].value.members[2].value.number == 9);
  CHECK(Json(At(task, "flag")) == R"({"bits":1,"kind":"uint","value":1})");
  CHECK(Json(At(task, "prio")) == R"({"bits":7,"kind":"int","value":-2})");
  CHECK(Json(At(task, "cookie")) == R"({"bits":20,"kind":"uint","value":703710})");
  CHECK(Json(At(task, "state")) == R"({"bits":32,"kind":"enum","value":1,"variant":"STATE_BUSY"})");
  CHECK(Json(At(task, "tail")) == R"({"elements":[],"kind":"array","len":0})");
  CHECK(Json(At(task, "parent")) == R"({"kind":"ptr","value":4096})");
}

TEST_CASE("btf render: a member that a path found, bitfields too") {
  SmallWorld world;
  const auto btf = Parsed(world.blob);
  const Memory task = ATask();
  const auto member = [&](const char* path) {
    const auto found = btf->Path(path);
    REQUIRE(found.ok());
    return Json(btf->RenderMember(*found, task.bytes().subspan(found->offset, found->size)));
  };
  CHECK(member("task.prio") == R"({"bits":7,"kind":"int","value":-2})");
  CHECK(member("task.cookie") == R"({"bits":20,"kind":"uint","value":703710})");
  CHECK(member("task.hi") == R"({"bits":8,"kind":"uint","value":171})");
  CHECK(Json(btf->RenderMember(*btf->Path("task.cookie"), task.bytes().first(2))) ==
        R"({"had":2,"kind":"truncated","needed":3})");
}

TEST_CASE("btf render: too few bytes give what could be made of them") {
  SmallWorld world;
  const auto btf = Parsed(world.blob);
  const RenderedValue task = btf->Render(Id(world.task_type), ATask().bytes().first(30));
  CHECK(task.kind == Kind::kTruncated);
  CHECK(task.needed == 80);
  CHECK(task.had == 30);
  REQUIRE(task.members.size() == 1);
  const RenderedValue& partial = task.members[0].value;
  CHECK(partial.text == "task");
  CHECK(At(partial, "pid").kind == Kind::kInt);
  CHECK(
      Json(At(partial, "grid")) ==
      R"({"had":6,"kind":"truncated","needed":24,"partial":{"elements":[)"
      R"({"had":6,"kind":"truncated","needed":12,"partial":{"elements":[{"bits":32,"kind":"uint","value":0},)"
      R"({"had":2,"kind":"truncated","needed":4}],"kind":"array","len":3}}],"kind":"array","len":2}})");
  CHECK(Json(At(partial, "flag")) == R"({"had":0,"kind":"truncated","needed":1})");
  CHECK(Json(At(partial, "parent")) == R"({"had":0,"kind":"truncated","needed":8})");
  CHECK(Json(btf->Render(Id(world.task_type), {})) == R"({"had":0,"kind":"truncated","needed":80})");
}

TEST_CASE("btf render: pointers are followed as deep as asked, and not round in circles") {
  SmallWorld world;
  const auto btf = Parsed(world.blob);
  FakeGuest guest;
  guest.Put(0x1000, ATask());                                    // its parent is itself
  guest.Put(0x3000, Memory(80).Put<std::uint64_t>(56, 0x1000));  // its parent is 0x1000
  const Memory first = Memory(80).Put<std::uint64_t>(56, 0x3000).Put<std::uint64_t>(64, 0x5000);
  RenderOptions options{.fetch = guest.Reader()};
  RenderedValue task = btf->Render(Id(world.task_type), first.bytes(), options);
  CHECK(Json(At(task, "stack")) == R"({"deref_skipped_reason":"points to void","kind":"ptr","value":20480})");
  REQUIRE(At(task, "parent").members.size() == 1);
  // One level: the pointer inside is left alone, without a reason.
  CHECK(Json(At(At(task, "parent").members[0].value, "parent")) == R"({"kind":"ptr","value":4096})");
  CHECK(guest.reads == 1);

  options.max_depth = 9;
  task = btf->Render(Id(world.task_type), first.bytes(), options);
  const RenderedValue& second = At(task, "parent").members[0].value;
  const RenderedValue& third = At(second, "parent").members[0].value;
  CHECK(At(third, "pid").number == static_cast<std::uint64_t>(-7));
  CHECK(Json(At(third, "parent")) == R"({"deref_skipped_reason":"[cycle]","kind":"ptr","value":4096})");

  const Memory lost = Memory(80).Put<std::uint64_t>(56, 0x9000);
  task = btf->Render(Id(world.task_type), lost.bytes(), options);
  CHECK(Json(At(task, "parent")) ==
        R"({"deref_skipped_reason":"cannot be read","kind":"ptr","value":36864})");
  CHECK(Json(At(task, "stack")) == R"({"kind":"ptr","value":0})");
}

TEST_CASE("btf render: why a pointer is not followed") {
  BtfBlob blob;
  const int integer = blob.Int("int", 4);
  const int function = blob.Ptr(blob.FuncProto(0));
  const int hidden = blob.Ptr(blob.Fwd("hidden"));
  const int empty = blob.Ptr(blob.Struct("empty", 0, {}));
  const int huge = blob.Ptr(blob.Array(integer, 20'000));
  const int per_cpu = blob.Ptr(blob.TypeTag("percpu", integer));
  const int user = blob.Ptr(blob.Const(blob.TypeTag("user", integer)));
  const int rcu = blob.Ptr(blob.TypeTag("rcu", integer));
  const auto btf = Parsed(blob);
  FakeGuest guest;
  guest.Put(0x1000, Memory(8).Put<std::uint32_t>(0, 5));
  const RenderOptions options{.fetch = guest.Reader()};
  const auto why = [&](int type) {
    return btf->Render(Id(type), Memory(8).Put<std::uint64_t>(0, 0x1000).bytes(), options).reason;
  };
  CHECK(why(function) == "points to a function");
  CHECK(why(hidden) == "points to struct hidden, which is only declared");
  CHECK(why(empty) == "points to a type without a size");
  CHECK(why(huge) == "points to 80000 bytes; 65536 are the limit");
  CHECK(why(per_cpu) == "a per-CPU pointer");
  CHECK(why(user) == "points to user space");
  CHECK(guest.reads == 0);
  CHECK(why(rcu).empty());
  CHECK(guest.reads == 1);
}

TEST_CASE("btf render: a char pointer leads to its text") {
  BtfBlob blob;
  const int text = blob.Ptr(blob.Const(blob.Int("char", 1, BTF_INT_SIGNED)));
  const auto btf = Parsed(blob);
  FakeGuest guest;
  guest.Put(0x1000, Memory(0x1000).Text(0xffb, "hello"));  // up to the end of the page, no NUL
  guest.Put(0x4000, Memory(512).Text(0, std::string(400, 'a').c_str()));
  const RenderOptions options{.fetch = guest.Reader()};
  const auto follow = [&](std::uint64_t address) {
    return FormatRendered(btf->Render(Id(text), Memory(8).Put(0, address).bytes(), options));
  };
  CHECK(follow(0x1ffb) == R"(0x1ffb -> "hello")");
  CHECK(follow(0x1000) == "0x1000 -> []");
  CHECK(follow(0x4000 + 390) == R"(0x4186 -> "aaaaaaaaaa")");
  CHECK(follow(0x4000) == "0x4000 -> \"" + std::string(256, 'a') + "\"");
  CHECK(follow(0x3000) == "0x3000 [chase: cannot be read]");
}

TEST_CASE("btf render: a DATASEC is a struct of its variables") {
  SmallWorld world;
  const int section = world.blob.Section(".bss", 24,
                                         {{world.blob.Var("nr_tasks", world.u64_type), 0, 8},
                                          {world.blob.Var("enabled", world.bool_type), 16, 1}});
  const auto btf = Parsed(world.blob);
  const Memory map = Memory(24).Put<std::uint64_t>(0, 42).Put<std::uint8_t>(16, 1);
  CHECK(Json(btf->Render(Id(section), map.bytes())) ==
        R"({"kind":"struct","members":[{"name":"nr_tasks","value":{"bits":64,"kind":"uint","value":42}},)"
        R"({"name":"enabled","value":{"kind":"bool","value":true}}],"type_name":".bss"})");
}

TEST_CASE("btf render: CPU masks are lists of CPUs") {
  BtfBlob blob;
  const int word = blob.Int("long unsigned int", 8);
  const int integer = blob.Int("int", 4);
  const int words = blob.Array(word, 2);
  const int cpumask = blob.Struct("cpumask", 16, {{"bits", words, 0}});
  const int by_typedef = blob.Typedef("scx_cpumask_t", blob.Struct(nullptr, 16, {{"bits", words, 0}}));
  const int counted = blob.Struct(
      "bpf_cpumask", 24, {{"cpumask", blob.Typedef("cpumask_t", cpumask), 0}, {"usage", integer, 128}});
  const int other = blob.Struct("cpumask_stats", 24, {{"bits", words, 0}, {"usage", integer, 128}});
  const int nodes = blob.Struct("nodemask", 16, {{"bits", words, 0}});
  const auto btf = Parsed(blob);
  const Memory mask =
      Memory(24).Put<std::uint64_t>(0, 0x8000000000000027).Put<std::uint64_t>(8, 0x8000000000000001);
  const auto render = [&](int type, std::uint32_t cpus) {
    return Json(btf->Render(Id(type), mask.bytes(), {.fetch = {}, .cpus = cpus}));
  };
  const std::string all = R"({"cpus":"0-2,5,63-64,127","kind":"cpu_list"})";
  CHECK(render(cpumask, 0) == all);
  CHECK(render(by_typedef, 0) == all);
  CHECK(render(counted, 0) == all);
  CHECK(render(cpumask, 64) == R"({"cpus":"0-2,5,63","kind":"cpu_list"})");
  CHECK(render(cpumask, 2) == R"({"cpus":"0-1","kind":"cpu_list"})");
  CHECK(btf->Render(Id(other), mask.bytes()).kind == Kind::kStruct);
  CHECK(btf->Render(Id(nodes), mask.bytes()).kind == Kind::kStruct);
  CHECK(Json(btf->Render(Id(cpumask), mask.bytes().first(8), {.fetch = {}, .cpus = 8})) ==
        R"({"had":8,"kind":"truncated","needed":16,"partial":{"cpus":"0-2,5","kind":"cpu_list"}})");
}

TEST_CASE("btf render: an anonymous struct is known by its typedef") {
  BtfBlob blob;
  const int integer = blob.Int("int", 4, BTF_INT_SIGNED);
  const int atomic =
      blob.Volatile(blob.Typedef("atomic_t", blob.Struct(nullptr, 4, {{"counter", integer, 0}})));
  const auto btf = Parsed(blob);
  CHECK(FormatRendered(btf->Render(Id(atomic), Memory(4).Put(0, 3).bytes())) == "atomic_t {counter: 3}");
}

TEST_CASE("btf render: long arrays and large trees are cut, with a word about it") {
  BtfBlob blob;
  const int byte = blob.Int("unsigned char", 1);
  const int longest = blob.Array(byte, 5000);
  const int pair = blob.Struct("pair", 2, {{"a", byte, 0}, {"b", byte, 8}});
  const int pairs = blob.Array(pair, 10);
  int nested = byte;
  for (int i = 0; i < 70; ++i) nested = blob.Struct("level", 1, {{"in", nested, 0}});
  const auto btf = Parsed(blob);
  const RenderedValue array = btf->Render(Id(longest), Memory(5000).bytes());
  CHECK(array.length == 5000);
  CHECK(array.members.size() == 4096);
  const RenderedValue cut = btf->Render(Id(pairs), Memory(20).bytes(), {.fetch = {}, .max_values = 5});
  // The array, pair, a, b, pair: five; what would have been the next says why there is none.
  const std::string limit = R"({"kind":"unsupported","reason":"the limit of 5 values is reached"})";
  CHECK(Json(cut) ==
        R"({"elements":[{"kind":"struct","members":[{"name":"a","value":{"bits":8,"kind":"uint","value":0}},)"
        R"({"name":"b","value":{"bits":8,"kind":"uint","value":0}}],"type_name":"pair"},)"
        R"({"kind":"struct","members":[{"name":"a","value":)" +
            limit + R"(}],"type_name":"pair"},)" + limit + R"(],"kind":"array","len":10})");
  CHECK(Json(btf->Render(Id(nested), Memory(1).bytes())).find("nested more than 64 deep") !=
        std::string::npos);
}
