// What is shown while runs are under way: on a terminal one line that is rewritten, else nothing but, when
// asked for, the events.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "interpreter/report/console.h"
#include "interpreter/run/run_event.h"

namespace ktstr {

/// All that is written to the terminal while runs are under way goes through here. Any thread. The line is
/// renewed by a thread of its own, because a run may be silent for long.
class Progress {
 public:
  /// One run, from Begin() until it is destroyed.
  class Run;

  /// `total` runs are planned. `io` outlives this.
  Progress(Console& io, std::size_t total, bool verbose) : io_(io), total_(total), verbose_(verbose) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// Several runs at a time: each event is told with the run it belongs to. REQUIRES: before the first
  /// Begin().
  void ExpectSeveral() { several_ = true; }
  /// `title` is what the line shows of it. The Run must not outlive this.
  std::unique_ptr<Run> Begin(std::string title);
  /// Calls `write`, which may write to `io`, with the line out of its way.
  void Aside(const std::function<void()>& write);

 private:
  struct State {
    std::string title;
    std::string phase = "booting";  // the last phase that began
    std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  };

  void OnEvent(State& state, const RunEvent& event);
  void End(std::list<State>::iterator state);
  void KeepRenewing(const std::stop_token& stop);
  void Draw();  // these two with mutex_ held
  void Erase();

  Console& io_;
  std::size_t total_;
  bool verbose_;
  bool several_ = false;

  std::mutex mutex_;  // what follows, and io_
  std::condition_variable_any wake_;
  std::list<State> running_;  // the oldest first
  std::size_t begun_ = 0;
  bool drawn_ = false;  // the line stands on the terminal
  std::jthread renewer_;
};

/// Hands the events of one run on. Its events come on that run's thread.
class Progress::Run final : public EventSink {
 public:
  Run(Progress& progress, std::list<State>::iterator state) : progress_(progress), state_(state) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() override { progress_.End(state_); }
  void OnEvent(const RunEvent& event) override { progress_.OnEvent(*state_, event); }

 private:
  Progress& progress_;
  std::list<State>::iterator state_;
};

/// "  1.234 s  phase_begin  warm".
std::string RenderEvent(const RunEvent& event);

}  // namespace ktstr
