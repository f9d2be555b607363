// What a scheduler that asked for its end said of it: the kernel logs the fact only, its program has the
// words.
#include <catch2/catch.hpp>

#include "interpreter/fold/scheduler_scan.h"

using namespace ktstr;

namespace {

constexpr const char* kFromBpf = "unregistered from BPF";

/// How a scheduler ended of which the kernel said `reason` and whose program said `output` before it exited.
std::string Ended(const std::string& reason, const std::string& output, bool program_first = false) {
  std::vector<SchedulerRecord> records;
  SchedulerScan scan(records);
  const RunPosition at{1, false};
  scan.Begin();
  const auto program = [&] {
    PayloadDone done;
    done.handle = 1;
    done.exit_code = 0;
    done.ended_ns = 3;
    scan.Take(done, output);
  };
  KernelMessages event;
  event.messages.push_back({1, 2, 3, "sched_ext: BPF scheduler \"mine\" disabled (" + reason + ")"});
  if (program_first) {
    scan.Take(event, at);
    program();
    scan.Take({1, SchedulerMoment::kAttached, "disabled", "", 5, 4}, "scx", at);
  } else {
    scan.Take({1, SchedulerMoment::kAttached, "enabled", "mine", 5, 1}, "scx", at);
    scan.Take(event, at);
    program();
  }
  REQUIRE(records.size() == 1);
  return HowSchedulerEnded(records[0]);
}

}  // namespace

TEST_CASE("the words of scx_bpf_exit() are told as its program says them last") {
  for (const bool program_first : {false, true}) {
    CHECK(Ended(kFromBpf, "noise\nEXIT: unregistered from BPF (enough (of it))\n", program_first) ==
          "unregistered from BPF: enough (of it)");
    CHECK(Ended(kFromBpf, "EXIT: unregistered from BPF (one)\nEXIT: unregistered from BPF (two)",
                program_first) == "unregistered from BPF: two");
  }
}

TEST_CASE("what a program says of another end than the kernel's is no word of it") {
  CHECK(Ended(kFromBpf, "EXIT: runtime error (no)\n") == kFromBpf);
  CHECK(Ended(kFromBpf, "xEXIT: unregistered from BPF (no)\n") == kFromBpf);
  CHECK(Ended(kFromBpf, "EXIT: unregistered from BPF (cut off") == kFromBpf);
  CHECK(Ended(kFromBpf, "") == kFromBpf);
  CHECK(Ended("scx_bpf_error", "EXIT: scx_bpf_error (made up)\n") == "scx_bpf_error");
}
