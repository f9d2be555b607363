/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * Loads the sched_ext scheduler of a BPF object file, holds it until a signal comes or it ends by itself, and
 * says how it ended. Exit codes: 0 after a signal or when it was unregistered, 1 when it ended otherwise or
 * could not be loaded, 2 for a command line that does not fit the object. The last line is the one that tells
 * most: failures quote it.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Ends without an error are those below this kind (enum scx_exit_kind of the kernel). */
#define FIRST_ERROR_KIND 1024
#define STATE_FILE "/sys/kernel/sched_ext/state"

/* A value in the object's data: before the load its initial value, afterwards the program's own. */
struct place {
  char* at; /* NULL: there is none */
  __u32 type;
};

static struct {
  const char* ops;
  char** set; /* NAME=VALUE each */
  int nr_set;
  const char* object;
} options;

static struct bpf_object* object;
static const struct btf* types;
static volatile sig_atomic_t stop;

static void on_signal(int signal_number) { stop = 1; }

static int print_libbpf(enum libbpf_print_level level, const char* format, va_list arguments) {
  return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, arguments);
}

static void __attribute__((noreturn, format(printf, 1, 2))) wrong(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("ktstr_load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputs("\n", stderr);
  exit(2);
}

static void __attribute__((noreturn)) failed(const char* what) {
  char why[128] = "";
  libbpf_strerror(errno, why, sizeof(why));
  fprintf(stderr, "EXIT: the scheduler could not be %s (%s)\n", what, why);
  exit(1);
}

static void parse(int argc, char** argv) {
  static const struct option known[] = {
      {"ops", required_argument, NULL, 'o'}, {"set", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
  options.set = calloc((size_t)argc, sizeof(char*));
  for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
    if (c == 'o')
      options.ops = optarg;
    else if (c == 's' && options.set && strchr(optarg, '='))
      options.set[options.nr_set++] = optarg;
    else
      wrong("usage: ktstr_load [--ops NAME] [--set VARIABLE=VALUE]... OBJECT");
  }
  if (optind + 1 != argc) wrong("usage: ktstr_load [--ops NAME] [--set VARIABLE=VALUE]... OBJECT");
  options.object = argv[optind];
}

static const struct btf_type* type_of(__u32 id) { return btf__type_by_id(types, id); }

static const char* text_of(__u32 offset) { return btf__name_by_offset(types, offset); }

/* Without typedefs and qualifiers. */
static __u32 resolve(__u32 id) {
  while (btf_is_mod(type_of(id)) || btf_is_typedef(type_of(id))) id = type_of(id)->type;
  return id;
}

/* The name of a type as a declaration has it, but for arrays, whose elements it names. */
static const char* type_name(__u32 id) {
  const struct btf_type* type = type_of(id);
  while (btf_is_mod(type)) type = type_of(type->type);
  if (btf_is_array(type)) return type_name(btf_array(type)->type);
  return text_of(type->name_off);
}

/* ---- the object's variables ------------------------------------------------------------------------- */

typedef bool (*visitor)(const char* name, struct place place, void* context);

/* Calls `visit` for each global variable of the object that has a place, until it returns true. */
static void for_each_variable(visitor visit, void* context) {
  struct bpf_map* map;
  bpf_object__for_each_map(map, object) {
    size_t size = 0;
    if (!bpf_map__is_internal(map) || strstr(bpf_map__name(map), ".kconfig")) continue;
    char* const start = bpf_map__initial_value(map, &size);
    const struct btf_type* const section = type_of(bpf_map__btf_value_type_id(map));
    if (!start || !section || !btf_is_datasec(section)) continue;
    const struct btf_var_secinfo* info = btf_var_secinfos(section);
    for (int i = 0; i < btf_vlen(section); ++i, ++info) {
      const struct btf_type* const variable = type_of(info->type);
      if (btf_var(variable)->linkage != BTF_VAR_GLOBAL_ALLOCATED || info->offset + info->size > size)
        continue;
      const struct place place = {start + info->offset, variable->type};
      if (visit(text_of(variable->name_off), place, context)) return;
    }
  }
}

static bool print_variable(const char* name, struct place place, void* context) {
  bool* const first = context;
  const struct btf_type* const type = type_of(resolve(place.type));
  fprintf(stderr, "%s%s (%s", *first ? "" : ", ", name, type_name(place.type));
  if (btf_is_array(type)) fprintf(stderr, "[%u]", btf_array(type)->nelems);
  fputc(')', stderr);
  *first = false;
  return false;
}

struct search {
  const char* name;
  size_t length;
  struct place found;
};

static bool is_wanted(const char* name, struct place place, void* context) {
  struct search* const search = context;
  if (strlen(name) != search->length || strncmp(name, search->name, search->length)) return false;
  search->found = place;
  return true;
}

static bool is_exit_info(const char* name, struct place place, void* context) {
  if (strcmp(type_name(place.type), "user_exit_info")) return false;
  *(struct place*)context = place;
  return true;
}

/* The member of a struct; of no other type is there one. */
static struct place member_of(struct place place, const char* name, size_t length) {
  const struct btf_type* const type = type_of(resolve(place.type));
  for (int i = 0; btf_is_composite(type) && i < btf_vlen(type); ++i) {
    const struct btf_member* const member = btf_members(type) + i;
    const char* const its = text_of(member->name_off);
    if (strlen(its) != length || strncmp(its, name, length) || btf_member_bitfield_size(type, i)) continue;
    return (struct place){place.at + btf_member_bit_offset(type, i) / 8, member->type};
  }
  return (struct place){NULL, 0};
}

static struct place element_of(struct place place, unsigned long index) {
  const struct btf_type* const type = type_of(resolve(place.type));
  if (!btf_is_array(type) || index >= btf_array(type)->nelems) return (struct place){NULL, 0};
  const __u32 element = btf_array(type)->type;
  return (struct place){place.at + index * (size_t)btf__resolve_size(types, element), element};
}

/* Where `path` leads: a variable, then .member and [index] as often as need be. */
static struct place find(const char* path) {
  struct search search = {path, strcspn(path, ".["), {NULL, 0}};
  for_each_variable(is_wanted, &search);
  struct place place = search.found;
  path += search.length;
  while (place.at && *path) {
    char* end = NULL;
    if (*path == '.') {
      const size_t length = strcspn(path + 1, ".[");
      place = member_of(place, path + 1, length);
      path += 1 + length;
    } else {
      const unsigned long index = strtoul(path + 1, &end, 10);
      place = end == path + 1 || *end != ']' ? (struct place){NULL, 0} : element_of(place, index);
      path = end + (*end == ']');
    }
  }
  return place;
}

/* ---- setting them ----------------------------------------------------------------------------------- */

static bool parse_number(const char* text, __s64* value, bool* is_big) {
  char* end = NULL;
  const bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  errno = 0;
  *is_big = false;
  if (*text == '-') {
    *value = strtoll(text, &end, 10);
  } else {
    *value = (__s64)strtoull(text, &end, is_hex ? 16 : 10);
    *is_big = *value < 0;
  }
  return !errno && *text && !*end && *text != '+' && *text != ' ';
}

/* Whether a number fits into `size` bytes; `is_big`: it is 2^63 or more. */
static bool fits(__s64 value, bool is_big, __u32 size, bool is_signed) {
  const int bits = (int)size * 8;
  if (is_signed)
    return !is_big && (bits == 64 || (value >= -(1LL << (bits - 1)) && value < 1LL << (bits - 1)));
  if (bits == 64) return value >= 0 || is_big;
  return !is_big && value >= 0 && value < 1LL << bits;
}

static bool set_number(struct place place, const char* text, __u32 size, bool is_signed, bool is_bool) {
  __s64 value = 0;
  bool is_big = false;
  if (is_bool && (!strcmp(text, "true") || !strcmp(text, "false")))
    value = !strcmp(text, "true");
  else if (!parse_number(text, &value, &is_big))
    return false;
  if (size > sizeof(value) || !fits(value, is_big, size, is_signed)) return false;
  if (is_bool && (is_big || value > 1)) return false;
  memcpy(place.at, &value, size);
  return true;
}

static bool set_enum(struct place place, const struct btf_type* type, const char* text) {
  for (int i = 0; i < btf_vlen(type); ++i) {
    const bool is_64 = btf_is_enum64(type);
    const __u32 name = is_64 ? btf_enum64(type)[i].name_off : btf_enum(type)[i].name_off;
    const __u64 value = is_64 ? btf_enum64_value(btf_enum64(type) + i) : (__u64)btf_enum(type)[i].val;
    if (strcmp(text_of(name), text)) continue;
    memcpy(place.at, &value, type->size);
    return true;
  }
  return set_number(place, text, type->size, btf_kflag(type), false);
}

static bool set_text(struct place place, const struct btf_type* type, const char* text) {
  const struct btf_type* const element = type_of(resolve(btf_array(type)->type));
  const size_t room = btf_array(type)->nelems;
  if (!btf_is_int(element) || element->size != 1 || strlen(text) >= room) return false;
  memset(place.at, 0, room);
  memcpy(place.at, text, strlen(text));
  return true;
}

static bool set_value(struct place place, const char* text) {
  const struct btf_type* const type = type_of(resolve(place.type));
  if (btf_is_int(type))
    return set_number(place, text, type->size, btf_int_encoding(type) & BTF_INT_SIGNED,
                      btf_int_encoding(type) & BTF_INT_BOOL);
  if (btf_is_any_enum(type)) return set_enum(place, type, text);
  if (btf_is_array(type)) return set_text(place, type, text);
  return false;
}

static void set_variables(void) {
  for (int i = 0; i < options.nr_set; ++i) {
    char* const value = strchr(options.set[i], '=');
    *value = '\0';
    const struct place place = find(options.set[i]);
    if (!place.at) {
      bool first = true;
      fprintf(stderr, "ktstr_load: there is no variable '%s'; there are: ", options.set[i]);
      for_each_variable(print_variable, &first);
      fputs(first ? "none\n" : "\n", stderr);
      exit(2);
    }
    const struct btf_type* const type = type_of(resolve(place.type));
    if (set_value(place, value + 1)) continue;
    if (btf_is_array(type))
      wrong("'%s' does not fit variable '%s', which is %s[%u]", value + 1, options.set[i],
            type_name(place.type), btf_array(type)->nelems);
    wrong("'%s' does not fit variable '%s', which is %s", value + 1, options.set[i], type_name(place.type));
  }
}

/* ---- the scheduler ---------------------------------------------------------------------------------- */

static bool is_scheduler(const struct bpf_map* map) {
  if (bpf_map__type(map) != BPF_MAP_TYPE_STRUCT_OPS) return false;
  const char* const name = type_name(bpf_map__btf_value_type_id(map));
  const size_t length = strlen("sched_ext_ops");
  return !strncmp(name, "sched_ext_ops", length) && (!name[length] || !strncmp(name + length, "___", 3));
}

/* The one that is meant; the others are not made. */
static struct bpf_map* choose_scheduler(void) {
  struct bpf_map *map, *chosen = NULL;
  char names[512] = "";
  int count = 0;
  bpf_object__for_each_map(map, object) {
    if (!is_scheduler(map)) continue;
    const size_t used = strlen(names);
    snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", bpf_map__name(map));
    ++count;
    if (!options.ops || !strcmp(options.ops, bpf_map__name(map))) chosen = map;
  }
  if (!count) wrong("the object has no sched_ext_ops");
  if (!chosen) wrong("the object has no sched_ext_ops '%s'; there are: %s", options.ops, names);
  if (count > 1 && !options.ops) wrong("the object has several sched_ext_ops: %s", names);
  bpf_object__for_each_map(map, object) if (is_scheduler(map)) bpf_map__set_autocreate(map, map == chosen);
  return chosen;
}

/* Those that are no part of the scheduler but belong to it, as at tracepoints. */
static void attach_programs(void) {
  struct bpf_program* program;
  bpf_object__for_each_program(program, object) {
    if (bpf_program__type(program) == BPF_PROG_TYPE_STRUCT_OPS || !bpf_program__autoload(program) ||
        !bpf_program__autoattach(program))
      continue;
    /* To the end of this program. A section that says nothing of where is for others to run. */
    if (!bpf_program__attach(program) && errno != EOPNOTSUPP && errno != EINVAL) failed("attached");
  }
}

static bool is_disabled(void) {
  char state[32] = "";
  FILE* const file = fopen(STATE_FILE, "r");
  if (!file) return false;
  if (!fgets(state, sizeof(state), file)) state[0] = '\0';
  fclose(file);
  return !strcmp(state, "disabled\n");
}

static int exit_kind(struct place info) {
  const struct place kind = info.at ? member_of(info, "kind", strlen("kind")) : info;
  return kind.at ? __atomic_load_n((int*)kind.at, __ATOMIC_SEQ_CST) : 0;
}

static int report(struct place info) {
  const int kind = exit_kind(info);
  if (!kind) {
    fprintf(stderr, "EXIT: %s; the object keeps no user_exit_info\n",
            stop ? "it was told to end" : "the kernel has disabled it");
    return stop ? 0 : 1;
  }
  const struct place code = member_of(info, "exit_code", strlen("exit_code")),
                     reason = member_of(info, "reason", strlen("reason")),
                     message = member_of(info, "msg", strlen("msg"));
  fprintf(stderr, "EXIT KIND: %d, code 0x%llx\nEXIT: %s", kind, code.at ? *(unsigned long long*)code.at : 0,
          reason.at ? reason.at : "it ended");
  if (message.at && *message.at) fprintf(stderr, " (%s)", message.at);
  fputs("\n", stderr);
  return kind < FIRST_ERROR_KIND ? 0 : 1;
}

int main(int argc, char** argv) {
  parse(argc, argv);
  libbpf_set_print(print_libbpf);
  const struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  object = bpf_object__open_file(options.object, NULL);
  if (!object) failed("opened");
  types = bpf_object__btf(object);
  if (!types) wrong("the object has no type information");
  struct bpf_map* const ops = choose_scheduler();
  set_variables();
  struct place info = {NULL, 0};
  for_each_variable(is_exit_info, &info);
  if (bpf_object__load(object)) failed("loaded");
  attach_programs();
  struct bpf_link* const link = bpf_map__attach_struct_ops(ops);
  if (!link) failed("attached");
  const struct timespec pause = {.tv_nsec = 20000000};
  while (!stop && !exit_kind(info) && !is_disabled()) nanosleep(&pause, NULL);
  bpf_link__destroy(link);
  return report(info);
}
