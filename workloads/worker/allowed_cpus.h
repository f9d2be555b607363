// The CPUs that the workers of a group may use, as PID 1 knows it at every moment.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace ktstr {

/// Lies in memory that PID 1 writes and the workers read, without a lock. A set is in force from Publish() to
/// the next Suspend(); outside of that nobody knows which one holds, and nothing is judged.
class AllowedCpus {
 public:
  /// One above the largest number of a CPU; those beyond it are in every set.
  static constexpr std::uint32_t kMaxCpus = 256;
  using Mask = std::array<std::uint64_t, kMaxCpus / 64>;

  /// For the owner: the set is about to change. May be called twice.
  void Suspend();
  /// For the owner: these hold now. None: nobody knows which do.
  void Publish(const std::vector<std::uint32_t>& cpus);

  struct Place {
    std::uint32_t cpu = 0;
    /// The set in force, when `cpu` is not in it.
    std::optional<Mask> outside_of;
  };
  /// For the workers: where `cpu_now()` says that the caller runs, judged by the set that was in force when
  /// it said so.
  template <typename CpuNow>
  [[nodiscard]] Place Look(CpuNow cpu_now) const;

  /// Rising numbers.
  static std::vector<std::uint32_t> ToList(const Mask& mask);

 private:
  // Whether it is in the set.
  static bool Has(const Mask& mask, std::uint32_t cpu) {
    return cpu >= kMaxCpus || (mask[cpu / 64] >> (cpu % 64) & 1U) != 0;
  }

  std::atomic<std::uint64_t> version_{1};  // odd: no set is in force; even: that of words_
  std::array<std::atomic<std::uint64_t>, kMaxCpus / 64> words_{};
};

template <typename CpuNow>
AllowedCpus::Place AllowedCpus::Look(CpuNow cpu_now) const {
  for (;;) {
    const std::uint64_t version = version_.load(std::memory_order_acquire);
    Place place;
    place.cpu = cpu_now();
    if (version % 2 != 0) return place;
    Mask mask;
    for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = words_[i].load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (version_.load(std::memory_order_relaxed) != version) continue;  // it may have been moved meanwhile
    if (!Has(mask, place.cpu)) place.outside_of = mask;
    return place;
  }
}

}  // namespace ktstr
