// Admission of machines by memory, so that all of them together never need more than the host has.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "guest-init/base/result.h"

namespace ktstr::vmm {

/// What a QEMU needs beside its guest's memory: its own code and heap, translated code (TCG), page tables.
inline constexpr std::uint64_t kQemuMib = 64;

/// A sum in MiB that machines take shares of. Any thread; outlives its shares.
class MemoryBudget {
 public:
  /// Given back when it goes.
  class Share {
   public:
    Share(Share&& other) noexcept : of_(std::exchange(other.of_, nullptr)), mib_(other.mib_) {}
    Share& operator=(Share&& other) noexcept;
    ~Share() { GiveBack(); }
    /// The guest's memory, without what QEMU needs.
    [[nodiscard]] std::uint64_t guest_mib() const { return mib_ - kQemuMib; }

   private:
    friend class MemoryBudget;
    Share(MemoryBudget& of, std::uint64_t mib) : of_(&of), mib_(mib) {}
    void GiveBack();

    MemoryBudget* of_;
    std::uint64_t mib_;
  };

  explicit MemoryBudget(std::uint64_t mib) : total_mib_(mib) {}

  /// How many machines of this size fit at once.
  [[nodiscard]] std::uint64_t Room(std::uint64_t guest_mib) const {
    return total_mib_ / (guest_mib + kQemuMib);
  }

  /// Waits until a machine of this size fits; those who wait are served in the order in which they came, so
  /// that small machines do not keep a large one out for ever. REQUIRES: the caller holds no share.
  /// `cancelled` is asked now and then. Errors: kEnvironment, at once, "needs 16128 MiB of memory, this host
  /// has 9000 MiB to give"; kCancelled.
  Result<Share> Take(std::uint64_t guest_mib, const std::function<bool()>& cancelled);

  /// For a machine that is not needed yet: nullopt when there is no room or somebody is waiting for it.
  std::optional<Share> TryTake(std::uint64_t guest_mib);

  /// The most that was ever taken at a time.
  [[nodiscard]] std::uint64_t peak_mib() const;

 private:
  Share Grant(std::uint64_t mib);  // with mutex_ held

  std::uint64_t total_mib_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  std::uint64_t taken_mib_ = 0;
  std::uint64_t peak_mib_ = 0;
  std::uint64_t next_ticket_ = 0;
  std::deque<std::uint64_t> waiting_;  // tickets
};

}  // namespace ktstr::vmm
