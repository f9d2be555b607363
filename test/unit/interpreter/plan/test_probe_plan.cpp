// The plan of a run that is made again with probes.
#include <catch2/catch.hpp>

#include "interpreter/plan/probe_plan.h"
#include "test/unit/interpreter/plan/loaded_plan.h"

using namespace ktstr;

TEST_CASE("of an exit stack the functions that could tell something are probed, each once") {
  CHECK(FunctionsToProbe({"scx_ops_exit_kind+0x8f/0x120", "? check_rq_for_timeouts+0xe0/0x150",
                          "scx_watchdog_workfn+0x5b/0x80", "scx_watchdog_workfn+0x5b/0x80",
                          "process_one_work+0x17f/0x380", "kthread+0xcb/0x100", "ret_from_fork_asm+0x11/0x20",
                          "bpf_prog_0a1b_ktstr_enqueue+0x1b/0x2c", "bpf__sched_ext_ops_enqueue+0x4b/0xab",
                          "asm_sysvec_apic_timer_interrupt+0x1a/0x20", "__hrtimer_run_queues+0x1/0x2",
                          "0xffffffff81000000"}) ==
        std::vector<std::string>{"scx_ops_exit_kind", "check_rq_for_timeouts", "scx_watchdog_workfn",
                                 "0xffffffff81000000"});
  CHECK(FunctionsToProbe({"", "+0x1", "rm -rf /+0x1", "\x1b[2J+0x1", std::string(81, 'a')}).empty());
  CHECK(FunctionsToProbe(std::vector<std::string>(1, "a")).size() == 1);
  std::vector<std::string> deep;
  for (int i = 0; i < 100; ++i) deep.push_back("f" + std::to_string(i));
  CHECK(FunctionsToProbe(deep).size() == 32);
}

TEST_CASE("the probe is there before the first scheduler, and is heard after the last has gone") {
  const LoadedPlan loaded(
      "version: 1\nschedulers: {a: {binary: sh}, b: {binary: sh}}\npayloads: {web: {binary: sh}}\n"
      "scheduler: a\nsteps: [{ops: [{RunPayload: {payload: web}}, {ReplaceScheduler: {scheduler: b}}], hold: "
      "1s}]\n");
  INFO(loaded.Messages());
  REQUIRE(loaded.plans.size() == 1);
  const RunPlan plan = WithProbe(*loaded.plans[0], {"f", "g"}, 384);
  CHECK_FALSE(loaded.plans[0]->probed);
  CHECK(plan.probed);
  std::string order;
  for (const PlannedRequest& planned : plan.requests) {
    if (const auto* start = planned.As<StartPayload>()) {
      order += "start " + start->name + "; ";
      if (start->name != "ktstr_probe") continue;
      CHECK(start->handle == plan.payloads.size() - 1);
      CHECK(start->argv == std::vector<std::string>{"ktstr_probe", "--ends", "2", "f", "g"});
      CHECK(start->ready->output_pattern == "^armed$");
      CHECK_FALSE(start->attach);
    }
    if (const auto* stop = planned.As<StopScheduler>())
      order += "stop " + std::to_string(stop->handle) + "; ";
    if (const auto* wait = planned.As<AwaitPayload>())
      order += "await " + std::to_string(wait->handle) + "; ";
    if (planned.As<Hold>() != nullptr) order += "hold; ";
    if (planned.As<Finish>() != nullptr) order += "finish";
  }
  CHECK(order == "start ktstr_probe; start a; start web; stop 0; start b; hold; stop 2; await 3; finish");
  CHECK(plan.payloads.back().name == "ktstr_probe");
  CHECK(plan.scenario.memory.bytes == std::uint64_t{384} << 20);
  CHECK(plan.scenario.timeout.ns == (Seconds(120).ns + Seconds(120).ns));
}
