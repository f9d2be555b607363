// SmtSiblingSpin: pairs that show what a busy SMT sibling costs.
#include "guest-init/base/clock.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct SmtSiblingSpin {
  static const StructDecl& Decl() {
    static constexpr StructDecl kDecl =
        DeclareStruct<SmtSiblingSpin>("SmtSiblingSpin",
                                      "Pairs that spin, to be put on two siblings of a core (affinity: "
                                      "smt_sibling_pair); 1024 spins are one "
                                      "iteration, whose time is its cost, and 1024 work units.",
                                      {});
    return kDecl;
  }
};

void Run(const SmtSiblingSpin&, WorkerContext& context) {
  while (!context.ShouldStop()) {
    const std::uint64_t begin = MonotonicNs();
    context.Spin(1024);
    context.RecordIterationCost(MonotonicNs() - begin);
    context.EndIteration(1024);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_smt_sibling_spin = DeclareWorkType<SmtSiblingSpin, Run>(
    {.group_size = 2, .iteration_cost = "1024 spins by the clock, time without a CPU included"});

}  // namespace ktstr
