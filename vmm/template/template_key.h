// What makes two guests the same guest.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "vmm/host/known_files.h"
#include "vmm/template/template_cache.h"

namespace ktstr::vmm {

/// Names templates. Looks at each kernel and QEMU once, so it belongs to one invocation. One thread at a
/// time.
class TemplateKeys {
 public:
  /// `known` has the hashes of kernels and of QEMU from earlier invocations.
  explicit TemplateKeys(KnownFiles known = {}) : known_(std::move(known)) {}

  /// 16 hexadecimal digits: XXH3 over the hashes of the kernel's and QEMU's bytes, the guest-init image, the
  /// files, and QEMU's whole command line (with it topology, memory, the kernel's command line, CPU model,
  /// accelerator, clock), the size of the disk; with KVM also the host's processor. Errors: kInput for a file
  /// that cannot be read; kEnvironment for a QEMU that is not there.
  Result<std::string> KeyOf(const TemplateSpec& spec);

 private:
  Result<std::uint64_t> HashOf(const std::filesystem::path& path);

  KnownFiles known_;
  std::map<std::filesystem::path, std::uint64_t> hashes_;
  std::string constants_;  // what is the same in every key; worked out by the first KeyOf()
};

}  // namespace ktstr::vmm
