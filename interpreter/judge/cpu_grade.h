// How well the host's CPUs served a run, in a word; cpu_quality.h says how it is found.
#pragma once

#include <cstdint>

#include "guest-init/base/decl.h"

namespace ktstr {

/// How often QEMU wanted a CPU of the host and had none. What a grade does to verdicts: see cpu_quality.h;
/// only kPoor excuses anything.
enum class CpuGrade : std::uint8_t { kNotMeasured, kNotApplicable, kGood, kFair, kPoor };
/// By number: the row of a grade is kCpuGrades[grade].
inline constexpr EnumValue kCpuGrades[] = {
    {"not measured", 0, "The run ended too early, or the host does not count."},
    {"not applicable", 1, "The virtual clock is paused while QEMU waits."},
    {"good", 2, "QEMU hardly waited for a CPU."},
    {"fair", 3, "QEMU waited now and then."},
    {"poor", 4,
     "The host was oversubscribed: checks on latencies and throughput cannot fail, only be inconclusive."}};
constexpr EnumDecl DescribeEnum(CpuGrade) { return {"CpuGrade", kCpuGrades, nullptr, nullptr}; }

}  // namespace ktstr
