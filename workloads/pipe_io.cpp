// PipeIo: pairs that wake each other through pipes.
#include <poll.h>
#include <unistd.h>

#include "workloads/work_type.h"
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

/// Waits for the partner's byte; false when the group was asked to stop first.
bool AwaitByte(WorkerContext& context) {
  pollfd own{context.OwnPipe(), POLLIN, 0};
  while (!context.ShouldStop()) {
    if (poll(&own, 1, static_cast<int>(kStopPollNs / 1'000'000)) != 1) continue;
    char byte = 0;
    return read(own.fd, &byte, 1) == 1;
  }
  return false;
}

void Run(const PipeIo& pipe_io, WorkerContext& context) {
  const int partner = context.PipeTo(1 - context.position());
  while (!context.ShouldStop()) {
    context.Spin(pipe_io.burst_iters);
    // Never blocks: at most one byte of each partner is under way. A failure shows as a stop of progress.
    const char byte = 'p';
    [[maybe_unused]] const ssize_t written = write(partner, &byte, 1);
    const std::uint64_t begin = context.BeginBlock();
    const bool woken = AwaitByte(context);
    const std::uint64_t blocked = context.EndBlock(begin);
    if (!woken) break;
    context.RecordWake(blocked);
    context.EndIteration(pipe_io.burst_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_pipe_io =
    DeclareWorkType<PipeIo, Run>({.group_size = 2,
                                  .wake_sample = "the time blocked in poll until the partner's byte came",
                                  .uses_pipes = true});

}  // namespace ktstr
