#include "guest-init/payload_exec.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>

#include <climits>
#include <cstring>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/cgroup_tree.h"
#include "guest-init/crash.h"

namespace ktstr::guest {
namespace {

[[noreturn]] void Fail(int status_fd, StartFault::Step step) {
  const StartFault fault{step, errno};
  [[maybe_unused]] const ssize_t written = write(status_fd, &fault, sizeof fault);
  _exit(127);
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

void ExecPayload(const PayloadSpawn& spawn) {
  RestoreSignals();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (spawn.request.own_process_group) setsid();
  if (!spawn.cgroup_procs.empty()) {
    const Fd procs(open(spawn.cgroup_procs.c_str(), O_WRONLY | O_CLOEXEC));
    if (!procs.valid() || write(procs.get(), "0", 1) != 1)
      Fail(spawn.status_fd, StartFault::Step::kPlacement);
  }
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  dup2(nothing.get(), STDIN_FILENO);
  dup2(spawn.out_fd, STDOUT_FILENO);
  dup2(spawn.err_fd, STDERR_FILENO);
  close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
  std::vector<std::string> argv = spawn.request.argv;
  std::vector<std::string> env = {"PATH=" + spawn.path, "HOME=/", "TMPDIR=/tmp"};
  env.insert(env.end(), spawn.request.env.begin(), spawn.request.env.end());
  execve(spawn.program.c_str(), Pointers(argv).data(), Pointers(env).data());
  Fail(spawn.status_fd, StartFault::Step::kExec);
}

std::string DescribeStartFault(const StartFault& fault, const StartPayload& request,
                               const std::string& program) {
  const std::string what = "payload '" + request.name + "': ";
  const std::string cause = std::strerror(fault.code);
  if (fault.step == StartFault::Step::kPlacement)
    return what + "joining cgroup '" + request.cgroup + "': " + cause +
           CgroupTree::Hint("cgroup.procs", fault.code);
  std::string text = what + "running " + program + ": " + cause;
  if (fault.code == ENOENT)
    text += access(program.c_str(), F_OK) == 0 ? " (its interpreter or loader is missing in the guest)"
                                               : " (it is not in the guest's image)";
  if (fault.code == ENOEXEC) text += " (not a program for this machine)";
  if (fault.code == EACCES) text += " (it is not marked executable)";
  return text;
}

}  // namespace ktstr::guest
