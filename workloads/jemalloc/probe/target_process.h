// Another process, as /proc and process_vm_readv show it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"

namespace ktstr::jemalloc {

/// What tells a thread from a later one with the same id, and who it is for whoever reads of it.
struct TaskIdentity {
  std::string comm;
  std::uint64_t start_time = 0;  // clock ticks since boot
  char state = 0;                // 'R', 'S', 'Z', ...
};
/// nullopt: there is no such task.
std::optional<TaskIdentity> IdentityOf(pid_t pid, pid_t tid);

/// The number in the field of /proc/PID/status ("Tgid", "TracerPid", "Uid": the first); nullopt: no process.
std::optional<long> StatusNumber(pid_t pid, const std::string& field);

/// The ids of the threads there are at this moment, in ascending order; empty when there is no process.
std::vector<pid_t> ThreadsOf(pid_t pid);

/// A file that the process has mapped, where its first page is.
struct MappedFile {
  std::string range;         // as in /proc/PID/map_files
  std::uint64_t start = 0;   // the address
  std::uint64_t offset = 0;  // of what is there, in the file
  std::uint64_t inode = 0;
  std::string path;         // as the process sees it, without " (deleted)"
  bool executable = false;  // some part of it is
};
/// Each file once. Error: the map cannot be read.
Result<std::vector<MappedFile>> MappedFilesOf(pid_t pid);

/// Opens just the file that is mapped, also when another has taken its name. Error: neither the kernel gives
/// it, nor is it below the process' own root directory.
Result<Fd> OpenMapped(pid_t pid, const MappedFile& file);
/// Opens the program that the process runs. Errors: no program (a kernel thread, a zombie), not allowed.
Result<Fd> OpenProgram(pid_t pid);

/// The whole file, up to 512 MiB. The content outlives the descriptor.
Result<std::vector<std::byte>> ReadWhole(const Fd& file);

/// One 8-byte word of the process' memory; nullopt: it has no such address, or it is gone.
std::optional<std::uint64_t> ReadWord(pid_t pid, std::uint64_t address);

}  // namespace ktstr::jemalloc
