// The kinds of checks on one run of a payload: its exit code, and the metrics of its output.
#pragma once

#include <cstdint>
#include <string>

#include "guest-init/base/decl.h"
#include "ops/plan/quantity.h"

namespace ktstr {

/// It exited with this code, rather than by a signal, a kill or a timeout.
struct ExitCodeCheck {
  std::int32_t exit_code = 0;  // as exit(3) was given it, 0 to 255
  static const StructDecl& Decl();
};

/// One bound, in the metric's unit or in one that converts to it.
struct PayloadBound {
  std::string metric;  // one of its output, by name
  Quantity value;
  static const StructDecl& Decl();
};
/// Both bounds at once.
struct PayloadRange {
  std::string metric;
  Quantity lo;  // inclusive, and not above hi
  Quantity hi;  // inclusive
  static const StructDecl& Decl();
};

/// A metric is there, and within inclusive bounds. One that is not there fails.
struct PayloadMinCheck {
  PayloadBound min;
  static const StructDecl& Decl();
};
/// The other side.
struct PayloadMaxCheck {
  PayloadBound max;
  static const StructDecl& Decl();
};
/// Both sides.
struct PayloadRangeCheck {
  PayloadRange range;
  static const StructDecl& Decl();
};

/// A metric is there.
struct PayloadExistsCheck {
  std::string exists;  // the metric's name
  static const StructDecl& Decl();
};

}  // namespace ktstr
