// What host Ops act on: the guest seen from outside. Implemented by SnapshotBridge (snapshot_bridge.h); tests
// may implement it by hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "ops/host/comparison.h"
#include "vmm/introspection/kernel/kernel_target.h"

namespace ktstr {

/// One place of the kernel's memory to read or write. `task_comm` set: the target is a TaskField of the task
/// of that name, found when it is carried out.
struct KernelEntry {
  vmm::KernelTarget target;
  std::string task_comm;
  std::optional<vmm::KernelWidth> width;  // of a read; none: the field's own
  vmm::KernelValue value;                 // of a write
};

/// A batch of reads or writes; a cold one happens within one pause of the guest.
struct KernelAccess {
  bool cold = false;
  bool write = false;
  std::string tag;  // of reads; empty for writes
  std::vector<KernelEntry> entries;
};

enum class WatchCapture : std::uint8_t { kCount, kValue, kFull };
inline constexpr EnumValue kWatchCaptures[] = {
    {"count", 0, "Fires are counted; the cheapest."},
    {"value", 1, "Each fire is kept with its CPU, instruction, old and new value."},
    {"full", 2, "And each gets a snapshot, tagged `<tag>#<n>`."}};
constexpr EnumDecl DescribeEnum(WatchCapture) { return {"WatchCapture", kWatchCaptures, nullptr, nullptr}; }

struct WatchRequest {
  std::string tag;
  KernelEntry place;
  std::uint32_t bytes = 0;  // 0: those of the field, or 4
  std::optional<Comparison> when;
  std::uint32_t every = 1;
  std::uint32_t max = 0;
  WatchCapture capture = WatchCapture::kCount;
};

inline constexpr std::size_t kMostFileText = std::size_t{64} << 10;

/// One run's view of its guest from outside. One thread, the run's. Errors are one line that names the cause;
/// kInput when what was asked for does not exist in this kernel.
class HostContext {
 public:
  virtual ~HostContext() = default;
  /// Pauses the guest, looks at it, lets it go on, and keeps what was seen under `tag`.
  virtual Result<> Capture(const std::string& tag) = 0;
  /// Reads are kept under their tag.
  virtual Result<> Access(const KernelAccess& access) = 0;
  /// From here on to the end of the run.
  virtual Result<> Watch(const WatchRequest& request) = 0;
  /// The processes that were in a cgroup, as the guest said.
  virtual void KeepCgroupProcs(const std::string& tag, const std::string& cgroup,
                               std::vector<std::uint32_t> pids) = 0;
  /// What a file of the guest held; its whole lines in the first kMostFileText bytes are kept,
  /// or all of it when it is no longer.
  virtual void KeepGuestFile(const std::string& tag, const std::string& file, std::string_view content) = 0;
};

}  // namespace ktstr
