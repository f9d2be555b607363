#include "interpreter/run/event_teller.h"

#include <utility>

namespace ktstr {

void EventTeller::Tell(EventKind kind, std::string text, std::string path, std::uint32_t phase,
                       std::uint64_t clock_ns) {
  const auto elapsed = std::chrono::steady_clock::now() - start_;
  sink_.OnEvent(
      {kind,
       static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count()),
       clock_ns, phase, std::move(path), std::move(text)});
}

double EventTeller::ElapsedMs() const {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
}

}  // namespace ktstr
