// Work types that compute: what they count, and which distributions they fill.
#include <catch2/catch.hpp>

#include "test/unit/workloads/live_group.h"
#include "workloads/worker/alu.h"
#include "workloads/worker/cache_buffer.h"

namespace ktstr {
namespace {

TEST_CASE("types that compute count 1024 units an iteration, and no sleep is theirs") {
  for (const auto& [name, distributions] : {std::pair{"SpinWait", ""},
                                            {"AluHot", "cost"},
                                            {"SmtSiblingSpin", "cost"},
                                            {"CachePressure", ""},
                                            {"CacheYield", "wake"}}) {
    INFO(name);
    for (const WorkerReport& report : RunGroup(name, 50)) {
      CHECK(report.iterations >= 50);
      CHECK(report.work_units == report.iterations * 1024);
      CHECK(report.work_error.empty());
      CHECK(Distributions(report) == distributions);
      if (report.wake_sample_total > 0) CHECK(report.wake_sample_total == report.iterations);
      if (report.iteration_cost_sample_total > 0)
        CHECK(report.iteration_cost_sample_total == report.iterations);
    }
  }
}

TEST_CASE("IpcVariance's cost is that of whole iterations, and its rounds are progress within one") {
  AnyStruct params = DefaultParams("IpcVariance");
  Param<std::uint64_t>(params, "hot_iters") = 1000;
  const WorkerReport report = RunGroup("IpcVariance", params, 3)[0];
  CHECK(Distributions(report) == "cost");
  CHECK(report.iteration_cost_sample_total == report.iterations);
  CHECK(report.work_units >= report.iterations * 64 * 1024);
  CHECK(report.work_units % 1024 == 0);

  // An iteration that never ends: its rounds are seen all the same, and it stops.
  Param<std::uint64_t>(params, "period_iters") = 1'000'000;
  Param<std::uint64_t>(params, "hot_iters") = 1'000'000;
  LiveGroup group("IpcVariance", params);
  group.Until([](std::span<const WorkerSlot> slots) { return slots[0].work_units.load() >= 2048; });
  group.memory().Publish({1, group.memory().control().released_ns + 1});
  const std::uint64_t units = group.memory().slots()[0].work_units;
  group.Until([&](std::span<const WorkerSlot> slots) { return slots[0].work_units.load() > units + 1024; });
  const WorkerReport endless = group.Stop()[0];
  CHECK(endless.iterations == 0);
  CHECK(Distributions(endless).empty());
  CHECK(endless.phase_slices.size() == 2);  // it has noticed the mark within its iteration
}

TEST_CASE("AluHot has every width that the CPU has, and is an error with another") {
  for (const EnumValue& width : kAluWidths) {
    INFO(width.name);
    AnyStruct params = DefaultParams("AluHot");
    Param<AluWidth>(params, "width") = static_cast<AluWidth>(width.value);
    if (AluChains::Has(static_cast<AluWidth>(width.value))) {
      CHECK(RunGroup("AluHot", params, 10)[0].work_error.empty());
      continue;
    }
    LiveGroup group("AluHot", params);
    group.UntilEnded();
    const WorkerReport report = group.Stop()[0];
    CHECK(report.work_error == "this CPU has no " + std::string(width.name));
    CHECK(report.work_units == 0);
  }
  CHECK(AluChains::Has(AluWidth::kScalar));
}

TEST_CASE("a cache buffer of any size and stride is walked within its bounds") {
  for (const std::uint64_t kib : {1, 3})
    for (const std::uint64_t stride : {1, 64, 1000, 5000}) CacheBuffer(kib, stride).Touch(20'000);
}

}  // namespace
}  // namespace ktstr
