#include "guest-init/wire/cgroup_figures.h"

#include <algorithm>

#include "guest-init/base/saturating.h"

namespace ktstr {
namespace {

using Counter = std::optional<std::uint64_t> CgroupFigures::*;
constexpr Counter kCounters[] = {
    &CgroupFigures::cpu_time_us,    &CgroupFigures::periods,         &CgroupFigures::throttled_periods,
    &CgroupFigures::throttled_us,   &CgroupFigures::cpu_pressure_us, &CgroupFigures::memory_pressure_us,
    &CgroupFigures::io_pressure_us, &CgroupFigures::oom_kills,       &CgroupFigures::refused_forks};

}  // namespace

CgroupFigures CgroupFigures::Since(const CgroupFigures& before) const {
  CgroupFigures since = *this;
  for (const Counter counter : kCounters)
    if (auto& value = since.*counter) *value -= std::min((before.*counter).value_or(0), *value);
  return since;
}

void CgroupFigures::Append(const CgroupFigures& later) {
  span_ns = AddSaturating(span_ns, later.span_ns);
  for (const Counter counter : kCounters)
    if (later.*counter) this->*counter = AddSaturating((this->*counter).value_or(0), *(later.*counter));
}

const StructDecl& CgroupFigures::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&CgroupFigures::cgroup>("cgroup", ""),
      Required<&CgroupFigures::phase>("phase", "4294967295: between phases"),
      Required<&CgroupFigures::span_ns>("span_ns", "the guest time they are of", Unit("ns")),
      Optional<&CgroupFigures::cpu_time_us>("cpu_time_us", "cpu.stat usage_usec", Unit("us")),
      Optional<&CgroupFigures::periods>("periods", "cpu.stat nr_periods"),
      Optional<&CgroupFigures::throttled_periods>("throttled_periods", "cpu.stat nr_throttled"),
      Optional<&CgroupFigures::throttled_us>("throttled_us", "cpu.stat throttled_usec", Unit("us")),
      Optional<&CgroupFigures::cpu_pressure_us>("cpu_pressure_us", "cpu.pressure, some", Unit("us")),
      Optional<&CgroupFigures::memory_pressure_us>("memory_pressure_us", "memory.pressure, some", Unit("us")),
      Optional<&CgroupFigures::io_pressure_us>("io_pressure_us", "io.pressure, some", Unit("us")),
      Optional<&CgroupFigures::oom_kills>("oom_kills", "memory.events oom_kill"),
      Optional<&CgroupFigures::refused_forks>("refused_forks", "pids.events max"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CgroupFigures>(
      "CgroupFigures", "What the kernel counted of a cgroup in one phase.", kFields);
  return kDecl;
}

}  // namespace ktstr
