// What this host can give to virtual machines: CPUs and memory, as the kernel and our control group allow.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace ktstr::vmm {

struct HostCapacity {
  double cpus = 1;               // a control group's quota may give fractions
  std::uint64_t memory_mib = 0;  // to be shared out; the host's own reserve is not in it
};

/// sched_getaffinity(2) and the CPU quota of our control groups; MemAvailable and their memory limits, less
/// ReserveMib(). Control groups of either version; what cannot be read limits nothing. `root` is where proc/
/// and sys/ are, for tests.
HostCapacity ReadHostCapacity(const std::filesystem::path& root = "/");

/// Kept free for everything else, of `available_mib`: a tenth, and at least 512 MiB. The page cache that
/// holds the templates is part of what is available, so a host without it would read them from disk for each
/// clone.
std::uint64_t ReserveMib(std::uint64_t available_mib);

}  // namespace ktstr::vmm
