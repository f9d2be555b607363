// How fast the time-stamp counter of this host's processor counts.
#pragma once

#include <cstdint>

namespace ktstr::vmm {

/// In kHz, to 5 MHz, so that it is the same number each time on one host. 0: the counter does not exist, or
/// changes its speed. Measured once per process, in some 3 ms, against CLOCK_MONOTONIC_RAW: a process that
/// has to wait for a CPU meanwhile measures no worse. Any thread.
std::uint32_t HostTscKhz();

}  // namespace ktstr::vmm
