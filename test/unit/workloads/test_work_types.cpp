// The catalogue of work types, and each loop run in this process until it is asked to stop.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "guest-init/base/clock.h"
#include "guest-init/base/units.h"
#include "guest-init/wire/codec.h"
#include "test/unit/workloads/live_group.h"
#include "test/unit/workloads/worker/fake_probe.h"
#include "workloads/work_type.h"
#include "workloads/worker/system_probe.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

TEST_CASE("every work type is declared once and found by its name") {
  std::set<std::string_view> names;
  for (const WorkTypeDecl& type : AllWorkTypes()) {
    INFO(type.params().name);
    CHECK(names.insert(type.params().name).second);
    CHECK(FindWorkType(type.params().name) == &type);
    CHECK(GroupSize(type, AnyStruct(type.params()).data()) > 0);
    CHECK((type.group_size_of == nullptr) == type.group_doc.empty());
    CHECK_FALSE(type.params().doc.empty());
    for (const FieldDecl& field : type.params().fields) CHECK_FALSE(field.doc.empty());
  }
  CHECK(FindWorkType("spinwait") == nullptr);
  CHECK(WorkTypes::Alternatives().size() == AllWorkTypes().size());
}

const void* Field(const AnyStruct& params, std::string_view name) {
  return params.decl()->Find(name)->Member(params.data());
}

TEST_CASE("defaults are those of the manual") {
  const AnyStruct bursty(FindWorkType("Bursty")->params());
  CHECK(*static_cast<const Duration*>(Field(bursty, "burst_duration")) == Milliseconds(50));
  CHECK(*static_cast<const Duration*>(Field(bursty, "sleep_duration")) == Milliseconds(100));
  const AnyStruct pipe_io(FindWorkType("PipeIo")->params());
  CHECK(*static_cast<const std::uint64_t*>(Field(pipe_io, "burst_iters")) == 1024);
  const AnyStruct ping_pong(FindWorkType("FutexPingPong")->params());
  CHECK(*static_cast<const std::uint64_t*>(Field(ping_pong, "spin_iters")) == 1024);
}

struct Faults : RuleSink {
  std::vector<std::string> texts;
  void Diagnose(std::string_view field, std::string message) override {
    texts.push_back(std::string(field) + ": " + message);
  }
};

TEST_CASE("Bursty refuses durations of nothing") {
  AnyStruct params(FindWorkType("Bursty")->params());
  Faults faults;
  params.decl()->rules(params.data(), faults);
  CHECK(faults.texts.empty());
  for (const FieldDecl& field : params.decl()->fields)
    *static_cast<Duration*>(field.member(params.data())) = Seconds(0);
  params.decl()->rules(params.data(), faults);
  CHECK(faults.texts == std::vector<std::string>{"burst_duration: must be more than 0s",
                                                 "sleep_duration: must be more than 0s"});
}

TEST_CASE("each type counts its work units and takes its wake samples") {
  const WorkerReport spin = RunGroup("SpinWait", 50)[0];
  CHECK(spin.iterations >= 50);
  CHECK(spin.work_units == spin.iterations * 1024);
  CHECK(spin.wake_sample_total == 0);

  const WorkerReport yield = RunGroup("YieldHeavy", 2000)[0];
  CHECK(yield.work_units == yield.iterations);
  CHECK(yield.wake_sample_total == 0);

  const WorkerReport mixed = RunGroup("Mixed", 50)[0];
  CHECK(mixed.work_units == mixed.iterations * 1024);
}

TEST_CASE("the partners of a pair take turns") {
  for (const char* name : {"PipeIo", "FutexPingPong"}) {
    INFO(name);
    const auto reports = RunGroup(name, 200);
    REQUIRE(reports.size() == 2);
    for (const WorkerReport& report : reports) {
      CHECK(report.iterations >= 199);
      CHECK(report.work_units == report.iterations * 1024);
      CHECK(report.wake_sample_total <= report.iterations + 1);
    }
    const std::uint64_t more = std::max(reports[0].iterations, reports[1].iterations);
    const std::uint64_t fewer = std::min(reports[0].iterations, reports[1].iterations);
    CHECK(more - fewer <= 1);
  }
  CHECK(RunGroup("PipeIo", 100)[0].wake_sample_total > 0);
}

TEST_CASE("parameters reach the loop") {
  AnyStruct params(FindWorkType("PipeIo")->params());
  params.decl()->fields[0].type().integer->store(params.decl()->fields[0].member(params.data()), 7);
  const WorkerReport report = RunGroup("PipeIo", params, 20)[0];
  CHECK(report.work_units == report.iterations * 7);
}

TEST_CASE("Bursty's wake samples are what comes behind its sleeps, and those are no work") {
  AnyStruct params = DefaultParams("Bursty");
  Param<Duration>(params, "burst_duration") = Milliseconds(2);
  Param<Duration>(params, "sleep_duration") = Seconds(2);
  const WorkerReport report = RunGroup("Bursty", params, 1)[0];
  REQUIRE(report.wake_sample_total == 1);
  CHECK(report.wake_latencies_ns[0] < 2'000'000'000);  // without the sleep itself
  CHECK(report.work_units % 1024 == 0);
  CHECK(report.work_units >= 1024);
}

TEST_CASE("a timed sleep is no gap, but what comes after its intended end is") {
  const Result<GroupMemory> memory = GroupMemory::Map(1);
  REQUIRE(memory.ok());
  FakeProbe probe;
  probe.now_ns = MonotonicNs();
  memory->control().released_ns = probe.now_ns;
  Telemetry telemetry(probe, memory->control(), memory->slots()[0], 1);
  WorkerContext context(*memory, telemetry, {}, {}, 1);
  context.SleepFor(20'000'000);
  CHECK(MonotonicNs() >= probe.now_ns + 20'000'000);
  probe.PassMs(20 + 5);
  context.EndIteration(0);
  CHECK(SliceGap::Unpack(memory->slots()[0].longest.load()).us == 5000);
}

TEST_CASE("a long sleep ends with the request to stop and leaves no sample") {
  AnyStruct params(FindWorkType("Bursty")->params());
  *static_cast<Duration*>(params.decl()->Find("burst_duration")->member(params.data())) = Nanoseconds(1);
  *static_cast<Duration*>(params.decl()->Find("sleep_duration")->member(params.data())) = Seconds(3600);
  const WorkTypeDecl& type = *FindWorkType("Bursty");
  const Result<GroupMemory> memory = GroupMemory::Map(1);
  REQUIRE(memory.ok());
  FakeProbe fake;
  fake.now_ns = MonotonicNs();
  Telemetry telemetry(fake, memory->control(), memory->slots()[0], 1);
  WorkerContext context(*memory, telemetry, {}, {}, 1);
  std::thread worker([&] { type.run(params.data(), context); });
  memory->RequestStop();
  worker.join();
  CHECK(telemetry.Finish().wake_sample_total == 0);
}

TEST_CASE("a waiting partner notices the stop by itself") {
  for (const char* name : {"PipeIo", "FutexPingPong"}) {
    INFO(name);
    const WorkTypeDecl& type = *FindWorkType(name);
    const Result<GroupMemory> memory = GroupMemory::Map(2);
    REQUIRE(memory.ok());
    std::array<int, 2> own{};
    std::array<int, 2> partner{};
    REQUIRE(pipe2(own.data(), O_CLOEXEC) == 0);
    REQUIRE(pipe2(partner.data(), O_CLOEXEC) == 0);
    const AnyStruct params(type.params());
    SystemProbe probe;
    Telemetry telemetry(probe, memory->control(), memory->slots()[1], 1);
    // Worker 1 without a worker 0: nobody will ever answer it.
    WorkerContext context(*memory, telemetry, {1, 2, 2}, {{partner[0], partner[1]}, {own[0], own[1]}}, 1);
    std::thread worker([&] { type.run(params.data(), context); });
    memory->RequestStop();
    worker.join();
    CHECK(telemetry.Finish().iterations == 0);
    for (const int fd : {own[0], own[1], partner[0], partner[1]}) close(fd);
  }
}

TEST_CASE("group memory: release, stop and phase pass between processes") {
  const Result<GroupMemory> memory = GroupMemory::Map(3);
  REQUIRE(memory.ok());
  CHECK(memory->slots().size() == 3);
  CHECK_FALSE(memory->StopRequested());
  std::array<int, 2> answer{};
  REQUIRE(pipe2(answer.data(), O_CLOEXEC) == 0);
  const pid_t child = fork();
  if (child == 0) {
    memory->AwaitRelease();
    memory->SleepUntil(MonotonicNs() + 3'600'000'000'000);  // ends with the stop
    memory->slots()[2].iterations.store(SliceMark::Unpack(memory->control().slice.load()).begin_ns);
    _exit(write(answer[1], "x", 1) == 1 ? 0 : 1);
  }
  memory->Publish({3, 9});
  memory->Release();
  memory->RequestStop();
  char byte = 0;
  CHECK(read(answer[0], &byte, 1) == 1);
  CHECK(memory->slots()[2].iterations.load() == 9);
  close(answer[0]);
  close(answer[1]);
}

}  // namespace
}  // namespace ktstr
