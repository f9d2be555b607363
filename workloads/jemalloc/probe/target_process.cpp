#include "workloads/jemalloc/probe/target_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>

#include "guest-init/base/file_io.h"

namespace ktstr::jemalloc {
namespace {

constexpr std::size_t kMaxFile = std::size_t{512} << 20;

std::string Proc(pid_t pid) { return "/proc/" + std::to_string(pid) + "/"; }

std::string Reason() { return std::strerror(errno); }

}  // namespace

std::optional<TaskIdentity> IdentityOf(pid_t pid, pid_t tid) {
  const std::string task = Proc(pid) + "task/" + std::to_string(tid) + "/";
  const std::string stat = ReadLine(task + "stat");
  const std::size_t open = stat.find('('), close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= stat.size())
    return std::nullopt;
  TaskIdentity identity{stat.substr(open + 1, close - open - 1), 0, stat[close + 2]};
  std::istringstream fields(stat.substr(close + 2));
  std::string field;
  for (int number = 3; number <= 22; ++number) fields >> field;
  identity.start_time = std::strtoull(field.c_str(), nullptr, 10);
  return identity;
}

std::optional<long> StatusNumber(pid_t pid, const std::string& field) {
  std::istringstream lines(ReadSmallFile((Proc(pid) + "status").c_str()));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(field + ":\t")) return std::strtol(line.c_str() + field.size() + 2, nullptr, 10);
  return std::nullopt;
}

std::vector<pid_t> ThreadsOf(pid_t pid) {
  std::vector<pid_t> threads;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir((Proc(pid) + "task").c_str()), &closedir);
  if (!directory) return threads;
  while (const dirent* entry = readdir(directory.get()))
    if (entry->d_name[0] != '.') threads.push_back(std::atoi(entry->d_name));
  std::sort(threads.begin(), threads.end());
  return threads;
}

Result<std::vector<MappedFile>> MappedFilesOf(pid_t pid) {
  const Fd file(open((Proc(pid) + "maps").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return Error{ErrorKind::kEnvironment, "cannot read its map: " + Reason()};
  const std::vector<std::byte> bytes = TRY(ReadWhole(file));
  std::istringstream lines(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::vector<MappedFile> files;
  for (std::string line; std::getline(lines, line);) {
    MappedFile mapped;
    std::string access, device;
    std::istringstream fields(line);
    fields >> mapped.range >> access >> std::hex >> mapped.offset >> device >> std::dec >> mapped.inode;
    std::getline(fields >> std::ws, mapped.path);
    if (!fields && mapped.path.empty()) continue;
    if (mapped.inode == 0 || !mapped.path.starts_with('/')) continue;
    if (mapped.path.ends_with(" (deleted)")) mapped.path.resize(mapped.path.size() - 10);
    mapped.start = std::strtoull(mapped.range.c_str(), nullptr, 16);
    mapped.executable = access.size() > 2 && access[2] == 'x';
    const auto known = std::find_if(files.begin(), files.end(), [&](const MappedFile& other) {
      return other.inode == mapped.inode && other.path == mapped.path;
    });
    if (known == files.end())
      files.push_back(mapped);
    else
      known->executable = known->executable || mapped.executable;
  }
  return files;
}

Result<Fd> OpenMapped(pid_t pid, const MappedFile& file) {
  Fd opened(open((Proc(pid) + "map_files/" + file.range).c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.valid()) return opened;
  opened.Reset(open((Proc(pid) + "root" + file.path).c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened.valid()) return Error{ErrorKind::kEnvironment, "cannot open " + file.path + ": " + Reason()};
  struct stat status = {};
  if (fstat(opened.get(), &status) != 0 || status.st_ino != file.inode)
    return Error{ErrorKind::kEnvironment, file.path + " is another file now than the process has mapped"};
  return opened;
}

Result<Fd> OpenProgram(pid_t pid) {
  Fd opened(open((Proc(pid) + "exe").c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.valid()) return opened;
  if (errno == ENOENT) return InputError("it runs no program: it is a kernel thread or has ended");
  if (errno == EACCES || errno == EPERM)
    return Error{ErrorKind::kEnvironment,
                 "it belongs to another user or may not be looked at; run the probe as its user or as root"};
  return Error{ErrorKind::kEnvironment, "cannot open its program: " + Reason()};
}

Result<std::vector<std::byte>> ReadWhole(const Fd& file) {
  std::vector<std::byte> bytes;
  std::vector<std::byte> piece(std::size_t{1} << 16);
  while (const ssize_t got = read(file.get(), piece.data(), piece.size())) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{ErrorKind::kEnvironment, "cannot read a file: " + Reason()};
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + got);
    if (bytes.size() > kMaxFile) return InputError("a file is larger than 512 MiB");
  }
  return bytes;
}

std::optional<std::uint64_t> ReadWord(pid_t pid, std::uint64_t address) {
  std::uint64_t word = 0;
  const iovec here{&word, sizeof word};
  const iovec there{reinterpret_cast<void*>(address), sizeof word};
  if (process_vm_readv(pid, &here, 1, &there, 1, 0) != sizeof word) return std::nullopt;
  return word;
}

}  // namespace ktstr::jemalloc
