// The kind `scheduler`: how a scheduler must have ended.
#pragma once

#include <optional>
#include <string>

#include "guest-init/base/decl.h"
#include "interpreter/fold/scheduler_record.h"

namespace ktstr {

struct SchedulerEndCheck {
  std::string scheduler;  // its last attach counts
  SchedulerEnd end = SchedulerEnd::kDetached;
  std::optional<std::string> matches;  // a regular expression, found in HowSchedulerEnded()
  std::optional<std::string> phase;    // in which it ended
  static const StructDecl& Decl();
};

}  // namespace ktstr
