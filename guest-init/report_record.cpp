#include "guest-init/report_record.h"

#include <cstdint>
#include <cstring>

#include "guest-init/wire/codec.h"
#include "guest-init/wire/frame.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ktstr::guest {
namespace {

struct Header {
  std::uint64_t magic;
  std::uint64_t size;
  std::uint64_t hash;
};
constexpr std::uint64_t kMagic = 0x3154525054534b57;  // "WKSTPRT1"
// What a WorkerDone frame holds beside the report: names, the group.
constexpr std::size_t kFrameMargin = 4096;
static_assert(kMaxReportRecord <= kMaxFramePayload);

void DropSamplesOf(Measures& measures) {
  measures.wake_latencies_ns.clear();
  measures.timer_latencies_ns.clear();
  measures.iteration_costs_ns.clear();
}

void DropSamples(WorkerReport& report) {
  report.stripped = true;
  DropSamplesOf(report);
  for (PhaseSlice& slice : report.phase_slices) DropSamplesOf(slice);
}

}  // namespace

std::vector<std::byte> EncodeReportRecord(WorkerReport& report) {
  std::vector<std::byte> body = Encode(report);
  if (body.size() + sizeof(Header) + kFrameMargin > kMaxReportRecord) {
    DropSamples(report);
    body = Encode(report);
  }
  const Header header{kMagic, body.size(), XXH3_64bits(body.data(), body.size())};
  std::vector<std::byte> record(sizeof header + body.size());
  std::memcpy(record.data(), &header, sizeof header);
  std::memcpy(record.data() + sizeof header, body.data(), body.size());
  return record;
}

std::optional<WorkerReport> DecodeReportRecord(std::span<const std::byte> bytes) {
  Header header{};
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::span<const std::byte> body = bytes.subspan(sizeof header);
  if (header.magic != kMagic || header.size != body.size() ||
      header.hash != XXH3_64bits(body.data(), body.size()))
    return std::nullopt;
  Result<WorkerReport> report = Decode<WorkerReport>(body);
  if (!report.ok()) return std::nullopt;
  return std::move(report).value();
}

}  // namespace ktstr::guest
