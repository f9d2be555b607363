// NetTraffic: frames over a network card, and the interrupts that they make.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/wire_frames.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct NetTraffic {
  std::uint64_t interval_us = 0;
  std::uint64_t frame_bytes = 60;
  static const StructDecl& Decl();
};

const StructDecl& NetTraffic::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&NetTraffic::interval_us>("interval_us", "The sleep behind each frame; 0: none.",
                                         Between(0, 1e9, "us")),
      Optional<&NetTraffic::frame_bytes>("frame_bytes", "The length of a frame.",
                                         Between(kMinFrameBytes, kMaxFrameBytes, "bytes")),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<NetTraffic>("NetTraffic",
                                "Sends a frame from one network card of the machine to the other, where "
                                "nobody waits for it; that is one "
                                "iteration and one work unit. Both cards interrupt CPUs for it.",
                                kFields);
  return kDecl;
}

void Run(const NetTraffic& traffic, WorkerContext& context) {
  context.CountRefusals(0);
  FrameSender sender(traffic.frame_bytes, 0, context);
  while (!context.ShouldStop()) {
    if (sender.Send()) context.EndIteration(1);
    if (traffic.interval_us > 0) context.SleepFor(traffic.interval_us * 1000);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_net_traffic = DeclareWorkType<NetTraffic, Run>(
    {.needs_nics = true, .refusal = "a frame that the kernel dropped, as the card's queue was full"});

}  // namespace ktstr
