// One stream of a run's events for two consumers: a run directory and the terminal, say.
#pragma once

#include "interpreter/run/run_event.h"

namespace ktstr {

/// Tells both sinks the same, `a` first, on the thread that runs the scenario. Both outlive it. It holds
/// nothing of what it hands on; a sink that cannot write keeps that to itself, so the other gets all.
class Tee final : public EventSink {
 public:
  Tee(EventSink& a, EventSink& b) : a_(a), b_(b) {}
  // Each hands on what it gets to both.
  void OnEvent(const RunEvent& event) override;
  void OnConsole(std::string_view bytes) override;
  void OnCrashText(std::string_view bytes) override;
  void OnKernelLog(std::string_view lines) override;
  void OnSchedulerDump(std::string_view lines) override;
  void OnPayloadOutput(std::uint32_t handle, std::string_view payload, Stream stream,
                       std::string_view bytes) override;

 private:
  EventSink& a_;  // told first
  EventSink& b_;
};

}  // namespace ktstr
