#include "workloads/worker/nodes.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "guest-init/base/file_io.h"
#include "guest-init/base/units.h"

namespace ktstr {
namespace {

constexpr std::uint32_t kMaxNodes = 1024;
constexpr std::uint32_t kMaxCpuNumber = 8192;
// Of <numaif.h>, which is not part of libc.
constexpr int kMpolBind = 2;
constexpr unsigned kMpolMove = 2;

}  // namespace

std::vector<std::uint32_t> ReadNumbers(const std::string& path) {
  CpuSet numbers;  // nodes are listed as CPUs are
  return ParseCpus(ReadLine(path), numbers) ? numbers.cpus : std::vector<std::uint32_t>{};
}

std::vector<std::uint32_t> OnlineNodes() { return ReadNumbers("/sys/devices/system/node/online"); }

std::vector<std::uint32_t> CpusOfNode(std::uint32_t node) {
  return ReadNumbers("/sys/devices/system/node/node" + std::to_string(node) + "/cpulist");
}

bool BindToNode(void* region, std::size_t bytes, std::uint32_t node) {
  constexpr std::size_t kBits = 8 * sizeof(unsigned long);
  std::array<unsigned long, kMaxNodes / kBits> mask{};
  if (node >= kMaxNodes) return false;
  mask[node / kBits] = 1UL << (node % kBits);
  return syscall(SYS_mbind, region, bytes, kMpolBind, mask.data(), kMaxNodes + 1, kMpolMove) == 0;
}

bool ReadOwnCpus(std::vector<std::uint32_t>& cpus) {
  const std::size_t size = CPU_ALLOC_SIZE(kMaxCpuNumber);
  std::vector<std::byte> mask(size);
  const auto* set = reinterpret_cast<cpu_set_t*>(mask.data());
  if (sched_getaffinity(0, size, reinterpret_cast<cpu_set_t*>(mask.data())) != 0) return false;
  cpus.clear();
  for (std::uint32_t cpu = 0; cpu < kMaxCpuNumber; ++cpu)
    if (CPU_ISSET_S(cpu, size, set)) cpus.push_back(cpu);
  return true;
}

bool SetCpus(const std::vector<std::uint32_t>& cpus, std::int32_t tid) {
  const std::size_t size = CPU_ALLOC_SIZE(kMaxCpuNumber);
  std::vector<std::byte> mask(size);
  for (const std::uint32_t cpu : cpus) CPU_SET_S(cpu, size, reinterpret_cast<cpu_set_t*>(mask.data()));
  return sched_setaffinity(tid, size, reinterpret_cast<cpu_set_t*>(mask.data())) == 0;
}

}  // namespace ktstr
