// The one list of work types. A row without its file does not link.
#include <array>
#include <vector>

#include "workloads/work_type.h"

namespace ktstr {

// compute/
extern const WorkTypeDecl work_type_spin_wait;
extern const WorkTypeDecl work_type_alu_hot;
extern const WorkTypeDecl work_type_smt_sibling_spin;
extern const WorkTypeDecl work_type_ipc_variance;
extern const WorkTypeDecl work_type_cache_pressure;
extern const WorkTypeDecl work_type_cache_yield;
// memory/
extern const WorkTypeDecl work_type_page_fault_churn;
extern const WorkTypeDecl work_type_numa_working_set_sweep;
// wake/
extern const WorkTypeDecl work_type_pipe_io;
extern const WorkTypeDecl work_type_futex_ping_pong;
extern const WorkTypeDecl work_type_cache_pipe;
extern const WorkTypeDecl work_type_wake_chain;
extern const WorkTypeDecl work_type_asymmetric_waker;
extern const WorkTypeDecl work_type_futex_fan_out;
extern const WorkTypeDecl work_type_fan_out_compute;
extern const WorkTypeDecl work_type_thundering_herd;
extern const WorkTypeDecl work_type_mutex_contention;
extern const WorkTypeDecl work_type_priority_inversion;
extern const WorkTypeDecl work_type_producer_consumer_imbalance;
extern const WorkTypeDecl work_type_epoll_storm;
extern const WorkTypeDecl work_type_signal_storm;
// shape/
extern const WorkTypeDecl work_type_yield_heavy;
extern const WorkTypeDecl work_type_mixed;
extern const WorkTypeDecl work_type_bursty;
extern const WorkTypeDecl work_type_idle_churn;
extern const WorkTypeDecl work_type_timer_latency;
extern const WorkTypeDecl work_type_nice_sweep;
extern const WorkTypeDecl work_type_affinity_churn;
extern const WorkTypeDecl work_type_cross_affinity_churn;
extern const WorkTypeDecl work_type_policy_churn;
extern const WorkTypeDecl work_type_fork_exit;
extern const WorkTypeDecl work_type_rt_starvation;
extern const WorkTypeDecl work_type_preempt_storm;
extern const WorkTypeDecl work_type_numa_migration_churn;
extern const WorkTypeDecl work_type_cgroup_churn;
extern const WorkTypeDecl work_type_cgroup_attach_storm;
// io/
extern const WorkTypeDecl work_type_io_sync;
extern const WorkTypeDecl work_type_io_rand_read;
extern const WorkTypeDecl work_type_io_convoy;
// net/
extern const WorkTypeDecl work_type_net_traffic;
extern const WorkTypeDecl work_type_irq_wake;
// of the others
extern const WorkTypeDecl work_type_sequence;

std::span<const WorkTypeDecl> AllWorkTypes() {
  // clang-format off
  static const std::array kTypes = {
      work_type_spin_wait,
      work_type_alu_hot,
      work_type_smt_sibling_spin,
      work_type_ipc_variance,
      work_type_cache_pressure,
      work_type_cache_yield,
      work_type_page_fault_churn,
      work_type_numa_working_set_sweep,
      work_type_pipe_io,
      work_type_futex_ping_pong,
      work_type_cache_pipe,
      work_type_wake_chain,
      work_type_asymmetric_waker,
      work_type_futex_fan_out,
      work_type_fan_out_compute,
      work_type_thundering_herd,
      work_type_mutex_contention,
      work_type_priority_inversion,
      work_type_producer_consumer_imbalance,
      work_type_epoll_storm,
      work_type_signal_storm,
      work_type_yield_heavy,
      work_type_mixed,
      work_type_bursty,
      work_type_idle_churn,
      work_type_timer_latency,
      work_type_nice_sweep,
      work_type_affinity_churn,
      work_type_cross_affinity_churn,
      work_type_policy_churn,
      work_type_fork_exit,
      work_type_rt_starvation,
      work_type_preempt_storm,
      work_type_numa_migration_churn,
      work_type_cgroup_churn,
      work_type_cgroup_attach_storm,
      work_type_io_sync,
      work_type_io_rand_read,
      work_type_io_convoy,
      work_type_net_traffic,
      work_type_irq_wake,
      work_type_sequence,
  };
  // clang-format on
  return kTypes;
}

const WorkTypeDecl* FindWorkType(std::string_view name) {
  for (const WorkTypeDecl& type : AllWorkTypes())
    if (type.params().name == name) return &type;
  return nullptr;
}

std::span<const StructDecl* const> WorkTypes::Alternatives() {
  static const auto kParams = [] {
    std::vector<const StructDecl*> params;
    for (const WorkTypeDecl& type : AllWorkTypes()) params.push_back(&type.params());
    return params;
  }();
  return kParams;
}

}  // namespace ktstr
