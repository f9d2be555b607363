// The items of `checks:` and of a payload's `checks:`. What each kind of check takes stands in its own file;
// check_kind.h says what a kind is, all_checks.cpp lists them.
#pragma once

#include <span>
#include <string>

#include "guest-init/base/decl.h"

namespace ktstr {

/// The choices of an item of `checks:`, by the key that says what is checked: metric, snapshot, read, ...
struct CheckKinds {
  static constexpr std::string_view kName = "check";
  static std::span<const StructDecl* const> Alternatives();
};

/// One item of `checks:`: the arguments of its kind, and what every kind takes.
struct Check {
  Variant<CheckKinds> kind;
  std::string because = {};  // the author's reason, repeated in the message of a failure
  static const StructDecl& Decl();
};
/// A check of the kind whose arguments these are.
template <typename Args>
Check CheckOf(Args args) {
  return {AnyStruct::Of(std::move(args))};
}

/// The choices of an item of a payload's `checks:`: exit_code, min, ...
struct PayloadCheckKinds {
  static constexpr std::string_view kName = "payload check";
  static std::span<const StructDecl* const> Alternatives();
};

/// One item of a payload's `checks:`. Metrics are those of the output, and the two that every payload has
/// (metrics.h): exit_code and duration_ms.
struct PayloadCheck {
  Variant<PayloadCheckKinds> kind;
  static const StructDecl& Decl();
};
template <typename Args>
PayloadCheck PayloadCheckOf(Args args) {
  return {AnyStruct::Of(std::move(args))};
}

}  // namespace ktstr
