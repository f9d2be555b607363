#include "vmm/machine/claims.h"

#include "guest-init/wire/elf_notes.h"
#include "guest-init/wire/messages.h"

namespace ktstr::vmm {

bool IsBuildId(std::string_view text) {
  return text.size() % 2 == 0 && text.size() <= 2 * kMostBuildIdBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<> CheckClaims(const Ready& claims) {
  if (IsBuildId(claims.kernel_build_id)) return {};
  return Error{ErrorKind::kProtocol, "the guest's build id is not hex"};
}

}  // namespace ktstr::vmm
