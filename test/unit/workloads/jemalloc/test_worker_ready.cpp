// Waiting for the jemalloc worker.
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <thread>

#include "test/unit/workloads/jemalloc/started.h"
#include "workloads/jemalloc/ready_marker.h"
#include "workloads/jemalloc/worker_ready.h"

using namespace ktstr::jemalloc;
using namespace std::chrono_literals;

namespace ktstr::test {
namespace {

const std::string kRealWorker = "ktstr-jemalloc-alloc-worker";

std::string MarkerAt(const std::string& path) { return std::string(kReadyMarkerVariable) + "=" + path; }

TEST_CASE("a worker is waited for until its marker is there") {
  const OwnDirectory directory;
  // The directory comes later: until then inotify cannot tell of anything in it.
  const std::string marker = directory / "later/marker";
  Started worker({"/bin/sh", "-c",
                  "sleep 0.05; mkdir $0; echo > $0/x; sleep 0.05; mv $0/x $0/marker; exec sleep 1000",
                  directory / "later"});
  const WorkerReadiness readiness = WaitForWorkerReady(worker.pid(), marker, 20s);
  CHECK(readiness.outcome == ReadyOutcome::kReady);
  CHECK(readiness.message.empty());
  CHECK(std::filesystem::exists(marker));
}

TEST_CASE("the real worker is waited for at its own marker") {
  Started worker({kRealWorker, "100000"});
  const std::string marker = ReadyMarkerPath(worker.pid()).c_str();
  CHECK(WaitForWorkerReady(worker.pid(), marker, 20s).outcome == ReadyOutcome::kReady);
  CHECK(std::filesystem::file_size(marker) == kReadyMarkerText.size());
  worker.Kill();
  std::filesystem::remove(marker);
}

TEST_CASE("a worker that ends before it is ready is told with its exit") {
  const OwnDirectory directory;
  Started worker({kRealWorker, "1"}, {MarkerAt(directory / "missing/marker")});
  const WorkerReadiness readiness = WaitForWorkerReady(worker.pid(), directory / "marker", 20s);
  CHECK(readiness.outcome == ReadyOutcome::kDied);
  CHECK(readiness.message == "worker " + std::to_string(worker.pid()) +
                                 " ended with code 4 (the marker cannot be written) before it was ready");
  CHECK(worker.Finish().code == 4);  // it was not reaped
  Started killed({"/bin/sleep", "1000"});
  kill(killed.pid(), SIGKILL);
  CHECK(WaitForWorkerReady(killed.pid(), directory / "marker", 20s).message ==
        "worker " + std::to_string(killed.pid()) + " ended by SIGKILL before it was ready");
}

TEST_CASE("a marker does not help when its worker has ended") {
  const OwnDirectory directory;
  Started worker({"/bin/sh", "-c", "echo > $0; exit 3", directory / "marker"});
  while (StateOf(worker.pid()) != 'Z') std::this_thread::yield();
  const WorkerReadiness readiness = WaitForWorkerReady(worker.pid(), directory / "marker", 20s);
  CHECK(readiness.outcome == ReadyOutcome::kDied);
  CHECK(readiness.message == "worker " + std::to_string(worker.pid()) +
                                 " ended with code 3 (more than one thread) after it had written its marker");
}

TEST_CASE("a worker that lives and makes no marker is out of time") {
  const OwnDirectory directory;
  Started worker({"/bin/sleep", "1000"});
  for (const char* name : {"marker", "missing/marker"}) {
    const WorkerReadiness readiness = WaitForWorkerReady(worker.pid(), directory / name, 30ms);
    CHECK(readiness.outcome == ReadyOutcome::kTimedOut);
    CHECK(readiness.message == "worker " + std::to_string(worker.pid()) +
                                   " was not ready within 30ms: " + (directory / name) + " was not there");
  }
  CHECK(StateOf(worker.pid()) == 'S');  // it was left alone
}

}  // namespace
}  // namespace ktstr::test
