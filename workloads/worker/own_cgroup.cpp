#include "workloads/worker/own_cgroup.h"

#include <charconv>

#include "guest-init/base/file_io.h"

namespace ktstr {

std::string OwnCgroup() {
  std::string text = ReadSmallFile("/proc/self/cgroup");
  const std::size_t at = text.find("0::/");
  if (at == std::string::npos) return {};
  const std::size_t end = text.find('\n', at);
  return "/sys/fs/cgroup" + text.substr(at + 3, end == std::string::npos ? end : end - at - 3);
}

std::vector<std::int32_t> ProcessesIn(const std::string& directory) {
  const std::string text = ReadSmallFile((directory + "/cgroup.procs").c_str());
  std::vector<std::int32_t> pids;
  for (const char* at = text.data(); at < text.data() + text.size(); ++at) {
    std::int32_t pid = 0;
    const auto parsed = std::from_chars(at, text.data() + text.size(), pid);
    if (parsed.ec != std::errc{}) break;
    pids.push_back(pid);
    at = parsed.ptr;
  }
  return pids;
}

}  // namespace ktstr
