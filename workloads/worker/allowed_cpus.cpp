#include "workloads/worker/allowed_cpus.h"

namespace ktstr {

void AllowedCpus::Suspend() {
  const std::uint64_t version = version_.load(std::memory_order_relaxed);
  if (version % 2 != 0) return;
  version_.store(version + 1, std::memory_order_relaxed);
  // Before the words, and before the kernel is asked to change the set.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void AllowedCpus::Publish(const std::vector<std::uint32_t>& cpus) {
  Suspend();
  if (cpus.empty()) return;
  Mask mask{};
  for (const std::uint32_t cpu : cpus)
    if (cpu < kMaxCpus) mask[cpu / 64] |= std::uint64_t{1} << (cpu % 64);
  for (std::size_t i = 0; i < mask.size(); ++i) words_[i].store(mask[i], std::memory_order_relaxed);
  version_.fetch_add(1, std::memory_order_release);
}

std::vector<std::uint32_t> AllowedCpus::ToList(const Mask& mask) {
  std::vector<std::uint32_t> list;
  for (std::uint32_t cpu = 0; cpu < kMaxCpus; ++cpu)
    if (Has(mask, cpu)) list.push_back(cpu);
  return list;
}

}  // namespace ktstr
