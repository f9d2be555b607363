// The jemalloc probe and a process to which something happens while it is looked at.
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>

#include "test/checkout.h"
#include "test/unit/workloads/jemalloc/traced_probe.h"

namespace ktstr::test {
namespace {

/// Has told its figures, and waits for signals.
class WaitingTarget : public Started {
 public:
  WaitingTarget() : Started({std::string(kBinaryDir) + "/test/jemalloc_target", "1"}) {
    while (ReadLine() != "ready") continue;
    AwaitState(pid(), 'S');
  }
};

void CheckRunsOn(WaitingTarget& target) {
  CHECK(StatusField(target.pid(), "TracerPid") == "0");
  kill(target.pid(), SIGRTMIN);
  CHECK(target.ReadLine() == "SIGRTMIN");
}

TEST_CASE("the target runs on when the probe is killed while it holds it") {
  WaitingTarget target;
  TracedProbe probe(target.pid());
  probe.RunTo(PTRACE_DETACH);
  CHECK(StateOf(target.pid()) == 't');
  CHECK(StatusField(target.pid(), "TracerPid") == std::to_string(probe.pid()));
  kill(target.pid(), SIGUSR1);
  probe.Kill();
  CHECK(target.ReadLine() == "SIGUSR1");
  CheckRunsOn(target);
}

TEST_CASE("signals to a target that the probe holds are delivered, each as often as it was sent") {
  WaitingTarget target;
  TracedProbe probe(target.pid());
  probe.RunTo(PTRACE_GETREGS);
  CHECK(StateOf(target.pid()) == 't');
  for (int i = 0; i < 3; ++i) sigqueue(target.pid(), SIGRTMIN, {});
  kill(target.pid(), SIGUSR1);
  const Ending ending = probe.Finish();
  CHECK(ending.code == 0);
  CHECK(ending.errors.empty());
  CHECK(target.ReadLine() == "SIGRTMIN");
  CHECK(target.ReadLine() == "SIGRTMIN");
  CHECK(target.ReadLine() == "SIGRTMIN");
  CHECK(target.ReadLine() == "SIGUSR1");
  CheckRunsOn(target);
}

TEST_CASE("a signal that was on its way when the probe stopped its target is delivered") {
  WaitingTarget target;
  TracedProbe probe(target.pid());
  probe.RunTo(PTRACE_INTERRUPT);  // it is traced already: its next signal stops it
  kill(target.pid(), SIGUSR1);
  AwaitState(target.pid(), 't');
  SECTION("when the probe goes on") { CHECK(probe.Finish().code == 0); }
  SECTION("when the probe is killed before it has stopped it") { probe.Kill(); }
  SECTION("when the probe is killed after it has seen the signal") {
    probe.RunTo(PTRACE_DETACH);
    probe.Kill();
  }
  CHECK(target.ReadLine() == "SIGUSR1");
  CheckRunsOn(target);
}

TEST_CASE("a target that was stopped by a signal stays stopped") {
  WaitingTarget target;
  kill(target.pid(), SIGSTOP);
  AwaitState(target.pid(), 'T');
  const Ending ending = RunToEnd({"ktstr-jemalloc-probe", "--pid", std::to_string(target.pid())});
  CHECK(ending.code == 0);
  AwaitState(target.pid(), 'T');
  CHECK(StatusField(target.pid(), "TracerPid") == "0");
  kill(target.pid(), SIGCONT);
  CheckRunsOn(target);
}

TEST_CASE("the probe says so when its target ends while it is looked at") {
  WaitingTarget target;
  const std::string before = "ktstr-jemalloc-probe: process " + std::to_string(target.pid()) + ": ";
  TracedProbe probe(target.pid());
  std::string what = "it ended while it was looked at\n";
  SECTION("before it is traced") { probe.RunTo(PTRACE_SEIZE); }
  SECTION("before it is stopped") { probe.RunTo(PTRACE_INTERRUPT); }
  SECTION("while it is stopped") { probe.RunTo(PTRACE_GETREGS); }
  SECTION("after it was read") {
    probe.RunTo(PTRACE_DETACH);
    what = "it ended or began another program while it was looked at\n";
  }
  kill(target.pid(), SIGKILL);
  AwaitState(target.pid(), 'Z');  // to be reaped later: its tracer comes first
  const Ending ending = probe.Finish();
  CHECK(ending.code == 1);
  CHECK(ending.output.empty());
  CHECK(ending.errors == before + what);
}

TEST_CASE("the probe leaves alone what somebody else traces") {
  WaitingTarget target;
  REQUIRE(ptrace(PTRACE_SEIZE, target.pid(), 0, 0) == 0);
  const Ending ending = RunToEnd({"ktstr-jemalloc-probe", "--pid", std::to_string(target.pid())});
  CHECK(ending.code == 1);
  CHECK(ending.output.empty());
  CHECK(ending.errors == "ktstr-jemalloc-probe: process " + std::to_string(target.pid()) +
                             ": it is already traced by process " + std::to_string(getpid()) + "\n");
  CHECK(StateOf(target.pid()) == 'S');
}

TEST_CASE("the probe says so when a process is somebody else's") {
  const OwnDirectory directory;
  std::vector<std::string> argv = {std::string(kBinaryDir) + "/ktstr-jemalloc-probe", "--pid", "1"};
  WaitingTarget target;
  if (geteuid() == 0) {
    std::filesystem::permissions(directory / ".", std::filesystem::perms::all);
    std::filesystem::copy_file(argv[0], directory / "probe");
    argv = {"/usr/bin/setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            directory / "probe",
            "--pid",
            std::to_string(target.pid())};
  }
  const Ending ending = RunToEnd(argv);
  CHECK(ending.code == 1);
  CHECK(ending.output.empty());
  CHECK(ending.errors ==
        "ktstr-jemalloc-probe: process " + argv.back() +
            ": it belongs to another user or may not be looked at; run the probe as its user or "
            "as root\n");
  CheckRunsOn(target);
}

}  // namespace
}  // namespace ktstr::test
