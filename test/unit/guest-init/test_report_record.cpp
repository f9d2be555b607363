// The record in which a worker's report travels to PID 1.
#include <catch2/catch.hpp>

#include "guest-init/report_record.h"
#include "guest-init/wire/codec.h"
#include "guest-init/wire/frame.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {
namespace {

WorkerReport Sample() {
  WorkerReport report;
  report.tid = 12;
  report.completed = true;
  report.wake_latencies_ns = {1, 2, 3};
  report.wake_sample_total = 9;
  report.affinity_error = "no";
  report.phase_slices.resize(1);
  return report;
}

TEST_CASE("a record comes back as the report it was") {
  WorkerReport report = Sample();
  const auto decoded = DecodeReportRecord(EncodeReportRecord(report));
  REQUIRE(decoded.has_value());
  CHECK(decoded->tid == 12);
  CHECK(decoded->wake_latencies_ns == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(decoded->affinity_error == "no");
  CHECK_FALSE(decoded->stripped);
}

TEST_CASE("no part of a record, no damaged one and nothing more than one is a report") {
  WorkerReport report = Sample();
  const std::vector<std::byte> record = EncodeReportRecord(report);
  for (std::size_t size = 0; size < record.size(); ++size)
    CHECK_FALSE(DecodeReportRecord(std::span(record).first(size)).has_value());
  for (std::size_t at = 0; at < record.size(); ++at) {
    std::vector<std::byte> damaged = record;
    damaged[at] ^= std::byte{0x10};
    CHECK_FALSE(DecodeReportRecord(damaged).has_value());
  }
  std::vector<std::byte> longer = record;
  longer.push_back(std::byte{0});
  CHECK_FALSE(DecodeReportRecord(longer).has_value());
}

TEST_CASE("a report too large for a frame loses its samples and says so") {
  WorkerReport report = Sample();
  report.phase_slices.assign(300, PhaseSlice());
  for (PhaseSlice& slice : report.phase_slices) {
    slice.wake_latencies_ns.assign(kPhaseSamples, 7);
    slice.wake_sample_total = 10'000;
    slice.timer_latencies_ns.assign(kPhaseSamples, 8);
  }
  const auto decoded = DecodeReportRecord(EncodeReportRecord(report));
  REQUIRE(decoded.has_value());
  CHECK(decoded->stripped);
  CHECK(decoded->wake_latencies_ns.empty());
  CHECK(decoded->wake_sample_total == 9);
  REQUIRE(decoded->phase_slices.size() == 300);
  CHECK(decoded->phase_slices[299].wake_sample_total == 10'000);
  CHECK(decoded->phase_slices[299].wake_latencies_ns.empty());
}

TEST_CASE("whatever is not stripped fits into a frame") {
  WorkerReport report = Sample();
  report.phase_slices.resize(250);
  for (PhaseSlice& slice : report.phase_slices) slice.wake_latencies_ns.assign(kPhaseSamples, 7);
  // 24 bytes of the record's header, 4096 for what the event adds; the text fills the rest to the byte.
  const std::size_t room = kMaxReportRecord - 24 - 4096 - Encode(report).size();
  for (const std::size_t more : {0, 1}) {
    WorkerReport filled = report;
    filled.sched_policy_error.assign(room + more, 'x');
    const auto record = EncodeReportRecord(filled);
    CHECK(filled.stripped == (more == 1));
    std::vector<std::byte> event;
    EncodeAny(AnyStruct::Of(WorkerDone{1, std::string(4000, 'c'), filled}), event);
    CHECK(event.size() <= kMaxFramePayload);
  }
}

}  // namespace
}  // namespace ktstr::guest
