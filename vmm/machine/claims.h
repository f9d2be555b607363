// What a guest says of itself may be a lie; this is what can be said against it by looking at the words.
#pragma once

#include <string_view>

#include "guest-init/base/result.h"

namespace ktstr {
struct Ready;  // guest-init/wire/messages.h
}

namespace ktstr::vmm {

/// Whether BuildIdIn() can have said so: hex digits of a length it gives, or nothing.
bool IsBuildId(std::string_view text);

/// To be called wherever a Ready arrives, before anything in it is used. Error (kProtocol): "the guest's
/// build id is not hex".
Result<> CheckClaims(const Ready& claims);

}  // namespace ktstr::vmm
