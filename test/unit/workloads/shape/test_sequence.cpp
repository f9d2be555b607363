// Sequence: its parts in turn, each for as long as it says, and what they measure.
#include <catch2/catch.hpp>

#include "guest-init/base/units.h"
#include "guest-init/wire/codec.h"
#include "test/unit/workloads/live_group.h"

namespace ktstr {
namespace {

/// Adds a part; "Sleep" or a work type.
void AddPart(AnyStruct& params, std::string_view type, Duration duration) {
  const FieldDecl& phases = *params.decl()->Find("phases");
  void* part = phases.type().container->append(phases.member(params.data()), {});
  const StructDecl& part_decl = phases.type().container->element().structure();
  *static_cast<Duration*>(part_decl.Find("for")->member(part)) = duration;
  const FieldDecl& choice = *part_decl.Find("type");
  for (const StructDecl* decl : choice.type().choice->alternatives())
    if (decl->name == type) *static_cast<AnyStruct*>(choice.member(part)) = AnyStruct(*decl);
  REQUIRE(static_cast<AnyStruct*>(choice.member(part))->decl() != nullptr);
}

TEST_CASE("a Sequence does its parts in turn; once through all is an iteration") {
  AnyStruct params = DefaultParams("Sequence");
  AddPart(params, "SpinWait", Milliseconds(5));
  AddPart(params, "Sleep", Milliseconds(20));
  AddPart(params, "AluHot", Milliseconds(5));
  AddPart(params, "TimerLatency", Milliseconds(5));
  // As it is sent to the guest.
  std::vector<std::byte> bytes;
  EncodeStruct(*params.decl(), params.data(), bytes);
  AnyStruct received = DefaultParams("Sequence");
  std::span<const std::byte> in = bytes;
  REQUIRE(DecodeStruct(*received.decl(), in, received.data()).ok());
  const WorkerReport report = RunGroup("Sequence", received, 3)[0];
  CHECK(report.work_error.empty());
  CHECK(Distributions(report) == "wake timer cost");
  CHECK(report.wake_sample_total <= report.iterations + 1);  // one a sleep
  for (const std::uint64_t ns : report.wake_latencies_ns)
    CHECK(ns < report.iterations * 20'000'000 + 1'000'000'000);
  CHECK(report.iterations < 1000);  // those of the parts are none of its own
  CHECK(report.work_units >= report.iterations * 2048);
}

TEST_CASE("a part that sleeps for longer than it has is cut, and leaves no sample") {
  AnyStruct params = DefaultParams("Sequence");
  AddPart(params, "Bursty", Milliseconds(60));  // 50 ms of spinning, then a sleep of 100 ms
  const WorkerReport report = RunGroup("Sequence", params, 3)[0];
  CHECK(report.wake_sample_total == 0);
  CHECK(report.work_units > 0);
}

struct Faults : RuleSink {
  std::vector<std::string> texts;
  void Diagnose(std::string_view field, std::string message) override {
    texts.push_back(std::string(field) + ": " + message);
  }
};

TEST_CASE("a Sequence of nothing but sleep, or with parts of no time, is refused") {
  AnyStruct params = DefaultParams("Sequence");
  AddPart(params, "Sleep", Seconds(0));
  Faults faults;
  params.decl()->rules(params.data(), faults);
  CHECK(faults.texts == std::vector<std::string>{"phases: they only sleep; one of them has to do some work",
                                                 "phases/0/for: must be more than 0s"});
}

}  // namespace
}  // namespace ktstr
