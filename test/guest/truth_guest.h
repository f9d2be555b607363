// A guest with something in it that the test knows: bpf_truth's maps and tasks, and bpftool to ask the guest
// itself.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "test/guest/live_guest.h"
#include "vmm/introspection/capture/capture.h"

namespace ktstr::test {

class TruthGuest {
 public:
  /// Has bpf_truth and bpftool in it; neither runs yet. Two CPUs unless `config` says otherwise.
  TruthGuest(const vmm::Kernel& kernel, Start start, vmm::MachineConfig config = {});

  /// Starts bpf_truth in that mode ("", "scheduler", "churn") and cgroup, and waits until it has said
  /// "ready". Returns what it said, in lines.
  std::vector<std::string> Plant(const std::string& mode, const std::string& cgroup = "");
  /// Everything a capture does to a running guest: pause, copy, go on, render. paused_ms is filled in.
  vmm::SnapshotReport Capture(const vmm::CaptureOptions& options = {});
  /// What `bpftool -j ARGS` says in the guest.
  nlohmann::json BpfTool(const std::vector<std::string>& args);
  /// How long Collect() took of the last capture, in milliseconds.
  [[nodiscard]] double collect_ms() const { return collect_ms_; }

  LiveGuest& live() { return guest_; }

 private:
  void Upload(const std::vector<std::string>& programs);
  /// Starts a program whose standard output goes to `file` of the guest; returns its handle.
  std::uint32_t Run(std::vector<std::string> argv, const std::string& file, const std::string& cgroup);

  LiveGuest guest_;
  vmm::KernelFactsCache facts_;
  std::unique_ptr<vmm::GuestKernel> kernel_;
  std::shared_ptr<const vmm::KernelLayout> layout_;
  vmm::BtfCache btfs_;
  std::uint32_t handle_ = 0;
  double collect_ms_ = 0;
};

}  // namespace ktstr::test
