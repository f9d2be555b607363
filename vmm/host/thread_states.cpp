#include "vmm/host/thread_states.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "guest-init/base/one_line.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

const char* StateName(char state) {
  switch (state) {
    case 'R':
      return "running";
    case 'S':
      return "sleeping";
    case 'D':
      return "waiting in the kernel";
    case 'T':
      return "stopped by a signal";
    case 't':
      return "held by a debugger";
    default:
      return "ended";
  }
}

/// "1234 (a name) S 1 ...": the name may hold anything, so the last parenthesis counts.
std::string DescribeThread(const std::string& stat) {
  const std::size_t open = stat.find('('), close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= stat.size()) return {};
  return fmt::format("{} {}", OneLine(stat.substr(open + 1, close - open - 1)), StateName(stat[close + 2]));
}

}  // namespace

std::string DescribeThreads(pid_t process, const fs::path& proc) {
  std::vector<fs::path> tasks;
  std::error_code gone;
  const fs::path directory = proc / std::to_string(process) / "task";
  for (fs::directory_iterator task(directory, gone), end; !gone && task != end; task.increment(gone))
    tasks.push_back(task->path());
  std::sort(tasks.begin(), tasks.end());
  std::string text;
  for (const fs::path& task : tasks) {
    std::string stat;
    std::getline(std::ifstream(task / "stat"), stat);
    const std::string thread = DescribeThread(stat);
    if (!thread.empty()) text += (text.empty() ? "" : ", ") + thread;
  }
  return text.empty() ? "gone" : text;
}

}  // namespace ktstr::vmm
