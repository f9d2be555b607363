#include "interpreter/report/run_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "guest-init/base/file_io.h"
#include "interpreter/load/dump_json.h"
#include "interpreter/load/find_scenarios.h"
#include "interpreter/report/json_value.h"
#include "interpreter/report/report_json.h"
#include "interpreter/report/report_run.h"
#include "interpreter/report/snapshot_files.h"
#include "interpreter/scenario/checks/run_facts.h"
#include "vmm/host/host_file.h"

namespace ktstr {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLatest = "latest";

/// A part of a file name: readable, without a '/', never hidden.
std::string FileNamePart(std::string_view text) {
  std::string part;
  for (const char c : text.substr(0, 120)) {
    const auto byte = static_cast<unsigned char>(c);
    part += byte <= 0x20 || byte == 0x7F || c == '/' || (part.empty() && c == '.') ? '_' : c;
  }
  return part.empty() ? "_" : part;
}

std::string Timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  ::gmtime_r(&now, &utc);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return {text, length};
}

Fd OpenNew(const fs::path& path) {
  return Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
}

/// "No space left on device (writing console.txt)".
std::string WhyNot(std::string_view doing, int error_number) {
  return fmt::format("{} ({})", vmm::ErrnoText(error_number), doing);
}

/// Makes `latest` beside `directory` lead to it, at no moment leading nowhere. Returns what went wrong.
std::string PointLatest(const fs::path& directory) {
  const fs::path link = directory.parent_path() / kLatest;
  std::error_code unknown;
  const fs::file_status there = fs::symlink_status(link, unknown);
  if (fs::exists(there) && !fs::is_symlink(there))
    return fmt::format("'{}' is no link of ours and is left as it is", link.string());
  const fs::path fresh = directory.parent_path() / fmt::format(".latest-{}", ::getpid());
  std::error_code error;
  fs::remove(fresh, error);
  fs::create_symlink(directory.filename(), fresh, error);
  if (!error) fs::rename(fresh, link, error);
  if (!error) return {};
  std::string fault = fmt::format("'{}' cannot be renewed: {}", link.string(), error.message());
  fs::remove(fresh, error);
  return fault;
}

/// The reports without the payloads' output, which has files of its own.
nlohmann::ordered_json RecordJson(const RunRecord& record) {
  nlohmann::ordered_json json = ToJson(record);
  for (nlohmann::ordered_json& payload : json["payloads"]) {
    payload.erase("stderr_text");
  }
  return json;
}

}  // namespace

Result<ResultsDirectory> ResultsDirectory::Create(const fs::path& out) {
  const auto failed = [&](const std::string& why) {
    return Error{ErrorKind::kEnvironment,
                 fmt::format("the results directory '{}' cannot be made: {}", out.string(), why)};
  };
  std::error_code error;
  // It may have come with a checkout, and lead anywhere.
  if (fs::is_symlink(out, error))
    return failed(fmt::format("it is a link; where it leads is used when you name it with a slash: --out {}/",
                              out.string()));
  fs::create_directories(out, error);
  if (error) return failed(error.message());
  ResultsDirectory directory;
  const std::string name = fmt::format("{}-{}", Timestamp(), ::getpid());
  for (int attempt = 1;; ++attempt) {
    directory.path_ = out / (attempt == 1 ? name : fmt::format("{}-{}", name, attempt));
    if (::mkdir(directory.path_.c_str(), 0755) == 0) break;
    if (errno != EEXIST) return failed(vmm::ErrnoText(errno));
  }
  if (!OpenNew(directory.path_ / kResultsMark).valid()) return failed(vmm::ErrnoText(errno));
  TRY(directory.Lock());
  directory.latest_fault_ = PointLatest(directory.path_);
  return directory;
}

Result<ResultsDirectory> ResultsDirectory::Reopen(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path / kResultsMark, error))
    return Error{ErrorKind::kUsage, fmt::format("'{}' is not a results directory of `run`", path.string())};
  ResultsDirectory directory;
  directory.path_ = path;
  TRY(directory.Lock());
  return directory;
}

Result<> ResultsDirectory::Lock() {
  std::optional<vmm::FileLock> lock = TRY(vmm::FileLock::TryAcquire(path_ / kResultsMark));
  if (!lock)
    return Error{ErrorKind::kEnvironment,
                 fmt::format("another ktstr-interp is writing to '{}'", path_.string())};
  lock_ = std::move(lock);
  return {};
}

fs::path ResultsDirectory::NewRun(std::string_view scenario, std::string_view variant, std::uint32_t repeat) {
  std::string name = FileNamePart(scenario);
  if (!variant.empty()) name += "@" + FileNamePart(variant);
  if (repeat > 0) name += fmt::format("#{}", repeat);
  const int use = ++taken_[name];
  return path_ / (use == 1 ? name : fmt::format("{}~{}", name, use));
}

RunDirectory::RunDirectory(fs::path path) : path_(std::move(path)) {
  if (::mkdir(path_.c_str(), 0755) != 0) NoteFault(WhyNot("making " + path_.filename().string(), errno));
  result_fault_ = fault_;  // nothing can be kept in it
}

void RunDirectory::WriteInputs(std::string_view scenario_yaml, std::string_view plan) {
  for (const Result<>& written : {WriteWhole("scenario.yaml", scenario_yaml), WriteWhole("plan.txt", plan)})
    if (!written.ok()) NoteFault(written.error().message);
  Append("console.txt", "");  // there even when the guest never says a word
}

void RunDirectory::WriteResults(FinishedRun& run) {
  KeepResults(run);
  if (!result_fault_.empty()) {
    run.results_lost = true;
    // A failure was seen, whatever becomes of the files; success is believed only with its evidence.
    RunOutcome& outcome = run.outcome;
    if (outcome.verdict < Verdict::kError) {
      outcome.verdict = Verdict::kError;
      outcome.cause = result_fault_;
      outcome.cause_path = outcome.cause_phase = outcome.cause_detail = "";
    }
    // Better none than one that says PASS.
    if (!WriteWhole("verdict.json", DumpJson(VerdictJson(run))).ok())
      ::unlink((path_ / "verdict.json").c_str());
  }
  files_.clear();
}

void RunDirectory::KeepResults(const FinishedRun& run) {
  const auto keep = [&](const Result<>& written) {
    if (written.ok()) return;
    NoteFault(written.error().message);
    if (result_fault_.empty()) result_fault_ = written.error().message;
  };
  // The most precious first: the disk may be nearly full.
  keep(WriteWhole("verdict.json", DumpJson(VerdictJson(run))));
  keep(WriteWhole("checks.json", DumpJson(ChecksJson(run.outcome))));
  keep(WriteWhole("stats.json", DumpJson(ToJson(run.outcome.stats))));
  if (HasObservations(run.outcome.observed))
    keep(WriteWhole("observations.json", DumpJson(ObservationsJson(run.outcome.observed))));
  for (const StoredSnapshot& snapshot : run.outcome.observed.snapshots)
    keep(WriteSnapshotFile(path_, snapshot, PhaseName(run.outcome.record, snapshot.phase)));
  keep(WriteWhole("reports.json", DumpJson(RecordJson(run.outcome.record), -1)));
}

void RunDirectory::WriteProbe(std::string_view text, std::string_view json) {
  for (const Result<>& written : {WriteWhole("probe.txt", text), WriteWhole("probe.json", json)})
    if (!written.ok()) NoteFault(written.error().message);
}

void RunDirectory::OnEvent(const RunEvent& event) { Append("events.jsonl", DumpJson(ToJson(event), -1)); }

void RunDirectory::OnConsole(std::string_view bytes) { Append("console.txt", bytes); }

void RunDirectory::OnCrashText(std::string_view bytes) { Append("crash.txt", bytes); }

void RunDirectory::OnKernelLog(std::string_view lines) { Append("kernel.log", lines); }
void RunDirectory::OnSchedulerDump(std::string_view lines) { Append("sched_ext.dump", lines); }

void RunDirectory::OnPayloadOutput(std::uint32_t handle, std::string_view payload, Stream stream,
                                   std::string_view bytes) {
  Append(fmt::format("payload-{}-{}.{}", handle, FileNamePart(payload),
                     kStreams[static_cast<std::size_t>(stream)].name),
         bytes);
}

void RunDirectory::Append(const std::string& name, std::string_view bytes) {
  File& file = files_[name];
  if (file.given_up) return;
  if (!file.fd.valid()) file.fd = OpenNew(path_ / name);
  int error_number = file.fd.valid() ? 0 : errno;
  const std::uint64_t room = kMaxConsoleFile - file.size;
  file.size += std::min<std::uint64_t>(bytes.size(), room);
  if (error_number == 0) error_number = WriteAll(file.fd.get(), bytes.substr(0, room));
  if (error_number == 0 && bytes.size() > room) error_number = EFBIG;
  if (error_number == 0) return;
  file.given_up = true;
  NoteFault(WhyNot("writing " + name, error_number));
}

Result<> RunDirectory::WriteWhole(const std::string& name, std::string_view bytes) const {
  return vmm::WriteHostFile(path_ / name, bytes);
}

void RunDirectory::NoteFault(std::string fault) {
  if (fault_.empty()) fault_ = std::move(fault);
}

}  // namespace ktstr
