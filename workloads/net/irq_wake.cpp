// IrqWake: a task that a network card's interrupt wakes.
#include <unistd.h>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/wire_frames.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct IrqWake {
  std::uint64_t interval_us = 1000;
  std::uint64_t frame_bytes = 60;
  static const StructDecl& Decl();
};

const StructDecl& IrqWake::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&IrqWake::interval_us>("interval_us", "The sender's sleep behind each frame.",
                                      Between(1, 1e9, "us")),
      Optional<&IrqWake::frame_bytes>("frame_bytes", "The length of a frame.",
                                      Between(kMinFrameBytes, kMaxFrameBytes, "bytes")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<IrqWake>(
      "IrqWake",
      "Pairs: one sends frames from one network card of the machine to the other, whose interrupt wakes its "
      "partner, which waits for them. A frame sent, and a frame received, is one iteration and one work "
      "unit.",
      kFields);
  return kDecl;
}

void SendFrames(const IrqWake& wake, WorkerContext& context) {
  // The partner receives by now, and this is what its frames are known by.
  if (!context.WaitWhile(context.GroupWord(), 0)) return;
  FrameSender sender(wake.frame_bytes, context.GroupWord().load(), context);
  while (!context.ShouldStop()) {
    if (sender.Send()) context.EndIteration(1);
    context.SleepFor(wake.interval_us * 1000);
  }
}

void ReceiveFrames(WorkerContext& context) {
  const auto token = static_cast<std::uint32_t>(getpid());
  FrameReceiver receiver(token, context);
  context.GroupWord().store(token);
  FutexWake(context.GroupWord(), 1);
  while (!context.ShouldStop())
    if (receiver.Receive()) context.EndIteration(1);
}

void Run(const IrqWake& wake, WorkerContext& context) {
  context.CountRefusals(0);
  if (context.position() == 0)
    SendFrames(wake, context);
  else
    ReceiveFrames(context);
}

}  // namespace

extern constexpr WorkTypeDecl work_type_irq_wake = DeclareWorkType<IrqWake, Run>(
    {.group_size = 2,
     .wake_sample = "of the one that receives, from when the kernel took the frame out of the card, in the "
                    "softirq that its interrupt raised, until it runs; the way to there is not in it",
     .needs_nics = true,
     .refusal = "a frame that the kernel dropped, as the card's queue was full"});

}  // namespace ktstr
