#include "vmm/introspection/memory/pause.h"

#include <algorithm>
#include <utility>

namespace ktstr::vmm {
namespace {

std::uint64_t Nanoseconds(std::chrono::steady_clock::duration time) {
  const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

void Count(PauseLog::Total& total, const PauseLog::Entry& entry) {
  ++total.count;
  total.duration_ns += entry.duration_ns;
}

}  // namespace

void PauseLog::Add(std::string reason, std::uint32_t phase, std::chrono::steady_clock::time_point start,
                   std::chrono::steady_clock::time_point end) {
  entries_.push_back({std::move(reason), phase, Nanoseconds(start - run_start_), Nanoseconds(end - start)});
}

PauseLog::Total PauseLog::All() const {
  Total total;
  for (const Entry& entry : entries_) Count(total, entry);
  return total;
}

std::map<std::uint32_t, PauseLog::Total> PauseLog::ByPhase() const {
  std::map<std::uint32_t, Total> totals;
  for (const Entry& entry : entries_) Count(totals[entry.phase], entry);
  return totals;
}

std::map<std::string, PauseLog::Total> PauseLog::ByReason() const {
  std::map<std::string, Total> totals;
  for (const Entry& entry : entries_) Count(totals[entry.reason], entry);
  return totals;
}

MachinePause::MachinePause(Machine& machine, PauseLog* log, std::string reason, std::uint32_t phase)
    : machine_(machine),
      log_(log),
      reason_(std::move(reason)),
      phase_(phase),
      start_(Clock::now()),
      holds_(machine.running()) {
  if (holds_) began_ = machine_.Pause();
}

MachinePause::~MachinePause() { static_cast<void>(End()); }

Result<> MachinePause::End() {
  if (std::exchange(ended_, true) || !holds_) return {};
  // A Stop() that was not answered in time may still have been carried out.
  Result<> resumed = machine_.Resume();
  end_ = Clock::now();
  if (log_ != nullptr) log_->Add(reason_, phase_, start_, end_);
  return resumed;
}

std::chrono::nanoseconds MachinePause::duration() const {
  if (!holds_) return {};
  return (ended_ ? end_ : Clock::now()) - start_;
}

}  // namespace ktstr::vmm
