#include "vmm/introspection/memory/freeze.h"

#include <algorithm>
#include <utility>

namespace ktstr::vmm {
namespace {

std::uint64_t Nanoseconds(std::chrono::steady_clock::duration time) {
  const auto count = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

void Count(PerturbationLedger::Total& total, const PerturbationLedger::Entry& entry) {
  ++total.count;
  total.duration_ns += entry.duration_ns;
}

}  // namespace

void PerturbationLedger::Add(std::string reason, std::uint32_t epoch,
                             std::chrono::steady_clock::time_point start,
                             std::chrono::steady_clock::time_point end) {
  entries_.push_back({std::move(reason), epoch, Nanoseconds(start - run_start_), Nanoseconds(end - start)});
}

PerturbationLedger::Total PerturbationLedger::All() const {
  Total total;
  for (const Entry& entry : entries_) Count(total, entry);
  return total;
}

std::map<std::uint32_t, PerturbationLedger::Total> PerturbationLedger::ByEpoch() const {
  std::map<std::uint32_t, Total> totals;
  for (const Entry& entry : entries_) Count(totals[entry.epoch], entry);
  return totals;
}

std::map<std::string, PerturbationLedger::Total> PerturbationLedger::ByReason() const {
  std::map<std::string, Total> totals;
  for (const Entry& entry : entries_) Count(totals[entry.reason], entry);
  return totals;
}

Freeze::Freeze(Machine& machine, PerturbationLedger* ledger, std::string reason, std::uint32_t epoch)
    : machine_(machine),
      ledger_(ledger),
      reason_(std::move(reason)),
      epoch_(epoch),
      start_(Clock::now()),
      holds_(machine.running()) {
  if (holds_) began_ = machine_.Stop();
}

Freeze::~Freeze() { static_cast<void>(End()); }

Result<> Freeze::End() {
  if (std::exchange(ended_, true) || !holds_) return {};
  // A Stop() that was not answered in time may still have been carried out.
  Result<> resumed = machine_.Resume();
  end_ = Clock::now();
  if (ledger_ != nullptr) ledger_->Add(reason_, epoch_, start_, end_);
  return resumed;
}

std::chrono::nanoseconds Freeze::duration() const {
  if (!holds_) return {};
  return (ended_ ? end_ : Clock::now()) - start_;
}

}  // namespace ktstr::vmm
