// WakeChain: a ring of workers, each of which wakes the next.
#include "guest-init/base/clock.h"
#include "guest-init/base/units.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

enum class WakeMechanism : std::uint8_t { kPipe, kFutex };
constexpr EnumValue kWakeMechanisms[] = {{"pipe", 0, "A byte through a pipe."},
                                         {"futex", 1, "A word of shared memory."}};
constexpr EnumDecl DescribeEnum(WakeMechanism) {
  return {"WakeMechanism", kWakeMechanisms, nullptr, nullptr};
}

struct WakeChain {
  std::uint32_t depth = 4;
  WakeMechanism wake = WakeMechanism::kPipe;
  Duration work_per_hop = Microseconds(100);
  [[nodiscard]] std::uint32_t GroupSize() const { return depth; }
  static const StructDecl& Decl();
};

const StructDecl& WakeChain::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&WakeChain::depth>("depth", "How many are in the ring.", Between(2, 1000, "workers")),
      Optional<&WakeChain::wake>("wake", "By what each wakes the next."),
      Optional<&WakeChain::work_per_hop>("work_per_hop", "How long each spins before it does so."),
  };
  static constexpr StructDecl kDecl = DeclareStruct<WakeChain>(
      "WakeChain",
      "A token goes round a ring: each waits for it, spins, wakes the next. A hop is one iteration, a spin a "
      "work unit.",
      kFields);
  return kDecl;
}

class Hop {
 public:
  Hop(const WakeChain& chain, WorkerContext& context)
      : chain_(chain), context_(context), next_((context.position() + 1) % chain.depth) {}

  /// False: asked to stop instead.
  bool Await() {
    if (chain_.wake == WakeMechanism::kPipe) return context_.Receive();
    std::atomic<std::uint32_t>& own = context_.Member(context_.position()).word;
    const bool here = context_.WaitWhile(own, 0);
    if (here) own.store(0);
    return here;
  }
  void Pass() {
    if (chain_.wake == WakeMechanism::kPipe) return context_.Send(next_);
    context_.NoteWake(next_);
    context_.Member(next_).word.store(1, std::memory_order_release);
    FutexWake(context_.Member(next_).word, 1);
  }

 private:
  const WakeChain& chain_;
  WorkerContext& context_;
  std::uint32_t next_;
};

void Run(const WakeChain& chain, WorkerContext& context) {
  constexpr std::uint64_t kSpinsAtOnce = 64;
  Hop hop(chain, context);
  bool has_token = context.position() == 0;  // the first one's first is not waited for
  while (has_token || hop.Await()) {
    has_token = false;
    const std::uint64_t end = MonotonicNs() + static_cast<std::uint64_t>(chain.work_per_hop.ns);
    std::uint64_t spins = 0;
    do {
      context.Spin(kSpinsAtOnce);
      spins += kSpinsAtOnce;
      if (spins % (256 * kSpinsAtOnce) == 0) context.Work(0);
    } while (MonotonicNs() < end && !context.ShouldStop());
    if (context.ShouldStop()) return;
    hop.Pass();
    context.EndIteration(spins);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_wake_chain =
    DeclareWorkType<WakeChain, Run>({.group_doc = "depth",
                                     .wake_sample = "from the wake-up by the one before it until it runs",
                                     .channel = GroupChannel::kPipes});

}  // namespace ktstr
