#include <vector>

#include "ops/op.h"

namespace ktstr {

extern const OpDecl op_add_cgroup;
extern const OpDecl op_add_cgroup_def;
extern const OpDecl op_remove_cgroup;
extern const OpDecl op_set_cpuset;
extern const OpDecl op_clear_cpuset;
extern const OpDecl op_swap_cpusets;
extern const OpDecl op_spawn;
extern const OpDecl op_stop_cgroup;
extern const OpDecl op_set_affinity;
extern const OpDecl op_set_nice;
extern const OpDecl op_set_policy;
extern const OpDecl op_move_all_tasks;
extern const OpDecl op_set_limits;
extern const OpDecl op_send_signal;
extern const OpDecl op_write_guest_file;
extern const OpDecl op_read_guest_file;
extern const OpDecl op_set_cpu_online;
extern const OpDecl op_sleep;
extern const OpDecl op_freeze_cgroup;
extern const OpDecl op_unfreeze_cgroup;
extern const OpDecl op_run_payload;
extern const OpDecl op_wait_guest_file;
extern const OpDecl op_wait_payload;
extern const OpDecl op_kill_payload;
extern const OpDecl op_poll_payload;
extern const OpDecl op_capture_snapshot;
extern const OpDecl op_watch_snapshot;
extern const OpDecl op_read_kernel_hot;
extern const OpDecl op_read_kernel_cold;
extern const OpDecl op_write_kernel_hot;
extern const OpDecl op_write_kernel_cold;
extern const OpDecl op_pin_bpf_map;
extern const OpDecl op_capture_cgroup_procs;
extern const OpDecl op_attach_scheduler;
extern const OpDecl op_detach_scheduler;
extern const OpDecl op_replace_scheduler;
extern const OpDecl op_restart_scheduler;

namespace {

// The one list: a row without its file does not link, a file without its row fails test/style.
const OpDecl* const kOps[] = {
    &op_add_cgroup,
    &op_add_cgroup_def,
    &op_remove_cgroup,
    &op_set_cpuset,
    &op_clear_cpuset,
    &op_swap_cpusets,
    &op_spawn,
    &op_stop_cgroup,
    &op_set_affinity,
    &op_set_nice,
    &op_set_policy,
    &op_move_all_tasks,
    &op_set_limits,
    &op_send_signal,
    &op_write_guest_file,
    &op_read_guest_file,
    &op_set_cpu_online,
    &op_sleep,
    &op_freeze_cgroup,
    &op_unfreeze_cgroup,
    &op_run_payload,
    &op_wait_payload,
    &op_wait_guest_file,
    &op_kill_payload,
    &op_poll_payload,
    &op_capture_snapshot,
    &op_watch_snapshot,
    &op_read_kernel_hot,
    &op_read_kernel_cold,
    &op_write_kernel_hot,
    &op_write_kernel_cold,
    &op_pin_bpf_map,
    &op_capture_cgroup_procs,
    &op_attach_scheduler,
    &op_detach_scheduler,
    &op_replace_scheduler,
    &op_restart_scheduler,
};

}  // namespace

std::span<const OpDecl* const> AllOps() { return kOps; }

const OpDecl& OpOf(const AnyStruct& args) {
  for (const OpDecl* op : kOps)
    if (&op->args() == args.decl()) return *op;
  return *kOps[0];  // excluded by the precondition
}

std::span<const StructDecl* const> Ops::Alternatives() {
  static const std::vector<const StructDecl*> kArgs = [] {
    std::vector<const StructDecl*> args;
    for (const OpDecl* op : kOps) args.push_back(&op->args());
    return args;
  }();
  return kArgs;
}

}  // namespace ktstr
