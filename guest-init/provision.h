// What the host brings to a guest after it has started: files, the time, randomness.
#pragma once

#include "guest-init/base/result.h"
#include "guest-init/wire/messages.h"

namespace ktstr::guest {

/// Writes, or appends to, one file; missing directories are made with mode 0755. Errors name the path.
Result<> StoreFile(const PutFile& request);

/// Sets the wall clock and reseeds the kernel's random generator, as asked. Needs the rights of PID 1.
Result<> TakeIdentity(const SetIdentity& request);

}  // namespace ktstr::guest
