// `kernel:` of a scenario: which kernels it can run on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "vmm/kernel/kernel_features.h"

namespace ktstr {

/// 6.12; what follows in a release (6.12.117-ktstr) does not count.
struct KernelVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  auto operator<=>(const KernelVersion&) const = default;
  static const ScalarDecl& Scalar();
};

/// A map, or bounds alone: ">=6.12", "<6.15", or several joined by a space. Everything given must hold.
struct KernelRequirement {
  struct Bound {
    std::string op;  // >= <= > < =
    KernelVersion version;
  };
  std::vector<Bound> bounds;  // of the short form, which has nothing else
  std::optional<KernelVersion> min;
  std::optional<KernelVersion> max;  // itself allowed, with all its patch releases
  std::vector<vmm::KernelFeature> features;

  /// `release` as uname -r prints it.
  [[nodiscard]] bool Allows(std::string_view release) const;
  /// For people: ">=6.12 <6.15 with sched_ext, btf".
  [[nodiscard]] std::string Text() const;
  static const StructDecl& Decl();
};

/// Why `kernel` does not do, as one line with what would help; empty when it does. Reads the kernel's
/// configuration only when features are asked for.
std::string UnmetRequirement(const KernelRequirement& requirement, const vmm::Kernel& kernel);

}  // namespace ktstr
