// The jemalloc probe: what it prints is what jemalloc itself says within the process.
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "test/checkout.h"
#include "test/unit/workloads/jemalloc/started.h"

namespace ktstr::test {
namespace {

using Json = nlohmann::json;
using Figures = std::map<long, std::pair<std::uint64_t, std::uint64_t>>;

std::string Target(const std::string& name) { return std::string(kBinaryDir) + "/test/" + name; }

/// What the target says of itself, by thread.
Figures ToldBy(Started& target) {
  Figures told;
  for (std::string line = target.ReadLine(); line != "ready" && !line.empty(); line = target.ReadLine()) {
    long tid = 0;
    std::pair<std::uint64_t, std::uint64_t> counters;
    std::istringstream(line) >> tid >> counters.first >> counters.second;
    told[tid] = counters;
  }
  return told;
}

Json Probed(pid_t pid) {
  const Ending ending = RunToEnd({"ktstr-jemalloc-probe", "--pid", std::to_string(pid)});
  INFO(ending.errors);
  REQUIRE(ending.code == 0);
  CHECK(ending.errors.empty());
  return Json::parse(ending.output);
}

Figures FiguresOf(const Json& probed) {
  Figures figures;
  for (const Json& thread : probed.at("threads"))
    figures[thread.at("tid")] = {thread.at("allocated_bytes"), thread.at("deallocated_bytes")};
  return figures;
}

void CheckExact(const std::string& name, const std::string& linkage) {
  Started target({Target(name), "5"});
  const Figures told = ToldBy(target);
  REQUIRE(told.size() == 5);
  const Json probed = Probed(target.pid());
  CHECK(FiguresOf(probed) == told);
  CHECK(probed.at("linkage") == linkage);
  CHECK(probed.at("pid") == target.pid());
  CHECK(probed.at("threads_read") == 5);
  CHECK(probed.at("threads_failed") == 0);
  CHECK(probed.at("main").at("allocated_bytes") == told.at(target.pid()).first);
  CHECK(FiguresOf(Probed(target.pid())) == told);  // it ran on, and counted nothing of being looked at
  CHECK(StateOf(target.pid()) == 'S');
  CHECK(StatusField(target.pid(), "TracerPid") == "0");
}

TEST_CASE("the probe prints to the byte what a jemalloc in the program has counted for each thread") {
  CheckExact("jemalloc_target", "static");
}

TEST_CASE("the probe prints to the byte what a shared jemalloc has counted for each thread") {
  CheckExact("jemalloc_target_shared", "shared");
}

TEST_CASE("the probe finds counters in a block that is a module's own") {
  CheckExact("jemalloc_target_fake", "shared");
}

TEST_CASE("the probe finds the allocation of the worker while threads come and go") {
  const OwnDirectory directory;
  Started worker({"ktstr-jemalloc-alloc-worker", "--churn", "3000000"},
                 {"KTSTR_WORKER_READY_MARKER_OVERRIDE=" + (directory / "marker")});
  REQUIRE_FALSE(worker.ReadLine().empty());
  for (int i = 0; i < 20; ++i) {
    const Json probed = Probed(worker.pid());
    const std::uint64_t allocated = probed.at("main").at("allocated_bytes");
    CHECK(allocated >= 3'000'000);
    CHECK(allocated <= 3'145'728 + 65'536);  // jemalloc's next size, and what a thread needs
    CHECK(probed.at("threads_failed") == 0);
  }
  // It goes on: new threads are there.
  CHECK(StatusField(worker.pid(), "TracerPid") == "0");
}

void CheckRefused(const std::string& pid, const std::string& why) {
  const Ending ending = RunToEnd({"ktstr-jemalloc-probe", "--pid", pid});
  CHECK(ending.code == 1);
  CHECK(ending.output.empty());
  CHECK(ending.errors == "ktstr-jemalloc-probe: process " + pid + ": " + why + "\n");
}

TEST_CASE("the probe says why it has no figures of a process") {
  CheckRefused("999999999", "there is no such process");
  Started sleeper({"/bin/sleep", "1000"});
  CheckRefused(std::to_string(sleeper.pid()), "it has no jemalloc");
  Started ended({"/bin/true"});
  while (StateOf(ended.pid()) != 'Z') continue;
  CheckRefused(std::to_string(ended.pid()), "it runs no program: it is a kernel thread or has ended");
  Started threads({Target("jemalloc_target"), "2"});
  const Figures told = ToldBy(threads);
  CheckRefused(std::to_string(told.rbegin()->first),
               "it is a thread of process " + std::to_string(threads.pid()));
  Started stripped({Target("jemalloc_target_stripped"), "1"});
  ToldBy(stripped);
  CheckRefused(
      std::to_string(stripped.pid()),
      "jemalloc is linked into its program, but the symbol of jemalloc's counters has been stripped");
  Started miscounting({Target("jemalloc_target_miscounting"), "1"});
  ToldBy(miscounting);
  CheckRefused(std::to_string(miscounting.pid()),
               "the library's counters cannot be found: its counters do not count what is allocated");
}

TEST_CASE("the probe knows a library whose file has been replaced, and looks at the one that is mapped") {
  const OwnDirectory directory;
  const std::string library = directory / "libjemalloc.so.2";
  std::filesystem::copy_file(std::filesystem::canonical("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"),
                             library);
  Started target({Target("jemalloc_target_shared"), "3"}, {"LD_LIBRARY_PATH=" + (directory / ".")});
  const Figures told = ToldBy(target);
  std::filesystem::remove(library);
  std::filesystem::copy_file("/bin/true", library);
  CHECK(FiguresOf(Probed(target.pid())) == told);
}

TEST_CASE("a wrong command line of the probe is told with the right one") {
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {}, {"--pid"}, {"--pid", "0"}, {"--pid", "-1"}, {"--pid", "x"}, {"--pid", "1", "2"}}) {
    std::vector<std::string> argv = {"ktstr-jemalloc-probe"};
    argv.insert(argv.end(), args.begin(), args.end());
    const Ending ending = RunToEnd(argv);
    CHECK(ending.code == 2);
    CHECK(ending.errors == "ktstr-jemalloc-probe: usage: ktstr-jemalloc-probe --pid PID\n");
  }
}

}  // namespace
}  // namespace ktstr::test
