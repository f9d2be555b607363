// Members of a group that wait for a condition, and are woken one at a time by whoever makes it come true.
#pragma once

#include <cstdint>

#include "workloads/worker/worker_context.h"

namespace ktstr {

// Uses `second` of each member: 1 while it waits. Who makes a condition true does so (with sequentially
// consistent stores, as all of these are) and then unparks: it sees the one that waits, or that one sees the
// condition. That somebody is woken in particular is what makes its wake latency known.

/// Waits until unparked, unless `holds()` by then; it may have ceased to hold when this returns. False: asked
/// to stop instead. The wake latency is recorded.
template <typename Holds>
bool ParkUnless(WorkerContext& context, Holds&& holds) {
  std::atomic<std::uint32_t>& own = context.Member(context.position()).second;
  own.store(1);
  if (holds()) {
    own.store(0);
    return !context.ShouldStop();
  }
  const bool unparked = context.WaitWhile(own, 1);
  if (!unparked) own.store(0);
  return unparked;
}

/// Wakes one that is parked of the `count` members from `first` on, the next behind `after` first. False:
/// there is none.
bool UnparkOne(const WorkerContext& context, std::uint32_t first, std::uint32_t count, std::uint32_t after);

/// A lock in the group's word. Whoever comes first gets it, waiting or not.
class ParkingLock {
 public:
  /// Of the group that `context` is a member of.
  explicit ParkingLock(WorkerContext& context) : context_(context) {}
  /// False: asked to stop instead.
  bool Lock();
  /// REQUIRES: Lock() returned true.
  void Unlock();

 private:
  bool Try();

  WorkerContext& context_;
};

}  // namespace ktstr
