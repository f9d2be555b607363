// FanOutCompute: requests that are handed to many at once, each of which thinks and computes.
#include <cmath>
#include <vector>

#include "workloads/worker/declare_work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {
namespace {

struct FanOutCompute {
  std::uint32_t fan_out = 4;
  std::uint64_t cache_footprint_kib = 256;
  std::uint64_t operations = 5;
  std::uint64_t sleep_usec = 100;
  [[nodiscard]] std::uint32_t GroupSize() const { return fan_out + 1; }
  [[nodiscard]] WorkerRole Role(std::uint32_t position) const { return {.messenger = position == 0}; }
  static const StructDecl& Decl();
};

const StructDecl& FanOutCompute::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&FanOutCompute::fan_out>("fan_out", "How many the messenger hands requests to.",
                                        Between(1, 1000, "workers")),
      Optional<&FanOutCompute::cache_footprint_kib>(
          "cache_footprint_kib", "The three matrices of a worker together.", Between(1, 1 << 20, "KiB")),
      Optional<&FanOutCompute::operations>("operations", "Multiplications of matrices in a request.",
                                           Between(0, 1e6)),
      Optional<&FanOutCompute::sleep_usec>("sleep_usec", "The sleep in a request, before it computes.",
                                           Between(0, 1e9, "us")),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<FanOutCompute>("FanOutCompute",
                                   "A messenger (the first of the group) wakes all others and waits until "
                                   "all have answered; each of those "
                                   "sleeps, multiplies matrices and answers. A request is one iteration, a "
                                   "row of a product one work unit.",
                                   kFields);
  return kDecl;
}

class Matrices {
 public:
  explicit Matrices(std::uint64_t kib)
      : size_(std::max<std::size_t>(
            static_cast<std::size_t>(std::sqrt(static_cast<double>(kib) * 1024 / 3 / sizeof(std::uint64_t))),
            1)),
        left_(size_ * size_, 3),
        right_(size_ * size_, 5),
        product_(size_ * size_) {}

  void Multiply(WorkerContext& context) {
    for (std::size_t row = 0; row < size_ && !context.ShouldStop(); ++row) {
      for (std::size_t column = 0; column < size_; ++column) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < size_; ++i) sum += left_[row * size_ + i] * right_[i * size_ + column];
        static_cast<volatile std::uint64_t&>(product_[row * size_ + column]) = sum;
      }
      context.Work(1);
    }
  }

 private:
  std::size_t size_;
  std::vector<std::uint64_t> left_, right_, product_;
};

/// The group's word counts the requests, `second` of the messenger those that have not been answered.
void SendRequests(const FanOutCompute& fan, WorkerContext& context) {
  std::atomic<std::uint32_t>& unanswered = context.Member(0).second;
  while (!context.ShouldStop()) {
    unanswered.store(fan.fan_out);
    for (std::uint32_t receiver = 1; receiver <= fan.fan_out; ++receiver) context.NoteWake(receiver);
    context.GroupWord().fetch_add(1, std::memory_order_release);
    FutexWake(context.GroupWord(), static_cast<int>(fan.fan_out));
    for (std::uint32_t left = fan.fan_out; left > 0; left = unanswered.load())
      if (!context.WaitWhile(unanswered, left)) return;
    context.EndIteration(1);
  }
}

void Run(const FanOutCompute& fan, WorkerContext& context) {
  if (context.position() == 0) return SendRequests(fan, context);
  Matrices matrices(fan.cache_footprint_kib);
  std::uint32_t seen = 0;
  while (context.WaitWhile(context.GroupWord(), seen)) {
    seen = context.GroupWord().load(std::memory_order_acquire);
    if (fan.sleep_usec > 0) context.SleepFor(fan.sleep_usec * 1000);
    for (std::uint64_t done = 0; done < fan.operations && !context.ShouldStop(); ++done)
      matrices.Multiply(context);
    if (context.ShouldStop()) return;  // a part of a request is none
    context.EndIteration(fan.operations == 0 ? 1 : 0);
    // Only the last answer ends the messenger's wait.
    if (context.Member(0).second.fetch_sub(1) == 1) FutexWake(context.Member(0).second, 1);
  }
}

}  // namespace

extern constexpr WorkTypeDecl work_type_fan_out_compute = DeclareWorkType<FanOutCompute, Run>(
    {.group_doc = "1 + fan_out",
     .wake_sample = "of all but the messenger: from the messenger's wake-up until it runs"});

}  // namespace ktstr
