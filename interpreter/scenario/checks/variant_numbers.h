// What one variant of a scenario measured for the checks by which other variants are compared with it
// (`vs_variant`).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"

namespace ktstr {

/// One number of one check; a check has one per cgroup, or one per run of a payload.
struct VariantNumber {
  std::string check;         // document path of the check
  std::string cgroup;        // "" where the metric has none
  std::uint32_t number = 0;  // among those of this check and cgroup, from 0
  std::optional<double> value;
  std::string no_data;  // why there is none
  static const StructDecl& Decl();
};

struct VariantNumbers {
  std::string variant;
  std::string unusable;    // why nothing can be compared with it; "" when something can
  double wait_pct = 0;     // of the time QEMU wanted a CPU; 0 on the virtual clock
  bool poor_host = false;  // that was too much for anything but throughputs
  std::vector<VariantNumber> numbers;
  static const StructDecl& Decl();

  /// Null when it did not measure this one. The result lives as long as this.
  [[nodiscard]] const VariantNumber* Find(std::string_view check, std::string_view cgroup,
                                          std::uint32_t number) const;
};

/// What a run is compared with.
struct Compared {
  std::span<const VariantNumbers> variants = {};
  double wait_pct = 0;  // of the run itself, as VariantNumbers has it
};

}  // namespace ktstr
