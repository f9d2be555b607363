#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/byte_stream.h"
#include "vmm/host/process.h"
#include "vmm/host/spawn.h"

namespace ktstr::vmm {
namespace {

Deadline Soon() { return After(std::chrono::seconds(20)); }

ProcessSpec Shell(const std::string& script) { return {"/bin/sh", {"sh", "-c", script}, {}}; }

TEST_CASE("exit codes, signals and stderr come back") {
  auto process = Process::Start(Shell("echo said >&2; exit 3"));
  REQUIRE(process.ok());
  const auto status = process->Wait(Soon());
  REQUIRE(status.has_value());
  CHECK(status->Describe() == "exited with code 3");
  process->DrainStderr();
  CHECK(process->stderr_text() == "said\n");
  CHECK(process->stderr_fd() == -1);

  auto killed = Process::Start(Shell("kill -SEGV $$"));
  REQUIRE(killed.ok());
  CHECK(killed->Wait(Soon())->Describe() == "was killed by SIGSEGV");
}

TEST_CASE("the child runs in / and learns nothing of our environment but what it needs") {
  const ScopedEnvironment token("ACCESS_TOKEN", "secret");
  const ScopedEnvironment libraries("LD_LIBRARY_PATH", "/opt/lib");
  const ScopedEnvironment temporary("TMPDIR", "/tmp");
  const ScopedEnvironment ours("KTSTR_SHIM", "start");
  auto process =
      Process::Start({"/bin/sh",
                      {"sh", "-c", "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^PATH= | sort >&2; pwd >&2"},
                      {}});
  REQUIRE(process.ok());
  REQUIRE(process->Wait(Soon()).has_value());
  process->DrainStderr();
  std::string text;
  for (std::size_t at = 0; at < process->stderr_text().size();) {  // but for other variables of tests
    const std::size_t end = process->stderr_text().find('\n', at) + 1;
    const std::string line = process->stderr_text().substr(at, end - at);
    if (!line.starts_with("KTSTR_") || line.starts_with("KTSTR_SHIM=")) text += line;
    at = end;
  }
  CHECK(text == "KTSTR_SHIM=start\nLC_ALL=C\nLD_LIBRARY_PATH=/opt/lib\nTMPDIR=/tmp\n/\n");
}

TEST_CASE("a program named by a relative path starts although its directory is another") {
  const TempDir dir;
  static_cast<void>(dir.Write("tool", "#!/bin/sh\npwd >&2\n", 0755));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  auto process = Process::Start({"./tool", {"tool"}, {}});
  std::filesystem::current_path(before);
  REQUIRE(process.ok());
  REQUIRE(process->Wait(Soon()).has_value());
  process->DrainStderr();
  CHECK(process->stderr_text() == "/\n");
}

TEST_CASE("a program that cannot be run is named with the reason") {
  const TempDir dir;
  const auto text = dir.Write("text", "hello", 0755);
  auto bad = Process::Start({text, {"text"}, {}});
  REQUIRE(!bad.ok());
  CHECK(bad.error().message == "cannot start " + text.string() + ": Exec format error");
  CHECK(bad.error().kind == ErrorKind::kEnvironment);
  CHECK(Process::Start({"/no/such", {"such"}, {}}).error().message ==
        "cannot start /no/such: No such file or directory");
}

TEST_CASE("a child that cannot be reaped is given up, even with no descriptor left to wait by") {
  ChildSpec spec;
  spec.program = "/bin/sleep";
  spec.argv = {"sleep", "1000"};
  const pid_t child = StartChild(spec).value();
  auto told = MakeSocketPair();
  REQUIRE(told.ok());
  // A dead process is its tracer's until that lets go of it.
  const pid_t tracer = ::fork();
  if (tracer == 0) {
    const bool traces = ::ptrace(PTRACE_SEIZE, child, nullptr, nullptr) == 0;
    static_cast<void>(!::write(told->theirs.get(), traces ? "y" : "n", 1));
    ::alarm(20);
    while (true) ::pause();
  }
  pollfd wait{told->ours.get(), POLLIN, 0};
  REQUIRE(::poll(&wait, 1, -1) == 1);
  char traces = 0;
  REQUIRE(::read(told->ours.get(), &traces, 1) == 1);
  REQUIRE(traces == 'y');
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const int code = ReapChild(child, std::chrono::milliseconds(0), std::chrono::milliseconds(100));
  ::setrlimit(RLIMIT_NOFILE, &before);
  const bool tracer_lived = ::waitpid(tracer, nullptr, WNOHANG) == 0;
  ::kill(tracer, SIGKILL);
  ::waitpid(tracer, nullptr, 0);
  CHECK(code == 128 + SIGKILL);
  CHECK(tracer_lived);  // nobody had to end it for us to go on
  CHECK(::waitpid(child, nullptr, 0) == child);
}

TEST_CASE("the child sees exactly the descriptors it is given") {
  const int stray = fcntl(1, F_DUPFD, 100);  // not close-on-exec
  auto given = MakeSocketPair();
  REQUIRE(given.ok());
  const int fd = fcntl(given->theirs.get(), F_DUPFD_CLOEXEC, 200);
  ProcessSpec spec = Shell("for n in 0 1 2 " + std::to_string(stray) + " " + std::to_string(fd) +
                           "; do test -e /proc/self/fd/$n && echo $n >&2; done; true");
  spec.inherited_fds = {fd};
  auto process = Process::Start(spec);
  REQUIRE(process.ok());
  REQUIRE(process->Wait(Soon()).has_value());
  process->DrainStderr();
  CHECK(process->stderr_text() == "0\n1\n2\n" + std::to_string(fd) + "\n");
  close(stray);
  close(fd);
}

TEST_CASE("a flood on stderr is read to its end and kept in part") {
  auto process = Process::Start(Shell("head -c 300000 /dev/zero >&2"));
  REQUIRE(process.ok());
  const Deadline deadline = Soon();
  while (process->stderr_fd() >= 0 && !Passed(deadline)) {
    pollfd wait{process->stderr_fd(), POLLIN, 0};
    poll(&wait, 1, PollTimeout(deadline));
    process->DrainStderr();
  }
  CHECK(process->stderr_text().size() == 65536);
  CHECK(process->Wait(deadline)->Describe() == "exited with code 0");
}

TEST_CASE("waiting ends at its deadline; killing and destruction leave nothing") {
  pid_t pid = 0;
  {
    auto process = Process::Start(Shell("exec sleep 1000"));
    REQUIRE(process.ok());
    CHECK(!process->Wait(After(std::chrono::milliseconds(0))).has_value());
    process->Kill();
    CHECK(process->exit_status()->Describe() == "was killed by SIGKILL");
    *process = std::move(*Process::Start(Shell("exec sleep 1000")));
    pid = process->pid();
    CHECK(kill(pid, 0) == 0);
  }
  CHECK(kill(pid, 0) == -1);
  CHECK(errno == ESRCH);
}

TEST_CASE("a child dies with the process that started it") {
  int pids[2];
  REQUIRE(pipe(pids) == 0);
  const pid_t owner = fork();
  if (owner == 0) {
    auto process = Process::Start(Shell("exec sleep 1000"));
    const pid_t pid = process.ok() ? process->pid() : 0;
    if (write(pids[1], &pid, sizeof pid) != sizeof pid) _exit(1);
    while (true) pause();
  }
  pid_t pid = 0;
  REQUIRE(read(pids[0], &pid, sizeof pid) == sizeof pid);
  REQUIRE(pid > 0);
  const Fd child(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  REQUIRE(child.valid());
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  pollfd wait{child.get(), POLLIN, 0};
  CHECK(poll(&wait, 1, 20000) == 1);
  close(pids[0]);
  close(pids[1]);
}

TEST_CASE("programs are found on PATH as the shell finds them") {
  const TempDir dir;
  const auto tool = dir.Write("bin/tool", "#!/bin/sh\n", 0755);
  static_cast<void>(dir.Write("bin/data", "x", 0644));
  const ScopedEnvironment path("PATH", "/no/such:" + (dir / "bin").string());
  CHECK(FindProgram("tool") == tool);
  CHECK(FindProgram(tool.string()) == tool);
  CHECK(!FindProgram("data").has_value());
  CHECK(!FindProgram("missing").has_value());
  CHECK(!FindProgram("").has_value());
  CHECK(!FindProgram((dir / "bin").string()).has_value());
}

}  // namespace
}  // namespace ktstr::vmm
