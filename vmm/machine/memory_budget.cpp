#include "vmm/machine/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace ktstr::vmm {

MemoryBudget::Share& MemoryBudget::Share::operator=(Share&& other) noexcept {
  if (this == &other) return *this;
  GiveBack();
  of_ = std::exchange(other.of_, nullptr);
  mib_ = other.mib_;
  return *this;
}

void MemoryBudget::Share::GiveBack() {
  if (of_ == nullptr) return;
  const std::lock_guard lock(of_->mutex_);
  of_->taken_mib_ -= mib_;
  of_->freed_.notify_all();
  of_ = nullptr;
}

MemoryBudget::Share MemoryBudget::Grant(std::uint64_t mib) {
  taken_mib_ += mib;
  peak_mib_ = std::max(peak_mib_, taken_mib_);
  return {*this, mib};
}

Result<MemoryBudget::Share> MemoryBudget::Take(std::uint64_t guest_mib,
                                               const std::function<bool()>& cancelled) {
  const std::uint64_t mib = guest_mib + kQemuMib;
  if (mib > total_mib_)
    return Error{ErrorKind::kEnvironment,
                 fmt::format("needs {} MiB of memory, this host has {} MiB to give", mib, total_mib_)};
  std::unique_lock lock(mutex_);
  const std::uint64_t ticket = next_ticket_++;
  waiting_.push_back(ticket);
  while (waiting_.front() != ticket || taken_mib_ + mib > total_mib_) {
    // A cancellation shows at a descriptor, which wakes nobody here.
    freed_.wait_for(lock, std::chrono::milliseconds(50));
    if (!cancelled()) continue;
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), ticket));
    freed_.notify_all();
    return Error{ErrorKind::kCancelled, "interrupted"};
  }
  waiting_.pop_front();
  freed_.notify_all();  // the next may fit as well
  return Grant(mib);
}

std::optional<MemoryBudget::Share> MemoryBudget::TryTake(std::uint64_t guest_mib) {
  const std::uint64_t mib = guest_mib + kQemuMib;
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty() || mib > total_mib_ || taken_mib_ > total_mib_ - mib) return std::nullopt;
  return Grant(mib);
}

std::uint64_t MemoryBudget::peak_mib() const {
  const std::lock_guard lock(mutex_);
  return peak_mib_;
}

}  // namespace ktstr::vmm
