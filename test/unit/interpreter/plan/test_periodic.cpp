// Periodic captures: the boundary formula, what lint says of it, and how holds are cut.
#include <catch2/catch.hpp>

#include "guest-init/wire/messages.h"
#include "interpreter/plan/periodic.h"
#include "ops/host/stored_snapshot.h"

using namespace ktstr;

namespace {

using Numbers = std::vector<std::uint64_t>;
using Text = std::vector<std::string>;

constexpr std::uint64_t kMs = 1'000'000;

template <typename T>
PlannedRequest Planned(T request, std::string path, std::string label, Duration budget, std::uint32_t phase) {
  PlannedRequest planned;
  planned.what = GuestRequest{AnyStruct::Of(std::move(request))};
  planned.path = std::move(path);
  planned.label = std::move(label);
  planned.budget = budget;
  planned.phase = phase;
  return planned;
}
PlannedRequest PlainHold(std::uint64_t ms, std::uint32_t phase = 1) {
  return Planned(Hold{ms * kMs, false}, "steps/0/hold", "hold", Milliseconds(static_cast<std::int64_t>(ms)),
                 phase);
}
/// In a repetition: until `until_ms` after the mark, `length_ms` long.
PlannedRequest MarkedHold(std::uint64_t until_ms, std::int64_t length_ms) {
  return Planned(Hold{until_ms * kMs, true}, "steps/1/hold", "round", Milliseconds(length_ms), 2);
}
PlannedRequest Mark() { return Planned(SetHoldMark{}, "steps/1/hold", "begin", {}, 2); }
PlannedRequest Other(std::string label) {
  return Planned(Finish{}, "x", std::move(label), Milliseconds(7), 1);
}
PlannedRequest Capture(std::uint32_t index, std::uint64_t offset_ns, const PlannedRequest& hold) {
  return Planned(Program{}, hold.path, PeriodicTag(index) + " @" + std::to_string(offset_ns / kMs), {},
                 hold.phase);
}

/// "mark", "hold 300 (300)" plain or "until 300 (300)" from the mark, with the budget; all in ms; else the
/// label.
Text Show(const std::vector<PlannedRequest>& plan) {
  Text lines;
  for (const PlannedRequest& planned : plan) {
    if (planned.As<SetHoldMark>() != nullptr) {
      lines.push_back("mark");
    } else if (const auto* hold = planned.As<Hold>()) {
      lines.push_back((hold->from_mark ? "until " : "hold ") + std::to_string(hold->duration_ns / kMs) +
                      " (" + std::to_string(planned.budget.ns / static_cast<std::int64_t>(kMs)) + ")");
    } else {
      lines.push_back(planned.label);
    }
  }
  return lines;
}
Text Placed(std::vector<PlannedRequest> plan, std::uint32_t count) {
  return Show(PlacePeriodic(std::move(plan), count, &Capture));
}

}  // namespace

TEST_CASE("periodic boundaries: hand-worked") {
  CHECK(PeriodicBoundaries(0, 1000, 1) == Numbers{500});
  CHECK(PeriodicBoundaries(0, 1000, 3) == Numbers{300, 500, 700});
  CHECK(PeriodicBoundaries(5000, 6000, 3) == Numbers{5300, 5500, 5700});
  // A window of 11 in 4 parts: 2.75, 5.5 and 8.25 after the first tenth.
  CHECK(PeriodicBoundaries(0, 13, 3) == Numbers{3, 6, 9});
  CHECK(PeriodicBoundaries(0, 1'000'000'001, 3) == Numbers{300'000'000, 500'000'000, 700'000'000});
  CHECK(PeriodicBoundaries(0, 1'000'000'007, 2) == Numbers{366'666'669, 633'333'338});
}

TEST_CASE("periodic boundaries: none where there is no room for them") {
  CHECK(PeriodicBoundaries(0, 1000, 0).empty());
  CHECK(PeriodicBoundaries(7, 7, 1).empty());
  CHECK(PeriodicBoundaries(8, 7, 1).empty());
  // Below 10 ns nothing is left out at the ends: a window of 4 has 4 parts, not 5.
  CHECK(PeriodicBoundaries(0, 4, 4).empty());
  CHECK(PeriodicBoundaries(0, 4, 3) == Numbers{1, 2, 3});
}

TEST_CASE("periodic boundaries: the product does not overflow, and they rise within the window") {
  const std::uint64_t end = ~std::uint64_t{0};
  const Numbers many = PeriodicBoundaries(0, end, 64);
  REQUIRE(many.size() == 64);
  for (std::size_t i = 0; i < many.size(); ++i) {
    CHECK(many[i] > (i == 0 ? end / 10 : many[i - 1]));
    CHECK(many[i] < end - end / 10);
  }
  // Of two captures the first is 11/30 into it: 2^64 - 1 = 10 * 1844674407370955161 + 5.
  CHECK(PeriodicBoundaries(0, end, 2)[0] == 6'763'806'160'360'168'925U);
}

TEST_CASE("periodic captures that do not fit are a diagnostic that says how many would") {
  CHECK(WhyNotPeriodic(0, {}) == std::nullopt);
  CHECK(WhyNotPeriodic(64, Milliseconds(8125)) == std::nullopt);
  CHECK(WhyNotPeriodic(65, Seconds(3600)) == "65 periodic snapshots are asked for; 64 are the most");
  CHECK(WhyNotPeriodic(3, Milliseconds(500)) == std::nullopt);
  CHECK(WhyNotPeriodic(3, Milliseconds(300)) ==
        "3 periodic snapshots in holds of 300ms together would be 60ms apart; 100ms is the least, for which "
        "the "
        "holds must take 500ms");
  CHECK(WhyNotPeriodic(1, Nanoseconds(249'999'999)) ==
        "1 periodic snapshot in holds of 249999.999us together would be 99.999ms apart; 100ms is the least, "
        "for "
        "which the holds must take 250ms");
  CHECK(WhyNotPeriodic(7, {}) ==
        "7 periodic snapshots in holds of 0s together would be 0s apart; 100ms is the least, for which the "
        "holds "
        "must take 1s");
}

TEST_CASE("a plain hold is cut and counts from a mark of its own") {
  const auto plan = PlacePeriodic({Other("setup"), PlainHold(1000), Other("end")}, 3, &Capture);
  CHECK(Show(plan) == Text{"setup", "mark", "until 300 (300)", "periodic_000 @300", "until 500 (200)",
                           "periodic_001 @500", "until 700 (200)", "periodic_002 @700", "until 1000 (300)",
                           "end"});
  CHECK(plan[1].label == "begin of hold");
  CHECK(plan[1].budget.ns == 0);
  CHECK(plan[2].label == "hold, to 300ms");
  CHECK(plan[8].label == "hold, to 1s");
  for (std::size_t i = 1; i < 9; ++i) {
    CHECK(plan[i].path == "steps/0/hold");
    CHECK(plan[i].phase == 1);
    CHECK_FALSE(plan[i].cleanup);
  }
  CHECK(plan[9].budget == Milliseconds(7));
}

TEST_CASE("boundaries are counted over all holds; one without a boundary stays as it is") {
  // 2000 ms of holds; 3 captures at 600, 1000, 1400.
  CHECK(Placed({PlainHold(500), Other("a"), PlainHold(200), PlainHold(0), Other("b"), PlainHold(1300)}, 3) ==
        Text{"hold 500 (500)", "a", "mark", "until 100 (100)", "periodic_000 @600", "until 200 (100)",
             "hold 0 (0)", "b", "mark", "until 300 (300)", "periodic_001 @1000", "until 700 (400)",
             "periodic_002 @1400", "until 1300 (600)"});
}

TEST_CASE("holds of a repetition keep their mark") {
  // Rounds of 400, 400 and 200 ms after 1000 ms: 2000 in all; captures at 600, 1000 and 1400, the last at the
  // very end of the first round.
  CHECK(Placed({PlainHold(1000), Mark(), Other("op"), MarkedHold(400, 400), Other("op"), MarkedHold(800, 400),
                Other("op"), MarkedHold(1000, 200)},
               3) == Text{"mark", "until 600 (600)", "periodic_000 @600", "until 1000 (400)",
                          "periodic_001 @1000", "mark", "op", "until 400 (400)", "periodic_002 @1400", "op",
                          "until 800 (400)", "op", "until 1000 (200)"});
  // One capture in the middle of the second round: 500 ms after the mark.
  CHECK(Placed({Mark(), MarkedHold(400, 400), Other("op"), MarkedHold(800, 400), MarkedHold(1000, 200)}, 1) ==
        Text{"mark", "until 400 (400)", "op", "until 500 (100)", "periodic_000 @500", "until 800 (300)",
             "until 1000 (200)"});
}

TEST_CASE("a boundary on the edge of two holds belongs to the end of the first") {
  CHECK(Placed({PlainHold(500), Other("next"), PlainHold(500)}, 1) ==
        Text{"mark", "until 500 (500)", "periodic_000 @500", "next", "hold 500 (500)"});
}

TEST_CASE("no captures, or no time for them, leave the plan alone") {
  const std::vector<PlannedRequest> plan = {Other("a"), PlainHold(1000), Other("b")};
  CHECK(Placed(plan, 0) == Show(plan));
  CHECK(Placed({Other("a"), PlainHold(0), Other("b")}, 3) == Text{"a", "hold 0 (0)", "b"});
  CHECK(Placed(plan, 65) == Show(plan));
  CHECK(Placed(plan, 64).size() == 3 + 2 * 64 + 1);
  CHECK(Placed({Other("a")}, 3) == Text{"a"});
  CHECK(Placed({}, 3).empty());
}

TEST_CASE("cutting keeps the order, the total and all captures, whatever the holds") {
  for (std::uint32_t count = 1; count <= kMaxPeriodic; count += 7) {
    std::vector<PlannedRequest> plan;
    std::int64_t total = 0;
    for (std::uint64_t i = 0; i < 40; ++i) {
      const std::uint64_t ms = (i * 37 + count * 11) % 90;  // some are 0
      plan.push_back(Other("op" + std::to_string(i)));
      plan.push_back(PlainHold(ms, static_cast<std::uint32_t>(i)));
      total += static_cast<std::int64_t>(ms * kMs);
    }
    std::int64_t held = 0;
    std::uint32_t captures = 0;
    std::uint64_t last = 0;
    Text others;
    const auto placed =
        PlacePeriodic(plan, count, [&](std::uint32_t index, std::uint64_t at, const auto& hold) {
          CHECK(index == captures++);
          CHECK(at > last);
          last = at;
          return Capture(index, at, hold);
        });
    for (const PlannedRequest& planned : placed) {
      if (planned.As<Hold>() != nullptr) held += planned.budget.ns;
      if (planned.As<Finish>() != nullptr) others.push_back(planned.label);
      if (planned.As<Program>() != nullptr) CHECK(planned.phase + 1 == others.size());
    }
    CHECK(held == total);
    CHECK(captures == count);
    REQUIRE(others.size() == 40);
    for (std::size_t i = 0; i < 40; ++i) CHECK(others[i] == "op" + std::to_string(i));
  }
}
