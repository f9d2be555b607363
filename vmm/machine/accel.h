// Which accelerator a run uses. A /dev/kvm that exists proves nothing: some never bring a kernel to
// userspace.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "guest-init/base/result.h"
#include "vmm/machine/machine_config.h"

namespace ktstr::vmm {

enum class AccelRequest { kAuto, kKvm, kTcg };

/// "auto", "kvm" or "tcg". Error (kUsage): "'x' is not an accelerator; use auto, kvm or tcg".
Result<AccelRequest> ParseAccelRequest(std::string_view text);

/// "kvm" or "tcg", as QEMU and the command line call them.
std::string_view AccelName(Accel accel);

/// What an answer about KVM depends on.
struct AccelSubject {
  std::filesystem::path qemu;    // the program found
  std::filesystem::path kernel;  // the image that will run
  std::filesystem::path kvm_device = "/dev/kvm";
};

struct AccelChoice {
  Accel accel = Accel::kTcg;
  /// Why, in one line for the user, e.g. "/dev/kvm does not exist".
  std::string reason;
};

/// Boots the kernel with KVM until guest userspace answers, within a deadline of its own; ok means that it
/// did. Its error's message becomes the reason.
using ProveKvm = std::function<Result<>()>;

/// Decides. `prove` is called at most once, only when the device is there and `cache_dir` holds no answer for
/// the same QEMU (path, size, mtime), kernel (the same), device and host kernel release. Its answer is then
/// kept there; a damaged or unwritable cache only costs another proof. An explicit kvm does not believe a
/// remembered "no" but tries again.
///
/// Errors: kEnvironment "KVM cannot be used: <reason>" when kvm was asked for by name; kCancelled from
/// `prove`, which is no answer and is not kept.
Result<AccelChoice> ResolveAccel(AccelRequest requested, const AccelSubject& subject, const ProveKvm& prove,
                                 const std::filesystem::path& cache_dir);

/// Where the answer for `subject` is kept. Error (kEnvironment) when a file of it cannot be looked at.
Result<std::filesystem::path> AccelCacheFile(const AccelSubject& subject,
                                             const std::filesystem::path& cache_dir);

}  // namespace ktstr::vmm
