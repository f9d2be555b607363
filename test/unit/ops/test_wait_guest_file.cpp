// WaitGuestFile: what is asked of the guest, and what is refused.
#include <catch2/catch.hpp>

#include "test/unit/ops/op_bench.h"

using namespace ktstr;

TEST_CASE("a wait for a file of the guest, with its bounds and its timeout") {
  OpBench bench;
  bench.Plan("WaitGuestFile", {{"path", "/sys/kernel/sched_ext/state"}, {"matches", "^enabled$"}});
  const auto* request = bench.context.requests().back().As<AwaitFile>();
  REQUIRE(request != nullptr);
  CHECK(request->path == "/sys/kernel/sched_ext/state");
  CHECK(request->pattern == "^enabled$");
  CHECK_FALSE(request->min);
  CHECK(request->timeout_ns == 10'000'000'000);
  bench.Plan("WaitGuestFile",
             {{"path", "/proc/vmstat"}, {"key", "pgfault"}, {"min", "5"}, {"timeout", "2s"}});
  request = bench.context.requests().back().As<AwaitFile>();
  CHECK(request->key == "pgfault");
  CHECK(request->min == 5);
  CHECK_FALSE(request->max);
  CHECK(request->timeout_ns == 2'000'000'000);
  CHECK(bench.Messages().empty());
}

TEST_CASE("a file that no Op may read is not waited for either") {
  OpBench bench;
  bench.Plan("WaitGuestFile", {{"path", "/proc/1/status"}, {"matches", "x"}});
  CHECK(bench.Messages() == "steps/0/ops/0/path: /proc/1/status is PID 1's own\n");
  CHECK(bench.context.requests().empty());
}
