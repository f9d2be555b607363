// What the threads of a process are doing, for the message about one that does not answer.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace ktstr::vmm {

/// "qemu-system-x86 sleeping, ALL CPUs/TCG running"; "gone" for a process that is not there. `proc` is where
/// the process file system is, for tests.
std::string DescribeThreads(pid_t process, const std::filesystem::path& proc = "/proc");

}  // namespace ktstr::vmm
