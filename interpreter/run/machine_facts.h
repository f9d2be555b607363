// What a scenario ran on, for reports.
#pragma once

#include <cstdint>
#include <string>

#include "guest-init/base/decl.h"
#include "interpreter/judge/cpu_grade.h"

namespace ktstr {

/// What QEMU and the guest were, for reports.
struct MachineFacts {
  std::string kernel_release;
  std::string qemu;  // its version, "7.2.22"; "" when it did not start
  std::string accel;
  std::string clock;
  std::string topology;
  std::uint32_t memory_mib = 0;
  std::string started;           // "clone of 0123456789abcdef" or "boot"
  std::string confinement;       // what holds QEMU on this host: vmm/host/confinement.h
  bool prepared = false;         // the clone had been made ready before the run began
  std::uint64_t file_bytes = 0;  // payload files that were sent to the guest after its start
  double ready_ms = 0;           // host time from the start of the run to guest-init's first frame
  double files_ms = 0;           // host time until those files were in place, beyond ready_ms
  double total_ms = 0;           // host time of the whole run
  CpuGrade cpu_quality = CpuGrade::kNotMeasured;  // of this host, while the plan was carried out
  double cpu_wait_pct = 0;                        // share of the time QEMU wanted a CPU in which it had none
  double guest_ms = 0;                            // guest time from its first answer to its last
  static const StructDecl& Decl();
};

/// "clone of 0123456789abcdef in 43 ms, prepared". REQUIRES: the guest has answered.
std::string StartedText(const MachineFacts& machine);

}  // namespace ktstr
