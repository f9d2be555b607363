// NUMA nodes and CPUs as a worker sees them. Those that fail return false and leave errno.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ktstr {

/// The numbers in a file of the kernel that lists CPUs or nodes ("0-3,8"); none when it cannot be read or is
/// no such list.
std::vector<std::uint32_t> ReadNumbers(const std::string& path);

/// The nodes that are online; none when the kernel does not tell.
std::vector<std::uint32_t> OnlineNodes();
/// The CPUs of a node.
std::vector<std::uint32_t> CpusOfNode(std::uint32_t node);
/// Binds a region to one node and moves there what is elsewhere.
bool BindToNode(void* region, std::size_t bytes, std::uint32_t node);

/// The CPUs that the caller may use.
bool ReadOwnCpus(std::vector<std::uint32_t>& cpus);
/// Lets a thread use these only, as far as its cgroup does. `tid` 0: the caller.
bool SetCpus(const std::vector<std::uint32_t>& cpus, std::int32_t tid = 0);

}  // namespace ktstr
