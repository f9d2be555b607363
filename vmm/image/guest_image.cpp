#include "vmm/image/guest_image.h"

#include <utility>

namespace ktstr::vmm {

Result<> PackGuestImage(std::vector<InitramfsFile> files, const std::filesystem::path& path) {
  InitramfsSpec spec;
  spec.init = GuestInitImage();
  spec.files = std::move(files);
  TRY(PackInitramfs(spec, path));
  return {};
}

}  // namespace ktstr::vmm
