// FutexPingPong: pairs that hand a token back and forth through a shared futex word.
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct FutexPingPong {
  std::uint64_t spin_iters = 1024;
  static const StructDecl& Decl();
};

const StructDecl& FutexPingPong::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&FutexPingPong::spin_iters>("spin_iters",
                                           "Spins while holding the token; they are the turn's work units.",
                                           Between(1, 1e9, "spins")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<FutexPingPong>(
      "FutexPingPong", "Pairs: wait for the token on a futex, spin, hand it to the partner.", kFields);
  return kDecl;
}

void Run(const FutexPingPong& ping_pong, WorkerContext& context) {
  const std::uint32_t position = context.position();
  std::atomic<std::uint32_t>& token = context.GroupWord();
  while (!context.ShouldStop() && context.WaitWhile(token, 1 - position)) {
    context.Spin(ping_pong.spin_iters);
    context.NoteWake(1 - position);
    token.store(1 - position, std::memory_order_release);
    FutexWake(token, 1);
    context.EndIteration(ping_pong.spin_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_futex_ping_pong = DeclareWorkType<FutexPingPong, Run>(
    {.group_size = 2, .wake_sample = "from the partner's wake-up until it runs"});

}  // namespace ktstr
