#include "interpreter/cli/run_slots.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>

namespace ktstr {

void RunSlots::Run(std::size_t slots) {
  std::vector<std::jthread> threads;  // joined at the end, whatever happens
  for (std::size_t i = 0; i < std::min(slots, done_.size()); ++i) {
    {
      const std::lock_guard lock(mutex_);
      ++slots_alive_;
    }
    try {
      threads.emplace_back([this] { Slot(); });
    } catch (const std::system_error&) {
      // No more threads: fewer slots, at worst this thread as the only one.
      if (threads.empty()) {
        Slot();
      } else {
        const std::lock_guard lock(mutex_);
        --slots_alive_;
      }
      break;
    }
  }
  ReportAll();
}

std::size_t RunSlots::unclaimed() const {
  const std::lock_guard lock(mutex_);
  return stopped_ ? done_.size() : next_;
}

void RunSlots::Slot() {
  {
    std::unique_ptr<SlotWorker> worker;
    for (std::size_t item = 0; Claim(item);) Do(worker, item);
  }
  const std::lock_guard lock(mutex_);
  --slots_alive_;
  progress_.notify_all();
}

bool RunSlots::Claim(std::size_t& item) {
  const std::lock_guard lock(mutex_);
  if (next_ == done_.size()) return false;
  if (next_ > 0 && !stopped_) stopped_ = work_.stop();
  if (stopped_) return false;
  item = next_++;
  return true;
}

void RunSlots::Do(std::unique_ptr<SlotWorker>& worker, std::size_t item) {
  bool go_on = false;
  const auto broken = [&](const std::string& what) {
    worker.reset();  // whatever it holds may be half done
    go_on = work_.failed(item, what);
  };
  try {
    if (!worker) worker = work_.hire();
    go_on = worker->Run(item);
  } catch (const std::exception& fault) {
    broken(fault.what());
  }
  const std::lock_guard lock(mutex_);
  done_[item] = true;
  stopped_ = stopped_ || !go_on;
  progress_.notify_all();
}

void RunSlots::ReportAll() {
  for (std::size_t item = 0; item < done_.size(); ++item) {
    std::unique_lock lock(mutex_);
    progress_.wait(lock, [&] { return done_[item] || slots_alive_ == 0; });
    const bool started = done_[item];
    lock.unlock();
    work_.report(item, started);
  }
}

}  // namespace ktstr
