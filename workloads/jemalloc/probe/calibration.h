// Where jemalloc keeps a thread's counters in its TLS block. Nothing in a file says so; a jemalloc that runs
// does, so this asks one: the one that is linked into this program, or a library in a process of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::jemalloc {

/// Why the counters cannot be told for sure; then none are.
inline Error Unsure(std::string message) { return {ErrorKind::kEnvironment, std::move(message)}; }

/// Offsets of the two 8-byte counters in the TLS block, or in jemalloc's own variable in it.
struct CounterPlaces {
  std::uint64_t allocated = 0;
  std::uint64_t deallocated = 0;
};

/// The jemalloc that is linked into this program.
struct OwnJemalloc {
  std::string version;         // "5.3.0-0-g..."
  CounterPlaces places;        // in its variable
  std::uint64_t tsd_size = 0;  // of the variable: another version or configuration has another
};
/// Errors: the program has been stripped, or its own counters are not where its file says.
Result<OwnJemalloc> AskOwnJemalloc();

/// Runs this program with `library` loaded, as the user of process `target`, to which the library belongs:
/// its code gets no rights that it did not have there. Places are in the library's TLS block. Takes at most
/// 10 s. Error: what the library said, or that its counters did not count what was allocated.
Result<CounterPlaces> AskLibrary(const Fd& library, pid_t target);

/// The first argument that makes this program answer AskLibrary.
inline constexpr const char* kAnswerMode = "--answer-calibration";
/// Prints the places of the loaded library's counters to standard output. Returns the exit code of the
/// program.
int AnswerCalibration();

}  // namespace ktstr::jemalloc
