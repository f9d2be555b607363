// What makes two guests the same guest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "vmm/template/template_cache.h"

namespace ktstr::vmm {

/// Names templates. Reads each kernel and QEMU once, so it belongs to one invocation. One thread at a time.
class TemplateKeys {
 public:
  /// 16 hexadecimal digits: XXH3 over the kernel's and QEMU's bytes, the guest-init image, the files, and
  /// QEMU's whole command line (with it topology, memory, the kernel's command line, CPU model, accelerator,
  /// clock), the size of the disk; with KVM also the host's processor. Errors: kInput for a file that cannot
  /// be read; kEnvironment for a QEMU that is not there.
  Result<std::string> KeyOf(const TemplateSpec& spec);

 private:
  Result<std::uint64_t> HashOf(const std::filesystem::path& path);

  std::map<std::filesystem::path, std::uint64_t> hashes_;
};

}  // namespace ktstr::vmm
