// What the jemalloc worker, those who wait for it and the tests must spell alike: its marker file, its words
// and its exit codes. The worker has to do as little as possible before it allocates, so this file includes
// nothing but the standard library and nothing in it allocates.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>

namespace ktstr::jemalloc {

/// The worker that is ready has written kReadyMarkerText to the file of this name and its decimal process id.
inline constexpr std::string_view kReadyMarkerPrefix = "/tmp/ktstr-worker-ready-";
inline constexpr std::string_view kReadyMarkerText = "ready\n";
/// When this variable is set and not empty, it is the path of the marker. It ends with a null byte.
inline constexpr const char* kReadyMarkerVariable = "KTSTR_WORKER_READY_MARKER_OVERRIDE";

/// Every line on standard error begins with it.
inline constexpr std::string_view kDiagnosticPrefix = "jemalloc-alloc-worker: ";
/// The one line on standard output: kReadyLine, the process id, kReadyLineBytes, the size, an end of line.
inline constexpr std::string_view kReadyLine = "jemalloc-alloc-worker ready pid=";
inline constexpr std::string_view kReadyLineBytes = " bytes=";

/// How the worker ends by itself; it never ends with code 0.
enum WorkerExit : int {
  kExitZeroBytes = 2,    // it was told to allocate nothing
  kExitThreads = 3,      // it is not alone in its process
  kExitMarker = 4,       // the marker cannot be written
  kExitUsage = 5,        // the size is missing or no decimal number
  kExitProc = 6,         // /proc/self/task cannot be read
  kExitNoMemory = 7,     // jemalloc gave no memory
  kExitOutput = 8,       // standard output takes nothing
  kExitThreadStart = 9,  // a thread of --churn cannot be started
};

/// What such a code means, for messages; empty for any other code.
constexpr std::string_view MeaningOf(int exit_code) {
  switch (exit_code) {
    case kExitZeroBytes:
      return "zero bytes";
    case kExitThreads:
      return "more than one thread";
    case kExitMarker:
      return "the marker cannot be written";
    case kExitUsage:
      return "no number of bytes";
    case kExitProc:
      return "/proc cannot be read";
    case kExitNoMemory:
      return "no memory";
    case kExitOutput:
      return "standard output is closed";
    case kExitThreadStart:
      return "no thread can be started";
    default:
      return {};
  }
}

/// A path that ends with a null byte.
struct MarkerPath {
  std::array<char, 48> text = {};
  /// As long as this object lives.
  [[nodiscard]] constexpr const char* c_str() const { return text.data(); }
};

/// Where the worker with this process id (> 0) writes its marker when the variable does not say otherwise.
inline MarkerPath ReadyMarkerPath(int pid) {
  MarkerPath path;
  const std::size_t length = kReadyMarkerPrefix.copy(path.text.data(), path.text.size());
  std::to_chars(path.text.data() + length, path.text.data() + path.text.size() - 1, pid);
  return path;
}

}  // namespace ktstr::jemalloc
