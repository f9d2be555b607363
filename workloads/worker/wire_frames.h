// Frames over the machine's two network cards: raw ones, past every protocol.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "guest-init/base/fd.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {

/// Bytes of an Ethernet frame, its check sequence not counted.
inline constexpr double kMinFrameBytes = 60;
inline constexpr double kMaxFrameBytes = 1514;

/// What ends the worker: a call that fails in another way than is said here.
class FrameSender {
 public:
  /// From the first card to the second. Only a FrameReceiver made with the same `token` gets them.
  FrameSender(std::uint64_t frame_bytes, std::uint32_t token, WorkerContext& context);

  /// Waits for room as long as there is none, which is no gap. False: the kernel dropped the frame, as its
  /// queue was full, which is counted as a refusal, or the worker was asked to stop.
  bool Send();

 private:
  WorkerContext& context_;
  Fd socket_;
  std::vector<std::uint8_t> frame_;
};

/// Gets the frames of one token, and is not woken by others.
class FrameReceiver {
 public:
  FrameReceiver(std::uint32_t token, WorkerContext& context);

  /// Waits for a frame, and records the wake latency if it had to: the time since the kernel took the frame
  /// out of the card, by the stamp that it gave it then. A frame without a stamp leaves no sample. False:
  /// asked to stop instead.
  bool Receive();

 private:
  std::optional<std::uint64_t> TakeFrame();

  WorkerContext& context_;
  Fd socket_;
};

}  // namespace ktstr
