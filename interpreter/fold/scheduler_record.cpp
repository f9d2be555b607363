#include "interpreter/fold/scheduler_record.h"

#include "guest-init/base/one_line.h"
#include "guest-init/base/signal_name.h"

namespace ktstr {
namespace {

constexpr std::size_t kMostWords = 300;

std::string HowProgramEnded(const SchedulerRecord& record) {
  if (!record.program) return "it is not known how its program ended";
  if (record.program->signal != 0) return "its program was killed by " + SignalName(record.program->signal);
  return "its program exited with code " + std::to_string(record.program->exit_code);
}

}  // namespace

std::string HowSchedulerEnded(const SchedulerRecord& record) {
  switch (record.end) {
    case SchedulerEnd::kProgramKilled:
    case SchedulerEnd::kProgramExited:
      return HowProgramEnded(record);
    case SchedulerEnd::kUnregistered:
      return "its program unregistered it and ran on";
    case SchedulerEnd::kUnknown:
      return "the kernel had disabled it, and its log does not say why";
    case SchedulerEnd::kDetached:
      return "it was detached";
    default:
      return record.message.empty() ? record.reason
                                    : record.reason + ": " + OneLine(record.message, kMostWords);
  }
}

const StructDecl& SchedulerRecord::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SchedulerRecord::handle>("handle", ""),
      Required<&SchedulerRecord::name>("name", "the scenario's"),
      Required<&SchedulerRecord::ops>("ops", "its own name"),
      Required<&SchedulerRecord::phase>("phase", "in which it was attached"),
      Required<&SchedulerRecord::attached_ns>("attached_ns", ""),
      Required<&SchedulerRecord::end>("end", "how it ended"),
      Required<&SchedulerRecord::reason>("reason", "the kernel's word for that"),
      Required<&SchedulerRecord::message>("message", "what the kernel or its own code said of it"),
      Required<&SchedulerRecord::stack>("stack", "of the kernel, where it was ejected"),
      Required<&SchedulerRecord::ended_ns>("ended_ns", "0: not before it was detached"),
      Required<&SchedulerRecord::end_phase>("end_phase", ""),
      Required<&SchedulerRecord::after_phase>("after_phase", "that phase had ended and no other had begun"),
      Optional<&SchedulerRecord::program>("program", "how its program ended"),
      Required<&SchedulerRecord::stderr_end>("stderr_end", "of its program"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<SchedulerRecord>("SchedulerRecord", "What became of a sched_ext scheduler.", kFields);
  return kDecl;
}

}  // namespace ktstr
