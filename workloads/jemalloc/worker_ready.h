// Waiting for the jemalloc worker, by whoever started it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

namespace ktstr::jemalloc {

enum class ReadyOutcome {
  kReady,     // its marker is there, and it lives
  kDied,      // it has ended, with or without a marker
  kTimedOut,  // it lives, and there is no marker
};

struct WorkerReadiness {
  ReadyOutcome outcome = ReadyOutcome::kTimedOut;
  std::string message;  // what happened instead of kReady, one line; empty for kReady
};

/// Waits until the process `worker` has made the file `marker`, has ended, or `timeout` has passed, whichever
/// is first. The process is neither reaped nor killed: it stays the caller's, and so does the marker.
/// `marker` is an absolute path that the process sees as we do, normally ReadyMarkerPath(worker); its
/// directory may come later. How a process ended is known of our own children only.
WorkerReadiness WaitForWorkerReady(pid_t worker, const std::string& marker,
                                   std::chrono::milliseconds timeout);

}  // namespace ktstr::jemalloc
