#include "vmm/host/host_capacity.h"

#include <sched.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;

/// The number after `key` in a file of "key value" lines; with an empty key the file's first number.
std::optional<std::uint64_t> ReadNumber(const fs::path& path, std::string_view key = "") {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(key)) continue;
    std::istringstream rest(line.substr(key.size()));
    std::uint64_t value = 0;
    if (rest >> value) return value;
  }
  return std::nullopt;
}

/// Where one controller keeps this process's group, and the name of the version's files.
struct Group {
  fs::path mount;
  fs::path path;  // below `mount`
};

/// The group of a controller: of version 1 where it is mounted so, else the unified one.
std::optional<Group> FindGroup(const fs::path& root, std::string_view controller, bool unified) {
  std::ifstream file(root / "proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {  // "4:memory:/a/b", "3:cpu,cpuacct:/", "0::/a"
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const fs::path path = fs::path(line.substr(second + 1)).relative_path();
    if (unified && controllers == ",,") return Group{root / "sys/fs/cgroup", path};
    if (!unified && controllers.find("," + std::string(controller) + ",") != std::string::npos)
      return Group{root / "sys/fs/cgroup" / controller, path};
  }
  return std::nullopt;
}

/// The least of `of(directory)` over a group and all above it: each of them limits.
template <typename T, typename Of>
std::optional<T> Least(const std::optional<Group>& group, Of of) {
  if (!group) return std::nullopt;
  std::optional<T> least;
  for (fs::path path = group->path;; path = path.parent_path()) {
    if (const std::optional<T> value = of(group->mount / path); value && (!least || *value < *least))
      least = value;
    if (path.empty()) return least;
  }
}

std::optional<std::uint64_t> MemoryLeft(const fs::path& directory, std::string_view limit_file,
                                        std::string_view usage_file, std::string_view inactive_key) {
  const auto limit = ReadNumber(directory / limit_file);  // "max" is no number
  const auto usage = ReadNumber(directory / usage_file);
  if (!limit || !usage) return std::nullopt;
  // Page cache that can go at once is counted as used.
  const std::uint64_t inactive = ReadNumber(directory / "memory.stat", inactive_key).value_or(0);
  const std::uint64_t used = *usage - std::min(*usage, inactive);
  return *limit - std::min(*limit, used);
}

std::optional<double> UnifiedQuota(const fs::path& directory) {
  std::ifstream file(directory / "cpu.max");
  double quota = 0;
  double period = 0;
  if (!(file >> quota >> period) || period <= 0) return std::nullopt;  // "max 100000"
  return quota / period;
}

std::optional<double> OldQuota(const fs::path& directory) {
  const auto quota = ReadNumber(directory / "cpu.cfs_quota_us");  // -1: none; read as a number too large
  const auto period = ReadNumber(directory / "cpu.cfs_period_us");
  if (!quota || !period || *period == 0 || *quota > std::numeric_limits<std::uint64_t>::max() / 2)
    return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

double AllowedCpus() {
  // As large as the kernel may want it; a smaller set is EINVAL.
  std::vector<cpu_set_t> set(16);
  if (::sched_getaffinity(0, set.size() * sizeof(cpu_set_t), set.data()) != 0) return 1;
  return CPU_COUNT_S(set.size() * sizeof(cpu_set_t), set.data());
}

/// MemAvailable; where it cannot be read, what sysinfo(2) calls free, which is less.
std::uint64_t AvailableBytes(const fs::path& root) {
  if (const auto kib = ReadNumber(root / "proc/meminfo", "MemAvailable:")) return *kib * 1024;
  struct sysinfo info {};
  if (root != "/" || ::sysinfo(&info) != 0) return 0;
  return (std::uint64_t{info.freeram} + info.bufferram) * info.mem_unit;
}

}  // namespace

std::uint64_t ReserveMib(std::uint64_t available_mib) {
  return std::max<std::uint64_t>(512, available_mib / 10);
}

HostCapacity ReadHostCapacity(const fs::path& root) {
  HostCapacity host;
  host.cpus = AllowedCpus();
  const std::optional<double> quotas[] = {Least<double>(FindGroup(root, "cpu", false), &OldQuota),
                                          Least<double>(FindGroup(root, "cpu", true), &UnifiedQuota)};
  for (const std::optional<double>& quota : quotas)
    if (quota) host.cpus = std::min(host.cpus, *quota);

  std::uint64_t bytes = AvailableBytes(root);
  const auto old_left = [](const fs::path& directory) {
    return MemoryLeft(directory, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
  };
  const auto unified_left = [](const fs::path& directory) {
    return MemoryLeft(directory, "memory.max", "memory.current", "inactive_file");
  };
  const std::optional<std::uint64_t> limits[] = {
      Least<std::uint64_t>(FindGroup(root, "memory", false), old_left),
      Least<std::uint64_t>(FindGroup(root, "memory", true), unified_left)};
  for (const std::optional<std::uint64_t>& limit : limits)
    if (limit) bytes = std::min(bytes, *limit);
  const std::uint64_t mib = bytes / kMib;
  host.memory_mib = mib - std::min(mib, ReserveMib(mib));
  return host;
}

}  // namespace ktstr::vmm
