#include "workloads/worker/group_memory.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "guest-init/base/clock.h"

namespace ktstr {

static_assert(std::atomic<std::uint32_t>::is_always_lock_free && sizeof(std::atomic<std::uint32_t>) == 4);

void FutexWaitUntil(const std::atomic<std::uint32_t>& word, std::uint32_t value, std::uint64_t deadline_ns,
                    std::uint32_t bits) {
  const timespec deadline{static_cast<time_t>(deadline_ns / 1'000'000'000),
                          static_cast<long>(deadline_ns % 1'000'000'000)};
  // FUTEX_WAIT_BITSET is the form whose timeout is absolute.
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, value, &deadline, nullptr, bits);
}

void FutexWait(const std::atomic<std::uint32_t>& word, std::uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT, value, nullptr, nullptr, 0);
}

void FutexWake(const std::atomic<std::uint32_t>& word, int waiters, std::uint32_t bits) {
  syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, waiters, nullptr, nullptr, bits);
}

Result<GroupMemory> GroupMemory::Map(std::uint32_t workers) {
  const std::size_t bytes = sizeof(GroupControl) + workers * sizeof(WorkerSlot);
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    return Error{ErrorKind::kGuest, "mapping the shared page of " + std::to_string(workers) +
                                        " workers: " + std::strerror(errno)};
  GroupMemory memory;
  memory.bytes_ = bytes;
  memory.control_ = std::construct_at(static_cast<GroupControl*>(at));
  auto* slots = reinterpret_cast<WorkerSlot*>(static_cast<std::byte*>(at) + sizeof(GroupControl));
  std::uninitialized_default_construct_n(slots, workers);
  memory.slots_ = {slots, workers};
  return memory;
}

GroupMemory::GroupMemory(GroupMemory&& other) noexcept { *this = std::move(other); }

GroupMemory& GroupMemory::operator=(GroupMemory&& other) noexcept {
  std::swap(control_, other.control_);
  std::swap(slots_, other.slots_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

GroupMemory::~GroupMemory() {
  if (control_ != nullptr) munmap(control_, bytes_);
}

void GroupMemory::Release() const {
  control_->released_ns.store(MonotonicNs(), std::memory_order_relaxed);
  control_->go.store(1, std::memory_order_release);
  FutexWake(control_->go, INT_MAX);
}

void GroupMemory::RequestStop() const {
  control_->stop.store(1, std::memory_order_release);
  FutexWake(control_->stop, INT_MAX);
}

void GroupMemory::AwaitRelease() const {
  while (control_->go.load(std::memory_order_acquire) == 0) FutexWait(control_->go, 0);
}

void GroupMemory::SleepUntil(std::uint64_t deadline_ns) const {
  while (!StopRequested() && MonotonicNs() < deadline_ns) FutexWaitUntil(control_->stop, 0, deadline_ns);
}

}  // namespace ktstr
