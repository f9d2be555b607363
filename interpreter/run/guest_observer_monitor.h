// The monitor of one run: when it samples, and what came of it.
#pragma once

#include "interpreter/fold/observations.h"
#include "interpreter/scenario/observe_spec.h"
#include "vmm/host/deadline.h"
#include "vmm/introspection/monitor/monitor_judge.h"
#include "vmm/introspection/monitor/monitor_sampler.h"

namespace ktstr {

/// One thread, the run's. Its samples read the guest's memory; nothing of it pauses the guest.
class ObserverMonitor {
 public:
  /// The first sample is due one interval from now. `hz` is the guest's CONFIG_HZ; 0: not known.
  ObserverMonitor(const MonitorSpec& spec, std::uint32_t hz, vmm::MonitorSampler sampler)
      : spec_(spec), hz_(hz), sampler_(std::move(sampler)), due_(vmm::After(Interval())) {}

  /// Host time of the next sample.
  [[nodiscard]] vmm::Deadline due() const { return due_; }
  /// Takes a sample; the next is due one interval after this one was, or now: turns that were missed are not
  /// made up for.
  void Sample();
  /// The judgement of all samples. The guest is not needed any more.
  MonitorRecord Finish();

 private:
  [[nodiscard]] std::chrono::nanoseconds Interval() const {
    return std::chrono::nanoseconds(spec_.interval.ns);
  }

  MonitorSpec spec_;
  std::uint32_t hz_;
  vmm::MonitorSampler sampler_;
  vmm::Deadline due_;
};

}  // namespace ktstr
