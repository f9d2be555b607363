// What Collect() copied out of a paused guest: bytes and addresses, not yet interpreted. Only Render() reads
// it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "vmm/introspection/snapshot/snapshot_report.h"

namespace ktstr::vmm {

using Bytes = std::vector<std::byte>;

/// One struct btf. `blob` is empty when the kernel's own types are meant, when it was known, or with a
/// `reason`.
struct RawBtf {
  std::uint64_t address = 0;
  std::uint32_t id = 0;
  std::uint32_t size = 0;
  bool of_kernel = false;  // vmlinux itself
  bool split = false;      // over vmlinux
  Bytes blob;
  const char* reason = nullptr;
};

/// How a map's contents lie in RawMap.
enum class RawContent : std::uint8_t {
  kNone,
  kValue,        // one record: the value
  kIndexed,      // records: value, padded to 8 bytes; the key is the index
  kKeyed,        // records: key, value
  kOwned,        // records: value; numbers: what owns it, and what names that (a pid, an inode number), or 0
  kPerCpu,       // records: a value per CPU; present: a flag per record and CPU
  kPerCpuKeyed,  // records: key, a value per CPU; present as above
  kInnerMaps,    // records: key; numbers: the inner map's address
  kRingbuf,      // numbers: mask, consumer, producer, and pending where the kernel has it
  kStackTraces,  // numbers: id, n, n addresses; and again
  kFdArray,      // numbers: slots scanned, then indices in use
  kArena,        // numbers: user address, then offsets of pages; bytes: those pages
};

struct RawMap {
  std::uint64_t address = 0;
  Bytes head;  // struct bpf_map
  RawContent content = RawContent::kNone;
  std::size_t record = 0;  // bytes
  Bytes bytes;
  std::vector<std::uint64_t> numbers;
  std::vector<std::uint8_t> present;
  std::uint64_t btf = 0;                // address of the struct btf of its types; 0: none
  std::vector<std::uint64_t> programs;  // of a struct_ops map: addresses
  bool truncated = false;
  const char* reason = nullptr;  // why it could not be read, or not as a whole
};

struct RawProg {
  std::uint64_t address = 0;
  Bytes head;                            // struct bpf_prog
  Bytes aux;                             // struct bpf_prog_aux
  std::vector<std::uint64_t> used_maps;  // addresses; of struct_ops programs only
  std::uint64_t btf = 0;                 // address of the struct btf of its types; 0: none
  std::uint32_t function = 0;            // the id of its function in them; 0: unknown
  std::uint64_t cnt = 0, nsecs = 0, misses = 0;
  bool stats = false;  // those of all CPUs were read
};

struct RawTask {
  std::uint64_t address = 0;
  Bytes bytes;  // struct task_struct as far as needed
  std::optional<std::uint32_t> nr_threads;
};
/// Of tasks that are named by others: running ones, those on dispatch queues.
struct RawTaskName {
  std::int32_t pid = 0;
  std::array<char, 16> comm{};
};

struct RawKernfs {
  std::uint64_t parent = 0;
  std::array<char, 256> name{};
};

struct RawCpu {
  Bytes rq, cpu_time, kernel_stat, tick;  // empty where unreadable
  std::vector<std::uint64_t> runnable;    // tasks of scx_rq.runnable_list
  bool runnable_truncated = false;
};

struct RawDsq {
  enum class Origin : std::uint8_t { kLocal, kBypass, kGlobal, kUser };
  Origin origin = Origin::kUser;
  std::uint32_t index = 0;  // the CPU or node
  Bytes bytes;              // struct scx_dispatch_q
  std::vector<std::uint64_t> tasks;
  bool truncated = false;
};

struct RawScx {
  bool read = false;        // what follows was looked for
  std::uint64_t sched = 0;  // *scx_root, or 0
  Bytes sched_bytes;        // struct scx_sched; empty on kernels without
  Bytes ops;                // struct sched_ext_ops
  std::optional<std::int32_t> enable_state, exit_kind, bypass_depth;
  std::optional<std::uint64_t> watchdog_timeout;
  std::string enable_name;         // as the kernel spells the state
  std::vector<Bytes> event_stats;  // struct scx_event_stats, per CPU
  std::vector<RawDsq> dsqs;
  bool truncated = false;  // dispatch queues may be missing
};

struct RawCapture {
  std::vector<std::optional<VcpuRegisters>> registers;
  std::vector<RawCpu> cpus;
  std::vector<RawTask> tasks;
  std::vector<RawProg> progs;
  std::vector<RawMap> maps;
  std::vector<RawBtf> btfs;
  RawScx scx;
  std::unordered_map<std::uint64_t, RawTaskName> task_names;       // by address
  std::unordered_map<std::uint64_t, std::uint64_t> cgroup_of_set;  // css_set to kernfs_node
  std::unordered_map<std::uint64_t, RawKernfs> kernfs;             // by address
  bool tasks_truncated = false;
  bool maps_truncated = false;
  bool progs_truncated = false;
  // Why a part is missing as a whole.
  std::string run_queues_reason, tasks_reason, progs_reason, maps_reason, scx_reason;
  std::uint64_t guest_ns = 0;
  std::optional<std::uint64_t> truncated_at_us;
};

}  // namespace ktstr::vmm
