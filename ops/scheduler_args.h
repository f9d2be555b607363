// The Args of the Ops that attach a scheduler by name: one declaration of the field that both have.
#pragma once

#include <string>

#include "ops/op.h"

namespace ktstr {

/// What such an Op is given; its own Args derive from this.
struct NamedSchedulerArgs {
  std::string scheduler;
};

/// The fields, for the declaration of `Args`, which derives from NamedSchedulerArgs.
template <typename Args>
inline constexpr FieldDecl kNamedSchedulerFields[] = {
    Starts(Required<&Args::scheduler>("scheduler", "A name out of `schedulers:`.", {}, Refers::kScheduler)),
};

}  // namespace ktstr
