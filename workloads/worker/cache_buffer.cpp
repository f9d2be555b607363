#include "workloads/worker/cache_buffer.h"

#include <algorithm>

namespace ktstr {

CacheBuffer::CacheBuffer(std::uint64_t kib, std::uint64_t stride) : bytes_(kib * 1024), stride_(stride) {}

void CacheBuffer::Touch(std::uint64_t steps) {
  for (; steps > 0; --steps) {
    volatile std::uint8_t& byte = bytes_[at_];
    byte = static_cast<std::uint8_t>(byte + 1);
    at_ += stride_;
    if (at_ >= bytes_.size()) at_ = (at_ + 1) % stride_ % bytes_.size();  // other bytes of the same lines
  }
}

void CacheBuffer::TouchInPieces(std::uint64_t steps, WorkerContext& context) {
  constexpr std::uint64_t kPiece = 64 * kTouchesAtOnce;
  while (steps > 0 && !context.ShouldStop()) {
    const std::uint64_t piece = std::min(steps, kPiece);
    Touch(piece);
    steps -= piece;
    if (steps > 0) context.Work(0);
  }
}

}  // namespace ktstr
