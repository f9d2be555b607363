// ktstr-jemalloc-probe --pid PID: prints what each thread of a process has allocated and freed through
// jemalloc, as one line of JSON. Exit codes: 0 figures of at least one thread; 1 none, with the reason on
// standard error and nothing on standard output; 2 a wrong command line.
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "workloads/jemalloc/probe/calibration.h"
#include "workloads/jemalloc/probe/counters.h"
#include "workloads/jemalloc/probe/target_process.h"

namespace {

using namespace ktstr;
using namespace ktstr::jemalloc;

constexpr int kNoFigures = 1;
constexpr int kUsage = 2;

/// Names of threads and files are bytes of somebody else's; what is no plain ASCII becomes '?'.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c >= ' ' && c <= '~' ? c : '?';
  }
  return quoted + '"';
}

std::string Field(const char* name, std::uint64_t value) {
  return std::string(",\"") + name + "\":" + std::to_string(value);
}

std::string ThreadJson(const ThreadReading& reading) {
  std::string json = "{\"tid\":" + std::to_string(reading.tid) + ",\"comm\":" + Quoted(reading.comm) +
                     Field("start_time_ticks", reading.start_time);
  if (reading.has_figures())
    json += Field("allocated_bytes", reading.allocated) + Field("deallocated_bytes", reading.deallocated);
  if (reading.unused) json += ",\"unused\":true";
  if (reading.ended) json += ",\"ended\":true";
  if (!reading.error.empty()) json += ",\"error\":" + Quoted(reading.error);
  return json + '}';
}

std::string Json(pid_t pid, const CounterMap& map, const std::vector<ThreadReading>& readings) {
  const auto count = [&](auto&& which) {
    return static_cast<std::uint64_t>(std::count_if(readings.begin(), readings.end(), which));
  };
  std::string json = "{\"schema_version\":1,\"pid\":" + std::to_string(pid) + ",\"linkage\":" +
                     (map.linkage == CounterMap::Linkage::kStatic ? "\"static\"" : "\"shared\"") +
                     ",\"file\":" + Quoted(map.file);
  json += Field("threads_read", count([](const auto& reading) { return reading.has_figures(); }));
  json += Field("threads_unused", count([](const auto& reading) { return reading.unused; }));
  json += Field("threads_ended", count([](const auto& reading) { return reading.ended; }));
  json += Field("threads_failed", count([](const auto& reading) { return !reading.error.empty(); }));
  // The first thread has a place of its own, so that a check needs not know how many there are.
  for (const ThreadReading& reading : readings)
    if (reading.tid == pid) json += ",\"main\":" + ThreadJson(reading);
  json += ",\"threads\":[";
  for (const ThreadReading& reading : readings) json += (json.back() == '[' ? "" : ",") + ThreadJson(reading);
  return json + "]}\n";
}

/// What must not change while a process is looked at: when it began, and which file it runs.
struct ProgramIdentity {
  std::uint64_t start_time = 0;
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const ProgramIdentity&) const = default;
};

ProgramIdentity ProgramOf(pid_t pid) {
  ProgramIdentity identity;
  if (const auto task = IdentityOf(pid, pid)) identity.start_time = task->start_time;
  struct stat status = {};
  if (stat(("/proc/" + std::to_string(pid) + "/exe").c_str(), &status) == 0) {
    identity.device = status.st_dev;
    identity.inode = status.st_ino;
  }
  return identity;
}

Result<std::string> Probe(pid_t pid) {
  if (pid == getpid()) return InputError("the probe cannot look at itself");
  const auto group = StatusNumber(pid, "Tgid");
  if (!group) return InputError("there is no such process");
  if (*group != pid) return InputError("it is a thread of process " + std::to_string(*group));
  const ProgramIdentity before = ProgramOf(pid);
  const CounterMap map = TRY(FindCounters(pid));
  const std::vector<ThreadReading> readings = ReadThreads(pid, map);
  const auto figures = [](const ThreadReading& reading) { return reading.has_figures(); };
  if (std::any_of(readings.begin(), readings.end(), figures)) {
    if (!(ProgramOf(pid) == before))
      return InputError("it ended or began another program while it was looked at");
    return Json(pid, map, readings);
  }
  for (const ThreadReading& reading : readings)
    if (!reading.error.empty()) return Error{ErrorKind::kEnvironment, reading.error};
  return InputError("it ended while it was looked at");
}

int Usage() {
  std::fputs("ktstr-jemalloc-probe: usage: ktstr-jemalloc-probe --pid PID\n", stderr);
  return kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], kAnswerMode) == 0) return AnswerCalibration();
  if (argc != 3 || std::strcmp(argv[1], "--pid") != 0) return Usage();
  pid_t pid = 0;
  const char* const end = argv[2] + std::strlen(argv[2]);
  const auto parsed = std::from_chars(argv[2], end, pid);
  if (parsed.ec != std::errc{} || parsed.ptr != end || pid < 1) return Usage();
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  const Result<std::string> json = Probe(pid);
  if (!json.ok()) {
    std::fprintf(stderr, "ktstr-jemalloc-probe: process %d: %s\n", pid, json.error().message.c_str());
    return kNoFigures;
  }
  std::fputs(json->c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : kNoFigures;
}
