#include <catch2/catch.hpp>

#include "interpreter/cli/run_jobs.h"

namespace ktstr {
namespace {

std::string Line(std::optional<std::uint32_t> asked, const JobsNeed& need, const vmm::HostCapacity& host) {
  const Jobs jobs = ChooseJobs(asked, need, host);
  return std::to_string(jobs.count) + " (" + jobs.reason + ")";
}

constexpr vmm::Accel kTcg = vmm::Accel::kTcg;
constexpr vmm::Accel kKvm = vmm::Accel::kKvm;

TEST_CASE("under TCG a machine takes one CPU however many it has") {
  CHECK(Line({}, {100, kTcg, 8, 336}, {2, 16000}) == "2 (2 CPUs, one per TCG machine; memory for 40)");
  CHECK(Line({}, {100, kTcg, 8, 336}, {2.5, 16000}) == "2 (2.5 CPUs, one per TCG machine; memory for 40)");
  CHECK(Line({}, {100, kTcg, 8, 336}, {0.5, 16000}) == "1 (0.5 CPUs, one per TCG machine; memory for 40)");
}

TEST_CASE("under KVM each virtual CPU takes one") {
  CHECK(Line({}, {100, kKvm, 4, 336}, {16, 16000}) == "4 (16 CPUs, 4 per KVM machine; memory for 40)");
  CHECK(Line({}, {100, kKvm, 32, 336}, {16, 16000}) == "1 (16 CPUs, 32 per KVM machine; memory for 40)");
}

TEST_CASE("memory and the number of runs bound it") {
  CHECK(Line({}, {100, kTcg, 2, 936}, {8, 3999}) == "3 (8 CPUs, one per TCG machine; memory for 3)");
  CHECK(Line({}, {1, kTcg, 2, 336}, {8, 16000}) ==
        "1 (8 CPUs, one per TCG machine; memory for 40; 1 to run)");
  CHECK(Line({}, {5, kTcg, 2, 9000}, {8, 4000}) ==
        "1 (8 CPUs, one per TCG machine; memory for 0 of the largest, so fewer may run at a time)");
}

TEST_CASE("who asks for more gets it, and is told what memory allows") {
  CHECK(Line(4, {100, kTcg, 2, 336}, {1, 16000}) == "4 (as asked for; memory for 40)");
  CHECK(Line(64, {100, kTcg, 2, 336}, {1, 16000}) ==
        "64 (as asked for; memory for 40 of the largest, so fewer may run at a time)");
  CHECK(Line(64, {3, kTcg, 2, 336}, {1, 16000}) == "3 (as asked for; memory for 40; 3 to run)");
}

}  // namespace
}  // namespace ktstr
