// ProducerConsumerImbalance: a bounded queue whose ends are not equally fast.
#include <algorithm>

#include "guest-init/base/clock.h"
#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/parking.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct ProducerConsumerImbalance {
  std::uint32_t producers = 2;
  std::uint32_t consumers = 1;
  std::uint64_t produce_rate_hz = 1000;
  std::uint64_t consume_iters = 4096;
  std::uint32_t queue_depth_target = 1024;
  [[nodiscard]] std::uint32_t GroupSize() const { return producers + consumers; }
  static const StructDecl& Decl();
};

const StructDecl& ProducerConsumerImbalance::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&ProducerConsumerImbalance::producers>("producers", "How many put items into the queue.",
                                                      Between(1, 1000, "workers")),
      Optional<&ProducerConsumerImbalance::consumers>("consumers", "How many take them out.",
                                                      Between(1, 1000, "workers")),
      Optional<&ProducerConsumerImbalance::produce_rate_hz>(
          "produce_rate_hz", "Items a second of each producer, as long as the queue has room.",
          Between(1, 1e6, "Hz")),
      Optional<&ProducerConsumerImbalance::consume_iters>("consume_iters", "Spins for each item.",
                                                          Between(1, 1e9, "spins")),
      Optional<&ProducerConsumerImbalance::queue_depth_target>(
          "queue_depth_target", "So many items, and producers wait.", Between(1, 1e9, "items")),
  };
  static constexpr StructDecl kDecl = DeclareStruct<ProducerConsumerImbalance>(
      "ProducerConsumerImbalance",
      "Producers put items into a bounded queue at a rate, consumers take them out and spin for each; who "
      "finds it full or empty waits. An item is one iteration; one work unit of a producer, its spins of a "
      "consumer.",
      kFields);
  return kDecl;
}

/// The group's word is the number of items; what they are does not matter. Both ends wait by parking.
class ItemQueue {
 public:
  ItemQueue(const ProducerConsumerImbalance& kind, WorkerContext& context) : kind_(kind), context_(context) {}

  /// False: asked to stop instead. Then nothing was put or taken.
  bool Put() {
    if (!Change(1, kind_.queue_depth_target)) return false;
    UnparkOne(context_, kind_.producers, kind_.consumers, turn_++);
    return true;
  }
  bool Take() {
    if (!Change(-1, 0)) return false;
    UnparkOne(context_, 0, kind_.producers, turn_++);
    return true;
  }

 private:
  /// By one, as soon as it is not at its limit.
  bool Change(int by, std::uint32_t limit) {
    std::atomic<std::uint32_t>& items = context_.GroupWord();
    for (;;) {
      std::uint32_t now = items.load();
      while (now != limit)
        if (items.compare_exchange_weak(now, now + static_cast<std::uint32_t>(by))) return true;
      if (!ParkUnless(context_, [&] { return items.load() != limit; })) return false;
    }
  }

  const ProducerConsumerImbalance& kind_;
  WorkerContext& context_;
  std::uint32_t turn_ = 0;  // whom it wakes next
};

void Produce(const ProducerConsumerImbalance& kind, ItemQueue& queue, WorkerContext& context) {
  const std::uint64_t interval = 1'000'000'000 / kind.produce_rate_hz;
  for (std::uint64_t next = MonotonicNs() + interval;; next += interval) {
    context.SleepUntil(next);
    if (context.ShouldStop() || !queue.Put()) return;
    context.EndIteration(1);
    // What a full queue held up is not made up for.
    next = std::max(next, MonotonicNs() - interval);
  }
}

void Run(const ProducerConsumerImbalance& kind, WorkerContext& context) {
  ItemQueue queue(kind, context);
  if (context.position() < kind.producers) return Produce(kind, queue, context);
  while (queue.Take()) {
    context.Spin(kind.consume_iters);
    context.EndIteration(kind.consume_iters);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_producer_consumer_imbalance =
    DeclareWorkType<ProducerConsumerImbalance, Run>(
        {.group_doc = "producers + consumers",
         .wake_sample =
             "of waits at a full or an empty queue: from being woken by the other end until it runs"});

}  // namespace ktstr
