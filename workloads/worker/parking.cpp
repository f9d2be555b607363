#include "workloads/worker/parking.h"

namespace ktstr {

bool UnparkOne(const WorkerContext& context, std::uint32_t first, std::uint32_t count, std::uint32_t after) {
  for (std::uint32_t i = 1; i <= count; ++i) {
    const std::uint32_t position = first + (after + i) % count;
    std::atomic<std::uint32_t>& parked = context.Member(position).second;
    std::uint32_t expected = 1;
    if (parked.load() == 0) continue;
    context.NoteWake(position);
    if (!parked.compare_exchange_strong(expected, 0)) continue;
    FutexWake(parked, 1);
    return true;
  }
  return false;
}

bool ParkingLock::Try() {
  std::uint32_t free = 0;
  return context_.GroupWord().compare_exchange_strong(free, 1);
}

bool ParkingLock::Lock() {
  while (!Try())
    if (!ParkUnless(context_, [this] { return context_.GroupWord().load() == 0; })) return false;
  return true;
}

void ParkingLock::Unlock() {
  context_.GroupWord().store(0);
  UnparkOne(context_, 0, context_.place().group_size, context_.position());
}

}  // namespace ktstr
