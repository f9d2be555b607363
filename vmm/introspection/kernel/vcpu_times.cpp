#include "vmm/introspection/kernel/vcpu_times.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace ktstr::vmm {
namespace {

/// "CPU 12/KVM" -> 12.
std::optional<std::uint32_t> VcpuOf(std::string_view thread) {
  constexpr std::string_view kPrefix = "CPU ";
  if (!thread.starts_with(kPrefix)) return std::nullopt;
  thread.remove_prefix(kPrefix.size());
  std::uint32_t cpu = 0;
  const auto [end, fault] = std::from_chars(thread.data(), thread.data() + thread.size(), cpu);
  if (fault != std::errc() || end == thread.data() + thread.size() || *end != '/') return std::nullopt;
  return cpu;
}

std::optional<std::uint64_t> ReadRunTime(const Fd& schedstat) {
  std::array<char, 64> text{};  // "run_ns wait_ns timeslices"
  const ssize_t got = ::pread(schedstat.get(), text.data(), text.size(), 0);
  std::uint64_t run_ns = 0;
  if (got <= 0 || std::from_chars(text.data(), text.data() + got, run_ns).ec != std::errc())
    return std::nullopt;
  return run_ns;
}

}  // namespace

VcpuTimes::VcpuTimes(pid_t qemu, std::uint32_t cpus, const std::filesystem::path& proc) : each_(cpus) {
  std::error_code error;
  const std::filesystem::path tasks = proc / std::to_string(qemu) / "task";
  for (std::filesystem::directory_iterator task(tasks, error), end; !error && task != end;
       task.increment(error)) {
    std::string name;
    std::getline(std::ifstream(task->path() / "comm"), name);
    const auto open = [&] { return ::open((task->path() / "schedstat").c_str(), O_RDONLY | O_CLOEXEC); };
    const auto cpu = VcpuOf(name);
    if (name.starts_with("ALL CPUs/")) all_.Reset(open());
    if (cpu && *cpu < each_.size()) each_[*cpu].Reset(open());
  }
}

std::vector<std::optional<std::uint64_t>> VcpuTimes::Read() const {
  std::vector<std::optional<std::uint64_t>> times;
  if (shared()) {
    times.assign(each_.size(), ReadRunTime(all_));
    return times;
  }
  for (const Fd& thread : each_) times.push_back(thread.valid() ? ReadRunTime(thread) : std::nullopt);
  return times;
}

}  // namespace ktstr::vmm
