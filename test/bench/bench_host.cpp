// What the host does around a run, measured inside one process: the loading of a scenario file in its parts,
// the decoding and folding of worker reports, the packing of an initramfs. Prints one JSON object: name ->
// list of measured values, in milliseconds of CPU time unless the name says otherwise.
//
//   bench_host LARGE_SCENARIO SCRATCH_DIRECTORY
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

#include "guest-init/wire/codec.h"
#include "guest-init/wire/frame.h"
#include "guest-init/wire/messages.h"
#include "interpreter/fold/fold.h"
#include "interpreter/load/decode.h"
#include "interpreter/load/document.h"
#include "interpreter/load/source_text.h"
#include "interpreter/plan/plan.h"
#include "vmm/image/guest_image.h"
#include "vmm/image/initramfs.h"

namespace {

using namespace ktstr;
using Series = std::map<std::string, std::vector<double>>;

constexpr std::uint32_t kReports = 10;

template <typename T>
T Need(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}

void Need(bool held, const char* what) {
  if (!held) throw std::runtime_error(what);
}

/// CPU time of this thread: other people's load on the machine is not in it.
double ThreadMilliseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

/// Adds what `work` took, in milliseconds times `scale`.
template <typename Work>
auto Timed(std::vector<double>& into, Work work, double scale = 1) {
  const double start = ThreadMilliseconds();
  auto result = work();
  into.push_back((ThreadMilliseconds() - start) * scale);
  return result;
}

// ---- a scenario file ---------------------------------------------------------------------------------

void MeasureLoading(const std::string& file, int rounds, Series& series) {
  const std::string text = Need(ReadTextFile(file));
  for (int round = 0; round < rounds; ++round) {
    Diagnostics diagnostics;
    const Document document =
        Timed(series["load_parse"], [&] { return LoadDocument(file, text, diagnostics); });
    Scenario scenario;
    const bool decoded =
        Timed(series["load_decode"], [&] { return Decode(document, scenario, diagnostics); });
    Need(decoded, "the large scenario could not be decoded");
    const RunPlans plans = Timed(series["load_check"], [&] { return PlanRuns(scenario, {}, diagnostics); });
    Need(!diagnostics.has_errors() && plans.front()->phases.size() > 1000, "the large scenario has faults");
  }
}

// ---- reports -----------------------------------------------------------------------------------------

/// A worker that filled its reservoir of wake latencies: around 50 us with a long tail, as measured ones are.
WorkerDone FullReport(std::uint32_t index) {
  std::mt19937_64 random(index);
  std::lognormal_distribution<double> latency(10.8, 1.0);
  WorkerDone done;
  done.group = index % 2;
  done.cgroup = index % 2 == 0 ? "hot" : "steady";
  WorkerReport& report = done.report;
  report.index = index;
  report.completed = true;
  report.wall_ns = 10'000'000'000;
  report.cpu_time_ns = report.off_cpu_ns = report.wall_ns / 2;
  report.iterations = report.work_units = 1'000'000;
  report.cpus_used = {0, 1};
  report.wake_sample_total = 1'000'000;
  while (report.wake_latencies_ns.size() < kReportSamples)
    report.wake_latencies_ns.push_back(static_cast<std::uint64_t>(latency(random)));
  return done;
}

/// From the bytes on the channel to reports, as RunSession does it: frames found and verified, then decoded.
std::vector<CollectedReport> ReadFrames(std::span<const std::byte> stream) {
  constexpr std::size_t kChunk = 64 * 1024;  // what one read of the channel's socket gives
  std::vector<CollectedReport> reports;
  FrameAssembler assembler;
  while (!stream.empty()) {
    const std::size_t size = std::min(stream.size(), kChunk);
    assembler.Append(stream.first(size));
    stream = stream.subspan(size);
    while (std::optional<Frame> frame = Need(assembler.Next())) {
      std::span<const std::byte> payload = frame->payload;
      AnyStruct event = Need(DecodeAny(EventTypes(), payload));
      auto& done = event.As<WorkerDone>();
      reports.push_back({done.group, std::move(done.report)});
    }
  }
  return reports;
}

RunRecord RecordOf(std::vector<CollectedReport> reports) {
  RunRecord record;
  record.online_cpus = 2;
  record.phases = {{0, "BASELINE", 0, 1, 0, 0, 0, true, true},
                   {1, "only", 1, 10'000'000'001, 0, 10'000'000, kReports, true, true}};
  for (std::uint32_t id = 0; id < 2; ++id) {
    WorkerGroup group;
    group.id = id;
    group.cgroup = id == 0 ? "hot" : "steady";
    group.work_type = "Bursty";
    group.expected = kReports / 2;
    group.first_phase = 1;
    record.groups.push_back(group);
  }
  record.reports = std::move(reports);
  return record;
}

void MeasureReports(int rounds, Series& series) {
  std::vector<std::byte> stream;
  nlohmann::json numbers = nlohmann::json::array();
  for (std::uint32_t index = 0; index < kReports; ++index) {
    const WorkerDone done = FullReport(index);
    std::vector<std::byte> payload;
    EncodeAny(AnyStruct::Of(done), payload);
    const std::vector<std::byte> frame = EncodeFrame(FrameType::kEvent, index, payload);
    stream.insert(stream.end(), frame.begin(), frame.end());
    numbers.push_back(done.report.wake_latencies_ns);
  }
  const std::string text = numbers.dump();
  constexpr double kNsPerSample = 1e6 / (kReports * static_cast<double>(kReportSamples));
  for (int round = 0; round < rounds; ++round) {
    std::vector<CollectedReport> reports = Timed(
        series["report_decode_ns_per_sample"], [&] { return ReadFrames(stream); }, kNsPerSample);
    const auto parsed = Timed(
        series["json_decode_ns_per_sample"],
        [&] { return nlohmann::json::parse(text).get<std::vector<std::vector<std::uint64_t>>>(); },
        kNsPerSample);
    Need(reports.size() == kReports && parsed.back() == reports.back().report.wake_latencies_ns,
         "a report was not decoded to what was encoded");
    const RunRecord record = RecordOf(std::move(reports));
    const Stats stats = Timed(
        series["fold_ns_per_sample"], [&] { return Fold(record); }, kNsPerSample);
    Need(stats.cgroups.size() == 2 && stats.cgroups.front().num_workers == kReports / 2,
         "the reports were not folded");
  }
  series["report_bytes"] = {static_cast<double>(stream.size())};
  series["json_bytes"] = {static_cast<double>(text.size())};
}

// ---- initramfs ---------------------------------------------------------------------------------------

void MeasurePacking(const std::filesystem::path& scratch, int rounds, Series& series) {
  for (int round = 0; round < (rounds + 1) / 2; ++round) {
    for (const auto compression : {vmm::InitramfsCompression::kLz4, vmm::InitramfsCompression::kNone}) {
      vmm::InitramfsSpec spec;
      spec.init = vmm::GuestInitImage();
      spec.compression = compression;
      spec.files = Timed(series["payload_closure"], [&] {
        return Need(vmm::PayloadFiles({{"stress-ng", scratch}}));
      });
      const std::string name = compression == vmm::InitramfsCompression::kLz4 ? "lz4" : "none";
      const vmm::InitramfsInfo info =
          Timed(series["pack_" + name], [&] { return Need(vmm::PackInitramfs(spec, scratch / "image")); });
      series["packed_bytes_" + name] = {static_cast<double>(info.packed_bytes)};
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || std::atoi(argv[3]) < 1) {
    std::fputs("usage: bench_host LARGE_SCENARIO SCRATCH_DIRECTORY ROUNDS\n", stderr);
    return 64;
  }
  try {
    Series series;
    const int rounds = std::atoi(argv[3]);
    MeasureLoading(argv[1], rounds, series);
    MeasureReports(rounds, series);
    MeasurePacking(argv[2], rounds, series);
    std::puts(nlohmann::json(series).dump().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_host: %s\n", error.what());
    return 2;
  }
}
