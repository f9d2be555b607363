// How fast the time-stamp counter of this host's processor counts.
#pragma once

#include <cstdint>

namespace ktstr::vmm {

/// In kHz, to 5 MHz, so that it is the same number each time on one host. 0: the counter does not exist, or
/// changes its speed. Measured once per process against CLOCK_MONOTONIC_RAW: a process that has to wait for a
/// CPU meanwhile measures no worse. It takes 3 ms from BeginHostTsc() on, or from here. Any thread.
std::uint32_t HostTscKhz();

/// Looks at the counter for the first time, so that a later HostTscKhz() need not wait. Any thread.
void BeginHostTsc();

}  // namespace ktstr::vmm
