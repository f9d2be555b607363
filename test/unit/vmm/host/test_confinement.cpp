// What a program that serves an untrusted guest cannot do to this host, tried by programs that do their
// worst.
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <sstream>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/host/confinement.h"
#include "vmm/host/landlock_rules.h"
#include "vmm/host/process.h"
#include "vmm/host/syscall_filter.h"

namespace ktstr::vmm {
namespace {

/// What a confined shell says on its standard error.
std::string Says(const std::string& script, const std::vector<int>& opened = {},
                 const std::string& shell = "/bin/sh", const std::string& option = "-c") {
  ProcessSpec spec{shell, {shell, option, script}, opened, ConfinementSpec{}};
  spec.confinement->program = shell;
  spec.confinement->opened = opened;
  spec.confinement->max_file_bytes = 1 << 20;
  auto process = Process::Start(spec);
  REQUIRE(process.ok());
  REQUIRE(process->Wait(After(std::chrono::seconds(20))).has_value());
  process->DrainStderr();
  return process->stderr_text();
}

std::string Content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

Fd Open(const std::filesystem::path& path, int flags) { return Fd(::open(path.c_str(), flags | O_CLOEXEC)); }

/// A directory and a file in it that everybody may change, as far as their permissions go.
struct OpenHouse {
  OpenHouse() : file(dir.Write("file", "before", 0666)) { ::chmod(dir.path().c_str(), 0777); }
  const TempDir dir;
  const std::filesystem::path file;
};

TEST_CASE("a confined program cannot write to a file that it was given to read") {
  const OpenHouse house;
  const Fd read_only = Open(house.file, O_RDONLY);
  const std::string own = "/proc/self/fd/" + std::to_string(read_only.get());
  Says("echo after 1<>" + own + "; echo after >" + own + "; echo after >>" + own, {read_only.get()});
  CHECK(Content(house.file) == "before");
}

TEST_CASE("a confined program can write to a file that it was given to write") {
  const OpenHouse house;
  const Fd writable = Open(house.file, O_RDWR);
  Says("echo after 1<>/proc/self/fd/" + std::to_string(writable.get()), {writable.get()});
  CHECK(Content(house.file) == "after\n");
}

TEST_CASE("a confined program makes, changes and removes no file by its name") {
  const OpenHouse house;
  const std::string in = "cd " + house.dir.path().string() + " && ";
  const std::string file = house.file.string();
  const std::string beside = (house.dir / "made").string();
  for (const std::string& act :
       std::vector<std::string>{"echo x >" + file, "echo x >>" + file, "echo x >" + beside, "mkdir " + beside,
                                "ln " + file + " " + beside, "ln -s x " + beside, "mkfifo " + beside,
                                "rm -f " + file, "mv " + file + " " + beside, "chmod 0 " + file,
                                "truncate -s 1 " + file, "touch -d 2001-01-01 " + file}) {
    INFO(act);
    CHECK_THAT(Says(act), Catch::Contains("ermi") || Catch::Contains("not permitted"));
    CHECK(Content(house.file) == "before");
    CHECK_FALSE(std::filesystem::exists(std::filesystem::symlink_status(beside)));
  }
}

TEST_CASE("a confined program reads no file of the user's") {
  if (LandlockAbi() <= 0) return;  // no other layer promises this
  const TempDir dir;
  ::chmod(dir.path().c_str(), 0755);
  const auto secret = dir.Write("key", "secret", 0644);
  CHECK_THAT(Says("cat " + secret.string() + " >&2"), Catch::Contains("Permission denied"));
  CHECK_THAT(Says("ls " + dir.path().string() + " >&2"), Catch::Contains("Permission denied"));
}

TEST_CASE("a confined program makes no connection and looks into no process") {
  const auto tries = [](const std::string& call) {
    return Says(call + " and print STDERR 'done' or print STDERR $!", {}, "/usr/bin/perl", "-e");
  };
  CHECK(tries("use Socket; socket(S, PF_INET, SOCK_STREAM, 0)") == "Operation not permitted");
  CHECK(tries("use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0)") == "Operation not permitted");
  // PTRACE_SEIZE, which would not stop us.
  const std::string attach = std::to_string(SYS_ptrace) + ", 16902, " + std::to_string(::getpid()) + ", 0, 0";
  CHECK(tries("0 == syscall(" + attach + ")") == "Operation not permitted");
  const std::string ring = std::to_string(SYS_io_uring_setup) + ", 1, 0";
  CHECK(tries("0 <= syscall(" + ring + ")") == "Function not implemented");
  CHECK_THAT(Says("cat /proc/" + std::to_string(::getpid()) + "/environ >&2"),
             Catch::Contains("Permission denied"));
}

TEST_CASE("a confined program signals nobody outside") {
  if (LandlockAbi() < 6 && ::geteuid() != 0) return;  // no other layer promises this
  CHECK_THAT(Says("kill -0 " + std::to_string(::getpid())), Catch::Contains("not permitted"));
}

TEST_CASE("a confined program has no rights of root's and can win none") {
  CHECK(Says("ulimit -c >&2") == "0\n");
  const std::string status = Says("grep -E '^(CapPrm|CapEff|NoNewPrivs)' /proc/self/status >&2");
  CHECK(status == "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n");
  if (::geteuid() != 0) return;
  ConfinementSpec spec;
  spec.program = "/bin/sh";
  if (Confinement::Prepare(spec, true).other_user()) CHECK(Says("id -u >&2; id -G >&2") == "65534\n65534\n");
}

TEST_CASE("a program that others may not run is not started as another user") {
  const TempDir dir;
  const auto program = dir.Write("program", "#!/bin/sh\n", 0755);
  CHECK_FALSE(OthersMayRun(program));
  CHECK(OthersMayRun("/bin/sh"));
  CHECK_FALSE(OthersMayRun("/no/such"));
  ConfinementSpec spec;
  spec.program = program;
  const Confinement confinement = Confinement::Prepare(spec, true);
  CHECK_FALSE(confinement.other_user());
  if (::geteuid() == 0)
    CHECK_THAT(confinement.Describe(),
               Catch::StartsWith("no capabilities, no new privileges, ") &&
                   Catch::EndsWith("; still root: other users may not run that QEMU"));
}

/// In a child whose opens are already answered by somebody, as in some containers; its exit code.
int WhereOthersAnswer(const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::vector<sock_filter> filter = MakeSyscallFilter(false);
    filter = {filter.back()};  // allows everything
    const sock_fprog program{1, filter.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const long listener =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    ::_exit(listener < 0 ? 99 : act());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST_CASE("where its opens cannot be answered a program starts with the rest, and this is said") {
  const OpenHouse house;
  const Fd writable = Open(house.file, O_RDWR);
  const int code = WhereOthersAnswer([&] {
    ProcessSpec spec{"/bin/sh",
                     {"sh", "-c", "echo after 1<>/proc/self/fd/" + std::to_string(writable.get())},
                     {writable.get()},
                     ConfinementSpec{}};
    spec.confinement->program = "/bin/sh";
    spec.confinement->opened = {writable.get()};
    spec.confinement->max_file_bytes = 1 << 20;
    auto process = Process::Start(spec);
    if (!process.ok()) return 1;
    const auto status = process->Wait(After(std::chrono::seconds(20)));
    if (!status || status->by_signal || status->value != 0) return 2;
    const bool said = process->confinement().find(
                          "; it could write to templates: this host does not let us "
                          "open its files for it") != std::string::npos;
    return said ? 0 : 3;
  });
  CHECK(code == 0);
  CHECK(Content(house.file) == "after\n");
}

}  // namespace
}  // namespace ktstr::vmm
