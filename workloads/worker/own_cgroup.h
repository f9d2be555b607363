// The cgroup that a worker lives in, by the files of cgroup v2.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ktstr {

/// Its directory; empty when the kernel does not tell.
std::string OwnCgroup();
/// The processes in the cgroup at `directory`, the caller included.
std::vector<std::int32_t> ProcessesIn(const std::string& directory);

}  // namespace ktstr
