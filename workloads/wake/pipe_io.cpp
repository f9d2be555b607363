// PipeIo: pairs that wake each other through pipes.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct PipeIo {
  std::uint64_t burst_iters = 1024;
  static const StructDecl& Decl();
};

const StructDecl& PipeIo::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&PipeIo::burst_iters>("burst_iters", "Spins before each exchange; they are its work units.",
                                     Between(1, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<PipeIo>(
      "PipeIo", "Pairs: spin, write one byte to the partner, wait for the partner's byte.", kFields);
  return kDecl;
}

void Run(const PipeIo& pipe_io, WorkerContext& context) {
  while (!context.ShouldStop()) {
    context.Spin(pipe_io.burst_iters);
    context.Send(1 - context.position());  // never blocks: at most one byte of each partner is under way
    if (!context.Receive()) break;
    context.EndIteration(pipe_io.burst_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_pipe_io =
    DeclareWorkType<PipeIo, Run>({.group_size = 2,
                                  .wake_sample = "from the partner's write until it runs",
                                  .channel = GroupChannel::kPipes});

}  // namespace ktstr
