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

/// To be called wherever a Ready arrives, before anything in it is used. Errors (kProtocol): "the guest's
/// build id is not hex", "the guest's kernel release is no word" (it has blanks, what a terminal would act
/// on, or more than 64 bytes), "the guest's boot id is no word", "the guest's kernel is not where kernels
/// are" (kernel_text, when it is told, is an address of user space or within a page).
Result<> CheckClaims(const Ready& claims);

}  // namespace ktstr::vmm
