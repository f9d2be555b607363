// Sequence: other work types in turn.
#include <algorithm>
#include <array>
#include <vector>

#include "guest-init/base/clock.h"
#include "guest-init/base/units.h"
#include "workloads/work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct SequenceSleep {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl = DeclareStruct<SequenceSleep>("Sleep", "Sleeps.", {});
    return kDecl;
  }
};

/// What a part may be: sleep, or a work type of one worker that leaves nothing behind.
struct SequenceParts {
  static constexpr std::string_view kName = "part of a Sequence";
  static std::span<const StructDecl* const> Alternatives() {
    static const auto kAll = [] {
      std::vector<const StructDecl*> all = {&SequenceSleep::Decl()};
      for (const char* name : {"SpinWait", "AluHot", "IpcVariance", "CachePressure", "CacheYield",
                               "PageFaultChurn", "YieldHeavy", "Mixed", "Bursty", "IdleChurn", "TimerLatency",
                               "NiceSweep", "AffinityChurn", "PolicyChurn"})
        all.push_back(&FindWorkType(name)->params());
      return all;
    }();
    return kAll;
  }
};

struct SequencePart {
  Variant<SequenceParts> type;
  Duration duration;
  static const StructDecl& Decl();
};

const StructDecl& SequencePart::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&SequencePart::type>("type",
                                    "Sleep, or a work type; that one's parameters are written beside it."),
      Required<&SequencePart::duration>("for", "How long."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<SequencePart>("SequencePart", "One part of a Sequence.", kFields);
  return kDecl;
}

struct Sequence {
  std::vector<SequencePart> phases;
  static const StructDecl& Decl();
};

void CheckSequence(const void* object, RuleSink& sink) {
  const auto& phases = static_cast<const Sequence*>(object)->phases;
  const auto sleeps = [](const SequencePart& part) { return part.type.Is<SequenceSleep>(); };
  if (std::all_of(phases.begin(), phases.end(), sleeps))
    sink.Diagnose("phases", "they only sleep; one of them has to do some work");
  for (std::size_t i = 0; i < phases.size(); ++i)
    if (phases[i].duration.ns == 0)
      sink.Diagnose("phases/" + std::to_string(i) + "/for", "must be more than 0s");
}

const StructDecl& Sequence::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Sequence::phases>("phases", "Its parts, in the order in which they follow each other.",
                                  NonEmpty()),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<Sequence>(
        "Sequence",
        "Does one thing after the other for as long as each says, over and over; once through all of them is "
        "one iteration, work units and samples are those of the parts.",
        kFields);
    decl.rules = &CheckSequence;
    return decl;
  }();
  return kDecl;
}

void RunOne(const SequencePart& part, WorkerContext& context) {
  const auto duration = static_cast<std::uint64_t>(part.duration.ns);
  if (part.type.Is<SequenceSleep>()) {
    const std::uint64_t late = context.SleepFor(duration);
    if (!context.ShouldStop()) context.RecordWake(late);
    return;
  }
  const WorkTypeDecl& type = *FindWorkType(part.type.decl()->name);
  context.RunPart(MonotonicNs() + duration, [&] { type.run(part.type.data(), context); });
}

void Run(const Sequence& sequence, WorkerContext& context) {
  while (!context.ShouldStop()) {
    for (const SequencePart& part : sequence.phases)
      if (!context.ShouldStop()) RunOne(part, context);
    if (!context.ShouldStop()) context.EndIteration(0);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_sequence = DeclareWorkType<Sequence, Run>(
    {.wake_sample = "those of its parts; how much later than its end it runs again after a Sleep",
     .timer_sample = "those of TimerLatency among its parts",
     .iteration_cost = "those of its parts"});

}  // namespace ktstr
