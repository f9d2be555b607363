// How the parts of a run tell what happens.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "interpreter/run/run_event.h"

namespace ktstr {

/// Tells an EventSink what happens, with the host's and the guest's time. `sink` outlives it; what one call
/// tells has reached the sink when it returns.
class EventTeller {
 public:
  explicit EventTeller(EventSink& sink) : sink_(sink), start_(std::chrono::steady_clock::now()) {}

  /// `path`: document path of what it is about, "" for none. `phase`: by index. `clock_ns`: the guest's
  /// clock, 0 when it is not known. The host's time is that of this call.
  void Tell(EventKind kind, std::string text, std::string path = "", std::uint32_t phase = 0,
            std::uint64_t clock_ns = 0);
  /// Host time since this was made.
  [[nodiscard]] double ElapsedMs() const;
  EventSink& sink() { return sink_; }

 private:
  EventSink& sink_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace ktstr
