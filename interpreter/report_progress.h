// What is shown while runs are under way: on a terminal one line that is rewritten, else nothing but, when
// asked for, the events.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "interpreter/cli.h"
#include "interpreter/run.h"

namespace ktstr {

/// Begin() and End() around each run. Everything is written to `io.err`; between Begin() and End() nobody
/// else may write there. The line is renewed by a thread of its own, because a run may be silent for long.
class Progress final : public EventSink {
 public:
  /// `total` runs are planned. `io` outlives this.
  Progress(CliIo& io, std::size_t total, bool verbose) : io_(io), total_(total), verbose_(verbose) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() override { End(); }

  void Begin(std::string title);
  /// Clears the line.
  void End();

  void OnEvent(const RunEvent& event) override;

 private:
  void KeepRenewing(const std::stop_token& stop);
  void Draw();  // with mutex_ held

  CliIo& io_;
  std::size_t total_;
  std::size_t index_ = 0;
  bool verbose_;

  std::mutex mutex_;  // title_, phase_, start_, and io_.err
  std::condition_variable_any wake_;
  std::string title_;
  std::string phase_;
  std::chrono::steady_clock::time_point start_;
  std::optional<std::jthread> renewer_;
};

/// "  1.234 s  phase_begin  warm".
std::string RenderEvent(const RunEvent& event);

}  // namespace ktstr
