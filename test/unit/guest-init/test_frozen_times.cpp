// The account of frozen time: of a cgroup itself, of those above it, and both together.
#include <catch2/catch.hpp>

#include "guest-init/frozen_times.h"

namespace ktstr::guest {
namespace {

TEST_CASE("a time is frozen between its begin and its end") {
  FrozenTimes times;
  CHECK(times.Within("a", 0, 1000) == 0);
  times.End("a", 50);  // it was not frozen
  times.Begin("a", 100);
  times.Begin("a", 150);                   // it is already
  CHECK(times.Within("a", 0, 170) == 70);  // it goes on
  times.End("a", 300);
  times.End("a", 350);
  CHECK(times.Within("a", 0, 1000) == 200);
  CHECK(times.Within("a", 150, 250) == 100);
  CHECK(times.Within("a", 300, 400) == 0);
  times.Begin("a", 400);
  times.End("a", 500);
  CHECK(times.Within("a", 250, 450) == 100);
}

TEST_CASE("a freeze holds for all below it, and overlapping freezes count once") {
  FrozenTimes times;
  times.Begin("a", 100);
  times.Begin("a/b", 150);
  times.End("a", 200);
  times.End("a/b", 300);
  CHECK(times.Within("a", 0, 1000) == 100);
  CHECK(times.Within("a/b", 0, 1000) == 200);
  CHECK(times.Within("a/b/c", 0, 1000) == 200);
  CHECK(times.Within("a/x", 0, 1000) == 100);
  CHECK(times.Within("ab", 0, 1000) == 0);
  CHECK(times.Within("", 0, 1000) == 0);
}

TEST_CASE("what holds a task beside a freeze counts, and once with it") {
  FrozenTimes times;
  times.Begin("a", 100);
  times.End("a", 200);
  FrozenTimes held;
  held.Begin("signal", 150);
  held.End("signal", 250);
  CHECK(times.Within("a", 0, 1000, &held) == 150);
  CHECK(times.Within("b", 0, 1000, &held) == 100);
  CHECK(times.Within("", 0, 200, &held) == 50);
  CHECK(times.Within("a", 300, 200, &held) == 0);
}

}  // namespace
}  // namespace ktstr::guest
