// N slots over a list of items: who does which, and in which order results are told. Knows nothing of what an
// item is.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace ktstr {

/// What one slot works with. Made, used and destroyed on that slot's thread.
class SlotWorker {
 public:
  virtual ~SlotWorker() = default;
  /// Does an item. False: nothing new may be started.
  virtual bool Run(std::size_t item) = 0;
};

struct SlotWork {
  /// Before a slot's first item, and again after an exception.
  std::function<std::unique_ptr<SlotWorker>()> hire;
  /// Whether nothing new may be started (a signal came). Asked before each item but the very first, so that
  /// an interruption always shows in a result.
  std::function<bool()> stop;
  /// `item` ended with an exception, on the slot's thread; returns as SlotWorker::Run.
  std::function<bool(std::size_t item, const std::string& what)> failed;
  /// Each item once, in order, as soon as all before it are done; on the thread that called Run(). `started`
  /// false: it was not.
  std::function<void(std::size_t item, bool started)> report;
};

/// Items are started in order, each by the first slot that is free. Each slot is a thread that lives until
/// all is done: a QEMU dies with the thread that started it.
class RunSlots {
 public:
  RunSlots(std::size_t items, SlotWork work) : work_(std::move(work)), done_(items, false) {}

  /// Returns when all that was started is done and all is reported. When the host has no room for that many
  /// threads, fewer are used. REQUIRES: `slots` > 0; called once.
  void Run(std::size_t slots);

  /// The first item that nobody has started; the number of items when none will be started any more. Any
  /// thread.
  [[nodiscard]] std::size_t unclaimed() const;

 private:
  void Slot();
  bool Claim(std::size_t& item);
  void Do(std::unique_ptr<SlotWorker>& worker, std::size_t item);
  void ReportAll();

  SlotWork work_;
  mutable std::mutex mutex_;
  std::condition_variable progress_;  // an item is done, or a slot has ended
  std::vector<bool> done_;
  std::size_t next_ = 0;
  std::size_t slots_alive_ = 0;
  bool stopped_ = false;
};

}  // namespace ktstr
