#include "guest-init/cgroup_ledger.h"

#include <charconv>
#include <utility>

#include "guest-init/base/file_io.h"

namespace ktstr::guest {

std::optional<std::uint64_t> ParseCounter(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ') continue;
    line.remove_prefix(name.size() + 1);
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(line.data(), line.data() + line.size(), value);
    if (failed == std::errc() && end == line.data() + line.size()) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ParsePressure(std::string_view text) {
  constexpr std::string_view kTotal = " total=";
  if (!text.starts_with("some ")) return std::nullopt;
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::size_t at = line.find(kTotal);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, failed] =
      std::from_chars(line.data() + at + kTotal.size(), line.data() + line.size(), value);
  return failed == std::errc() && end == line.data() + line.size() ? std::optional(value) : std::nullopt;
}

CgroupFigures CgroupLedger::Read(const std::string& cgroup) const {
  const std::string directory = tree_.Path(cgroup);
  const auto read = [&](const char* file) { return ReadSmallFile((directory + file).c_str()); };
  const std::string stat = read("/cpu.stat");
  CgroupFigures figures;
  figures.cgroup = cgroup;
  figures.cpu_time_us = ParseCounter(stat, "usage_usec");
  figures.periods = ParseCounter(stat, "nr_periods");
  figures.throttled_periods = ParseCounter(stat, "nr_throttled");
  figures.throttled_us = ParseCounter(stat, "throttled_usec");
  figures.cpu_pressure_us = ParsePressure(read("/cpu.pressure"));
  figures.memory_pressure_us = ParsePressure(read("/memory.pressure"));
  figures.io_pressure_us = ParsePressure(read("/io.pressure"));
  figures.oom_kills = ParseCounter(read("/memory.events"), "oom_kill");
  figures.refused_forks = ParseCounter(read("/pids.events"), "max");
  return figures;
}

CgroupFigures CgroupLedger::Settle(const std::string& cgroup, Account& account, std::uint64_t now_ns) const {
  const CgroupFigures before = std::exchange(account.counted, Read(cgroup));
  CgroupFigures figures = account.counted.Since(before);
  figures.phase = phase_;
  figures.span_ns = now_ns - std::exchange(account.until_ns, now_ns);
  return figures;
}

void CgroupLedger::Open(const std::string& cgroup, std::uint64_t now_ns) { accounts_[cgroup] = {{}, now_ns}; }

std::vector<CgroupFigures> CgroupLedger::Turn(std::uint32_t phase, std::uint64_t now_ns) {
  std::vector<CgroupFigures> all;
  for (auto& [cgroup, account] : accounts_) all.push_back(Settle(cgroup, account, now_ns));
  phase_ = phase;
  return all;
}

CgroupFigures CgroupLedger::Close(const std::string& cgroup, std::uint64_t now_ns) {
  const auto at = accounts_.find(cgroup);
  if (at == accounts_.end()) return {};
  CgroupFigures last = Settle(cgroup, at->second, now_ns);
  accounts_.erase(at);
  return last;
}

}  // namespace ktstr::guest
