// What of watchpoints needs no machine: conditions, and the bound on the guest's time.
#include <catch2/catch.hpp>

#include "vmm/introspection/watch/pause_budget.h"
#include "vmm/introspection/watch/watchpoints.h"

namespace ktstr::vmm {
namespace {

using Op = WatchCondition::Op;
using std::chrono::milliseconds;

TEST_CASE("conditions on unsigned values") {
  CHECK(WatchCondition{Op::kEqual, 5, false}.Holds(0, 5, 4));
  CHECK_FALSE(WatchCondition{Op::kEqual, 5, false}.Holds(5, 4, 4));
  CHECK(WatchCondition{Op::kNotEqual, 5, false}.Holds(5, 4, 4));
  CHECK_FALSE(WatchCondition{Op::kLess, 5, false}.Holds(0, 5, 4));
  CHECK(WatchCondition{Op::kAtMost, 5, false}.Holds(0, 5, 4));
  CHECK_FALSE(WatchCondition{Op::kGreater, 5, false}.Holds(0, 5, 4));
  CHECK(WatchCondition{Op::kGreater, 5, false}.Holds(0, 0xffffffff, 4));
  CHECK(WatchCondition{Op::kAtLeast, 5, false}.Holds(0, 5, 4));
  CHECK(WatchCondition{}.Holds(1, 2, 8));
  CHECK_FALSE(WatchCondition{}.Holds(2, 2, 8));
  CHECK(WatchCondition{Op::kEqual, ~0ULL, false}.Holds(0, 0xff, 1));
}

TEST_CASE("conditions on signed values know the width") {
  const auto minus_one = static_cast<std::uint64_t>(-1);
  CHECK(WatchCondition{Op::kEqual, minus_one, true}.Holds(0, 0xff, 1));
  CHECK(WatchCondition{Op::kEqual, minus_one, true}.Holds(0, 0xffff, 2));
  CHECK(WatchCondition{Op::kLess, 0, true}.Holds(0, 0x80000000, 4));
  CHECK_FALSE(WatchCondition{Op::kLess, 0, true}.Holds(0, 0x7fffffff, 4));
  CHECK_FALSE(WatchCondition{Op::kLess, 0, true}.Holds(0, 0x80000000, 8));
  CHECK(WatchCondition{Op::kGreater, minus_one, true}.Holds(0, 0, 8));
}

const Deadline kStart = Deadline{} + std::chrono::hours(1);

TEST_CASE("a burst of a second is within the budget of a watch that was quiet") {
  PauseBudget budget;
  CHECK_FALSE(budget.Spent(kStart));
  // Writes of 5 ms each, one right after the other: each takes 5 ms and saves up 1 of them, but the first.
  for (int i = 1; i <= 199; ++i) {
    budget.Charge(kStart + i * milliseconds(5), milliseconds(5), 1);
    CHECK_FALSE(budget.Spent(kStart + i * milliseconds(5)));
  }
  // Of 203 ms 43 are left: 40 were saved up meanwhile.
  budget.Charge(kStart + milliseconds(1195), milliseconds(200), 1);
  CHECK_FALSE(budget.Spent(kStart + milliseconds(1195)));
  budget.Charge(kStart + milliseconds(1195), milliseconds(42), 1);
  CHECK_FALSE(budget.Spent(kStart + milliseconds(1195)));
  budget.Charge(kStart + milliseconds(1195), milliseconds(2), 1);
  CHECK(budget.Spent(kStart + milliseconds(1195)));
}

TEST_CASE("a watch that has used up its burst gets a fifth of the time") {
  PauseBudget budget({milliseconds(100), 20});
  budget.Charge(kStart, milliseconds(100), 1);
  CHECK(budget.Spent(kStart));
  CHECK(budget.Back() == kStart + milliseconds(100));  // 20 ms of 100
  Deadline now = kStart + milliseconds(100);
  for (int i = 0; i < 50; ++i) {  // 20 ms in a row, which save up 4; then 80 ms off, which save up 16
    CHECK_FALSE(budget.Spent(now));
    now += milliseconds(20);
    budget.Charge(now, milliseconds(24), 1);
    CHECK(budget.Spent(now));
    CHECK(budget.Back() == now + milliseconds(100));
    now = budget.Back();
  }
}

TEST_CASE("a pause above the budget is paid back") {
  PauseBudget budget({milliseconds(100), 20});
  budget.Charge(kStart, milliseconds(150), 1);
  CHECK(budget.Spent(kStart + milliseconds(250)));  // 50 ms of debt
  CHECK_FALSE(budget.Spent(kStart + milliseconds(251)));
  CHECK(budget.Back() == kStart + milliseconds(350));  // and 20 ms of reserve
}

TEST_CASE("what a watch saves up is bounded by its burst") {
  PauseBudget budget({milliseconds(100), 20});
  budget.Charge(kStart, milliseconds(40), 1);
  budget.Charge(kStart + std::chrono::hours(1), milliseconds(99), 1);
  CHECK_FALSE(budget.Spent(kStart + std::chrono::hours(1)));
  budget.Charge(kStart + std::chrono::hours(1), milliseconds(1), 1);
  CHECK(budget.Spent(kStart + std::chrono::hours(1)));
}

TEST_CASE("watches share what is sustained, and each has a burst") {
  PauseBudget budget({milliseconds(100), 20});
  budget.Charge(kStart, milliseconds(99), 4);
  CHECK_FALSE(budget.Spent(kStart));
  budget.Charge(kStart, milliseconds(1), 4);
  CHECK(budget.Spent(kStart));
  CHECK(budget.Back() == kStart + milliseconds(400));  // 20 ms at 5 %
}

TEST_CASE("a burst below the reserve is a reserve as small") {
  PauseBudget budget({milliseconds(5), 10});
  budget.Charge(kStart, milliseconds(5), 1);
  CHECK(budget.Spent(kStart));
  CHECK(budget.Back() == kStart + milliseconds(50));
  CHECK_FALSE(budget.Spent(kStart + milliseconds(50)));
}

TEST_CASE("the caps") {
  CHECK(WatchCap(Accel::kKvm) == 4);
  CHECK(WatchCap(Accel::kTcg) == 128);
}

TEST_CASE("the pauses of a watch are summed up over the phases") {
  WatchStats stats;
  stats.by_phase[1] = {3, milliseconds(4)};
  stats.by_phase[2] = {1, milliseconds(5)};
  CHECK(stats.pause_time() == milliseconds(9));
}

}  // namespace
}  // namespace ktstr::vmm
