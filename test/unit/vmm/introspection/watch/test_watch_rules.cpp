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

TEST_CASE("a fifth of each window may be spent") {
  PauseBudget budget;
  const Deadline start = Deadline{} + std::chrono::hours(1);
  CHECK_FALSE(budget.Spent(start));
  budget.Charge(start + milliseconds(10), milliseconds(10));  // a window from 0 to 100
  CHECK(budget.end() == start + milliseconds(100));
  CHECK_FALSE(budget.Spent(start + milliseconds(10)));
  budget.Charge(start + milliseconds(50), milliseconds(9));
  CHECK_FALSE(budget.Spent(start + milliseconds(50)));
  budget.Charge(start + milliseconds(60), milliseconds(1));
  CHECK(budget.Spent(start + milliseconds(60)));
  CHECK(budget.end() == start + milliseconds(100));
  CHECK(budget.Spent(start + milliseconds(99)));
  CHECK_FALSE(budget.Spent(start + milliseconds(100)));
  budget.Charge(start + milliseconds(150), milliseconds(1));  // the next begins at 149
  CHECK_FALSE(budget.Spent(start + milliseconds(150)));
  CHECK(budget.end() == start + milliseconds(249));
}

TEST_CASE("one stop above the share makes its window longer") {
  PauseBudget budget;
  const Deadline start = Deadline{} + std::chrono::hours(1);
  budget.Charge(start + milliseconds(50), milliseconds(50));
  CHECK(budget.end() == start + milliseconds(250));  // 50 of 250 are 20 %
  CHECK(budget.Spent(start + milliseconds(249)));
  CHECK_FALSE(budget.Spent(start + milliseconds(250)));
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
