// The machine's disk without the page cache: every access goes to the device.
#pragma once

#include <array>
#include <cstdint>

#include "guest-init/base/fd.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {

/// A worker writes in one of these stripes of the disk, so that neighbours do not meet.
inline constexpr std::uint64_t kDiskStripes = 64;
inline constexpr std::size_t kDiskBlockBytes = 4096;

/// Each call blocks until the device has done it. What fails ends the worker.
class DirectDisk {
 public:
  /// Of a type that needs a disk.
  explicit DirectDisk(WorkerContext& context);

  /// Of the whole disk, and of one stripe.
  [[nodiscard]] std::uint64_t blocks() const { return stripe_blocks_ * kDiskStripes; }
  [[nodiscard]] std::uint64_t stripe_blocks() const { return stripe_blocks_; }
  /// The first block of the worker's own stripe.
  [[nodiscard]] std::uint64_t own_stripe() const;
  /// Into nowhere.
  void Read(std::uint64_t block);
  /// Some bytes that are not 0.
  void Write(std::uint64_t block);
  /// Until all that was written stays.
  void Flush();

 private:
  WorkerContext& context_;
  Fd file_;
  std::uint64_t stripe_blocks_ = 0;
  using Block = std::array<char, kDiskBlockBytes>;
  alignas(kDiskBlockBytes) Block to_write_{};
  alignas(kDiskBlockBytes) Block read_{};
};

}  // namespace ktstr
