/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * The scheduler of our tests: one queue for all CPUs, ordered by virtual time that weights scale, and the
 * local queue of each CPU for tasks that find it idle. Sound unless `fault` or `live_fault` names one of
 * ktstr_scx_faults.inc.
 */
#include <scx/common.bpf.h>

#include "ktstr_scx_faults.inc"

char _license[] SEC("license") = "Dual MIT/GPL";

#define SHARED_DSQ 0
#define NO_SUCH_DSQ 0xdead
#define MS 1000000ULL
#define SLICE_NS (5 * MS)

/* Set by the loader before the programs are verified. */
const volatile u32 fault;
const volatile u64 fault_count = 1000;
const volatile s32 loader_pid;
const volatile char victim[16];

/* May be written at any time, also from outside the guest: the scheduler misbehaves from then on. */
volatile u32 live_fault;

u64 nr_enqueued;   /* queued, on whichever queue */
u64 nr_direct;     /* of these, given to an idle CPU as they woke */
u64 nr_kicked;     /* idle CPUs that were woken for a queued task */
u64 nr_reenqueued; /* taken back from a CPU that a higher class took */
u64 nr_forgotten;  /* by a fault */
u64 nr_faulty_enqueues;
u64 vtime_now;
struct ktstr_exit exit_info;

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct ktstr_cpu_stats);
} cpu_stats SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct ktstr_task);
} task_state SEC(".maps");

/* How many tasks of a cgroup want to run; by the address of its task_group. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, u64);
  __type(value, s64);
} group_runnable SEC(".maps");

static __always_inline bool has_fault(u32 which) { return fault == which || live_fault == which; }

static __always_inline void count(u64* counter) { __sync_fetch_and_add(counter, 1); }

static __always_inline bool is_before(u64 a, u64 b) { return (s64)(a - b) < 0; }

static struct ktstr_cpu_stats* this_cpu_stats(void) {
  const u32 zero = 0;
  return bpf_map_lookup_elem(&cpu_stats, &zero);
}

static struct ktstr_task* state_of(struct task_struct* p) {
  return bpf_task_storage_get(&task_state, p, NULL, 0);
}

/* Kernel threads, the guest's first process and our own loader are spared by faults that lose tasks: without
 * them nobody could tell what happened. */
static bool is_spared(const struct task_struct* p) {
  return (p->flags & PF_KTHREAD) || p->tgid == 1 || p->tgid == loader_pid;
}

static bool is_victim(const struct task_struct* p) {
  if (!victim[0] || is_spared(p)) return false;
  for (int i = 0; i < 15; ++i) {
    if (!victim[i]) return true;
    if (p->comm[i] != victim[i]) return false;
  }
  return true;
}

static u64 slice_for(void) {
  if (has_fault(KTSTR_FAULT_ENDLESS) && scx_bpf_dsq_nr_queued(SHARED_DSQ) == 0) return SCX_SLICE_INF;
  return SLICE_NS;
}

static void note_queued(struct task_struct* p) {
  struct ktstr_task* state = state_of(p);
  if (state) state->queued_at = bpf_ktime_get_ns();
  count(&nr_enqueued);
}

/* Faults that end the scheduler, or the waiting of `p`, as it is queued. Returns whether it is not to be
 * queued any more. */
static bool is_mishandled(struct task_struct* p, u64 enq_flags) {
  if (has_fault(KTSTR_FAULT_FORGET) && is_victim(p)) {
    count(&nr_forgotten);
    return true;
  }
  if (has_fault(KTSTR_FAULT_LOSE) && !is_spared(p) &&
      (__sync_fetch_and_add(&nr_faulty_enqueues, 1) + 1) % fault_count == 0) {
    count(&nr_forgotten);
    return true;
  }
  if (has_fault(KTSTR_FAULT_BAD_DSQ) && !is_spared(p)) {
    scx_bpf_dispatch(p, NO_SUCH_DSQ, SLICE_NS, enq_flags);
    return true;
  }
  if (has_fault(KTSTR_FAULT_ERROR) && __sync_fetch_and_add(&nr_faulty_enqueues, 1) + 1 == fault_count)
    scx_bpf_error("planted error at enqueue %llu, of %s[%d]", fault_count, p->comm, p->pid);
  if (has_fault(KTSTR_FAULT_EXIT_BPF) && __sync_fetch_and_add(&nr_faulty_enqueues, 1) + 1 == fault_count)
    scx_bpf_exit(7, "planted exit at enqueue %llu", fault_count);
  if (has_fault(KTSTR_FAULT_FOREIGN_CPU) && !is_spared(p)) {
    const struct cpumask* online = scx_bpf_get_online_cpumask();
    const s32 cpu = scx_bpf_pick_idle_cpu(online, 0);
    scx_bpf_put_cpumask(online);
    if (cpu >= 0) {
      scx_bpf_dispatch(p, SCX_DSQ_LOCAL_ON | cpu, SLICE_NS, enq_flags);
      scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
      return true;
    }
  }
  const struct ktstr_task* state = state_of(p);
  const bool is_yielder = has_fault(KTSTR_FAULT_YIELDER) && state && state->gave_way;
  if ((has_fault(KTSTR_FAULT_STRAND) || is_yielder) && !(enq_flags & SCX_ENQ_WAKEUP)) {
    scx_bpf_dispatch(p, SCX_DSQ_LOCAL, SLICE_NS, enq_flags | (is_yielder ? SCX_ENQ_HEAD : 0));
    return true;
  }
  return false;
}

s32 BPF_STRUCT_OPS(ktstr_select_cpu, struct task_struct* p, s32 prev_cpu, u64 wake_flags) {
  bool is_idle = false;
  if (has_fault(KTSTR_FAULT_NO_KICK)) return bpf_cpumask_first(p->cpus_ptr);
  if (has_fault(KTSTR_FAULT_STALL) || has_fault(KTSTR_FAULT_FOREIGN_CPU)) return prev_cpu;
  const s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);
  if (is_idle && !(has_fault(KTSTR_FAULT_FORGET) && is_victim(p)) && !has_fault(KTSTR_FAULT_BAD_DSQ)) {
    note_queued(p);
    count(&nr_direct);
    scx_bpf_dispatch(p, SCX_DSQ_LOCAL, slice_for(), 0);
  }
  return cpu;
}

void BPF_STRUCT_OPS(ktstr_enqueue, struct task_struct* p, u64 enq_flags) {
  u64 vtime = p->scx.dsq_vtime;

  note_queued(p);
  if (is_mishandled(p, enq_flags)) return;
  /* Sleeping earns one slice at most. */
  if (!has_fault(KTSTR_FAULT_CREDIT) && is_before(vtime, vtime_now - SLICE_NS)) vtime = vtime_now - SLICE_NS;
  scx_bpf_dispatch_vtime(p, SHARED_DSQ, slice_for(), vtime, enq_flags);
  if (has_fault(KTSTR_FAULT_NO_KICK) || has_fault(KTSTR_FAULT_STALL)) return;
  /* It found no idle CPU as it woke, or did not look for one; by now there may be one. */
  const s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
  if (cpu >= 0) {
    count(&nr_kicked);
    scx_bpf_kick_cpu(cpu, SCX_KICK_IDLE);
  }
}

/* `cost` shared out: the tasks of a cgroup have the weight of it together. Of the hierarchy only the
 * innermost level counts, and tasks of the root stand for themselves. */
static u64 group_cost(const struct task_struct* p, u64 cost) {
  struct task_group* group = p->sched_task_group;
  const u64 key = (u64)group;

  if (!group || !group->parent || !group->scx_weight) return cost;
  const s64* runnable = bpf_map_lookup_elem(&group_runnable, &key);
  return cost * (runnable && *runnable > 1 ? *runnable : 1) * 100 / group->scx_weight;
}

/* What `ns` on a CPU costs a task, in virtual time. */
static u64 charge_for(const struct task_struct* p, u64 ns) {
  if (has_fault(KTSTR_FAULT_WEIGHTLESS)) return ns;
  if (has_fault(KTSTR_FAULT_INVERTED)) return ns * p->scx.weight / 100;
  return group_cost(p, ns * 100 / p->scx.weight);
}

static void count_runnable(const struct task_struct* p, s64 change) {
  const u64 key = (u64)p->sched_task_group;
  const s64 none = 0;

  bpf_map_update_elem(&group_runnable, &key, &none, BPF_NOEXIST);
  s64* runnable = bpf_map_lookup_elem(&group_runnable, &key);
  if (runnable) __sync_fetch_and_add(runnable, change);
}

/* Charges a running task for its time since it started or was last charged. By the clock: one that gave way
 * has no slice left, but did not use it. */
static void account(struct task_struct* p, struct ktstr_task* state) {
  struct ktstr_cpu_stats* stats = this_cpu_stats();
  const u64 now = bpf_ktime_get_ns();
  const u64 used = now - state->started_at;

  if (!state->started_at) return;
  state->started_at = now;
  state->run_ns += used;
  if (stats) stats->busy_ns += used;
  p->scx.dsq_vtime += charge_for(p, used);
}

static void advance_vtime(const struct task_struct* p) {
  if (is_before(vtime_now, p->scx.dsq_vtime)) vtime_now = p->scx.dsq_vtime;
}

/* Whether `prev`, which is not in the shared queue yet, comes before all that wait in it for this CPU.
 * Without this question two tasks of one CPU would take turns, whatever their weights. */
static bool is_still_first(struct task_struct* prev, s32 cpu) {
  struct task_struct* p;
  bool is_first = false;

  bpf_for_each(scx_dsq, p, SHARED_DSQ, 0) {
    if (!bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) continue;
    is_first = is_before(prev->scx.dsq_vtime, p->scx.dsq_vtime);
    break;
  }
  return is_first;
}

static long spin(u64 index, u64* until) { return bpf_ktime_get_ns() >= *until; }

/* Whether the task that is on the CPU gets another slice. It is charged first, and the time of all moves with
 * it: one that runs alone for long would otherwise be the past to who wakes then. */
static bool keeps_on(struct task_struct* prev, s32 cpu) {
  struct ktstr_task* state = state_of(prev);

  if (!state) return false;
  account(prev, state);
  advance_vtime(prev);
  if (has_fault(KTSTR_FAULT_ENDLESS) && scx_bpf_dsq_nr_queued(SHARED_DSQ) == 0) {
    prev->scx.slice = SCX_SLICE_INF;
    return true;
  }
  if (has_fault(KTSTR_FAULT_HOARD) || state->gave_way || !is_still_first(prev, cpu)) return false;
  prev->scx.slice = SLICE_NS;
  return true;
}

void BPF_STRUCT_OPS(ktstr_dispatch, s32 cpu, struct task_struct* prev) {
  struct ktstr_cpu_stats* stats = this_cpu_stats();
  const int most = has_fault(KTSTR_FAULT_HOARD) ? 4 : 1;

  if (has_fault(KTSTR_FAULT_STALL)) return;
  /* The kernel lets `prev` go on when nothing else is offered. */
  const bool can_go_on = prev && (prev->scx.flags & SCX_TASK_QUEUED);
  if (has_fault(KTSTR_FAULT_STRAND) && can_go_on) return;
  if (has_fault(KTSTR_FAULT_BURN)) {
    u64 until = bpf_ktime_get_ns() + 2 * MS;
    bpf_loop(1 << 22, spin, &until, 0);
  }
  if (prev && can_go_on && keeps_on(prev, cpu)) return;
  for (int i = 0; i < most && i < 4; ++i) {
    if (!scx_bpf_consume(SHARED_DSQ)) break;
    if (stats) ++stats->nr_consumed;
  }
}

void BPF_STRUCT_OPS(ktstr_running, struct task_struct* p) {
  struct ktstr_cpu_stats* stats = this_cpu_stats();
  struct ktstr_task* state = state_of(p);
  const u64 now = bpf_ktime_get_ns();

  advance_vtime(p);
  if (has_fault(KTSTR_FAULT_HOARD)) p->scx.slice = 10 * SLICE_NS;
  if (stats) ++stats->nr_running;
  if (!state) return;
  ++state->runs;
  state->started_at = now;
  state->gave_way = 0;
  if (state->queued_at && now - state->queued_at > state->max_wait_ns)
    state->max_wait_ns = now - state->queued_at;
  state->queued_at = 0;
}

void BPF_STRUCT_OPS(ktstr_stopping, struct task_struct* p, bool runnable) {
  struct ktstr_task* state = state_of(p);

  if (state) account(p, state);
}

/* Both come before and after a change of cgroup, too. */
void BPF_STRUCT_OPS(ktstr_runnable, struct task_struct* p, u64 enq_flags) { count_runnable(p, 1); }
void BPF_STRUCT_OPS(ktstr_quiescent, struct task_struct* p, u64 deq_flags) { count_runnable(p, -1); }

/* The weight is read where it is needed. Without this the kernel would say that nobody knows cpu.weight. */
void BPF_STRUCT_OPS(ktstr_cgroup_set_weight, struct cgroup* cgroup, u32 weight) {}

bool BPF_STRUCT_OPS(ktstr_yield, struct task_struct* from, struct task_struct* to) {
  struct ktstr_task* state = state_of(from);

  if (state) state->gave_way = 1;
  from->scx.slice = has_fault(KTSTR_FAULT_YIELDER) ? SCX_SLICE_INF : 0;
  return false;
}

void BPF_STRUCT_OPS(ktstr_cpu_release, s32 cpu, struct scx_cpu_release_args* args) {
  if (has_fault(KTSTR_FAULT_HOARD) || has_fault(KTSTR_FAULT_ENDLESS)) return;
  __sync_fetch_and_add(&nr_reenqueued, scx_bpf_reenqueue_local());
}

/* The queues know no CPUs, so there is nothing to do when one comes or goes; without these two the kernel
 * would take the scheduler down. */
void BPF_STRUCT_OPS(ktstr_cpu_online, s32 cpu) {}
void BPF_STRUCT_OPS(ktstr_cpu_offline, s32 cpu) {
  if (has_fault(KTSTR_FAULT_HOTPLUG)) scx_bpf_error("planted error: CPU %d went offline", cpu);
}

void BPF_STRUCT_OPS(ktstr_enable, struct task_struct* p) { p->scx.dsq_vtime = vtime_now; }

s32 BPF_STRUCT_OPS(ktstr_init_task, struct task_struct* p, struct scx_init_task_args* args) {
  return bpf_task_storage_get(&task_state, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE) ? 0 : -ENOMEM;
}

void BPF_STRUCT_OPS(ktstr_dump, struct scx_dump_ctx* dump) {
  scx_bpf_dump("fault %u live %u: enqueued %llu direct %llu kicked %llu", fault, live_fault, nr_enqueued,
               nr_direct, nr_kicked);
  scx_bpf_dump("shared queue %d forgotten %llu", scx_bpf_dsq_nr_queued(SHARED_DSQ), nr_forgotten);
}

void BPF_STRUCT_OPS(ktstr_dump_task, struct scx_dump_ctx* dump, struct task_struct* p) {
  struct ktstr_task* state = state_of(p);
  if (state) scx_bpf_dump("runs %llu run_ns %llu", state->runs, state->run_ns);
}

s32 BPF_STRUCT_OPS_SLEEPABLE(ktstr_init) {
  if (fault == KTSTR_FAULT_REJECT) *(volatile u64*)(unsigned long)bpf_get_prandom_u32() = 1;
  if (fault == KTSTR_FAULT_INIT_CRASH) scx_bpf_error("planted error in init");
  if (fault == KTSTR_FAULT_INIT_REFUSE) return -EINVAL;
  return scx_bpf_create_dsq(SHARED_DSQ, -1);
}

void BPF_STRUCT_OPS(ktstr_exit, struct scx_exit_info* info) {
  bpf_probe_read_kernel_str(exit_info.reason, sizeof(exit_info.reason), info->reason);
  bpf_probe_read_kernel_str(exit_info.message, sizeof(exit_info.message), info->msg);
  bpf_probe_read_kernel_str(exit_info.dump, sizeof(exit_info.dump), info->dump);
  exit_info.code = info->exit_code;
  /* Last, and with a barrier: the loader waits for it. */
  __sync_lock_test_and_set(&exit_info.kind, info->kind);
}

SCX_OPS_DEFINE(ktstr_ops, .select_cpu = (void*)ktstr_select_cpu, .enqueue = (void*)ktstr_enqueue,
               .dispatch = (void*)ktstr_dispatch, .running = (void*)ktstr_running,
               .stopping = (void*)ktstr_stopping, .runnable = (void*)ktstr_runnable,
               .quiescent = (void*)ktstr_quiescent, .cgroup_set_weight = (void*)ktstr_cgroup_set_weight,
               .yield = (void*)ktstr_yield, .cpu_release = (void*)ktstr_cpu_release,
               .cpu_online = (void*)ktstr_cpu_online, .cpu_offline = (void*)ktstr_cpu_offline,
               .enable = (void*)ktstr_enable, .init_task = (void*)ktstr_init_task, .dump = (void*)ktstr_dump,
               .dump_task = (void*)ktstr_dump_task, .init = (void*)ktstr_init, .exit = (void*)ktstr_exit,
               .name = "ktstr_scx");
