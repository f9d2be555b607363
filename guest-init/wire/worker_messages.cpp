// The declarations of the requests that change what lives: workers, files, CPUs.
#include "guest-init/wire/messages.h"

namespace ktstr {

const StructDecl& MoveWorkers::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&MoveWorkers::groups>("groups", ""),
      Required<&MoveWorkers::cgroup>("cgroup", "where to"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<MoveWorkers>("MoveWorkers", "", kFields);
  return kDecl;
}

const StructDecl& TaskCpus::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&TaskCpus::cpus>("cpus", ""),
      Required<&TaskCpus::random_count>("random_count", "> 0: each worker draws so many out of `cpus`"),
      Required<&TaskCpus::seed>("seed", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<TaskCpus>("TaskCpus", "", kFields);
  return kDecl;
}

const StructDecl& TaskPolicy::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&TaskPolicy::policy>("policy", ""),
      Required<&TaskPolicy::rt_priority>("rt_priority", ""),
      Required<&TaskPolicy::dl_runtime_ns>("dl_runtime_ns", ""),
      Required<&TaskPolicy::dl_deadline_ns>("dl_deadline_ns", ""),
      Required<&TaskPolicy::dl_period_ns>("dl_period_ns", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<TaskPolicy>("TaskPolicy", "", kFields);
  return kDecl;
}

const StructDecl& AdjustWorkers::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&AdjustWorkers::groups>("groups", ""),
      Required<&AdjustWorkers::cpus>("cpus", ""),
      Required<&AdjustWorkers::policy>("policy", ""),
      Required<&AdjustWorkers::nice>("nice", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<AdjustWorkers>("AdjustWorkers", "", kFields);
  return kDecl;
}

const StructDecl& SignalTasks::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SignalTasks::groups>("groups", ""),
      Required<&SignalTasks::payload>("payload", "its handle"),
      Required<&SignalTasks::signal>("signal", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SignalTasks>("SignalTasks", "", kFields);
  return kDecl;
}

const StructDecl& WriteGuestFile::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&WriteGuestFile::path>("path", ""),
      Required<&WriteGuestFile::value>("value", ""),
      Required<&WriteGuestFile::expected_errno>("expected_errno", "0: it has to succeed"),
      Required<&WriteGuestFile::save>("save", "what it held is kept under this number"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<WriteGuestFile>("WriteGuestFile", "", kFields);
  return kDecl;
}

const StructDecl& PutBackFile::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PutBackFile::saved>("saved", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PutBackFile>("PutBackFile", "", kFields);
  return kDecl;
}

const StructDecl& AwaitFile::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&AwaitFile::path>("path", ""), Required<&AwaitFile::pattern>("pattern", ""),
      Required<&AwaitFile::key>("key", ""),   Optional<&AwaitFile::min>("min", ""),
      Optional<&AwaitFile::max>("max", ""),   Required<&AwaitFile::timeout_ns>("timeout_ns", "", Unit("ns")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<AwaitFile>("AwaitFile", "", kFields);
  return kDecl;
}

const StructDecl& SetCpuOnline::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SetCpuOnline::cpu>("cpu", ""),
      Required<&SetCpuOnline::online>("online", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SetCpuOnline>("SetCpuOnline", "", kFields);
  return kDecl;
}

}  // namespace ktstr
