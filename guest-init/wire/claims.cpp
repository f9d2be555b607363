#include "guest-init/wire/claims.h"

#include "guest-init/wire/elf_notes.h"
#include "guest-init/wire/messages.h"

namespace ktstr {

Result<> CheckClaims(const Ready& claims) {
  if (IsBuildId(claims.kernel_build_id)) return {};
  return Error{ErrorKind::kProtocol, "the guest's build id is not hex"};
}

}  // namespace ktstr
