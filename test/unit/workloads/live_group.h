// A group of one work type as real processes of this host, as PID 1 of a guest runs it but without policies.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/wire/report.h"
#include "workloads/work_type.h"
#include "workloads/worker/worker_context.h"

namespace ktstr {

/// The member `name` of `params`, to be read or written.
template <typename T>
T& Param(AnyStruct& params, std::string_view name) {
  return *static_cast<T*>(params.decl()->Find(name)->member(params.data()));
}
inline AnyStruct DefaultParams(std::string_view type) { return AnyStruct(FindWorkType(type)->params()); }

/// Runs from construction to Stop().
class LiveGroup {
 public:
  /// `groups` times as many workers as the type and its parameters ask for. `disk`: for types that need one.
  explicit LiveGroup(std::string_view type, const AnyStruct& params, std::uint32_t groups = 1, int disk = -1);
  explicit LiveGroup(std::string_view type) : LiveGroup(type, DefaultParams(type)) {}
  ~LiveGroup();
  LiveGroup(const LiveGroup&) = delete;

  /// Returns once it holds of the slots.
  void Until(const std::function<bool(std::span<const WorkerSlot> slots)>& holds) const;
  /// Returns once each worker has done so many iterations.
  void UntilEach(std::uint64_t iterations) const;
  /// Returns once each has ended by itself; not to be asked of those that go on until they are stopped.
  void UntilEnded() const;
  [[nodiscard]] const GroupMemory& memory() const { return *memory_; }
  [[nodiscard]] const std::vector<pid_t>& pids() const { return pids_; }
  /// Asks all to stop and takes their reports, in order. One that left none has tid 0.
  std::vector<WorkerReport> Stop();

 private:
  Result<GroupMemory> memory_;
  std::vector<pid_t> pids_;
  std::vector<Fd> reports_;
};

/// Until each has done so many iterations.
std::vector<WorkerReport> RunGroup(std::string_view type, const AnyStruct& params, std::uint64_t iterations);
std::vector<WorkerReport> RunGroup(std::string_view type, std::uint64_t iterations);

/// Which of the three distributions a report has: of "wake", "timer", "cost" those with samples.
std::string Distributions(const WorkerReport& report);

}  // namespace ktstr
