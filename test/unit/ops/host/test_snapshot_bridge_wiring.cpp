// The bridge's contract (reference/host.md 4.4): watchpoints, kernel operations, cgroup.procs, accessor,
// threads.
#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>

#include "ops/host/snapshot_bridge.h"

using namespace ktstr;

namespace {

SnapshotBridge::CaptureCallback Capturing() {
  return [](const std::string&) { return vmm::SnapshotReport(); };
}
vmm::KernelReadValue Number(std::uint64_t number) { return {number, false, 8, {}}; }
Result<> Accept(const std::string&) { return {}; }

AccessorState::Deadline Passed() { return std::chrono::steady_clock::now() - std::chrono::seconds(1); }
/// Far enough that only a bug reaches it.
AccessorState::Deadline Far() { return std::chrono::steady_clock::now() + std::chrono::seconds(60); }

std::shared_ptr<AccessorState> NewState() {
  auto state = AccessorState::Create();
  REQUIRE(state.ok());
  return *state;
}

}  // namespace

// ---- watchpoints

TEST_CASE("three watches are accepted, the fourth is over the cap and its callback is not called") {
  std::vector<std::string> asked;
  SnapshotBridge bridge(Capturing());
  bridge.WithWatchRegister([&](const std::string& symbol) {
    asked.push_back(symbol);
    return Result<>();
  });
  for (const char* symbol : {"a", "b", "c"}) CHECK(bridge.RegisterWatch(symbol).ok());
  const auto fourth = bridge.RegisterWatch("d");
  REQUIRE_FALSE(fourth.ok());
  CHECK(fourth.error().kind == ErrorKind::kInput);
  CHECK(fourth.error().message == "WatchSnapshot cap exceeded: 'd' would be watchpoint 4 of at most 3");
  CHECK(asked == std::vector<std::string>{"a", "b", "c"});
  CHECK(bridge.watch_count() == 3);
}

TEST_CASE("the cap of watches is what the machine's accelerator has") {
  SnapshotBridge bridge(Capturing(), 4);
  bridge.WithWatchRegister(&Accept);
  for (int i = 0; i < 4; ++i) CHECK(bridge.RegisterWatch("s").ok());
  CHECK_FALSE(bridge.RegisterWatch("s").ok());
}

TEST_CASE("the slot of a watch is reserved before its callback runs") {
  SnapshotBridge bridge(Capturing(), 1);
  std::string inner;
  bridge.WithWatchRegister([&](const std::string&) {
    const auto second = bridge.RegisterWatch("inner");
    if (!second.ok()) inner = second.error().message;
    return Result<>();
  });
  CHECK(bridge.RegisterWatch("outer").ok());
  CHECK(inner == "WatchSnapshot cap exceeded: 'inner' would be watchpoint 2 of at most 1");
  CHECK(bridge.watch_count() == 1);
}

TEST_CASE("the callback's error comes back as it is and releases the slot") {
  SnapshotBridge bridge(Capturing());
  bridge.WithWatchRegister([](const std::string&) -> Result<> {
    return Error{ErrorKind::kGuest, "no such symbol"};
  });
  const auto watch = bridge.RegisterWatch("a");
  REQUIRE_FALSE(watch.ok());
  CHECK(watch.error().kind == ErrorKind::kGuest);
  CHECK(watch.error().message == "no such symbol");
  CHECK(bridge.watch_count() == 0);
}

TEST_CASE("an exception of the callback releases the slot") {
  SnapshotBridge bridge(Capturing());
  bridge.WithWatchRegister([](const std::string&) -> Result<> { throw std::runtime_error("x"); });
  CHECK_THROWS_AS(bridge.RegisterWatch("a"), std::runtime_error);
  CHECK(bridge.watch_count() == 0);
}

TEST_CASE("slots are kept for the scenario: drains free none") {
  SnapshotBridge bridge(Capturing(), 1);
  bridge.WithWatchRegister(&Accept);
  CHECK(bridge.RegisterWatch("a").ok());
  bridge.Drain();
  bridge.DrainEvents();
  CHECK(bridge.watch_count() == 1);
}

TEST_CASE("threads that race for slots get exactly as many as there are") {
  SnapshotBridge bridge(Capturing());
  std::atomic<int> inside = 0, most = 0, accepted = 0;
  bridge.WithWatchRegister([&](const std::string&) {
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::yield();
    --inside;
    return Result<>();
  });
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] { accepted += bridge.RegisterWatch("s").ok() ? 1 : 0; });
  }
  CHECK(accepted == 3);
  CHECK(most <= 3);
  CHECK(bridge.watch_count() == 3);
}

// ---- kernel operations

TEST_CASE("without a kernel-op callback a dispatch gives nothing and logs nothing") {
  SnapshotBridge bridge(Capturing());
  CHECK_FALSE(bridge.DispatchKernelOp({.tag = "k", .cold = true}));
  CHECK(bridge.DrainKernelOps().empty());
}

TEST_CASE("a dispatched kernel op gives its reply and logs it under its tag") {
  SnapshotBridge bridge(Capturing());
  KernelOpRequest seen;
  bridge.WithKernelOp([&](const KernelOpRequest& request) {
    seen = request;
    return KernelOpReply{false, "entry[0]: unmapped"};
  });
  const auto reply =
      bridge.DispatchKernelOp({"k", true, {{vmm::DirectTarget{4096}, vmm::KernelWidth::U32()}}});
  REQUIRE(reply);
  CHECK(reply->reason == "entry[0]: unmapped");
  CHECK(seen.tag == "k");
  CHECK(seen.cold);
  CHECK(seen.reads.size() == 1);
  const auto log = bridge.DrainKernelOps();
  REQUIRE(log.size() == 1);
  CHECK(log[0].tag == "k");
  CHECK_FALSE(log[0].reply.success);
  CHECK(bridge.DrainKernelOps().empty());
}

TEST_CASE("the value of a kernel op is the first of the first success that read anything, and stays") {
  SnapshotBridge bridge(Capturing());
  bridge.RecordKernelOpReply("k", {false, "no", {Number(1)}});
  bridge.RecordKernelOpReply("k", {true, "", {}});
  bridge.RecordKernelOpReply("other", {true, "", {Number(2)}});
  CHECK_FALSE(bridge.FindKernelOpValue("k"));
  bridge.RecordKernelOpReply("k", {true, "", {Number(3), Number(4)}});
  bridge.RecordKernelOpReply("k", {true, "", {Number(5)}});
  CHECK(bridge.FindKernelOpValue("k") == Number(3));
  CHECK(bridge.FindKernelOpValue("k") == Number(3));
  CHECK_FALSE(bridge.FindKernelOpValue("absent"));
  CHECK(bridge.DrainKernelOps().size() == 5);
}

// ---- cgroup.procs

TEST_CASE("the cgroup.procs log only grows, keeps duplicates, and finds the first of a tag") {
  SnapshotBridge bridge(Capturing());
  bridge.RecordCgroupProcs("t", "hot", {5, 6});
  bridge.RecordCgroupProcs("t", "hot", {7});
  bridge.RecordCgroupProcs("e", "cold", {});
  REQUIRE(bridge.FindCgroupProcs("t"));
  CHECK(bridge.FindCgroupProcs("t")->pids == std::vector<std::int32_t>{5, 6});
  REQUIRE(bridge.FindCgroupProcs("e"));  // an empty cgroup is not an absent one
  CHECK(bridge.FindCgroupProcs("e")->pids.empty());
  CHECK(bridge.FindCgroupProcs("e")->cgroup == "cold");
  CHECK_FALSE(bridge.FindCgroupProcs("x"));
  CHECK(bridge.DrainCgroupProcs().size() == 3);
  CHECK(bridge.DrainCgroupProcs().empty());
}

// ---- the accessor

TEST_CASE("without an accessor the sequence is 0 and waits are over at once") {
  const SnapshotBridge bridge(Capturing());
  CHECK(bridge.accessor_publish_sequence() == 0);
  CHECK(bridge.WaitForWorkerNotTrying(Passed(), "Attach").ok());
  const auto advance = bridge.WaitForPublishAdvance(9, Passed(), "Attach");
  REQUIRE(advance.ok());
  CHECK(*advance == 0);
}

TEST_CASE("a wait for the worker: trying until the deadline is an error") {
  SnapshotBridge bridge(Capturing());
  bridge.WithAccessorState(NewState());
  const auto waited = bridge.WaitForWorkerNotTrying(Passed(), "Attach");
  REQUIRE_FALSE(waited.ok());
  CHECK(waited.error().kind == ErrorKind::kTimeout);
  CHECK(waited.error().message == "Attach: the guest kernel was not readable in time (state 0)");
}

TEST_CASE("a wait for the worker: success is ok, permanent failure an error, also past the deadline") {
  SnapshotBridge bridge(Capturing());
  const auto state = NewState();
  bridge.WithAccessorState(state);
  state->Publish();
  CHECK(bridge.WaitForWorkerNotTrying(Passed(), "Attach").ok());
  state->Fail();
  const auto waited = bridge.WaitForWorkerNotTrying(Far(), "Attach");
  REQUIRE_FALSE(waited.ok());
  CHECK(waited.error().kind == ErrorKind::kEnvironment);
  CHECK(waited.error().message == "Attach: the guest kernel cannot be made readable in this run");
}

TEST_CASE("each publication advances the sequence and the state stays succeeded") {
  SnapshotBridge bridge(Capturing());
  const auto state = NewState();
  bridge.WithAccessorState(state);
  CHECK(static_cast<int>(state->worker()) == 0);
  state->Publish();
  state->Publish();
  CHECK(bridge.accessor_publish_sequence() == 2);
  CHECK(static_cast<int>(state->worker()) == 1);
  state->Fail();
  CHECK(static_cast<int>(state->worker()) == 2);
  state->Retry();
  CHECK(static_cast<int>(state->worker()) == 0);
}

TEST_CASE("a publication that already landed wins, even over a failed state") {
  SnapshotBridge bridge(Capturing());
  const auto state = NewState();
  bridge.WithAccessorState(state);
  state->Publish();
  state->Fail();
  const auto advance = bridge.WaitForPublishAdvance(0, Passed(), "Replace");
  REQUIRE(advance.ok());
  CHECK(*advance == 1);
}

TEST_CASE("a wait for a publication: permanent failure says that a retry will hit the same wall") {
  SnapshotBridge bridge(Capturing());
  const auto state = NewState();
  bridge.WithAccessorState(state);
  state->Publish();
  state->Fail();
  const auto advance = bridge.WaitForPublishAdvance(1, Far(), "Replace");
  REQUIRE_FALSE(advance.ok());
  CHECK(advance.error().message ==
        "Replace: the guest kernel cannot be made readable in this run; a retry will hit the same wall");
}

TEST_CASE("a wait for a publication: the deadline is an error with the state's number") {
  SnapshotBridge bridge(Capturing());
  const auto state = NewState();
  bridge.WithAccessorState(state);
  state->Publish();
  const auto advance = bridge.WaitForPublishAdvance(1, Passed(), "Replace");
  REQUIRE_FALSE(advance.ok());
  CHECK(advance.error().kind == ErrorKind::kTimeout);
  CHECK(advance.error().message == "Replace: nothing newer than publication 1 came in time (state 1)");
}

TEST_CASE("a publication on another thread ends a wait; wakes left over from before do not") {
  SnapshotBridge bridge(Capturing());
  const auto state = NewState();
  bridge.WithAccessorState(state);
  state->Publish();  // leaves a wake that the wait must see through
  std::jthread publisher([&] { state->Publish(); });
  const auto advance = bridge.WaitForPublishAdvance(1, Far(), "Replace");
  REQUIRE(advance.ok());
  CHECK(*advance == 2);
}

// ---- the thread's active bridge

TEST_CASE("WithActiveBridge runs nothing when none is installed") {
  bool ran = false;
  CHECK_FALSE(WithActiveBridge([&](SnapshotBridge&) { ran = true; }));
  CHECK_FALSE(ran);
}

TEST_CASE("an installed bridge is used, and nesting restores the one before") {
  SnapshotBridge outer(Capturing()), inner(Capturing());
  const auto capture = [](const char* tag) {
    return WithActiveBridge([&](SnapshotBridge& bridge) { bridge.Capture(tag); });
  };
  {
    const ActiveBridge first(outer);
    CHECK(capture("a"));
    {
      const ActiveBridge second(inner);
      CHECK(capture("b"));
    }
    CHECK(capture("c"));
  }
  CHECK_FALSE(capture("d"));
  CHECK(outer.Has("a"));
  CHECK(outer.Has("c"));
  CHECK(outer.size() == 2);
  CHECK(inner.Has("b"));
  CHECK(inner.size() == 1);
}

TEST_CASE("an installation is its thread's own") {
  SnapshotBridge bridge(Capturing());
  const ActiveBridge here(bridge);
  bool ran = true;
  std::jthread([&] { ran = WithActiveBridge([](SnapshotBridge&) {}); }).join();
  CHECK_FALSE(ran);
}

TEST_CASE("a copy installed leaves the handle to drain; a guard that goes at once uninstalls at once") {
  SnapshotBridge bridge(Capturing());
  { const ActiveBridge gone(bridge); }
  CHECK_FALSE(WithActiveBridge([](SnapshotBridge&) {}));
  {
    const ActiveBridge active(bridge);
    WithActiveBridge([](SnapshotBridge& current) { current.Capture("a"); });
  }
  CHECK(bridge.Drain().size() == 1);
}
