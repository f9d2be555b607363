// What a guest says of itself may be a lie; this is what can be said against it by looking at the words.
#pragma once

#include "guest-init/base/result.h"

namespace ktstr {

struct Ready;  // messages.h

/// To be called wherever a Ready arrives, before anything in it is used. Error (kProtocol): "the guest's
/// build id is not hex".
Result<> CheckClaims(const Ready& claims);

}  // namespace ktstr
