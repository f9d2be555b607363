#include "guest-init/wire/events.h"

namespace ktstr {

const StructDecl& PhaseMark::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PhaseMark::clock_ns>("clock_ns", ""),
      Required<&PhaseMark::total_iterations>("total_iterations",
                                             "of all workers so far, dead and collected ones included"),
      Required<&PhaseMark::live_workers>("live_workers", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PhaseMark>("PhaseMark", "", kFields);
  return kDecl;
}

const StructDecl& Reply::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Reply::request_id>("request_id", ""),
      Required<&Reply::clock_ns>("clock_ns", "when the request was finished"),
      Required<&Reply::error>("error", "empty: success; else one line that names the cause"),
      Required<&Reply::of_payload>("of_payload", "the error is what a payload did"),
      Required<&Reply::mark>("mark", ""),
      Required<&Reply::pid>("pid", "of the payload that was started or asked about"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Reply>("Reply", "", kFields);
  return kDecl;
}

const StructDecl& Ready::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Ready::decl_hash>("decl_hash", "must equal the host's WireHash()"),
      Required<&Ready::kernel_release>("kernel_release", ""),
      Required<&Ready::online_cpus>("online_cpus", ""),
      Required<&Ready::boot_id>("boot_id", ""),
      Required<&Ready::clock_ns>("clock_ns", ""),
      Required<&Ready::sched_ext_state>("sched_ext_state",
                                        "/sys/kernel/sched_ext/state, or empty when the kernel has none"),
      Required<&Ready::controllers>("controllers", "cgroup.controllers of the root"),
      Required<&Ready::kernel_text>("kernel_text", "the running kernel's address of _text; 0: unknown"),
      Required<&Ready::kernel_build_id>("kernel_build_id", "hex; empty: the kernel has none"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Ready>("Ready", "", kFields);
  return kDecl;
}

const StructDecl& WorkerDone::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&WorkerDone::group>("group", ""),
      Required<&WorkerDone::cgroup>("cgroup", ""),
      Required<&WorkerDone::report>("report", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<WorkerDone>("WorkerDone", "", kFields);
  return kDecl;
}

const StructDecl& PayloadOutput::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadOutput::handle>("handle", ""),
      Required<&PayloadOutput::stream>("stream", ""),
      Required<&PayloadOutput::bytes>("bytes", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PayloadOutput>("PayloadOutput", "", kFields);
  return kDecl;
}

const StructDecl& TaskWait::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&TaskWait::tid>("tid", ""),
      Required<&TaskWait::comm>("comm", ""),
      Required<&TaskWait::cpu>("cpu", "on whose run queue it waited"),
      Required<&TaskWait::phase>("phase", "at its end"),
      Required<&TaskWait::begin_ns>("begin_ns", ""),
      Required<&TaskWait::end_ns>("end_ns", ""),
      Required<&TaskWait::throttled_ns>("throttled_ns", "of it: cpu.max held its cgroup back"),
      Required<&TaskWait::machine_stopped_ns>("machine_stopped_ns", "of it: nothing at all ran in the guest"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<TaskWait>("TaskWait", "A time for which a task was runnable and did not run.", kFields);
  return kDecl;
}

const StructDecl& PayloadDone::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PayloadDone::handle>("handle", ""),
      Required<&PayloadDone::payload_index>("payload_index", "counts finalisations from 0"),
      Required<&PayloadDone::pid>("pid", "in the guest"),
      Required<&PayloadDone::end>("end",
                                  "why it was finalised: by itself, KillPayload, a timeout, the run's end"),
      Required<&PayloadDone::exit_code>("exit_code", "-1 when a signal ended it"),
      Required<&PayloadDone::signal>("signal", ""),
      Required<&PayloadDone::started_ns>("started_ns", ""),
      Required<&PayloadDone::ended_ns>("ended_ns", ""),
      Required<&PayloadDone::stdout_bytes>("stdout_bytes", "all that was written, sent or not"),
      Required<&PayloadDone::stderr_bytes>("stderr_bytes", ""),
      Optional<&PayloadDone::longest_wait>("longest_wait", "of one of its tasks; none under half a second"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PayloadDone>("PayloadDone", "", kFields);
  return kDecl;
}

const StructDecl& FileContent::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&FileContent::path>("path", ""),
      Required<&FileContent::offset>("offset", ""),
      Required<&FileContent::bytes>("bytes", ""),
      Required<&FileContent::last>("last", "the file ends with it"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<FileContent>("FileContent", "", kFields);
  return kDecl;
}

const StructDecl& KernelMessage::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&KernelMessage::sequence>("sequence", ""),
      Required<&KernelMessage::at_us>("at_us", "the log's own clock, microseconds since boot"),
      Required<&KernelMessage::priority>("priority", "level + 8 * facility"),
      Required<&KernelMessage::text>("text", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<KernelMessage>("KernelMessage", "", kFields);
  return kDecl;
}

const StructDecl& KernelMessages::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&KernelMessages::early>("early", "they are from before the Program"),
      Required<&KernelMessages::lost>("lost", "so many were overwritten before they could be read"),
      Required<&KernelMessages::taint>("taint", "the taint mask after them"),
      Required<&KernelMessages::fault>("fault", "why the log cannot be read"),
      Required<&KernelMessages::messages>("messages", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<KernelMessages>("KernelMessages", "", kFields);
  return kDecl;
}

const StructDecl& Warning::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Warning::text>("text", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Warning>("Warning", "", kFields);
  return kDecl;
}

const StructDecl& ChannelFault::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ChannelFault::text>("text", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<ChannelFault>("ChannelFault", "", kFields);
  return kDecl;
}

}  // namespace ktstr
