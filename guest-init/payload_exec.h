// The payload's side of its start: what the forked child does until another program replaces it.
#pragma once

#include <string>

#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// What went wrong between fork and exec; sent through the status pipe, which an exec closes.
struct StartFault {
  enum class Step : int { kPlacement, kExec };
  Step step = Step::kExec;
  int code = 0;
};

struct PayloadSpawn {
  const StartPayload& request;
  const std::string& program;       // path of the executable
  const std::string& path;          // the PATH it sees
  const std::string& cgroup_procs;  // the file to join; empty: stay in the runner's cgroup
  int out_fd;
  int err_fd;
  int status_fd;
};

/// Called in the child, right after the fork.
[[noreturn]] void ExecPayload(const PayloadSpawn& spawn);

/// One line for people.
std::string DescribeStartFault(const StartFault& fault, const StartPayload& request,
                               const std::string& program);

}  // namespace ktstr::guest
