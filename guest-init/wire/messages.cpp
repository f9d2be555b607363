#include "guest-init/wire/messages.h"

#include "guest-init/wire/codec.h"

namespace ktstr {

const StructDecl& EnableControllers::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&EnableControllers::controllers>("controllers", ""),
      Optional<&EnableControllers::nested>("nested", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<EnableControllers>("EnableControllers", "", kFields);
  return kDecl;
}

const StructDecl& CreateCgroup::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&CreateCgroup::cgroup>("cgroup", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<CreateCgroup>("CreateCgroup", "", kFields);
  return kDecl;
}

const StructDecl& WriteCgroupFile::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&WriteCgroupFile::cgroup>("cgroup", ""),
      Required<&WriteCgroupFile::file>("file", ""),
      Required<&WriteCgroupFile::value>("value", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<WriteCgroupFile>("WriteCgroupFile", "", kFields);
  return kDecl;
}

const StructDecl& DestroyCgroup::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&DestroyCgroup::cgroup>("cgroup", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<DestroyCgroup>("DestroyCgroup", "", kFields);
  return kDecl;
}

const StructDecl& StartWorkers::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&StartWorkers::group>("group", "chosen by the host, unique in a run"),
      Required<&StartWorkers::cgroup>("cgroup", ""),
      Required<&StartWorkers::count>("count", ""),
      Required<&StartWorkers::work_type>("work_type", ""),
      Required<&StartWorkers::work_params>("work_params", ""),
      Required<&StartWorkers::group_idx>("group_idx", "position of the work entry in its cgroup"),
      Required<&StartWorkers::policy>("policy", ""),
      Required<&StartWorkers::rt_priority>("rt_priority", ""),
      Required<&StartWorkers::dl_runtime_ns>("dl_runtime_ns", ""),
      Required<&StartWorkers::dl_deadline_ns>("dl_deadline_ns", ""),
      Required<&StartWorkers::dl_period_ns>("dl_period_ns", ""),
      Required<&StartWorkers::nice>("nice", ""),
      Required<&StartWorkers::affinity>("affinity", "empty: inherit"),
      Required<&StartWorkers::affinity_random_count>("affinity_random_count",
                                                     "> 0: each worker draws so many CPUs out of `affinity`"),
      Required<&StartWorkers::comm>("comm", ""),
      Required<&StartWorkers::uid>("uid", ""),
      Required<&StartWorkers::gid>("gid", ""),
      Required<&StartWorkers::seed>("seed", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<StartWorkers>("StartWorkers", "", kFields);
  return kDecl;
}

const StructDecl& SetFrozen::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SetFrozen::cgroup>("cgroup", ""),
      Required<&SetFrozen::frozen>("frozen", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SetFrozen>("SetFrozen", "", kFields);
  return kDecl;
}

const StructDecl& StopCgroupTasks::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&StopCgroupTasks::cgroup>("cgroup", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<StopCgroupTasks>("StopCgroupTasks", "", kFields);
  return kDecl;
}

const StructDecl& StopWorkers::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&StopWorkers::groups>("groups", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<StopWorkers>("StopWorkers", "", kFields);
  return kDecl;
}

const StructDecl& AwaitReadiness::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&AwaitReadiness::file>("file", "it exists"),
      Required<&AwaitReadiness::output_pattern>("output_pattern", "found in a line of its output"),
      Required<&AwaitReadiness::timeout_ns>("timeout_ns", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<AwaitReadiness>("AwaitReadiness", "", kFields);
  return kDecl;
}

const StructDecl& StartPayload::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&StartPayload::handle>("handle", "chosen by the host, unique in a run"),
      Required<&StartPayload::name>("name", ""),
      Required<&StartPayload::cgroup>("cgroup", ""),
      Required<&StartPayload::argv>("argv", "argv[0] is a name in kPayloadBin"),
      Required<&StartPayload::env>("env", "NAME=value, beside PATH, HOME, TMPDIR"),
      Required<&StartPayload::own_process_group>("own_process_group", ""),
      Required<&StartPayload::whole_output>("whole_output", "all output is sent"),
      Required<&StartPayload::ready>("ready", "what shows that it is ready"),
      Required<&StartPayload::attach>("attach", "it is a sched_ext scheduler"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<StartPayload>("StartPayload", "", kFields);
  return kDecl;
}

const StructDecl& AwaitPayload::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&AwaitPayload::handle>("handle", ""),
      Required<&AwaitPayload::timeout_ns>("timeout_ns", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<AwaitPayload>("AwaitPayload", "", kFields);
  return kDecl;
}

const StructDecl& StopPayload::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&StopPayload::handle>("handle", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<StopPayload>("StopPayload", "", kFields);
  return kDecl;
}

const StructDecl& PollPayload::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PollPayload::handle>("handle", ""),
      Required<&PollPayload::expect_running>("expect_running", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PollPayload>("PollPayload", "", kFields);
  return kDecl;
}

const StructDecl& MarkPhase::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&MarkPhase::phase>("phase", "0: BASELINE, 1..N: the steps"),
      Required<&MarkPhase::end>("end", "the end of the phase: kBetweenPhases begins"),
      Required<&MarkPhase::opening>("opening", "its first Ops are to come; another mark follows them"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<MarkPhase>("MarkPhase", "", kFields);
  return kDecl;
}

const StructDecl& Hold::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Hold::duration_ns>("duration_ns", ""),
      Required<&Hold::from_mark>("from_mark", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Hold>("Hold", "", kFields);
  return kDecl;
}

const StructDecl& SetHoldMark::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<SetHoldMark>("SetHoldMark", "", {});
  return kDecl;
}

const StructDecl& Finish::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Finish::at_once>("at_once", "overtake the requests that are not answered yet"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<Finish>("Finish", "", kFields);
  return kDecl;
}

const StructDecl& Program::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<Program>("Program", "", {});
  return kDecl;
}

const StructDecl& PutFile::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PutFile::path>("path", "absolute"),
      Required<&PutFile::mode>("mode", "permission bits"),
      Required<&PutFile::append>("append", ""),
      Required<&PutFile::content>("content", ""),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PutFile>("PutFile", "", kFields);
  return kDecl;
}

const StructDecl& ReadFile::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ReadFile::path>("path", "absolute"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<ReadFile>("ReadFile", "", kFields);
  return kDecl;
}

const StructDecl& PinMap::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&PinMap::name>("name", "its first 15 characters count"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PinMap>("PinMap", "", kFields);
  return kDecl;
}

const StructDecl& PauseMachine::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<PauseMachine>("PauseMachine", "", {});
  return kDecl;
}

const StructDecl& SetIdentity::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SetIdentity::wall_ns>("wall_ns", "CLOCK_REALTIME; 0: as it is"),
      Required<&SetIdentity::entropy>("entropy", "mixed into the kernel's random pool and credited"),
  };
  static constexpr StructDecl kDecl = DeclareStruct<SetIdentity>("SetIdentity", "", kFields);
  return kDecl;
}

const StructDecl& Park::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<Park>("Park", "", {});
  return kDecl;
}

const StructDecl& Ping::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<Ping>("Ping", "", {});
  return kDecl;
}

std::span<const StructDecl* const> RequestTypes() { return DeclsOf(Requests()); }
std::span<const StructDecl* const> EventTypes() { return DeclsOf(Events()); }

std::uint64_t WireHash(std::span<const StructDecl* const> work_types) {
  std::vector<const StructDecl*> roots(RequestTypes().begin(), RequestTypes().end());
  roots.insert(roots.end(), EventTypes().begin(), EventTypes().end());
  roots.push_back(&Reply::Decl());
  roots.insert(roots.end(), work_types.begin(), work_types.end());
  return DeclHash(roots);
}

}  // namespace ktstr
