// How far whoever makes the guest kernel readable has come, and the waits for it. Counters are the truth; the
// eventfd only wakes a waiter early.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr {

/// Shared between the publisher and one waiter, which may be on different threads. State, sequence number and
/// wake descriptor exist together or not at all.
class AccessorState {
 public:
  enum class Worker : std::uint8_t {
    kTrying = 0,
    kSucceeded = 1,          // stays so while further accessors are published
    kFailedPermanently = 2,  // no retry will help
  };
  using Deadline = std::chrono::steady_clock::time_point;

  /// Error (kEnvironment): no descriptors are left.
  static Result<std::shared_ptr<AccessorState>> Create();

  /// A new accessor can be used: the state becomes kSucceeded and the sequence number one more.
  void Publish();
  void Fail();
  /// Work began again, e.g. because the scheduler was replaced.
  void Retry();

  [[nodiscard]] std::uint64_t sequence() const { return sequence_.load(std::memory_order_acquire); }
  [[nodiscard]] Worker worker() const { return worker_.load(std::memory_order_acquire); }

  /// Returns once the state is not kTrying. Errors: kTimeout at the deadline, kEnvironment for
  /// kFailedPermanently. `doing` begins their messages. One waiter at a time.
  Result<> WaitNotTrying(Deadline deadline, std::string_view doing) const;
  /// Returns the sequence number once it is above `before`; a publication that has already happened counts,
  /// even over a failed state. Errors as above.
  Result<std::uint64_t> WaitAdvance(std::uint64_t before, Deadline deadline, std::string_view doing) const;

 private:
  explicit AccessorState(Fd wake) : wake_(std::move(wake)) {}
  void Change(Worker worker);
  /// False when the deadline has passed.
  [[nodiscard]] bool SleepUntil(Deadline deadline) const;

  std::atomic<std::uint64_t> sequence_ = 0;
  std::atomic<Worker> worker_ = Worker::kTrying;
  Fd wake_;
};

}  // namespace ktstr
