#include "interpreter/run/run_event.h"

namespace ktstr {

const StructDecl& RunEvent::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&RunEvent::kind>("kind", "What happened."),
      Required<&RunEvent::host_us>("host_us", "Host time since the start of the run.", Unit("us")),
      Required<&RunEvent::clock_ns>("clock_ns", "Guest clock where it is known, else 0.", Unit("ns")),
      Required<&RunEvent::phase>("phase", "The phase: 0 BASELINE, k the k-th step."),
      Required<&RunEvent::path>("path", "The place in the scenario it belongs to."),
      Required<&RunEvent::text>("text", "Details, for people."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<RunEvent>("RunEvent", "Something that happened during a run.", kFields);
  return kDecl;
}

}  // namespace ktstr
