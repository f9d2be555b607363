#include <catch2/catch.hpp>

#include "test/unit/vmm/introspection/capture/toy_scheduler.h"
#include "vmm/introspection/kernel/task_field.h"

namespace ktstr::vmm {
namespace {

using Toy = ToyScheduler;
constexpr std::uint64_t kWebStart = 5'010'000'000;  // as /proc/100/stat says

std::string Write(Toy& kernel, std::int32_t pid = 100, std::uint64_t start = kWebStart) {
  const auto task = FindTask(kernel.View(), {pid, start, "scx.dsq_vtime"}, KernelIntent::kWrite);
  return task ? "ok" : task.error().message;
}
std::string Read(Toy& kernel, std::int32_t pid = 100, std::uint64_t start = kWebStart) {
  const auto task = FindTask(kernel.View(), {pid, start, "scx.dsq_vtime"}, KernelIntent::kRead);
  return task ? "ok" : task.error().message;
}

TEST_CASE("a task is found by pid, threads of a process too, the idle task not") {
  Toy kernel;
  const auto find = [&](std::int32_t pid, std::uint64_t start) {
    return FindTask(kernel.View(), {pid, start, ""}, KernelIntent::kRead);
  };
  CHECK(*find(7, 20'000'000) == kernel.Task(1));
  CHECK(*find(100, kWebStart) == kernel.Task(2));
  CHECK(*find(101, kWebStart) == kernel.Task(3));
  CHECK(Read(kernel, 55) ==
        "task 55: pid: none of the guest's 3 tasks has it; it has ended, or is the pid of another pid "
        "namespace");
  CHECK(Read(kernel, 0, 0) ==
        "task 0: pid: none of the guest's 3 tasks has it; it has ended, or is the pid of another pid "
        "namespace");
}

TEST_CASE("the start time may be up to a tick below the kernel's") {
  Toy kernel;
  const std::string text =
      "task 100: start time: it started at 5017000000 ns, not within 10 ms from {} ns on; the pid is another "
      "task's by "
      "now, or the time is not field 22 of /proc/PID/stat times 10000000";
  CHECK(Read(kernel, 100, 5'017'000'000) == "ok");
  CHECK(Read(kernel, 100, 5'007'000'001) == "ok");
  CHECK(Read(kernel, 100, 5'007'000'000) == fmt::format(fmt::runtime(text), "5007000000"));
  CHECK(Read(kernel, 100, 5'017'000'001) == fmt::format(fmt::runtime(text), "5017000001"));
}

TEST_CASE("each layer says what it saw, in its order, and reads ask less") {
  Toy kernel;
  const std::uint64_t task = kernel.Task(2);
  REQUIRE(Write(kernel) == "ok");
  // From the last layer to the first, so each is shown to come before those behind it.
  kernel.memory.Put(task + Toy::kClass, Toy::kFairClass);
  CHECK(Write(kernel) ==
        "task 100: sched_ext: sched_class is fair_sched_class; only tasks of sched_ext can be written; "
        "attach a "
        "scheduler first");
  kernel.memory.Put(task + Toy::kScx + 8, std::uint64_t{0xffff888000000040});
  CHECK(Write(kernel) ==
        "task 100: no DSQ: scx.runnable_node is in a list (0xffff888000000040); use a work type that blocks, "
        "so that "
        "the task sleeps when it is written");
  kernel.memory.Put(task + Toy::kScx + 8, std::uint64_t{0});
  CHECK(Write(kernel).starts_with("task 100: sched_ext: "));  // a node that was never used is fine
  kernel.memory.Put(task + Toy::kScx, std::uint64_t{0xffff888000000080});
  CHECK(Write(kernel) ==
        "task 100: no DSQ: scx.dsq is 0xffff888000000080; use a work type that blocks, so that the task "
        "sleeps when it "
        "is written");
  kernel.memory.Put(task + Toy::kOnRq, std::int32_t{1});
  CHECK(Write(kernel) ==
        "task 100: not queued: on_rq is 1; use a work type that blocks, so that the task sleeps when it is "
        "written");
  CHECK(Read(kernel) == "ok");
  kernel.memory.Put(task + Toy::kState, std::uint32_t{0x81});
  const std::string dead = "task 100: alive: __state is 0x81, which has TASK_DEAD; it is ending";
  CHECK(Write(kernel) == dead);
  CHECK(Read(kernel) == dead);
  CHECK(Write(kernel, 100, 0).starts_with("task 100: start time: "));
}

TEST_CASE("a task that is still being made is refused") {
  Toy kernel;
  kernel.memory.Put(kernel.Task(2) + Toy::kStart, std::uint64_t{0});
  const std::string text = "task 100: complete: start_boottime is 0; it is still being made";
  CHECK(Write(kernel, 100, 0) == text);
  CHECK(Read(kernel, 100, 0) == text);
}

TEST_CASE("without sched_ext nothing can be written, and all but its fields be read") {
  Toy kernel(false);
  CHECK(Write(kernel) ==
        "task 100: sched_ext: this kernel has no sched_ext; only tasks of sched_ext can be written; take a "
        "kernel with "
        "CONFIG_SCHED_CLASS_EXT");
  const TaskTarget prio{100, kWebStart, "prio"};
  CHECK(ReadKernel(kernel.View(), prio, KernelWidth::Typed(), KernelMode::kHot).ok());
  const auto none = ReadKernel(kernel.View(), TaskTarget{100, kWebStart, "scx.dsq_vtime"},
                               KernelWidth::Typed(), KernelMode::kHot);
  REQUIRE_FALSE(none);
  CHECK(none.error().message.starts_with("struct task_struct has no member 'scx'"));
}

TEST_CASE("a task's field is read and written where it is") {
  Toy kernel;
  const TaskTarget vtime{101, kWebStart, "scx.dsq_vtime"};
  CHECK(WriteKernel(kernel.View(), vtime, KernelValue::Unsigned(123), KernelMode::kHot).ok());
  CHECK(kernel.memory.Get<std::uint64_t>(kernel.Task(3) + Toy::kScx + 24) == 123);
  const auto value = ReadKernel(kernel.View(), vtime, KernelWidth::U64(), KernelMode::kHot);
  REQUIRE(value);
  CHECK(value->number == 123);
}

TEST_CASE("task lists without an end are given up") {
  Toy kernel;
  // The last process' list leads back to the first process instead of to init_task.
  kernel.memory.Put(kernel.Task(2), kernel.Task(1));
  CHECK(Read(kernel, 100) == "ok");
  CHECK(Read(kernel, 55) ==
        "the guest's task list does not come to its end: it breaks off after 65536 nodes");
  kernel.memory.Put(kernel.Task(2), std::uint64_t{0x10});
  CHECK(Read(kernel, 55) ==
        "the guest's task list does not come to its end: it breaks off at a process that cannot be read");
  kernel.memory.Put(kernel.Task(2), std::uint64_t{0x10});
  kernel.memory.Put(kernel.Task(1) + Toy::kSignal, std::uint64_t{0x10});
  CHECK(Read(kernel, 55) ==
        "the guest's task list does not come to its end: it breaks off at a thread that cannot be read");
}

TEST_CASE("with the guest running, a walk that went astray is repeated") {
  Toy kernel;
  kernel.memory.Put(kernel.Task(1), std::uint64_t{0x10});  // torn while we look
  int reads = 0;
  kernel.memory.on_read = [&] {
    if (++reads == 12) kernel.memory.Put(kernel.Task(1), kernel.Task(2));
  };
  CHECK(Read(kernel) == "ok");
}

TEST_CASE("a task is found by its name when no other has the same") {
  Toy kernel;
  const auto web = TaskByName(kernel.View(), "web", "scx.dsq_vtime");
  REQUIRE(web);
  CHECK(web->pid == 100);
  CHECK(web->expected_start_time_ns == kWebStart);
  CHECK(web->field == "scx.dsq_vtime");
  CHECK(TaskByName(kernel.View(), "we", "").error().message == "none of the guest's 3 tasks is called 'we'");
  kernel.memory.Put(kernel.Task(3) + Toy::kComm, std::array<char, 16>{'w', 'e', 'b'});
  CHECK(TaskByName(kernel.View(), "web", "").error().message ==
        "several tasks are called 'web' (pids 100, 101); give one's pid and start_time_ns");
}

}  // namespace
}  // namespace ktstr::vmm
