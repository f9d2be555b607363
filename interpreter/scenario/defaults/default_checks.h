// The checks that are on unless a scenario switches them off: `defaults:`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/base/units.h"

namespace ktstr {

/// `defaults:`; `defaults: off` switches all of them off. Names, docs and default values of the checks are
/// the rows of all_defaults.cpp, which become this declaration's fields.
struct DefaultChecks {
  bool kernel_complaints = true;
  bool payload_exits = true;
  bool scheduler_attached = true;
  bool workers_reported = true;
  bool workers_set_up = true;
  bool progress = true;
  bool no_stall = true;
  Duration stall_limit = Seconds(2);  // of no_stall
  bool cpuset_isolation = true;
  std::vector<std::string> allowed_complaints;  // regular expressions
  static const StructDecl& Decl();
};
/// The fields of DefaultChecks that switch a check, not those that tune one, in the order they are judged.
std::vector<const FieldDecl*> AllDefaultChecks();

}  // namespace ktstr
