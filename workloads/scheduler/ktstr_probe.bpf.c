/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Notes calls of kernel functions and of a scheduler's callbacks, by the task that they are about, and keeps
 * the last of each task, however long ago: a task that starves is one of which nothing is heard any more. The
 * loader (ktstr_probe.c) loads `on_call` once for each function; the cookie of its link tells which it is.
 */
#include "ktstr_probe.inc"

#include <scx/common.bpf.h>

char _license[] SEC("license") = "Dual MIT/GPL";

const volatile s32 own_pid; /* of the loader, of which nothing is noted */

u64 ejected_ns;   /* when the kernel said that the scheduler has to go; 0: not yet */
u64 disabled_ns;  /* when it was first seen to be taken out without that; the loader forgets it again */
u64 ejected_kind; /* enum scx_exit_kind */
u32 stopped;      /* nothing is noted any more: it is gone, and what comes is not its doing */
u32 has_stop;     /* a probe_disables is armed, so that is what ends the notes */
u64 lost_events;  /* of tasks for which there was no room */

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, PROBE_TASKS);
  __type(key, u32);
  __type(value, struct probe_record);
} tasks SEC(".maps");

/* What a task's record begins as: too large for the stack. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct probe_record);
} blank SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, PROBE_FUNCTIONS);
  __type(key, u32);
  __type(value, struct probe_function);
} functions SEC(".maps");

static __always_inline struct probe_record* record_of(u32 pid) {
  struct probe_record* record = bpf_map_lookup_elem(&tasks, &pid);
  if (record) return record;
  u32 zero = 0;
  const struct probe_record* empty = bpf_map_lookup_elem(&blank, &zero);
  if (!empty) return NULL;
  bpf_map_update_elem(&tasks, &pid, empty, BPF_NOEXIST);
  return bpf_map_lookup_elem(&tasks, &pid);
}

/* As few instructions as can be: the verifier goes through them for each function that is probed, while the
 * guest waits. An index beyond the arguments is one of no argument. */
static __always_inline void note(u32 id, const struct probe_function* function, u64* arguments, u64 result) {
  const u64 now = bpf_ktime_get_ns();
  if (function->role == probe_ejects && !ejected_ns) {
    ejected_kind = arguments[function->kind_argument & PROBE_NONE];
    ejected_ns = now;
    if (!has_stop) stopped = 1;
  }
  if (function->role == probe_disables) {
    if (ejected_ns)
      stopped = 1;
    else if (!disabled_ns)
      disabled_ns = now;
  }
  const u32 task_at = function->task & PROBE_NONE, other_at = function->other_task & PROBE_NONE;
  const u32 rq_at = function->rq & PROBE_NONE, dsq_at = function->dsq & PROBE_NONE;
  struct task_struct* task = (struct task_struct*)arguments[task_at];
  /* A call that could be about a task and is about none belongs to nobody's story. */
  if (task_at != PROBE_NONE && !task) return;
  if (task_at == PROBE_NONE) task = (struct task_struct*)bpf_get_current_task();
  const u32 pid = BPF_CORE_READ(task, pid);
  if (pid == (u32)own_pid) return;
  struct task_struct* other = (struct task_struct*)arguments[other_at];
  arguments[other_at] = other ? (u32)BPF_CORE_READ(other, pid) : PROBE_NO_PID;
  arguments[rq_at] = BPF_CORE_READ((struct rq*)arguments[rq_at], cpu);
  arguments[dsq_at] = BPF_CORE_READ((struct scx_dispatch_q*)arguments[dsq_at], id);
  arguments[task_at] = pid;
  struct probe_record* record = record_of(pid);
  if (!record) {
    __sync_fetch_and_add(&lost_events, 1);
    return;
  }
  const u64 number = __sync_fetch_and_add(&record->seen, 1);
  struct probe_event* event = &record->events[number % PROBE_EVENTS];
  event->number = 0;
  event->at_ns = now;
  event->function = id;
  event->cpu = bpf_get_smp_processor_id();
  event->current_pid = (u32)bpf_get_current_pid_tgid();
#pragma unroll
  for (int i = 0; i < PROBE_ARGUMENTS; ++i) event->arguments[i] = arguments[i];
  event->result = result;
  event->number = number + 1;
  BPF_CORE_READ_INTO(&record->comm, task, comm);
}

SEC("fentry")
int on_call(void* context) {
  u32 id = (u32)bpf_get_attach_cookie(context);
  const struct probe_function* function = bpf_map_lookup_elem(&functions, &id);
  u64 arguments[PROBE_NONE + 1] = {};
  u64 result = 0;
  if (stopped || !function || function->is_unknown) return 0;
  if (function->place == probe_in_context) {
    u64 at = 0;
    bpf_get_func_arg(context, 0, &at);
    bpf_probe_read_kernel(arguments, PROBE_ARGUMENTS * sizeof(u64), (void*)at);
  } else {
#pragma unroll
    for (int i = 0; i < PROBE_ARGUMENTS; ++i)
      if (i < function->nr_arguments) bpf_get_func_arg(context, i, &arguments[i]);
  }
  if (function->has_result) bpf_get_func_ret(context, &result);
  note(id, function, arguments, result);
  return 0;
}

/* For functions that fentry does not take: those with a variable list of arguments. */
SEC("kprobe")
int on_kprobe(struct pt_regs* context) {
  u32 id = (u32)bpf_get_attach_cookie(context);
  const struct probe_function* function = bpf_map_lookup_elem(&functions, &id);
  if (stopped || !function) return 0;
  u64 arguments[PROBE_NONE + 1] = {PT_REGS_PARM1(context), PT_REGS_PARM2(context), PT_REGS_PARM3(context),
                                   PT_REGS_PARM4(context), PT_REGS_PARM5(context)};
  note(id, function, arguments, 0);
  return 0;
}
