// What the Ops on files of the guest share.
#pragma once

#include "ops/host/comparison.h"
#include "ops/op.h"

namespace ktstr {

/// Where files of the guest may be read and written at all; PlanContext::CheckGuestPath refuses more.
inline constexpr Limits kGuestPath{.pattern = "^/(sys|proc|dev)(/[^/]+)+$",
                                   .pattern_doc = "an absolute path below /sys, /proc or /dev"};

/// One of the kernel's error numbers, written by its name.
struct ErrnoName {
  std::int32_t number = 0;
  static const ScalarDecl& Scalar();
};

/// One of the signals that may be sent, written by its name: STOP or SIGSTOP.
struct SignalChoice {
  std::int32_t number = 0;
  static const ScalarDecl& Scalar();
};

}  // namespace ktstr
