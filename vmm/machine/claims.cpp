#include "vmm/machine/claims.h"

#include <algorithm>
#include <cstdint>

#include "guest-init/wire/elf_notes.h"
#include "guest-init/wire/messages.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kMostName = 64;  // of a release, by uname(2); a boot id has 36 characters
constexpr std::uint64_t kPage = 4096;
/// Where x86-64 maps its kernel, wherever KASLR puts it.
constexpr std::uint64_t kLowestKernelText = 0xffffffff80000000;

bool IsName(std::string_view text) {
  return text.size() <= kMostName &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

bool IsBuildId(std::string_view text) {
  return text.size() % 2 == 0 && text.size() <= 2 * kMostBuildIdBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<> CheckClaims(const Ready& claims) {
  const auto refuse = [](const char* why) { return Error{ErrorKind::kProtocol, why}; };
  if (!IsBuildId(claims.kernel_build_id)) return refuse("the guest's build id is not hex");
  if (!IsName(claims.kernel_release)) return refuse("the guest's kernel release is no word");
  if (!IsName(claims.boot_id)) return refuse("the guest's boot id is no word");
  if (claims.kernel_text != 0 && (claims.kernel_text < kLowestKernelText || claims.kernel_text % kPage != 0))
    return refuse("the guest's kernel is not where kernels are");
  return {};
}

}  // namespace ktstr::vmm
