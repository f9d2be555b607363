// Runs in a guest as a payload. Plants BPF maps of every type the kernel has and tasks with known properties
// (bpf_truth.h), says on stdout "map NAME" or "no NAME: why" for each and then "ready", and waits to be
// killed.
//
//   bpf_truth                plants
//   bpf_truth scheduler      plants, and attaches a sched_ext scheduler called "truth" (kernels that have it)
//   bpf_truth to FILE PROGRAM ARGS...   runs a program with its standard output in FILE
//   bpf_truth churn          makes and frees maps, entries and tasks as fast as it can
#include "test/guest/bpf_truth.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "test/guest/bpf_truth_scheduler.h"

namespace {

using namespace ktstr::test;

constexpr auto kCgroupStorage = static_cast<bpf_map_type>(32);
constexpr auto kArena = static_cast<bpf_map_type>(33);

/// The types of what is planted.
struct Types {
  btf* blob = btf__new_empty();
  int u32 = btf__add_int(blob, "unsigned int", 4, 0);
  int u64 = btf__add_int(blob, "long long unsigned int", 8, 0);
  int s64 = btf__add_int(blob, "long long int", 8, BTF_INT_SIGNED);
  int s32 = btf__add_int(blob, "int", 4, BTF_INT_SIGNED);
  int character = btf__add_int(blob, "char", 1, BTF_INT_SIGNED);
  int list = btf__add_array(blob, u32, u32, 3);
  int tag = btf__add_array(blob, u32, character, 8);
  int limits = btf__add_array(blob, u32, u32, 4);
  int point =
      Struct("point", sizeof(Point), {{"x", u32, 0}, {"y", s64, 8}, {"list", list, 16}, {"tag", tag, 28}});
  int pair = Struct("pair", sizeof(Pair), {{"major", u32, 0}, {"minor", u32, 4}});
  int odd = Struct("odd", sizeof(Odd), {{"a", u32, 0}, {"b", u32, 4}, {"c", u32, 8}});
  int mood = btf__add_enum(blob, "mood", 4);
  int bss = 0;
  int fd = -1;

  Types() {
    btf__add_enum_value(blob, "CALM", 0);
    btf__add_enum_value(blob, "BUSY", 2);
    const int variables[] = {btf__add_var(blob, "counter", BTF_VAR_GLOBAL_ALLOCATED, u64),
                             btf__add_var(blob, "limits", BTF_VAR_GLOBAL_ALLOCATED, limits),
                             btf__add_var(blob, "mood", BTF_VAR_GLOBAL_ALLOCATED, mood)};
    bss = btf__add_datasec(blob, ".bss", sizeof(Bss));
    btf__add_datasec_var_info(blob, variables[0], offsetof(Bss, counter), 8);
    btf__add_datasec_var_info(blob, variables[1], offsetof(Bss, limits), 16);
    btf__add_datasec_var_info(blob, variables[2], offsetof(Bss, mood), 4);
    btf__load_into_kernel(blob);
    fd = btf__fd(blob);
  }

  struct Member {
    const char* name;
    int type;
    std::uint32_t offset;
  };
  int Struct(const char* name, std::uint32_t size, const std::vector<Member>& members) const {
    const int id = btf__add_struct(blob, name, size);
    for (const Member& member : members) btf__add_field(blob, member.name, member.type, member.offset * 8, 0);
    return id;
  }
};

/// One line of the report; `fd` < 0: why there is none, in errno.
int Said(const char* name, int fd) {
  if (fd >= 0)
    std::printf("map %s\n", name);
  else
    std::printf("no %s: %s\n", name, std::strerror(errno));
  return fd;
}

class Planter {
 public:
  int Make(const char* name, bpf_map_type type, std::uint32_t key_size, std::uint32_t value_size,
           std::uint32_t entries, int key_type, int value_type, std::uint32_t flags = 0, int inner = -1) {
    LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
    if (value_type != 0 || key_type != 0) {
      opts.btf_fd = static_cast<__u32>(types_.fd);
      opts.btf_key_type_id = static_cast<__u32>(key_type);
      opts.btf_value_type_id = static_cast<__u32>(value_type);
    }
    if (inner >= 0) opts.inner_map_fd = static_cast<__u32>(inner);
    return Said(name, bpf_map_create(type, name, key_size, value_size, entries, &opts));
  }

  /// Arrays, hashes, and what else is filled by key and value.
  int Plain() {
    const Point one = PointOf(0);
    const std::uint32_t zero = 0;
    bpf_map_update_elem(Make("t_single", BPF_MAP_TYPE_ARRAY, 4, sizeof(Point), 1, types_.u32, types_.point),
                        &zero, &one, 0);
    const int array =
        Make("t_array", BPF_MAP_TYPE_ARRAY, 4, sizeof(Odd), kTruthEntries, types_.u32, types_.odd);
    const int bare = Make("t_untyped", BPF_MAP_TYPE_HASH, 4, 8, 16, 0, 0);
    const int hash = Make("t_hash", BPF_MAP_TYPE_HASH, sizeof(Pair), sizeof(Point), 64, types_.pair,
                          types_.point, BPF_F_NO_PREALLOC);
    const int ready = Make("t_prealloc", BPF_MAP_TYPE_HASH, 4, sizeof(Odd), 64, types_.u32, types_.odd);
    const int lru =
        Make("t_lru", BPF_MAP_TYPE_LRU_HASH, sizeof(Pair), sizeof(Point), 64, types_.pair, types_.point);
    const int trie = Make("t_trie", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 16, 0, 0, BPF_F_NO_PREALLOC);
    const int queue = Make("t_queue", BPF_MAP_TYPE_QUEUE, 0, 12, 8, 0, 0);
    const int stack = Make("t_stack", BPF_MAP_TYPE_STACK, 0, 12, 8, 0, 0);
    const int bloom = Make("t_bloom", BPF_MAP_TYPE_BLOOM_FILTER, 0, 4, 16, 0, 0);
    for (std::uint32_t i = 0; i < kTruthEntries; ++i) {
      const Point point = PointOf(i);
      const Pair pair = PairOf(i);
      const Odd odd = OddOf(i);
      const std::uint64_t wide = 0x1122334455660000 + i;
      const std::uint32_t prefix[] = {8 * (i % 4 + 1), 0x0a000000 + i};
      bpf_map_update_elem(array, &i, &odd, 0);
      bpf_map_update_elem(bare, &i, &wide, 0);
      bpf_map_update_elem(hash, &pair, &point, 0);
      bpf_map_update_elem(ready, &i, &odd, 0);
      bpf_map_update_elem(lru, &pair, &point, 0);
      bpf_map_update_elem(trie, prefix, &wide, 0);
      bpf_map_update_elem(queue, nullptr, &odd, 0);
      bpf_map_update_elem(stack, nullptr, &odd, 0);
      bpf_map_update_elem(bloom, nullptr, &i, 0);
    }
    const std::uint32_t gone = 2;
    bpf_map_delete_elem(ready, &gone);
    Odd popped;
    bpf_map_lookup_and_delete_elem(queue, nullptr, &popped);
    bpf_map_lookup_and_delete_elem(stack, nullptr, &popped);
    return array;
  }

  int Globals() {
    const int bss = Make("truth.bss", BPF_MAP_TYPE_ARRAY, 4, sizeof(Bss), 1, 0, types_.bss, BPF_F_MMAPABLE);
    const std::uint32_t zero = 0;
    const Bss values{41, {5, 6, 7, 8}, 2};
    bpf_map_update_elem(bss, &zero, &values, 0);
    return bss;
  }

  /// CPU c has the value of i + 10 c.
  void PerCpu() {
    const int cpus = libbpf_num_possible_cpus();
    const int array = Make("t_pcpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 40, 3, types_.u32, types_.point);
    const int hash = Make("t_pcpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 8, 40, 16, types_.pair, types_.point);
    const int lru = Make("t_pcpu_lru", BPF_MAP_TYPE_LRU_PERCPU_HASH, 8, 40, 16, types_.pair, types_.point);
    for (std::uint32_t i = 0; i < 3; ++i) {
      std::vector<Point> values;
      for (int cpu = 0; cpu < cpus; ++cpu)
        values.push_back(PointOf(i + 10 * static_cast<std::uint32_t>(cpu)));
      const Pair pair = PairOf(i);
      bpf_map_update_elem(array, &i, values.data(), 0);
      bpf_map_update_elem(hash, &pair, values.data(), 0);
      bpf_map_update_elem(lru, &pair, values.data(), 0);
    }
  }

  /// The storage of this process, of its socket, of the root cgroup, of an inode.
  void Owned() {
    constexpr std::uint32_t kFlags = BPF_F_NO_PREALLOC;
    const auto plant = [&](const char* name, bpf_map_type type, int owner, std::uint32_t i) {
      const int map = Make(name, type, 4, sizeof(Point), 0, types_.s32, types_.point, kFlags);
      const Point value = PointOf(i);
      if (map >= 0 && bpf_map_update_elem(map, &owner, &value, BPF_NOEXIST) != 0)
        std::printf("no entry of %s: %s\n", name, std::strerror(errno));
    };
    plant("t_task", BPF_MAP_TYPE_TASK_STORAGE, static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)), 1);
    plant("t_sk", BPF_MAP_TYPE_SK_STORAGE, socket(AF_UNIX, SOCK_STREAM, 0), 2);
    plant("t_cgroup", kCgroupStorage, open("/sys/fs/cgroup", O_RDONLY), 3);
    plant("t_inode", BPF_MAP_TYPE_INODE_STORAGE, open("/proc/self/exe", O_RDONLY), 4);
  }

  void References(int inner, int prog) {
    const int progs = Make("t_prog_array", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 8, 0, 0);
    bpf_map_update_elem(progs, &kTruthProgSlot, &prog, 0);
    const int arrays = Make("t_array_of_maps", BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 8, 0, 0, 0, inner);
    bpf_map_update_elem(arrays, &kTruthInnerSlot, &inner, 0);
    const int hashes = Make("t_hash_of_maps", BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 8, 0, 0, 0, inner);
    bpf_map_update_elem(hashes, &kTruthInnerSlot, &inner, 0);
    const int cgroups = Make("t_cgroups", BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4, 0, 0);
    const std::uint32_t one = 1;
    const int cgroup = open("/sys/fs/cgroup", O_RDONLY);
    bpf_map_update_elem(cgroups, &one, &cgroup, 0);
    Make("t_events", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4, 0, 0);
    Make("t_cpumap", BPF_MAP_TYPE_CPUMAP, 4, 4, 4, 0, 0);
    Make("t_sockmap", BPF_MAP_TYPE_SOCKMAP, 4, 4, 4, 0, 0);
  }

  void Arena() {
    LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
    const int map = Said("t_arena", bpf_map_create(kArena, "t_arena", 0, 0, 16, &opts));
    if (map < 0) return;
    void* at = mmap(nullptr, std::size_t{16} * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (at == MAP_FAILED) {
      std::printf("no pages of t_arena: %s\n", std::strerror(errno));
      return;
    }
    for (const std::uint32_t page : kTruthArenaPages)
      std::snprintf(static_cast<char*>(at) + std::size_t{page} * 4096, 8, "page%u", page);
  }

  /// A ring that a program wrote to and one that this process wrote to.
  void Rings() {
    const int ring = Make("t_ringbuf", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, 0);
    const int written = RunOutput(ring);
    if (written < 0) std::printf("no records of t_ringbuf: %s\n", std::strerror(errno));
    const int user = Make("t_user_ringbuf", BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096, 0, 0);
    user_ring_buffer* writer = user_ring_buffer__new(user, nullptr);
    for (std::uint32_t i = 0; writer != nullptr && i < kTruthRingRecords; ++i)
      if (void* record = user_ring_buffer__reserve(writer, 24)) user_ring_buffer__submit(writer, record);
  }

  void Stacks() {
    const int map = Make("t_stacks", BPF_MAP_TYPE_STACK_TRACE, 4, 127 * 8, 64, 0, 0);
    bpf_insn call[] = {MapFd(BPF_REG_2, map),
                       {},
                       {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 0},
                       Helper(BPF_FUNC_get_stackid),
                       {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
                       {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const int prog =
        bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "t_stackid", "GPL", call, std::size(call), nullptr);
    LIBBPF_OPTS(bpf_test_run_opts, run);
    if (prog < 0 || bpf_prog_test_run_opts(prog, &run) != 0)
      std::printf("no stack: %s\n", std::strerror(errno));
  }

  /// A socket filter that lets everything pass.
  int Filter() {
    const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    return bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "t_filter", "GPL", pass, std::size(pass), nullptr);
  }

  [[nodiscard]] int types() const { return types_.fd; }

  static bpf_insn MapFd(std::uint8_t into, int fd, std::uint8_t kind = BPF_PSEUDO_MAP_FD) {
    return {BPF_LD | BPF_DW | BPF_IMM, into, kind, 0, fd};
  }
  static bpf_insn Helper(int function) { return {BPF_JMP | BPF_CALL, 0, 0, 0, function}; }

 private:
  int RunOutput(int ring) {
    const bpf_insn output[] = {{BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -24, 1},
                               {BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -16, 2},
                               {BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, -8, 3},
                               MapFd(BPF_REG_1, ring),
                               {},
                               {BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0},
                               {BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -24},
                               {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, 24},
                               {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, 0},
                               Helper(BPF_FUNC_ringbuf_output),
                               {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0},
                               {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
    const int prog =
        bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "t_output", "GPL", output, std::size(output), nullptr);
    const char packet[64] = {};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet),
                .repeat = kTruthRingRecords);
    return prog < 0 ? prog : bpf_prog_test_run_opts(prog, &run);
  }

  Types types_;
};

/// A child that sleeps for ever and dies with us.
template <typename Setup>
void Child(const char* comm, Setup setup) {
  if (fork() != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, comm);
  setup();
  while (true) pause();
}

void PlantTasks() {
  Child("truth-nice", [] {
    setpriority(PRIO_PROCESS, 0, kTruthNice);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(1, &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
  });
  Child("truth-fifo", [] {
    const sched_param param{kTruthFifo};
    sched_setscheduler(0, SCHED_FIFO, &param);
  });
  Child("truth-threads", [] {
    for (const char* name : {"truth-one", "truth-two"})
      std::thread([name] {
        prctl(PR_SET_NAME, name);
        while (true) pause();
      }).detach();
  });
}

/// Until killed: maps, their entries, programs and tasks come and go.
[[noreturn]] void Churn() {
  Planter planter;
  const std::uint32_t zero = 0;
  const int kept = bpf_map_create(BPF_MAP_TYPE_HASH, "c_kept", 4, 64, 4096, nullptr);
  for (std::uint32_t round = 0;; ++round) {
    LIBBPF_OPTS(bpf_map_create_opts, lazily, .map_flags = BPF_F_NO_PREALLOC);
    const int map = bpf_map_create(BPF_MAP_TYPE_HASH, "c_gone", 4, 64, 512, &lazily);
    const char value[64] = {};
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::uint32_t key = round * 64 + i;
      const std::uint32_t old = key - 1024;
      bpf_map_update_elem(map, &key, value, 0);
      bpf_map_update_elem(kept, &key, value, 0);
      bpf_map_delete_elem(kept, &old);
    }
    bpf_map_delete_elem(map, &zero);
    close(planter.Filter());
    close(map);
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, nullptr, 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  if (mode == "to" && argc > 3) {
    const int out = open(argv[2], O_CREAT | O_WRONLY | O_TRUNC, 0644);
    dup2(out, STDOUT_FILENO);
    execvp(argv[3], argv + 3);
    return 127;
  }
  if (mode == "churn") {
    std::printf("ready\n");
    Churn();
  }
  Planter planter;
  const int array = planter.Plain();
  const int bss = planter.Globals();
  planter.PerCpu();
  planter.Owned();
  planter.References(array, planter.Filter());
  planter.Arena();
  planter.Rings();
  planter.Stacks();
  PlantTasks();
  if (mode == "scheduler") AttachTruthScheduler(bss, planter.types());
  std::printf("ready\n");
  while (true) pause();
}
