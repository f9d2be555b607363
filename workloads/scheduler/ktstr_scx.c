/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Loads the scheduler of ktstr_scx.bpf.c, holds it until a signal comes or it ends by itself, and says how it
 * ended. Exit codes: 0 after a signal or when it was unregistered, 1 when it ended otherwise or could not be
 * loaded, 2 for a wrong command line.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <scx/common.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ktstr_scx_faults.inc"
/* After the types that its maps and globals are of. */
#include "ktstr_scx.bpf.skel.h"

/* Ends without an error are those below this kind (enum scx_exit_kind of the kernel). */
#define FIRST_ERROR_KIND 1024

enum fault_time { in_none, in_load, in_run, in_loader };

static const struct fault_row {
  u32 number;
  const char* name;
  enum fault_time when;
  const char* when_text;
  const char* doc;
} faults[] = {
#define FAULT_ROW(number, identifier, name, when, doc) {number, name, in_##when, #when, doc},
    KTSTR_FAULTS(FAULT_ROW)
#undef FAULT_ROW
};
#define NR_FAULTS (sizeof(faults) / sizeof(faults[0]))

static struct {
  const struct fault_row* fault;
  u64 from_ms;
  bool is_from;
  u64 count;
  u32 timeout_ms;
  u64 stats_ms;
  const char* name;
  const char* victim;
  bool verbose;
} options = {.count = 1000};

static volatile sig_atomic_t stop;

static void on_signal(int signal_number) { stop = 1; }

static int print_libbpf(enum libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG && !options.verbose) return 0;
  return vfprintf(stderr, format, arguments);
}

static void list_faults(void) {
  for (size_t i = 0; i < NR_FAULTS; ++i)
    printf("%2u  %-11s  %-6s  %s\n", faults[i].number, faults[i].name, faults[i].when_text, faults[i].doc);
}

static const struct fault_row* find_fault(const char* text) {
  char* end = NULL;
  const unsigned long number = strtoul(text, &end, 10);
  for (size_t i = 0; i < NR_FAULTS; ++i)
    if (!strcmp(faults[i].name, text) || (*text && !*end && faults[i].number == number)) return &faults[i];
  return NULL;
}

static void usage(FILE* to) {
  fputs(
      "Usage: ktstr_scx [OPTION...]\n"
      "A sched_ext scheduler that is sound, or wrong in one chosen way.\n\n"
      "  --fault NAME|NUMBER  what it does wrong; --list-faults tells which there are\n"
      "  --from-ms N          the fault begins N ms after the scheduler was attached (default: at once; of\n"
      "                       faults of the loader 1000)\n"
      "  --count N            for faults that count (default: 1000)\n"
      "  --victim PREFIX      the tasks that the fault `forget` means, by the beginning of their comm\n"
      "  --timeout-ms N       the kernel's watchdog: a task that waits longer ends the scheduler\n"
      "  --name NAME          what the kernel calls it (default: ktstr_scx)\n"
      "  --stats-ms N         print counters that often\n"
      "  --verbose            print what libbpf says\n",
      to);
}

static void __attribute__((noreturn, format(printf, 1, 2))) wrong(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("ktstr_scx: ", stderr);
  vfprintf(stderr, format, arguments);
  fputs("\n", stderr);
  exit(2);
}

static u64 number_of(const char* option, const char* text, u64 max) {
  char* end = NULL;
  errno = 0;
  const u64 number = strtoull(text, &end, 10);
  if (errno || !*text || *end || *text == '-' || number > max)
    wrong("--%s: '%s' is not a number from 0 to %lu", option, text, max);
  return number;
}

static void parse(int argc, char** argv) {
  static const struct option known[] = {{"fault", required_argument, NULL, 'f'},
                                        {"from-ms", required_argument, NULL, 'm'},
                                        {"count", required_argument, NULL, 'c'},
                                        {"victim", required_argument, NULL, 'v'},
                                        {"timeout-ms", required_argument, NULL, 't'},
                                        {"name", required_argument, NULL, 'n'},
                                        {"stats-ms", required_argument, NULL, 's'},
                                        {"list-faults", no_argument, NULL, 'l'},
                                        {"verbose", no_argument, NULL, 'V'},
                                        {"help", no_argument, NULL, 'h'},
                                        {NULL, 0, NULL, 0}};
  int index = 0;
  for (int c; (c = getopt_long(argc, argv, "", known, &index)) != -1;) {
    switch (c) {
      case 'f':
        options.fault = find_fault(optarg);
        if (!options.fault) wrong("there is no fault '%s'; see --list-faults", optarg);
        break;
      case 'm':
        options.from_ms = number_of("from-ms", optarg, 1ULL << 40);
        options.is_from = true;
        break;
      case 'c':
        options.count = number_of("count", optarg, ~0ULL);
        if (!options.count) wrong("--count: must be at least 1");
        break;
      case 'v':
        options.victim = optarg;
        break;
      case 't':
        options.timeout_ms = (u32)number_of("timeout-ms", optarg, 30000);
        break;
      case 'n':
        options.name = optarg;
        break;
      case 's':
        options.stats_ms = number_of("stats-ms", optarg, 1ULL << 40);
        break;
      case 'V':
        options.verbose = true;
        break;
      case 'l':
        list_faults();
        exit(0);
      case 'h':
        usage(stdout);
        exit(0);
      default:
        usage(stderr);
        exit(2);
    }
  }
  if (optind < argc) wrong("'%s' is no option", argv[optind]);
  if (options.fault && options.fault->when == in_load && options.is_from)
    wrong("the fault %s is one of loading; it cannot begin later", options.fault->name);
  if (options.fault && options.fault->when == in_loader && !options.is_from) options.from_ms = 1000;
  if (options.fault && options.fault->number == KTSTR_FAULT_FORGET && !options.victim)
    wrong("the fault forget needs --victim");
}

static u64 now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (u64)now.tv_sec * 1000 + (u64)now.tv_nsec / 1000000;
}

/* CPUs that came or went since this number was read make the kernel refuse the scheduler. */
static u64 hotplug_sequence(void) {
  u64 sequence = 0;
  FILE* file = fopen("/sys/kernel/sched_ext/hotplug_seq", "r");
  if (!file) return 0;
  if (fscanf(file, "%lu", &sequence) != 1) sequence = 0;
  fclose(file);
  return sequence;
}

static struct ktstr_scx* open_and_load(void) {
  struct ktstr_scx* scheduler = ktstr_scx__open();
  if (!scheduler) return NULL;
  struct ktstr_scx__ktstr_ops__sched_ext_ops* ops = scheduler->struct_ops.ktstr_ops;
  ops->hotplug_seq = hotplug_sequence();
  ops->exit_dump_len = sizeof(scheduler->bss->exit_info.dump);
  if (options.timeout_ms) ops->timeout_ms = options.timeout_ms;
  /* bpftool gives arrays no name of their own; this one follows (SCX_OPS_NAME_LEN bytes). */
  if (options.name) snprintf((char*)(&ops->hotplug_seq + 1), 128, "%s", options.name);
  if (options.victim)
    snprintf((char*)scheduler->rodata->victim, sizeof(scheduler->rodata->victim), "%s", options.victim);
  scheduler->rodata->fault_count = options.count;
  scheduler->rodata->loader_pid = getpid();
  if (options.fault && !options.is_from) scheduler->rodata->fault = options.fault->number;
  if (ktstr_scx__load(scheduler)) {
    ktstr_scx__destroy(scheduler);
    return NULL;
  }
  return scheduler;
}

/* What a fault of the loader does when its time has come. */
static void misbehave(void) {
  volatile int* volatile nowhere = NULL;
  switch (options.fault->number) {
    case KTSTR_FAULT_EXIT_CLEAN:
      exit(0);
    case KTSTR_FAULT_EXIT_ERROR:
      fputs("ktstr_scx: planted exit\n", stderr);
      exit(3);
    case KTSTR_FAULT_SEGV:
      *nowhere = 1;
      break;
    default:
      break;
  }
}

static void print_stats(const struct ktstr_scx* scheduler) {
  printf("enqueued=%lu direct=%lu kicked=%lu reenqueued=%lu forgotten=%lu\n", scheduler->bss->nr_enqueued,
         scheduler->bss->nr_direct, scheduler->bss->nr_kicked, scheduler->bss->nr_reenqueued,
         scheduler->bss->nr_forgotten);
  fflush(stdout);
}

static int exit_kind(struct ktstr_scx* scheduler) {
  return __sync_fetch_and_add(&scheduler->bss->exit_info.kind, 0);
}

/* Until a signal comes or the kernel has ended the scheduler. */
static void hold(struct ktstr_scx* scheduler) {
  const struct timespec pause = {.tv_nsec = 20000000};
  const u64 start = now_ms();
  u64 next_stats = start + options.stats_ms;
  bool is_to_come = options.fault && (options.is_from || options.fault->when == in_loader);
  const bool is_deaf = options.fault && options.fault->number == KTSTR_FAULT_DEAF;
  while ((!stop || is_deaf) && !exit_kind(scheduler)) {
    nanosleep(&pause, NULL);
    const u64 now = now_ms();
    if (is_to_come && now - start >= options.from_ms) {
      is_to_come = false;
      if (options.fault->when == in_run) scheduler->bss->live_fault = options.fault->number;
      misbehave();
    }
    if (options.stats_ms && now >= next_stats) {
      next_stats = now + options.stats_ms;
      print_stats(scheduler);
    }
  }
}

/* The last line is the one that tells most: failures quote it. */
static int report(const struct ktstr_exit* end) {
  if (end->dump[0]) fprintf(stderr, "DUMP:\n%s\n", end->dump);
  fprintf(stderr, "EXIT KIND: %d, code 0x%llx\nEXIT: %s", end->kind, end->code, end->reason);
  if (end->message[0]) fprintf(stderr, " (%s)", end->message);
  fputs("\n", stderr);
  return end->kind < FIRST_ERROR_KIND ? 0 : 1;
}

int main(int argc, char** argv) {
  parse(argc, argv);
  libbpf_set_print(print_libbpf);
  const struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  struct ktstr_scx* scheduler = open_and_load();
  if (!scheduler) {
    fprintf(stderr, "EXIT: the scheduler could not be loaded (%s)\n", strerror(errno));
    return 1;
  }
  if (options.fault && options.fault->number == KTSTR_FAULT_LATE) usleep(options.from_ms * 1000);
  struct bpf_link* link = bpf_map__attach_struct_ops(scheduler->maps.ktstr_ops);
  if (!link) {
    fprintf(stderr, "EXIT: the scheduler could not be attached (%s)\n", strerror(errno));
    ktstr_scx__destroy(scheduler);
    return 1;
  }
  /* A scheduler that fails in init is attached for a moment, and ends at once. */
  if (!exit_kind(scheduler)) puts("attached");
  fflush(stdout);
  hold(scheduler);
  bpf_link__destroy(link);
  const int code = report(&scheduler->bss->exit_info);
  ktstr_scx__destroy(scheduler);
  return code;
}
