// AluHot: nothing but arithmetic.
#include "guest-init/base/clock.h"
#include "workloads/worker/alu.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct AluHot {
  AluWidth width = AluWidth::kWidest;
  static const StructDecl& Decl();
};

const StructDecl& AluHot::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&AluHot::width>("width",
                               "How wide the numbers are; one that the CPU does not have is an ERROR."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<AluHot>(
      "AluHot",
      "Multiplies in four independent chains; 1024 steps of them are one iteration, whose time is its cost, "
      "and 1024 work units.",
      kFields);
  return kDecl;
}

void Run(const AluHot& alu_hot, WorkerContext& context) {
  if (!AluChains::Has(alu_hot.width))
    context.Fail("this CPU has no " + std::string(kAluWidths[static_cast<std::size_t>(alu_hot.width)].name));
  AluChains chains(alu_hot.width);
  while (!context.ShouldStop()) {
    const std::uint64_t begin = MonotonicNs();
    chains.Step();
    context.RecordIterationCost(MonotonicNs() - begin);
    context.EndIteration(kAluSteps);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_alu_hot =
    DeclareWorkType<AluHot, Run>({.iteration_cost = "1024 steps by the clock, time without a CPU included"});

}  // namespace ktstr
