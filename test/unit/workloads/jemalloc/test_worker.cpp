// The jemalloc worker as whoever starts it sees it.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "test/unit/workloads/jemalloc/started.h"
#include "workloads/jemalloc/ready_marker.h"

using namespace ktstr::jemalloc;

namespace ktstr::test {
namespace {

const std::string kWorker = "ktstr-jemalloc-alloc-worker";

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string At(const std::string& path) { return std::string(kReadyMarkerVariable) + "=" + path; }

TEST_CASE("what the worker and those who wait for it spell alike stays as it is") {
  CHECK(kReadyMarkerPrefix == "/tmp/ktstr-worker-ready-");
  CHECK(kReadyMarkerText == "ready\n");
  CHECK(std::string(kReadyMarkerVariable) == "KTSTR_WORKER_READY_MARKER_OVERRIDE");
  CHECK(kDiagnosticPrefix == "jemalloc-alloc-worker: ");
  CHECK(kReadyLine == "jemalloc-alloc-worker ready pid=");
  CHECK(kReadyLineBytes == " bytes=");
  CHECK(std::string(ReadyMarkerPath(2147483647).c_str()) == "/tmp/ktstr-worker-ready-2147483647");
  CHECK(std::vector<int>{kExitZeroBytes, kExitThreads, kExitMarker, kExitUsage, kExitProc, kExitNoMemory,
                         kExitOutput, kExitThreadStart} == std::vector<int>{2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("the worker makes its marker, says one line and parks") {
  Started worker({kWorker, "3000000"});
  const std::string pid = std::to_string(worker.pid());
  CHECK(worker.ReadLine() == "jemalloc-alloc-worker ready pid=" + pid + " bytes=3000000");
  const std::string marker = "/tmp/ktstr-worker-ready-" + pid;
  CHECK(Contents(marker) == "ready\n");
  CHECK(StatusField(worker.pid(), "Threads") == "1");
  // Its memory is there: it has been written to.
  CHECK(std::stoul(StatusField(worker.pid(), "RssAnon")) >= 3000000 / 1024);
  worker.Kill();
  std::filesystem::remove(marker);
}

TEST_CASE("the variable moves the marker, unless it is empty") {
  const OwnDirectory directory;
  Started moved({kWorker, "1"}, {At(directory / "here")});
  CHECK_FALSE(moved.ReadLine().empty());
  CHECK(Contents(directory / "here") == "ready\n");
  CHECK_FALSE(std::filesystem::exists(ReadyMarkerPath(moved.pid()).c_str()));
  Started empty({kWorker, "1"}, {At("")});
  CHECK_FALSE(empty.ReadLine().empty());
  CHECK(std::filesystem::remove(ReadyMarkerPath(empty.pid()).c_str()));
}

TEST_CASE("a marker that is a link is replaced and never followed") {
  const OwnDirectory directory;
  std::ofstream(directory / "precious") << "mine";
  std::filesystem::create_symlink(directory / "precious", directory / "marker");
  std::filesystem::create_symlink(directory / "precious", directory / "marker.new");
  Started worker({kWorker, "1"}, {At(directory / "marker")});
  CHECK_FALSE(worker.ReadLine().empty());
  CHECK(Contents(directory / "precious") == "mine");
  CHECK(Contents(directory / "marker") == "ready\n");
}

TEST_CASE("with --churn threads of the worker come and go, one at a time") {
  const OwnDirectory directory;
  Started worker({kWorker, "--churn", "1000"}, {At(directory / "marker")});
  CHECK_FALSE(worker.ReadLine().empty());
  std::set<std::string> tids;
  while (tids.size() < 4) {
    std::size_t threads = 0;
    std::error_code gone;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(worker.pid()) + "/task", gone)) {
      tids.insert(entry.path().filename());
      ++threads;
    }
    CHECK(threads >= 1);
  }
}

TEST_CASE("each mistake has a line and an exit code of its own") {
  const auto check = [](std::vector<std::string> argv, int code, const std::string& text,
                        const std::vector<std::string>& environment = {}) {
    argv.insert(argv.begin(), kWorker);
    const Ending ending = RunToEnd(argv, environment);
    CHECK(ending.code == code);
    CHECK(ending.errors == text + "\n");
    CHECK(ending.output.empty());
  };
  const std::string usage = "jemalloc-alloc-worker: usage: ktstr-jemalloc-alloc-worker [--churn] BYTES";
  check({}, 5, usage);
  check({"--churn"}, 5, usage);
  check({"12x"}, 5, "jemalloc-alloc-worker: the number of bytes is not a decimal number: 12x");
  check({"-5"}, 5, "jemalloc-alloc-worker: the number of bytes is not a decimal number: -5");
  check({"99999999999999999999"}, 5,
        "jemalloc-alloc-worker: the number of bytes is not a decimal number: 99999999999999999999");
  check({"1", "2"}, 5, "jemalloc-alloc-worker: one number of bytes is expected, and then found 2");
  check({"0"}, 2, "jemalloc-alloc-worker: the number of bytes is zero: there is nothing to allocate");
  check({"9000000000000000000"}, 7, "jemalloc-alloc-worker: jemalloc has no memory of that size");
  check({"1"}, 3,
        "jemalloc-alloc-worker: /proc/self/task has 2 threads, 1 expected; MALLOC_CONF must not set "
        "background_thread:true",
        {"MALLOC_CONF=background_thread:true"});
}

TEST_CASE("a marker that cannot be written is told with its path and its reason") {
  const OwnDirectory directory;
  const auto fails = [](const std::string& path, const std::string& why) {
    const Ending ending = RunToEnd({kWorker, "1"}, {At(path)});
    CHECK(ending.code == 4);
    CHECK(ending.errors == "jemalloc-alloc-worker: failed to write ready marker " + path + ": " + why + "\n");
  };
  fails(directory / "missing/marker", "No such file or directory");
  fails("/proc/ktstr-marker", "No such file or directory");  // nobody, root included, may write there
  std::filesystem::create_directory(directory / "directory");
  std::ofstream(directory / "directory/full");
  fails(directory / "directory", "Is a directory");
}

}  // namespace
}  // namespace ktstr::test
