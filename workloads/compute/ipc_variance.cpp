// IpcVariance: arithmetic that fits the core in turns with reads that miss its caches.
#include <algorithm>
#include <vector>

#include "guest-init/base/clock.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct IpcVariance {
  std::uint64_t hot_iters = 100'000;
  std::uint64_t cold_iters = 1024;
  std::uint64_t period_iters = 64;
  static const StructDecl& Decl();
};

const StructDecl& IpcVariance::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&IpcVariance::hot_iters>("hot_iters", "Multiplications in a round.", Between(1, 1e9, "steps")),
      Optional<&IpcVariance::cold_iters>("cold_iters", "Reads in a round, all over 512 KiB.",
                                         Between(1, 1e9, "steps")),
      Optional<&IpcVariance::period_iters>("period_iters", "Rounds in an iteration.",
                                           Between(1, 1e6, "rounds")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<IpcVariance>(
      "IpcVariance",
      "Rounds of many instructions per cycle (multiplications) and of few (reads that miss the caches); a "
      "round is 1024 work units, an iteration's time is its cost.",
      kFields);
  return kDecl;
}

/// A ring through all of 512 KiB: each read says where the next one is.
class ColdRing {
 public:
  explicit ColdRing(Xorshift64& rng) : next_(kEntries) {
    std::vector<std::uint32_t> order(kEntries);
    for (std::uint32_t i = 0; i < kEntries; ++i) order[i] = i;
    for (std::uint32_t i = kEntries - 1; i > 0; --i) std::swap(order[i], order[rng.Next() % (i + 1)]);
    for (std::uint32_t i = 0; i < kEntries; ++i) next_[order[i]] = order[(i + 1) % kEntries];
  }
  void Follow(std::uint64_t steps) {
    for (; steps > 0; --steps) at_ = static_cast<const volatile std::uint32_t&>(next_[at_]);
  }

 private:
  static constexpr std::uint32_t kEntries = 512 * 1024 / sizeof(std::uint32_t);
  std::vector<std::uint32_t> next_;
  std::uint32_t at_ = 0;
};

void Multiply(std::uint64_t steps) {
  std::uint64_t chain = steps;
  for (; steps > 0; --steps) {
    chain = chain * 6364136223846793005 + 1;
    asm volatile("" : "+r"(chain));
  }
}

/// In pieces, so that a long round notices a stop and a phase mark.
template <typename Do>
void InPieces(std::uint64_t steps, WorkerContext& context, Do&& act) {
  constexpr std::uint64_t kPieceSteps = 100'000;
  while (steps > 0 && !context.ShouldStop()) {
    const std::uint64_t piece = std::min(steps, kPieceSteps);
    act(piece);
    steps -= piece;
    if (steps > 0) context.Work(0);
  }
}

void Run(const IpcVariance& variance, WorkerContext& context) {
  ColdRing ring(context.rng());
  while (!context.ShouldStop()) {
    const std::uint64_t begin = MonotonicNs();
    for (std::uint64_t round = 1; round <= variance.period_iters; ++round) {
      InPieces(variance.hot_iters, context, &Multiply);
      InPieces(variance.cold_iters, context, [&](std::uint64_t steps) { ring.Follow(steps); });
      if (context.ShouldStop()) return;  // part of an iteration says nothing about its cost
      if (round < variance.period_iters) context.Work(1024);
    }
    context.RecordIterationCost(MonotonicNs() - begin);
    context.EndIteration(1024);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_ipc_variance = DeclareWorkType<IpcVariance, Run>(
    {.iteration_cost = "all rounds of an iteration by the clock, time without a CPU included"});

}  // namespace ktstr
