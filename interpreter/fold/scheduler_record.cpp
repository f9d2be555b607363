#include "interpreter/fold/scheduler_record.h"

#include <array>
#include <cstdio>

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

std::string WhereItWaited(const QueuedTask& task) {
  // As the kernel numbers those that it makes itself.
  constexpr std::uint64_t kGlobal = 0x8000000000000001;
  constexpr std::uint64_t kLocal = 0x8000000000000002;
  if (!task.dsq) return "its own code held it, in no dispatch queue";
  if (*task.dsq == kGlobal) return "it was in the global dispatch queue";
  if (*task.dsq == kLocal) return "it was in the local dispatch queue of CPU " + std::to_string(task.cpu);
  std::array<char, 20> id{};
  std::snprintf(id.data(), id.size(), "%#llx", static_cast<unsigned long long>(*task.dsq));
  return std::string("it was in its dispatch queue ") + id.data();
}

const StructDecl& QueuedTask::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&QueuedTask::phase>("phase", "the last one that had begun"),
      Required<&QueuedTask::pid>("pid", ""),
      Required<&QueuedTask::cpu>("cpu", "whose run queue it was on"),
      Required<&QueuedTask::waited_ms>("waited_ms", "since it became runnable"),
      Optional<&QueuedTask::dsq>("dsq", "the dispatch queue it was in; absent: the scheduler's code held it"),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<QueuedTask>("QueuedTask", "A task that was runnable under sched_ext.", kFields);
  return kDecl;
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
