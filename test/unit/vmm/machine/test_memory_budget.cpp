#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "vmm/machine/memory_budget.h"

namespace ktstr::vmm {
namespace {

const auto kNever = [] { return false; };

TEST_CASE("a machine takes its memory and what QEMU needs") {
  MemoryBudget budget(1000);
  CHECK(budget.Room(336) == 2);
  std::optional<MemoryBudget::Share> first = budget.TryTake(436);  // 500 with QEMU
  REQUIRE(first);
  CHECK(first->guest_mib() == 436);
  CHECK_FALSE(budget.TryTake(437));
  const std::optional<MemoryBudget::Share> second = budget.TryTake(436);
  REQUIRE(second);
  CHECK(budget.peak_mib() == 1000);
  CHECK_FALSE(budget.TryTake(1));
  first.reset();
  CHECK(budget.Take(436, kNever).ok());
}

TEST_CASE("a share that is moved is given back once") {
  MemoryBudget budget(200);
  {
    MemoryBudget::Share share = *budget.TryTake(100);
    MemoryBudget::Share moved = std::move(share);
    CHECK_FALSE(budget.TryTake(100));
  }
  {
    MemoryBudget::Share first = *budget.TryTake(36);  // 100
    MemoryBudget::Share second = *budget.TryTake(36);
    first = std::move(second);
    CHECK(budget.TryTake(36));
    CHECK_FALSE(budget.TryTake(37));
  }
  CHECK(budget.TryTake(136));
}

TEST_CASE("what can never fit is an error at once") {
  MemoryBudget budget(9000);
  const auto share = budget.Take(16064, kNever);
  REQUIRE_FALSE(share.ok());
  CHECK(share.error().kind == ErrorKind::kEnvironment);
  CHECK(share.error().message == "needs 16128 MiB of memory, this host has 9000 MiB to give");
  CHECK(budget.Take(8936, kNever).ok());
}

TEST_CASE("a machine that does not fit waits, and smaller ones do not overtake it") {
  MemoryBudget budget(1000);
  std::optional<MemoryBudget::Share> running = budget.TryTake(536);  // 600
  std::atomic<bool> in = false;
  {
    std::jthread large([&] {
      const auto share = budget.Take(436, kNever);  // 500
      in = share.ok();
    });
    // There would be room for one of 164 MiB, until the large one waits; it keeps what it gets only this
    // long.
    while (budget.TryTake(100)) std::this_thread::yield();
    CHECK_FALSE(in);
    running.reset();
  }
  CHECK(in);
  CHECK(budget.TryTake(936));
}

TEST_CASE("a wait ends when it is cancelled, and others go on") {
  MemoryBudget budget(1000);
  const std::optional<MemoryBudget::Share> running = budget.TryTake(536);
  const auto share = budget.Take(436, [] { return true; });
  REQUIRE_FALSE(share.ok());
  CHECK(share.error().kind == ErrorKind::kCancelled);
  CHECK(budget.TryTake(300));
}

}  // namespace
}  // namespace ktstr::vmm
