#include <catch2/catch.hpp>

#include "test/unit/vmm/introspection/capture/toy_scheduler.h"
#include "vmm/introspection/kernel/kernel_access.h"

namespace ktstr::vmm {
namespace {

using Toy = ToyScheduler;

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int v : values) bytes.push_back(static_cast<std::byte>(v));
  return bytes;
}

/// The value as text or the error, with its kind in front where it is not the author's fault.
std::string Read(Toy& kernel, const KernelTarget& target, KernelWidth width = KernelWidth::Typed(),
                 KernelMode mode = KernelMode::kHot) {
  const auto value = ReadKernel(kernel.View(), target, width, mode);
  if (value) return ToText(*value);
  return (value.error().kind == ErrorKind::kInput ? "" : "guest: ") + value.error().message;
}
std::string Write(Toy& kernel, const KernelTarget& target, const KernelValue& value,
                  KernelMode mode = KernelMode::kHot) {
  const auto written = WriteKernel(kernel.View(), target, value, mode);
  if (written) return "ok";
  return (written.error().kind == ErrorKind::kInput ? "" : "guest: ") + written.error().message;
}

TEST_CASE("a symbol is read by width, and written") {
  Toy kernel;
  kernel.memory.Put(Toy::kCounter, std::uint64_t{0x1'0000'0005});
  const SymbolTarget counter{"counter", "", ""};
  CHECK(Read(kernel, counter, KernelWidth::U64()) == "4294967301");
  CHECK(Read(kernel, counter, KernelWidth::U32()) == "5");
  CHECK(Read(kernel, counter, KernelWidth::Bytes(5)) == "0500000001");
  CHECK(Write(kernel, counter, KernelValue::U32(7)) == "ok");
  CHECK(kernel.memory.Get<std::uint64_t>(Toy::kCounter) == 0x1'0000'0007);
  CHECK(Write(kernel, counter, KernelValue::U64(9)) == "ok");
  CHECK(kernel.memory.Get<std::uint64_t>(Toy::kCounter) == 9);
  CHECK(Write(kernel, counter, KernelValue::Bytes(Bytes({1, 2}))) == "ok");
  CHECK(kernel.memory.Get<std::uint64_t>(Toy::kCounter) == 0x0201);
}

TEST_CASE("a place without a type needs a width") {
  Toy kernel;
  const SymbolTarget counter{"counter", "", ""};
  CHECK(Read(kernel, counter) == "counter has no known type; say how much to read: u32, u64 or bytes");
  CHECK(Write(kernel, counter, KernelValue::Signed(1)) ==
        "counter has no known type; give the value as u32, u64 or bytes");
  CHECK(Read(kernel, SymbolTarget{"counter", "", "a"}) ==
        "'counter' has no known type; say `type:` to use the field 'a'");
}

TEST_CASE("a type that the author gives makes fields of a symbol") {
  Toy kernel;
  kernel.memory.Put(Toy::kInitTask + 84, std::int32_t{-20});
  CHECK(Read(kernel, SymbolTarget{"init_task", "struct task_struct", "prio"}) == "-20");
  CHECK(Read(kernel, SymbolTarget{"init_task", "task_struct", "comm[1]"}) == "119");  // 'w'
  CHECK(Read(kernel, SymbolTarget{"init_task", "task_struct", "comm"}) == "73776170706572000000000000000000");
  CHECK(Read(kernel, SymbolTarget{"counter", "long unsigned int", ""}) == "0");
  CHECK(Read(kernel, SymbolTarget{"init_task", "a **", "prio"}) ==
        "'a **' is not a type's name, with one '*' at most");
  CHECK(Read(kernel, SymbolTarget{"init_task", " * ", "prio"}) ==
        "' * ' is not a type's name, with one '*' at most");
  // A number that BTF knows is as wide as BTF says.
  CHECK(Read(kernel, SymbolTarget{"init_task", "task_struct", "prio"}, KernelWidth::U32()) == "4294967276");
  CHECK(Read(kernel, SymbolTarget{"init_task", "task_struct", "prio"}, KernelWidth::U64()) ==
        "init_task.prio is a signed integer of 4 bytes; u64 does not fit it, leave the width out");
  CHECK(Read(kernel, SymbolTarget{"init_task", "task_struct", "comm"}, KernelWidth::Bytes(3)) == "737761");
  CHECK(Read(kernel, SymbolTarget{"init_task", "task_struct", "comm"}, KernelWidth::Bytes(17)) ==
        "init_task.comm is unsigned char[16] of 16 bytes; 17 bytes go beyond it");
}

TEST_CASE("a symbol that is a pointer is followed by its type or by an arrow") {
  Toy kernel;
  CHECK(Read(kernel, SymbolTarget{"root", "sched_root", "->level"}) ==
        "guest: root->level: a pointer on the way cannot be read (0xffffffff83003000 is not mapped)");
  const std::uint64_t root = kernel.Task(9);
  kernel.memory.Put(root, std::int32_t{3});
  kernel.memory.Put(root + 16, std::int32_t{-4});
  kernel.memory.Put(Toy::kRoot, root);
  CHECK(Read(kernel, SymbolTarget{"root", "sched_root *", "level"}) == "3");
  CHECK(Read(kernel, SymbolTarget{"root", "struct sched_root*", "weights[2]"}) == "-4");
  CHECK(Read(kernel, SymbolTarget{"root", "sched_root", "->level"}) == "3");
  CHECK(Read(kernel, SymbolTarget{"root", "sched_root *", "->level"}) == "3");
  CHECK(Read(kernel, SymbolTarget{"root", "sched_root *", ""}) == std::to_string(root));
  CHECK(Write(kernel, SymbolTarget{"root", "sched_root *", "level"}, KernelValue::Signed(-1)) == "ok");
  CHECK(kernel.memory.Get<std::int32_t>(root) == -1);
  kernel.memory.Put(Toy::kRoot, std::uint64_t{0});
  CHECK(Read(kernel, SymbolTarget{"root", "sched_root", "->level"}) ==
        "guest: root->level: a pointer on the way is null");
  kernel.memory.Put(Toy::kRoot, std::uint64_t{0xffffc90000000000});
  CHECK(Read(kernel, SymbolTarget{"root", "sched_root *", "level"}) ==
        "guest: root.level: 0xffffc90000000000 is not mapped");
}

TEST_CASE("per-CPU fields are typed by the variable, through pointers, each CPU with its own") {
  Toy kernel;
  kernel.memory.Put(Toy::kRq0, std::uint32_t{2});
  kernel.memory.Put(Toy::kRq1, std::uint32_t{5});
  kernel.memory.Put(Toy::kRq1 + 32, kernel.Task(2));
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "nr_running", 0}) == "2");
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "nr_running", 1}) == "5");
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "curr->pid", 1}) == "100");
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "curr.pid", 0}) ==
        "guest: runqueues.curr.pid of CPU 0: a pointer on the way is null");
  kernel.memory.Put(Toy::kRq1 + 32, std::uint64_t{0xffffc90000000000});
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "curr->pid", 1}) ==
        "guest: runqueues.curr->pid of CPU 1: 0xffffc90000000028 is not mapped");
  // kstat is no variable of this BTF, but its type is known.
  kernel.memory.Put(0xffff888010100400, std::uint64_t{77});
  CHECK(Read(kernel, PerCpuTarget{"kstat", "irqs_sum", 1}) == "77");
  CHECK(Read(kernel, PerCpuTarget{"lonely", "x", 0}) ==
        "the kernel's BTF does not know the type of 'lonely'");
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "nr_running", 2}) == "CPU 2 does not exist; the guest has 2");
  CHECK(Read(kernel, PerCpuTarget{"counter", "nr_running", 0}) == "'counter' is not a per-CPU variable");
  CHECK(Read(kernel, SymbolTarget{"runqueues", "", ""}, KernelWidth::U32()) ==
        "'runqueues' is a per-CPU variable; say of which CPU");
}

TEST_CASE("a typed value must fit its field") {
  Toy kernel;
  const PerCpuTarget running{"runqueues", "nr_running", 1};
  CHECK(Write(kernel, running, KernelValue::Unsigned(0xffffffff)) == "ok");
  CHECK(kernel.memory.Get<std::uint32_t>(Toy::kRq1) == 0xffffffff);
  CHECK(kernel.memory.Get<std::uint32_t>(Toy::kRq1 + 4) == 0);
  CHECK(Write(kernel, running, KernelValue::Unsigned(0x100000000)) ==
        "runqueues.nr_running of CPU 1 is an unsigned integer of 4 bytes; 4294967296 does not fit");
  CHECK(Write(kernel, running, KernelValue::Signed(-1)) ==
        "runqueues.nr_running of CPU 1 is an unsigned integer of 4 bytes; -1 does not fit");
  const PerCpuTarget balance{"runqueues", "balance", 1};
  CHECK(Write(kernel, balance, KernelValue::Signed(INT32_MIN)) == "ok");
  CHECK(kernel.memory.Get<std::int32_t>(Toy::kRq1 + 4) == INT32_MIN);
  CHECK(Write(kernel, balance, KernelValue::Signed(INT32_MAX)) == "ok");
  CHECK(Write(kernel, balance, KernelValue::Signed(std::int64_t{INT32_MIN} - 1)) ==
        "runqueues.balance of CPU 1 is a signed integer of 4 bytes; -2147483649 does not fit");
  CHECK(Write(kernel, balance, KernelValue::Unsigned(0x80000000)) ==
        "runqueues.balance of CPU 1 is a signed integer of 4 bytes; 2147483648 does not fit");
  CHECK(Write(kernel, PerCpuTarget{"runqueues", "online", 1}, KernelValue::Unsigned(256)) ==
        "runqueues.online of CPU 1 is an unsigned integer of 1 byte; 256 does not fit");
  CHECK(Write(kernel, PerCpuTarget{"runqueues", "clock", 1}, KernelValue::Unsigned(UINT64_MAX)) == "ok");
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "clock", 1}) == "18446744073709551615");
  CHECK(Write(kernel, PerCpuTarget{"runqueues", "nr_switches", 1}, KernelValue::U32(1)) ==
        "runqueues.nr_switches of CPU 1 is an unsigned integer of 8 bytes; u32 does not fit it, leave the "
        "width out");
  CHECK(Write(kernel, PerCpuTarget{"runqueues", "rq_sched_info", 1}, KernelValue::Signed(1)) ==
        "runqueues.rq_sched_info of CPU 1 is struct sched_info of 16 bytes; write one of its members, or "
        "bytes");
}

TEST_CASE("bitfields are read in place and written with the guest paused, their neighbours kept") {
  Toy kernel;
  kernel.memory.Put(Toy::kRq0 + 28, std::uint32_t{0xffffffff});
  const PerCpuTarget mode{"runqueues", "mode", 0};
  CHECK(Read(kernel, mode) == "7");
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "skew", 0}) == "-1");
  CHECK(Write(kernel, mode, KernelValue::Unsigned(2)) ==
        "runqueues.mode of CPU 0 is a bitfield, which needs the guest paused: use WriteKernelCold");
  CHECK(Write(kernel, mode, KernelValue::Unsigned(8), KernelMode::kCold) ==
        "runqueues.mode of CPU 0 is an unsigned integer of 3 bits; 8 does not fit");
  CHECK(Write(kernel, mode, KernelValue::Unsigned(2), KernelMode::kCold) == "ok");
  CHECK(Read(kernel, mode) == "2");
  // Bits 2 to 4 were 111 and are 010.
  CHECK(kernel.memory.Get<std::uint32_t>(Toy::kRq0 + 28) == 0xffffffeb);
  CHECK(Write(kernel, PerCpuTarget{"runqueues", "skew", 0}, KernelValue::Signed(-8), KernelMode::kCold) ==
        "ok");
  CHECK(Read(kernel, PerCpuTarget{"runqueues", "skew", 0}) == "-8");
}

TEST_CASE("or_mask sets bits, with the guest paused only") {
  Toy kernel;
  kernel.memory.Put(Toy::kCounter, std::uint64_t{0xf0000001'000000f0});
  const SymbolTarget counter{"counter", "", ""};
  CHECK(Write(kernel, counter, KernelValue::OrMask(0x21)) ==
        "or_mask needs the guest paused: use WriteKernelCold");
  CHECK(Write(kernel, counter, KernelValue::OrMask(0x21), KernelMode::kCold) == "ok");
  CHECK(kernel.memory.Get<std::uint64_t>(Toy::kCounter) == 0xf0000001'000000f1);
  CHECK(Write(kernel, PerCpuTarget{"runqueues", "clock", 0}, KernelValue::OrMask(1), KernelMode::kCold) ==
        "runqueues.clock of CPU 0 is an unsigned integer of 8 bytes; or_mask (a u32) does not fit it, leave "
        "the width "
        "out");
}

TEST_CASE("direct addresses lie in the direct map, with all their bytes") {
  Toy kernel;
  const std::uint64_t last = Toy::kPageOffset + (512 << 20);
  kernel.memory.Put(Toy::kPageOffset, std::uint64_t{12});
  kernel.memory.Put(last - 8, std::uint64_t{34});
  CHECK(Read(kernel, DirectTarget{Toy::kPageOffset}, KernelWidth::U64()) == "12");
  CHECK(Read(kernel, DirectTarget{last - 8}, KernelWidth::U64()) == "34");
  CHECK(Read(kernel, DirectTarget{last - 4}, KernelWidth::U64(), KernelMode::kCold) ==
        "0xffff88801ffffffc: 8 bytes from there go beyond 0xffff88801fffffff");
  CHECK(Read(kernel, DirectTarget{last}, KernelWidth::U64()) ==
        "0xffff888020000000 is not in the direct map (0xffff888000000000 to 0xffff88801fffffff)");
  CHECK(Read(kernel, DirectTarget{Toy::kPageOffset - 8}, KernelWidth::U64()) ==
        "0xffff887ffffffff8 is not in the direct map (0xffff888000000000 to 0xffff88801fffffff)");
  // Memory that has a hole below 4 GiB ends as much higher.
  kernel.facts.ram_bytes = 0xb0000000;
  CHECK(Read(kernel, DirectTarget{Toy::kPageOffset + 0x130000000}, KernelWidth::U64()) ==
        "0xffff888130000000 is not in the direct map (0xffff888000000000 to 0xffff88812fffffff)");
}

TEST_CASE("virtual addresses are the kernel's and mapped") {
  Toy kernel;
  const std::uint64_t page = 0xffffc90000002000;
  kernel.memory.Put(page + 4000, std::uint64_t{56});
  CHECK(Read(kernel, VirtualTarget{page + 4000}, KernelWidth::U64()) == "56");
  CHECK(Read(kernel, VirtualTarget{0x400000}, KernelWidth::U32()) ==
        "0x400000 is not a kernel address (those begin at 0xff00000000000000)");
  CHECK(Read(kernel, VirtualTarget{page + 4096}, KernelWidth::U32()) == "0xffffc90000003000 is not mapped");
  CHECK(Read(kernel, VirtualTarget{page + 4000}, KernelWidth::Bytes(128)) ==
        "0xffffc90000002fa0: only 96 of 128 bytes are mapped");
  CHECK(Read(kernel, VirtualTarget{UINT64_MAX - 3}, KernelWidth::U64(), KernelMode::kCold) ==
        "0xfffffffffffffffc: 8 bytes from there go beyond 0xfffffffffffffffe");
  CHECK(Read(kernel, VirtualTarget{page}, KernelWidth::Bytes(0)) ==
        "0xffffc90000002000: no bytes are asked for");
  CHECK(Read(kernel, VirtualTarget{page}, KernelWidth::Bytes(KernelWidth::kMaxBytes + 1)) ==
        "0xffffc90000002000: 1048577 bytes are more than the 1048576 of one access");
}

TEST_CASE("bytes go over page borders, and none is written when one page is missing") {
  Toy kernel;
  const std::uint64_t page = 0xffffc90000002000;
  kernel.memory.Map(page, 8192);
  CHECK(Write(kernel, VirtualTarget{page + 4094}, KernelValue::Bytes(Bytes({1, 2, 3, 4}))) == "ok");
  CHECK(Read(kernel, VirtualTarget{page + 4094}, KernelWidth::Bytes(4)) == "01020304");
  CHECK(Write(kernel, VirtualTarget{page + 8190}, KernelValue::Bytes(Bytes({1, 2, 3, 4}))) ==
        "0xffffc90000003ffe: only 2 of 4 bytes are mapped");
  CHECK(kernel.memory.Get<std::uint16_t>(page + 8190) == 0);
}

TEST_CASE("a number must be aligned in a running guest, not in a paused one") {
  Toy kernel;
  const VirtualTarget odd{Toy::kRq0 + 6};
  CHECK(Read(kernel, odd, KernelWidth::U32()) ==
        "0xffff888010000106 is not aligned to 4 bytes, so a running guest and we could "
        "see half of "
        "a change: use ReadKernelCold");
  CHECK(Write(kernel, odd, KernelValue::U64(1)) ==
        "0xffff888010000106 is not aligned to 8 bytes, so a running guest and we could "
        "see half of "
        "a change: use WriteKernelCold");
  CHECK(Write(kernel, PerCpuTarget{"runqueues", "odd", 0}, KernelValue::Signed(1)) ==
        "runqueues.odd of CPU 0: 0xffff888010000131 is not aligned to 8 bytes, so a running guest and we "
        "could see "
        "half of a change: use WriteKernelCold");
  CHECK(Write(kernel, odd, KernelValue::U64(0x0102), KernelMode::kCold) == "ok");
  CHECK(Read(kernel, odd, KernelWidth::U32(), KernelMode::kCold) == "258");
}

TEST_CASE("the first failing entry ends a batch; earlier writes stay, reads give nothing") {
  Toy kernel;
  const std::vector<KernelWrite> writes = {{SymbolTarget{"counter", "", ""}, KernelValue::U64(1)},
                                           {PerCpuTarget{"runqueues", "balance", 7}, KernelValue::Signed(2)},
                                           {PerCpuTarget{"runqueues", "balance", 0}, KernelValue::Signed(3)}};
  const auto written = WriteBatch(kernel.View(), writes, KernelMode::kCold);
  REQUIRE_FALSE(written);
  CHECK(written.error().message == "entry[1]: CPU 7 does not exist; the guest has 2");
  CHECK(kernel.memory.Get<std::uint64_t>(Toy::kCounter) == 1);
  CHECK(kernel.memory.Get<std::int32_t>(Toy::kRq0 + 4) == 0);
  const std::vector<KernelRead> reads = {{SymbolTarget{"counter", "", ""}, KernelWidth::U64()},
                                         {PerCpuTarget{"runqueues", "balance", 0}, KernelWidth::Typed()}};
  const auto values = ReadBatch(kernel.View(), reads, KernelMode::kHot);
  REQUIRE(values);
  CHECK(*values == std::vector<KernelReadValue>{{1, false, 8, {}}, {0, true, 4, {}}});
  const auto none =
      ReadBatch(kernel.View(), std::vector<KernelRead>{reads[0], {VirtualTarget{1}, KernelWidth::U32()}},
                KernelMode::kHot);
  REQUIRE_FALSE(none);
  CHECK(none.error().message == "entry[1]: 0x1 is not a kernel address (those begin at 0xff00000000000000)");
}

TEST_CASE("targets and values as texts") {
  CHECK(ToText(KernelTarget(SymbolTarget{"scx_root", "scx_sched", "->level"})) == "scx_root->level");
  CHECK(ToText(KernelTarget(SymbolTarget{"table", "int", "[2]"})) == "table[2]");
  CHECK(ToText(KernelTarget(TaskTarget{12, 0, "scx.dsq_vtime"})) == "scx.dsq_vtime of task 12");
  CHECK(ToText(KernelReadValue{UINT64_MAX, false, 8, {}}) == "18446744073709551615");
  CHECK(ToText(KernelReadValue{UINT64_MAX, true, 8, {}}) == "-1");
  CHECK(ToText(KernelReadValue{0, false, 2, Bytes({0x0f, 0xa0})}) == "0fa0");
}

}  // namespace
}  // namespace ktstr::vmm
