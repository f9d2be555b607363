#include "interpreter/run/machine_facts.h"

#include <fmt/format.h>

namespace ktstr {

const StructDecl& MachineFacts::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&MachineFacts::kernel_release>("kernel_release", "As uname -r prints it in the guest."),
      Required<&MachineFacts::qemu>("qemu", "QEMU's version; empty when it did not start."),
      Required<&MachineFacts::accel>("accel", "kvm or tcg."),
      Required<&MachineFacts::clock>("clock",
                                     "wall or virtual. With virtual all times but those in `host` are the "
                                     "guest's own, and comparisons with a wall clock do not apply."),
      Required<&MachineFacts::guest_ms>("guest_ms", "Guest time from its first answer to its last.",
                                        Unit("ms")),
      Required<&MachineFacts::topology>("topology", "NUMA nodes, LLCs, cores per LLC, threads per core."),
      Required<&MachineFacts::memory_mib>("memory_mib", "Guest memory.", Unit("MiB")),
      Required<&MachineFacts::started>("started", "`clone of T`, T being a template's key, or `boot`."),
      Required<&MachineFacts::confinement>(
          "confinement",
          "What keeps a QEMU that a guest has taken over from this host, and "
          "what of it this host lacks; empty when QEMU did not start."),
      Required<&MachineFacts::prepared>("prepared", "The clone was made ready before the run began."),
      Required<&MachineFacts::file_bytes>("file_bytes", "Payload files sent to the guest after its start.",
                                          Unit("bytes")),
      Required<&MachineFacts::ready_ms>(
          "ready_ms", "Host time until guest-init answered; 0 when it never did.", Unit("ms")),
      Required<&MachineFacts::files_ms>(
          "files_ms", "Host time until those files were in place, beyond ready_ms.", Unit("ms")),
      Required<&MachineFacts::total_ms>("total_ms", "Host time of the whole run.", Unit("ms")),
      Required<&MachineFacts::cpu_quality>("cpu_quality", "How well this host's CPUs served QEMU."),
      Required<&MachineFacts::cpu_wait_pct>(
          "cpu_wait_pct", "Share of the time QEMU wanted a CPU in which it had none.", Unit("%")),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<MachineFacts>("MachineFacts", "The machine a scenario ran on.", kFields);
  return kDecl;
}

std::string StartedText(const MachineFacts& machine) {
  return fmt::format("{} in {:.0f} ms{}", machine.started, machine.ready_ms,
                     machine.prepared ? ", prepared" : "");
}

}  // namespace ktstr
