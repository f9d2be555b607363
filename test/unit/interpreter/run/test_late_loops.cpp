// Repetitions that take longer than they were to.
#include <catch2/catch.hpp>

#include "interpreter/run/late_loops.h"

using namespace ktstr;

namespace {

/// The warnings about a step that was to repeat its ops every 20 ms for 1 s, and took `ms`.
std::vector<std::string> Warnings(std::uint64_t ms, bool ended = true) {
  Scenario scenario;
  scenario.steps.resize(2);
  scenario.steps[1].name = "loop";
  scenario.steps[1].hold.emplace();
  scenario.steps[1].hold->every = Milliseconds(20);
  scenario.steps[1].hold->for_time = Seconds(1);
  RunOutcome outcome;
  for (const std::uint32_t index : {0U, 1U, 2U}) {
    PhaseWindow window;
    window.index = index;
    window.started = true;
    window.ended = ended;
    window.start_ns = 5'000'000'000;
    window.end_ns = window.start_ns + ms * 1'000'000;
    outcome.record.phases.push_back(window);
  }
  return WithLateLoops(scenario, std::move(outcome)).warnings;
}

}  // namespace

TEST_CASE("a repetition that takes longer than it was to is told, and only that") {
  CHECK(Warnings(7000) ==
        std::vector<std::string>{
            "step 'loop' was to repeat its ops for 1s and took 7s: a round takes longer than every: 20ms"});
  CHECK(
      Warnings(1151) ==
      std::vector<std::string>{
          "step 'loop' was to repeat its ops for 1s and took 1.151s: a round takes longer than every: 20ms"});
  CHECK(Warnings(1150).empty());
  CHECK(Warnings(1000).empty());
  CHECK(Warnings(7000, false).empty());
}
