#include "vmm/kernel/scheduler_sources.h"

#include <array>
#include <cstdint>

extern "C" {  // NOLINTBEGIN: defined by scheduler_sources_text.S
extern const char ktstr_scx_bpf_source_begin[];
extern const std::uint64_t ktstr_scx_bpf_source_size;
extern const char ktstr_scx_loader_source_begin[];
extern const std::uint64_t ktstr_scx_loader_source_size;
extern const char ktstr_scx_faults_source_begin[];
extern const std::uint64_t ktstr_scx_faults_source_size;
}  // NOLINTEND

namespace ktstr::vmm {

std::span<const CarriedSource> OurSchedulerSources() {
  static const std::array<CarriedSource, 3> sources = {{
      {"ktstr_scx.bpf.c", {ktstr_scx_bpf_source_begin, ktstr_scx_bpf_source_size}},
      {"ktstr_scx.c", {ktstr_scx_loader_source_begin, ktstr_scx_loader_source_size}},
      {"ktstr_scx_faults.inc", {ktstr_scx_faults_source_begin, ktstr_scx_faults_source_size}},
  }};
  return sources;
}

}  // namespace ktstr::vmm
