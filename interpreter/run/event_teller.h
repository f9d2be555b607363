// How the parts of a run tell what happens.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "interpreter/run/run_event.h"

namespace ktstr {

/// Tells an EventSink what happens, with the host's and the guest's time.
class EventTeller {
 public:
  explicit EventTeller(EventSink& sink) : sink_(sink), start_(std::chrono::steady_clock::now()) {}

  void Tell(EventKind kind, std::string text, std::string path = "", std::uint32_t phase = 0,
            std::uint64_t clock_ns = 0);
  [[nodiscard]] double ElapsedMs() const;
  EventSink& sink() { return sink_; }

 private:
  EventSink& sink_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace ktstr
