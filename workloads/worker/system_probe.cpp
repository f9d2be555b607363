#include "workloads/worker/system_probe.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <map>

#include "guest-init/base/clock.h"
#include "guest-init/base/file_io.h"

namespace ktstr {
namespace {

bool ParseNumber(std::string_view text, std::uint64_t& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
}

/// Cuts the next word off `text`; empty at the end.
std::string_view NextWord(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(" \n");
  if (begin == std::string_view::npos) return text = {};
  const std::size_t end = text.find_first_of(" \n", begin);
  const std::string_view word = text.substr(begin, end - begin);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end);
  return word;
}

}  // namespace

std::optional<Schedstat> ParseSchedstat(std::string_view text) {
  Schedstat stat;
  if (!ParseNumber(NextWord(text), stat.cpu_time_ns) || !ParseNumber(NextWord(text), stat.run_delay_ns) ||
      !ParseNumber(NextWord(text), stat.run_count))
    return std::nullopt;
  return stat;
}

std::vector<NodePages> ParseNumaMaps(std::string_view text) {
  std::map<std::uint64_t, std::uint64_t> pages;
  for (std::string_view word = NextWord(text); !word.empty(); word = NextWord(text)) {
    const std::size_t equals = word.find('=');
    std::uint64_t node = 0;
    std::uint64_t count = 0;
    if (word[0] != 'N' || equals == std::string_view::npos) continue;
    if (ParseNumber(word.substr(1, equals - 1), node) && ParseNumber(word.substr(equals + 1), count))
      pages[node] += count;
  }
  std::vector<NodePages> list;
  list.reserve(pages.size());
  for (const auto& [node, count] : pages) list.push_back({static_cast<std::uint32_t>(node), count});
  return list;
}

std::string_view NumaMapsLine(std::string_view text, std::uint64_t address) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    std::uint64_t begin = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), begin, 16);
    if (parsed.ec == std::errc{} && begin == address) return line;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return {};
}

std::uint64_t ParseVmstat(std::string_view text, std::string_view name) {
  for (std::string_view word = NextWord(text); !word.empty(); word = NextWord(text)) {
    std::uint64_t value = 0;
    if (word == name && ParseNumber(NextWord(text), value)) return value;
  }
  return 0;
}

std::uint64_t SystemProbe::NowNs() { return MonotonicNs(); }
std::uint64_t SystemProbe::ThreadCpuNs() { return ReadClockNs(CLOCK_THREAD_CPUTIME_ID); }
std::uint32_t SystemProbe::CurrentCpu() {
  unsigned cpu = 0;
  getcpu(&cpu, nullptr);
  return cpu;
}
std::vector<NodePages> SystemProbe::ReadNumaPages(const void* region) {
  const std::string text = ReadSmallFile("/proc/self/numa_maps");
  return ParseNumaMaps(region == nullptr ? text
                                         : NumaMapsLine(text, reinterpret_cast<std::uintptr_t>(region)));
}
std::uint64_t SystemProbe::ReadNumaPagesMigrated() {
  return ParseVmstat(ReadSmallFile("/proc/vmstat"), "numa_pages_migrated");
}

}  // namespace ktstr
