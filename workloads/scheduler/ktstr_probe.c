/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Arms the probes of ktstr_probe.bpf.c: on the kernel functions that are named, on those around a scheduler's
 * work, and on the callbacks of each scheduler that comes. Writes what was noted once the kernel has ejected
 * one, or disabled as many as --ends says, or a signal comes. What each line means stands in
 * interpreter/fold/probe_log.h, which reads them.
 */
#include <sched.h>
#include <signal.h>

#include "ktstr_probe_arm.inc"

/* How long the disabling of an ejected scheduler may take to be seen. */
#define SETTLE_NS 1000000000ULL
/* How long the kernel may call a scheduler enabled that it has begun to take out. */
#define DETACH_NS 100000000ULL

static volatile sig_atomic_t stop;

static void on_signal(int signal_number) { stop = 1; }

/* ---- the end */

static void print_record(unsigned pid, const struct probe_record* record) {
  char comm[sizeof(record->comm) + 1] = "";
  memcpy(comm, record->comm, sizeof(record->comm));
  for (char* c = comm; *c; ++c)
    if (*c < ' ' || *c > '~') *c = '?';
  printf("task %u %llu %s\n", pid, record->seen, comm);
  const unsigned long long first = record->seen > PROBE_EVENTS ? record->seen - PROBE_EVENTS : 0;
  for (unsigned long long number = first + 1; number <= record->seen; ++number) {
    const struct probe_event* event = &record->events[(number - 1) % PROBE_EVENTS];
    if (event->number != number) continue; /* it was being written */
    printf("event %llu %llu %u %d %d %llx", number, event->at_ns, event->function, event->cpu,
           event->current_pid, event->result);
    for (int i = 0; i < PROBE_ARGUMENTS; ++i) printf(" %llx", event->arguments[i]);
    printf("\n");
  }
}

static void print_all(const char* how, unsigned long long at_ns) {
  static struct probe_record record;
  unsigned pid = 0, next = 0;
  const int map = bpf_map__fd(probe->maps.tasks);
  probe->bss->stopped = 1;
  print_names("enq_flags", "scx_enq_flags");
  print_names("deq_flags", "scx_deq_flags");
  print_names("wake_flags", "scx_wake_flags");
  print_names("kind", "scx_exit_kind");
  printf("end %s %llu %llu\nlost %llu\n", how, at_ns, (unsigned long long)probe->bss->ejected_kind,
         (unsigned long long)probe->bss->lost_events);
  for (int error = bpf_map_get_next_key(map, NULL, &next); !error;
       error = bpf_map_get_next_key(map, &pid, &next)) {
    pid = next;
    if (!bpf_map_lookup_elem(map, &pid, &record)) print_record(pid, &record);
  }
  printf("done\n");
  fflush(stdout);
}

/* A scheduler that was detached was not the last: when the next is there, its end is the one that counts. */
static void forget_detach(void) {
  const unsigned long long disabled_ns = probe->bss->disabled_ns;
  if (disabled_ns && now_ns() > disabled_ns + DETACH_NS && is_state("enabled")) probe->bss->disabled_ns = 0;
}

/* Until there is something to tell. Who expects this program to go on until then is not to be surprised where
 * it is unable to probe. */
static void watch(unsigned long long ends_wanted, bool able) {
  unsigned long long begun_ns = now_ns();
  unsigned armed_before = nr_functions;
  bool was_over = false;
  const unsigned long long attached_before = number_in("/sys/kernel/sched_ext/enable_seq");
  while (!stop) {
    /* Where probes are armed a scheduler is being loaded, and the sooner they are there the better. */
    leave_time(begun_ns, nr_functions == armed_before ? 20 : 0);
    begun_ns = now_ns();
    armed_before = nr_functions;
    if (able) look_for_schedulers();
    if (able) forget_detach();
    /* Twice in a row, and before it is asked whether this came of an ejection: a pause of the whole machine
     * may lie between any two looks. The count first: it rises before the state is anything but "disabled"
     * again. */
    const bool over = number_in("/sys/kernel/sched_ext/enable_seq") - attached_before >= ends_wanted &&
                      is_state("disabled");
    const unsigned long long ejected_ns = able ? __sync_fetch_and_add(&probe->bss->ejected_ns, 0) : 0;
    if (ejected_ns) {
      if (!probe->bss->stopped && now_ns() < ejected_ns + SETTLE_NS) continue;
      return print_all("ejected", ejected_ns);
    }
    if (!over || !was_over) {
      was_over = over;
      continue;
    }
    if (able) print_all("detached", probe->bss->disabled_ns ? probe->bss->disabled_ns : now_ns());
    return;
  }
  if (able) print_all("stopped", now_ns());
}

/* Why nothing can be probed. */
static const char* prepare(void) {
  /* Above all tasks of the scheduler that is looked at: it may starve every one of them. */
  const struct sched_param priority = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO, &priority)) return "it gets no priority";
  kernel = btf__load_vmlinux_btf();
  if (!kernel) return "the kernel has no types of its own: CONFIG_DEBUG_INFO_BTF";
  if (!find_types()) return "the kernel's types know no sched_ext";
  probe = ktstr_probe__open();
  if (!probe) return "its own programs cannot be read";
  probe->rodata->own_pid = getpid();
  if (bpf_program__set_attach_target(probe->progs.on_call, 0, "wake_up_new_task") || ktstr_probe__load(probe))
    return "the kernel does not take its programs: BPF tracing needs CONFIG_BPF_EVENTS, CONFIG_KPROBE_EVENTS "
           "and "
           "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS";
  return NULL;
}

int main(int argc, char** argv) {
  int first = 1;
  unsigned long long ends_wanted = 1;
  if (argc > 2 && !strcmp(argv[1], "--ends")) {
    ends_wanted = strtoull(argv[2], NULL, 10);
    first = 3;
  }
  const struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  const char* const unable = prepare();
  if (unable) {
    printf("unable %s (%s)\n", unable, strerror(errno));
  } else {
    printf("self %d\n", getpid());
    look_for_schedulers();
    arm_kernel(argv + first, argc - first);
  }
  puts("armed");
  fflush(stdout);
  watch(ends_wanted, !unable);
  return 0;
}
