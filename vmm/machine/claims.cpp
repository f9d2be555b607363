#include "vmm/machine/claims.h"

#include "guest-init/wire/messages.h"

namespace ktstr::vmm {

bool IsBuildId(std::string_view text) {
  constexpr std::size_t kMostDigits = 128;  // of 64 bytes, as BuildIdIn()
  return text.size() % 2 == 0 && text.size() <= kMostDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<> CheckClaims(const Ready& claims) {
  if (IsBuildId(claims.kernel_build_id)) return {};
  return Error{ErrorKind::kProtocol, "the guest's build id is not hex"};
}

}  // namespace ktstr::vmm
