#include "vmm/kernel/scheduler_sources.h"

#include <array>
#include <cstdint>

extern "C" {  // NOLINTBEGIN: defined by scheduler_sources_text.S
extern const char ktstr_load_source_begin[];
extern const std::uint64_t ktstr_load_source_size;
extern const char ktstr_load_rule_source_begin[];
extern const std::uint64_t ktstr_load_rule_source_size;
extern const char ktstr_probe_bpf_source_begin[];
extern const std::uint64_t ktstr_probe_bpf_source_size;
extern const char ktstr_probe_loader_source_begin[];
extern const std::uint64_t ktstr_probe_loader_source_size;
extern const char ktstr_probe_arm_source_begin[];
extern const std::uint64_t ktstr_probe_arm_source_size;
extern const char ktstr_probe_types_source_begin[];
extern const std::uint64_t ktstr_probe_types_source_size;
extern const char ktstr_probe_shared_source_begin[];
extern const std::uint64_t ktstr_probe_shared_source_size;
extern const char ktstr_scx_bpf_source_begin[];
extern const std::uint64_t ktstr_scx_bpf_source_size;
extern const char ktstr_scx_loader_source_begin[];
extern const std::uint64_t ktstr_scx_loader_source_size;
extern const char ktstr_scx_faults_source_begin[];
extern const std::uint64_t ktstr_scx_faults_source_size;
}  // NOLINTEND

namespace ktstr::vmm {

std::span<const CarriedSource> OurSchedulerSources() {
  static const std::array<CarriedSource, 10> sources = {{
      {"ktstr_load", "ktstr_load.c", {ktstr_load_source_begin, ktstr_load_source_size}},
      {"ktstr_load", "ktstr_load.mk", {ktstr_load_rule_source_begin, ktstr_load_rule_source_size}},
      {"ktstr_probe", "ktstr_probe.bpf.c", {ktstr_probe_bpf_source_begin, ktstr_probe_bpf_source_size}},
      {"ktstr_probe", "ktstr_probe.c", {ktstr_probe_loader_source_begin, ktstr_probe_loader_source_size}},
      {"ktstr_probe", "ktstr_probe_arm.inc", {ktstr_probe_arm_source_begin, ktstr_probe_arm_source_size}},
      {"ktstr_probe",
       "ktstr_probe_types.inc",
       {ktstr_probe_types_source_begin, ktstr_probe_types_source_size}},
      {"ktstr_probe", "ktstr_probe.inc", {ktstr_probe_shared_source_begin, ktstr_probe_shared_source_size}},
      {"ktstr_scx", "ktstr_scx.bpf.c", {ktstr_scx_bpf_source_begin, ktstr_scx_bpf_source_size}},
      {"ktstr_scx", "ktstr_scx.c", {ktstr_scx_loader_source_begin, ktstr_scx_loader_source_size}},
      {"ktstr_scx", "ktstr_scx_faults.inc", {ktstr_scx_faults_source_begin, ktstr_scx_faults_source_size}},
  }};
  return sources;
}

}  // namespace ktstr::vmm
