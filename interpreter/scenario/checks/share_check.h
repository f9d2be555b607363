// The kind `share`: how much of something the workers of a cgroup or group must have got.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/base/units.h"

namespace ktstr {

enum class ShareOf : std::uint8_t { kCpuTime, kIterations, kWorkUnits };
inline constexpr EnumValue kShareOfs[] = {{"cpu_time", 0, "The time on a CPU (schedstat)."},
                                          {"iterations", 1, "Iterations of the workers' loops."},
                                          {"work_units", 2, "Work, in each type's own unit."}};
constexpr EnumDecl DescribeEnum(ShareOf) { return {"ShareOf", kShareOfs, nullptr, nullptr}; }

/// At least one of `cgroup` and `group` is given. Workers without a report make it INCONCLUSIVE, and so does
/// a whole of nothing.
struct ShareCheck {
  Percent share;  // that is expected, 0 to 100%
  std::optional<std::string> cgroup = {};
  std::optional<std::string> group = {};  // only of the workers of groups with this name
  ShareOf of = ShareOf::kCpuTime;
  std::vector<std::string> among = {};  // cgroups whose workers have the whole; empty: all
  std::optional<std::string> phase = {};
  Percent tolerance = {0.05};  // points of a hundred that it may be off, inclusive
  static const StructDecl& Decl();
};

/// CheckResult::check of its results: this and the name of what it is of.
inline constexpr std::string_view kShareOf = "share of ";
inline constexpr std::string_view kShareOfCpuTime = "share of cpu_time";

}  // namespace ktstr
