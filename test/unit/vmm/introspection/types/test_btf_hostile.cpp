// BTF out of a guest's memory may be anything: thousands of blobs and paths that are wrong in random ways.
#include <elf.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "test/unit/vmm/introspection/types/btf_blob.h"
#include "vmm/introspection/types/btf.h"

using namespace ktstr;
using namespace ktstr::vmm;
using test::BtfBlob;
using test::SmallWorld;

namespace {

/// Everything that can be asked of a blob that was taken; the answers must only be sound.
void AskEverything(const Btf& btf, std::uint32_t types, std::span<const std::byte> bytes) {
  RenderOptions options;
  options.max_depth = 3;
  options.max_values = 300;
  options.fetch = [&](std::uint64_t address, std::span<std::byte> into) {
    std::memset(into.data(), static_cast<int>(address), into.size());
    return address % 3 != 0;
  };
  for (std::uint32_t id = 0; id < types; ++id) {
    REQUIRE_FALSE(btf.NameOf(id).empty());
    const RenderedValue value = btf.Render(id, bytes, options);
    REQUIRE_FALSE(FormatRendered(value).empty());
    REQUIRE(RenderedFromJson(ToJson(value)).ok());
    for (const char* path : {"pid", "parent.parent.lo", "grid[1][1]", "[0]", "tail[7]", ""}) {
      const auto found = btf.Path(id, path);
      if (found) {
        static_cast<void>(btf.RenderMember(*found, bytes, options));
      } else {
        REQUIRE_FALSE(found.error().message.empty());
      }
    }
  }
  static_cast<void>(btf.FindType("task"));
  static_cast<void>(btf.FindEnumerator("STATE_TOP"));
  static_cast<void>(btf.VariableType("tasks"));
}

std::vector<std::byte> Mutated(std::vector<std::byte> bytes, std::mt19937& random) {
  for (std::size_t n = 1 + random() % 3; n > 0; --n) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] ^= static_cast<std::byte>(1U << random() % 8);
        break;
      case 1:
        bytes[at] = static_cast<std::byte>(random());
        break;
      case 2: {
        // A small number in place of another: often an id that exists.
        const std::uint32_t word = random() % 40;
        if (at / 4 * 4 + 4 <= bytes.size()) std::memcpy(bytes.data() + at / 4 * 4, &word, sizeof word);
        break;
      }
      default:
        if (random() % 8 == 0 && at > 0) bytes.resize(at);
    }
  }
  return bytes;
}

/// The .BTF section of the kernel that was built here; empty when there is none.
std::vector<std::byte> KernelBtf() {
  const char* home = std::getenv("HOME");
  const std::filesystem::path path =
      std::filesystem::path(home ? home : "/root") / ".cache/ktstr-interp/kernels/6.12.117-ktstr/vmlinux";
  std::ifstream file(path, std::ios::binary);
  if (!file) return {};
  const std::string elf{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  Elf64_Ehdr header;
  if (elf.size() < sizeof header) return {};
  std::memcpy(&header, elf.data(), sizeof header);
  const auto section = [&](std::size_t index) {
    Elf64_Shdr found{};
    const std::size_t at = header.e_shoff + index * sizeof found;
    if (at + sizeof found <= elf.size()) std::memcpy(&found, elf.data() + at, sizeof found);
    return found;
  };
  const Elf64_Shdr names = section(header.e_shstrndx);
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr its = section(i);
    if (std::string_view(elf.c_str() + names.sh_offset + its.sh_name) != ".BTF") continue;
    const auto bytes = std::as_bytes(std::span(elf).subspan(its.sh_offset, its.sh_size));
    return {bytes.begin(), bytes.end()};
  }
  return {};
}

/// Half of a path that exists, half of anything: names of scheduler members, brackets, dots.
std::string RandomPath(std::mt19937& random) {
  static constexpr const char* kPieces[] = {
      "task_struct", "rq",       "scx", "curr", "parent", "comm", "dsq_vtime",   "cfs",
      "se",          "cgroups",  "mm",  "[0]",  "[1]",    "[16]", "[",           "]",
      ".",           ".",        ".",   ".",    "->",     "->",   "sched_class", "next",
      "x",           "children", "pid", "",     "u64",    "[-1]", "cpus",        "ancestors"};
  std::string path = random() % 2 == 0 ? "task_struct." : "rq.";
  for (std::size_t n = random() % 12; n > 0; --n) path += kPieces[random() % std::size(kPieces)];
  if (random() % 16 == 0 && !path.empty()) path[random() % path.size()] = static_cast<char>(random());
  return path;
}

}  // namespace

TEST_CASE("btf hostile: ten thousand broken blobs give values or errors") {
  SmallWorld world;
  world.blob.Section(".bss", 88, {{world.blob.Var("tasks", world.task_type), 0, 80}});
  world.blob.OddInt("odd", 4, 5, 6);
  world.blob.Const(world.blob.Fwd("hidden"));
  world.blob.DeclTag("tag", world.task_type);
  world.blob.FuncProto(world.int_type);
  const std::vector<std::byte> good = world.blob.Bytes();
  std::mt19937 random(11);
  std::vector<std::byte> memory(200);
  for (std::byte& byte : memory) byte = static_cast<std::byte>(random());
  int taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto parsed = Btf::Parse(Mutated(good, random));
    if (!parsed) {
      REQUIRE(parsed.error().message.starts_with("not BTF: "));
      continue;
    }
    // Asking is slow; a part of those that were taken will do.
    if (++taken % 8 == 0) AskEverything(**parsed, 32, std::span(memory).first(random() % memory.size()));
  }
  CHECK(taken > 1000);
  CHECK(taken < 9000);
}

TEST_CASE("btf hostile: every truncation is refused") {
  SmallWorld world;
  const std::vector<std::byte> good = world.blob.Bytes();
  REQUIRE(Btf::Parse(good).ok());
  for (std::size_t size = 0; size < good.size(); ++size)
    REQUIRE_FALSE(Btf::Parse(std::span(good).first(size)).ok());
}

TEST_CASE("btf hostile: structs that hold themselves end at the bounds of rendering") {
  BtfBlob blob;
  const int itself = blob.Struct("itself", 8, {{"again", 1, 0}, {"more", 1, 0}});
  const auto parsed = blob.Parse();
  REQUIRE(parsed.ok());
  const std::vector<std::byte> memory(8);
  const RenderedValue value = (*parsed)->Render(static_cast<std::uint32_t>(itself), memory);
  CHECK(ToJson(value).dump().find("the limit of 20000 values is reached") != std::string::npos);
  CHECK((*parsed)->Path("itself.again.again.more")->offset == 0);
}

TEST_CASE("btf: twenty thousand names are all found") {
  BtfBlob blob;
  const int integer = blob.Int("int", 4);
  for (int i = 0; i < 20'000; ++i) blob.Typedef(("name_" + std::to_string(i)).c_str(), integer);
  const auto parsed = blob.Parse();
  REQUIRE(parsed.ok());
  for (int i = 0; i < 20'000; i += 7)
    REQUIRE(*(*parsed)->FindType("name_" + std::to_string(i)) == static_cast<std::uint32_t>(i + 2));
}

TEST_CASE("btf of the kernel: the scheduler's types and ten thousand paths") {
  const std::vector<std::byte> blob = KernelBtf();
  if (blob.empty()) {
    WARN("skipped: no kernel 6.12.117-ktstr in the cache");
    return;
  }
  const auto parsed = Btf::Parse(blob);
  REQUIRE(parsed.ok());
  const Btf& btf = **parsed;
  CHECK(btf.NameOf(*btf.VariableType("runqueues")) == "struct rq");
  CHECK(*btf.FindEnumerator("SCX_EXIT_ERROR") == 1024);
  CHECK(btf.NameOf(btf.Path("task_struct.comm")->type) == "char[16]");
  CHECK(btf.Path("task_struct.scx.dsq_vtime")->size == 8);
  CHECK(btf.Path("task_struct.pid")->is_signed);
  CHECK(btf.Path("rq.curr.comm[3]")->hops.size() == 1);
  CHECK(btf.Path("rq.curr.parent.pid")->hops.size() == 2);
  CHECK(btf.Path("task_strct").error().message ==
        "the kernel has no type 'task_strct'; did you mean 'task_struct'?");
  CHECK(btf.Path("rq.nr_runing").error().message ==
        "struct rq has no member 'nr_runing'; did you mean 'nr_running'?");
  std::mt19937 random(5);
  int found = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string path = RandomPath(random);
    const auto result = btf.Path(path);
    INFO(path);
    if (result) {
      ++found;
      REQUIRE(result->hops.size() <= 16);
    } else {
      REQUIRE_FALSE(result.error().message.empty());
      REQUIRE(result.error().message.find('\n') == std::string::npos);
    }
  }
  CHECK(found > 100);
}

TEST_CASE("btf of the kernel: a task_struct of zeros and one of noise render") {
  const std::vector<std::byte> blob = KernelBtf();
  if (blob.empty()) {
    WARN("skipped: no kernel 6.12.117-ktstr in the cache");
    return;
  }
  const auto parsed = Btf::Parse(blob);
  REQUIRE(parsed.ok());
  const std::uint32_t type = *(*parsed)->FindType("task_struct");
  std::vector<std::byte> memory((*parsed)->SizeOf(type));
  const RenderedValue zeros = (*parsed)->Render(type, memory);
  CHECK(zeros.kind == RenderedValue::Kind::kStruct);
  CHECK(zeros.text == "task_struct");
  CHECK(ToJson(zeros).dump().find("unsupported") == std::string::npos);
  std::mt19937 random(3);
  for (std::byte& byte : memory) byte = static_cast<std::byte>(random());
  RenderOptions options;
  options.max_depth = 4;
  options.fetch = [&](std::uint64_t address, std::span<std::byte> into) {
    for (std::byte& byte : into) byte = static_cast<std::byte>(random());
    return address % 2 == 0;
  };
  const RenderedValue noise = (*parsed)->Render(type, memory, options);
  const auto back = RenderedFromJson(nlohmann::json::parse(ToJson(noise).dump()));
  REQUIRE(back.ok());
  CHECK(*back == noise);
}
