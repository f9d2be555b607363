// The declarations of what is said of sched_ext schedulers.
#include "guest-init/wire/messages.h"

namespace ktstr {

const StructDecl& AttachBudget::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&AttachBudget::cpu_ns>("cpu_ns", "of the program's own CPU time"),
      Required<&AttachBudget::wall_ns>("wall_ns", "of all time"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<AttachBudget>("AttachBudget", "", kFields);
  return kDecl;
}

const StructDecl& StopScheduler::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&StopScheduler::handle>("handle", ""),
      Required<&StopScheduler::timeout_ns>("timeout_ns", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<StopScheduler>("StopScheduler", "", kFields);
  return kDecl;
}

const StructDecl& KernelFileWrite::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&KernelFileWrite::file>("file", ""),
      Required<&KernelFileWrite::value>("value", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<KernelFileWrite>("KernelFileWrite", "", kFields);
  return kDecl;
}

const StructDecl& SwitchBuiltIn::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SwitchBuiltIn::name>("name", ""),
      Required<&SwitchBuiltIn::attach>("attach", "or detach"),
      Required<&SwitchBuiltIn::writes>("writes", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SwitchBuiltIn>("SwitchBuiltIn", "", kFields);
  return kDecl;
}

const StructDecl& SchedulerLook::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SchedulerLook::handle>("handle", ""),
      Required<&SchedulerLook::moment>("moment", ""),
      Required<&SchedulerLook::state>("state", "/sys/kernel/sched_ext/state"),
      Required<&SchedulerLook::ops>("ops", "the name that the scheduler gave itself"),
      Required<&SchedulerLook::attached>("attached", "how many have been attached since boot"),
      Required<&SchedulerLook::clock_ns>("clock_ns", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SchedulerLook>("SchedulerLook", "", kFields);
  return kDecl;
}

const StructDecl& SchedulerDump::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SchedulerDump::text>("text", "whole lines"),
      Required<&SchedulerDump::cut>("cut", "the guest could not keep all of it"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SchedulerDump>("SchedulerDump", "", kFields);
  return kDecl;
}

}  // namespace ktstr
