// What cannot be true of a worker's report, whatever the worker did.
#pragma once

#include <cstdint>
#include <string>

#include "guest-init/wire/report.h"

namespace ktstr {

/// What the reports of one run are held against.
struct ReportBounds {
  std::uint32_t cpus = 0;    // of the guest: their numbers are below it
  std::uint32_t phases = 0;  // BASELINE and the steps: likewise
};

/// Why the report contradicts itself or the bounds, e.g. "its slices overlap", "it ran on CPU 4294967295";
/// "" when it does not. Of a sentinel only what is there is looked at. Pure.
std::string ContradictionIn(const WorkerReport& report, const ReportBounds& bounds);

}  // namespace ktstr
