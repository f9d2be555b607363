// Each case is a sentence of the bridge's contract (reference/host.md 4.4).
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "ops/host/snapshot_bridge.h"

using namespace ktstr;

namespace {

vmm::SnapshotReport Report(std::uint64_t guest_ns = 1) {
  vmm::SnapshotReport report;
  report.guest_ns = guest_ns;
  return report;
}
SnapshotBridge::CaptureCallback Capturing() {
  return [](const std::string&) { return Report(); };
}
SnapshotBridge::CaptureCallback Failing() {
  return [](const std::string&) { return std::nullopt; };
}
std::vector<std::string> OrderedTags(SnapshotBridge& bridge) {
  std::vector<std::string> tags;
  for (const auto& [tag, report] : bridge.DrainOrdered()) tags.push_back(tag);
  return tags;
}
std::string Number(std::size_t i) { return fmt::format("t{:04}", i); }

}  // namespace

TEST_CASE("a bridge with only a capture callback refuses watches, naming the missing wiring") {
  SnapshotBridge bridge(Capturing());
  CHECK(bridge.Capture("a"));
  const auto watch = bridge.RegisterWatch("jiffies_64");
  REQUIRE_FALSE(watch.ok());
  CHECK(watch.error().kind == ErrorKind::kEnvironment);
  CHECK(watch.error().message == "'jiffies_64' cannot be watched: no watch-register callback installed");
  CHECK(bridge.watch_count() == 0);
}

TEST_CASE("copies of a bridge share what they hold") {
  SnapshotBridge bridge(Capturing());
  SnapshotBridge copy = bridge;
  copy.Capture("a");
  copy.RecordKernelOpReply("k", {true, "", {vmm::KernelReadValue()}});
  CHECK(bridge.Has("a"));
  CHECK(bridge.DrainKernelOps().size() == 1);
  CHECK(copy.DrainKernelOps().empty());
}

TEST_CASE("capture stores the callback's report under the tag") {
  std::string asked;
  SnapshotBridge bridge([&](const std::string& tag) {
    asked = tag;
    return Report(42);
  });
  CHECK(bridge.Capture("mid"));
  CHECK(asked == "mid");
  const auto drained = bridge.DrainOrderedWithStats();
  REQUIRE(drained.size() == 1);
  CHECK(drained[0].tag == "mid");
  CHECK(drained[0].report.guest_ns == 42);
  CHECK_FALSE(drained[0].step_index);
}

TEST_CASE("a capture that gives nothing is an event and a warning, returns false and stores nothing") {
  std::vector<std::string> lines;
  SnapshotBridge bridge(Failing(), 3, [&](std::string_view line) { lines.emplace_back(line); });
  CHECK_FALSE(bridge.Capture("mid"));
  CHECK(bridge.empty());
  CHECK(bridge.DrainEvents() == std::vector<SnapshotEvent>{CaptureUnavailable{"mid"}});
  CHECK(lines == std::vector<std::string>{"snapshot 'mid': the capture gave nothing"});
}

TEST_CASE("a capture that gives nothing leaves an earlier one of the tag alone") {
  bool works = true;
  SnapshotBridge bridge([&](const std::string&) { return works ? std::optional(Report(1)) : std::nullopt; });
  CHECK(bridge.Capture("a"));
  works = false;
  CHECK_FALSE(bridge.Capture("a"));
  CHECK(bridge.Has("a"));
}

TEST_CASE("capture with a step stamps the step") {
  SnapshotBridge bridge(Capturing());
  CHECK(bridge.CaptureWithStep("a", 4));
  CHECK(bridge.DrainOrderedWithStats().at(0).step_index == 4);
}

TEST_CASE("a capture callback may use the bridge it serves") {
  SnapshotBridge bridge(Failing());
  SnapshotBridge outer([&](const std::string& tag) {
    bridge.Store(tag + "-inner", Report());
    return Report();
  });
  CHECK(outer.Capture("a"));
  CHECK(bridge.Has("a-inner"));
}

TEST_CASE("the same tag again replaces the report and clears stamps that are not given again") {
  SnapshotBridge bridge(Capturing());
  bridge.Store(
      "a", Report(1),
      {.stats = nlohmann::json{{"n", 1}}, .elapsed_ms = 10, .boundary_offset_ms = 20, .step_index = 3});
  bridge.Store("a", Report(2));
  const auto drained = bridge.DrainOrderedWithStats();
  REQUIRE(drained.size() == 1);
  CHECK(drained[0].report.guest_ns == 2);
  CHECK(drained[0].stats == SchedulerStats(MissingStats{}));
  CHECK_FALSE(drained[0].elapsed_ms);
  CHECK_FALSE(drained[0].boundary_offset_ms);
  CHECK_FALSE(drained[0].step_index);
}

TEST_CASE("an overwrite replaces each stamp that is given") {
  SnapshotBridge bridge(Capturing());
  bridge.Store("a", Report(), {.elapsed_ms = 10, .step_index = 3});
  bridge.Store("a", Report(), {.elapsed_ms = 11, .boundary_offset_ms = 5});
  const auto drained = bridge.DrainOrderedWithStats();
  CHECK(drained.at(0).elapsed_ms == 11);
  CHECK(drained[0].boundary_offset_ms == 5);
  CHECK_FALSE(drained[0].step_index);
}

TEST_CASE("an overwrite moves the tag to the back and is an event with the prior schema, and a warning") {
  std::vector<std::string> lines;
  SnapshotBridge bridge(Capturing(), 3, [&](std::string_view line) { lines.emplace_back(line); });
  bridge.Capture("a");
  bridge.Capture("b");
  bridge.Capture("a");
  CHECK(OrderedTags(bridge) == std::vector<std::string>{"b", "a"});
  CHECK(bridge.DrainEvents() == std::vector<SnapshotEvent>{SnapshotOverwritten{"a", "single"}});
  CHECK(lines == std::vector<std::string>{"snapshot 'a' replaces an earlier one (single) of the same tag"});
}

TEST_CASE("an overwrite refreshes the age that eviction goes by") {
  SnapshotBridge bridge(Capturing());
  for (std::size_t i = 0; i < 64; ++i) bridge.Capture(Number(i));
  bridge.Capture(Number(0));
  bridge.Capture("new");
  CHECK(bridge.Has(Number(0)));
  CHECK_FALSE(bridge.Has(Number(1)));
}

TEST_CASE("64 reports are kept; one more drops the oldest with its stamps and is an event") {
  std::vector<std::string> lines;
  SnapshotBridge bridge(Capturing(), 3, [&](std::string_view line) { lines.emplace_back(line); });
  for (std::size_t i = 0; i < 64; ++i) bridge.Store(Number(i), Report(), {.elapsed_ms = 1000 + i});
  CHECK(bridge.size() == 64);
  CHECK(bridge.event_count() == 0);
  bridge.Store("new", Report(), {.elapsed_ms = 5});
  CHECK(bridge.size() == 64);
  CHECK_FALSE(bridge.Has(Number(0)));
  CHECK(bridge.DrainEvents() == std::vector<SnapshotEvent>{SnapshotEvicted{Number(0), "new", 64}});
  CHECK(lines ==
        std::vector<std::string>{"snapshot 't0000' was dropped to make room for 'new': at most 64 are kept"});
  const auto drained = bridge.DrainOrderedWithStats();
  REQUIRE(drained.size() == 64);
  CHECK(drained.front().tag == Number(1));
  CHECK(drained.front().elapsed_ms == 1001);
  CHECK(drained.back().tag == "new");
  CHECK(drained.back().elapsed_ms == 5);
  // The evicted tag comes back with nothing of what it had.
  bridge.Store(Number(0), Report());
  CHECK_FALSE(bridge.DrainOrderedWithStats().at(0).elapsed_ms);
}

TEST_CASE("too many reports and no order: a cap violation, and everything is dropped") {
  SnapshotStore store;
  for (std::size_t i = 0; i < 66; ++i) store.reports[Number(i)] = {};
  SnapshotEvents events;
  store.Put("new", {}, events);
  CHECK(store.reports.empty());
  CHECK(events == SnapshotEvents{SnapshotEvicted{"new", "new", 64}, SnapshotCapViolated{66, 64}});
  CHECK(Describe(events[1]) == "66 snapshots (at most 64 are kept) were in no order; all were dropped");
}

TEST_CASE("size, empty and Has follow what is stored") {
  SnapshotBridge bridge(Capturing());
  CHECK(bridge.empty());
  bridge.Capture("a");
  CHECK_FALSE(bridge.empty());
  CHECK(bridge.size() == 1);
  CHECK(bridge.Has("a"));
  CHECK_FALSE(bridge.Has("b"));
}

TEST_CASE("the periodic count takes exactly periodic_ and three digits, and no placeholder") {
  SnapshotBridge bridge(Capturing());
  for (const char* tag : {"periodic_000", "periodic_063", "periodic_kaslr", "periodic_01", "periodic_0001",
                          "xperiodic_001", "periodic_0 1", "Periodic_002"})
    bridge.Capture(tag);
  CHECK(bridge.PeriodicRealCount() == 2);
  vmm::SnapshotReport placeholder;
  placeholder.is_placeholder = true;
  placeholder.vcpu_regs.emplace_back();  // kept registers make it no more real
  bridge.Store("periodic_003", placeholder);
  CHECK(bridge.PeriodicRealCount() == 2);
  bridge.Store("periodic_003", Report());
  CHECK(bridge.PeriodicRealCount() == 3);
}

TEST_CASE("Drain gives a map and clears everything, metadata too, but no events") {
  SnapshotBridge bridge(Capturing());
  bridge.Store("a", Report(1), {.elapsed_ms = 9});
  bridge.Store("a", Report(2), {.elapsed_ms = 9});
  const auto drained = bridge.Drain();
  CHECK(drained.size() == 1);
  CHECK(drained.at("a").guest_ns == 2);
  CHECK(bridge.empty());
  CHECK(bridge.event_count() == 1);
  bridge.Store("a", Report());
  const auto later = bridge.DrainOrderedWithStats();
  REQUIRE(later.size() == 1);
  CHECK_FALSE(later[0].elapsed_ms);
  CHECK(bridge.event_count() == 1);  // no overwrite: the tag was free again
}

TEST_CASE("DrainOrdered gives reports in the order of the latest insertion and drops metadata") {
  SnapshotBridge bridge(Capturing());
  for (const char* tag : {"c", "a", "b", "c"}) bridge.Store(tag, Report(), {.elapsed_ms = 1});
  CHECK(OrderedTags(bridge) == std::vector<std::string>{"a", "b", "c"});
  CHECK(bridge.empty());
  CHECK(bridge.DrainOrderedWithStats().empty());
}

TEST_CASE("DrainOrderedWithStats keeps each stamp, and typed reasons for missing statistics") {
  SnapshotBridge bridge(Capturing());
  const MissingStats refused{MissingStats::Reason::kSchedulerError, "busy", 16};
  bridge.Store(
      "a", Report(),
      {.stats = nlohmann::json{{"n", 1}}, .elapsed_ms = 1, .boundary_offset_ms = 2, .step_index = 3});
  bridge.Store("b", Report(), {.stats = refused});
  const auto drained = bridge.DrainOrderedWithStats();
  REQUIRE(drained.size() == 2);
  CHECK(std::get<nlohmann::json>(drained[0].stats) == nlohmann::json{{"n", 1}});
  CHECK(drained[0].elapsed_ms == 1);
  CHECK(drained[0].boundary_offset_ms == 2);
  CHECK(drained[0].step_index == 3);
  CHECK(std::get<MissingStats>(drained[1].stats) == refused);
}

TEST_CASE("statistics nobody gave are NoSchedulerBinary") {
  SnapshotBridge bridge(Capturing());
  bridge.Capture("a");
  CHECK(std::get<MissingStats>(bridge.DrainOrderedWithStats().at(0).stats).reason ==
        MissingStats::Reason::kNoSchedulerBinary);
}

TEST_CASE("reports that are in no order come last, with an event that names the drain") {
  SnapshotStore store;
  SnapshotEvents events;
  store.Put("z", {}, events);
  store.reports["orphan-b"] = {};
  store.reports["orphan-a"] = {};
  const auto taken = store.TakeOrdered("DrainOrdered", events);
  REQUIRE(taken.size() == 3);
  CHECK(taken[0].first == "z");
  CHECK(taken[1].first == "orphan-a");
  CHECK(taken[2].first == "orphan-b");
  CHECK(events == SnapshotEvents{DrainOrderViolated{"orphan-a", "DrainOrdered"},
                                 DrainOrderViolated{"orphan-b", "DrainOrdered"}});
  CHECK(Describe(events[0]) == "snapshot 'orphan-a' was in no order (DrainOrdered); it comes last");
  CHECK(store.reports.empty());
}

TEST_CASE("1024 events are kept, the oldest go, and a marker that is not counted ends the drained list") {
  SnapshotBridge bridge(Failing());
  for (std::size_t i = 0; i < 1024; ++i) bridge.Capture(Number(i));
  CHECK(bridge.event_count() == 1024);
  bridge.Capture("x");
  bridge.Capture("y");
  CHECK(bridge.event_count() == 1024);
  const auto events = bridge.DrainEvents();
  REQUIRE(events.size() == 1025);
  CHECK(events.front() == SnapshotEvent(CaptureUnavailable{Number(2)}));
  CHECK(events[1023] == SnapshotEvent(CaptureUnavailable{"y"}));
  CHECK(events.back() == SnapshotEvent(EventLogTruncated{2}));
  CHECK(Describe(events.back()) == "2 older snapshot events were dropped");
}

TEST_CASE("the dropped count starts again with every drain of events") {
  SnapshotBridge bridge(Failing());
  for (std::size_t i = 0; i < 1025; ++i) bridge.Capture("a");
  CHECK(bridge.DrainEvents().size() == 1025);
  CHECK(bridge.DrainEvents().empty());
  bridge.Capture("a");
  CHECK(bridge.DrainEvents().size() == 1);
}

TEST_CASE("a drain of reports leaves events, a drain of events leaves reports") {
  SnapshotBridge bridge(Capturing());
  bridge.Capture("a");
  bridge.Capture("a");
  CHECK(bridge.DrainEvents().size() == 1);
  CHECK(bridge.size() == 1);
  bridge.Capture("a");
  CHECK(bridge.DrainOrdered().size() == 1);
  CHECK(bridge.event_count() == 1);
}
