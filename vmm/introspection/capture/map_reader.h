// Readers of the contents of BPF maps, one per kind of map. REQUIRES: the guest is paused.
#pragma once

#include <cstdint>

#include "vmm/introspection/capture/collector.h"

namespace ktstr::vmm {

/// enum bpf_map_type of the kernel's UAPI; only those that something is done with.
enum class MapType : std::uint32_t {
  kHash = 1,
  kArray = 2,
  kProgArray = 3,
  kPerfEventArray = 4,
  kPercpuHash = 5,
  kPercpuArray = 6,
  kStackTrace = 7,
  kCgroupArray = 8,
  kLruHash = 9,
  kLruPercpuHash = 10,
  kLpmTrie = 11,
  kArrayOfMaps = 12,
  kHashOfMaps = 13,
  kQueue = 22,
  kStack = 23,
  kSkStorage = 24,
  kStructOps = 26,
  kRingbuf = 27,
  kInodeStorage = 28,
  kTaskStorage = 29,
  kUserRingbuf = 31,
  kCgroupStorage = 32,  // local storage of cgroups; the older kind is 19
  kArena = 33,
};

/// A map whose struct bpf_map has been read. The readers below fill `raw`; on a kernel that lacks a member
/// they need they leave a reason.
struct MapRead {
  Collector& c;
  RawMap& raw;
  MapType type;
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint32_t max_entries;
  std::uint32_t flags;
};

/// Kernel maps keep values at multiples of 8.
constexpr std::uint64_t RoundUp8(std::uint64_t size) { return (size + 7) / 8 * 8; }

/// Adds a record of what a per-CPU pointer stands for, by CPU, to the map; false: there is no room for it.
bool AppendPerCpu(MapRead& map, std::uint64_t pointer);

/// All elements, the ones that were never written too. A global section is an array of one element.
void ReadArray(MapRead& map);
/// By key, the values of all CPUs; at most CaptureLimits::kPerCpuKeys keys.
void ReadPercpuArray(MapRead& map);
/// Of programs, maps, perf events and cgroups: only which slots are in use.
void ReadFdArray(MapRead& map);
/// Hashes of all kinds: LRU, per-CPU, of maps.
void ReadHash(MapRead& map);
/// Of tasks, inodes, sockets and cgroups.
void ReadLocalStorage(MapRead& map);
/// The one value, and the programs behind its members.
void ReadStructOps(MapRead& map);
/// The positions; records are not read.
void ReadRingbuf(MapRead& map);
/// The buckets in use, with at most CaptureLimits::kStackPcs program counters each.
void ReadStackTrace(MapRead& map);
/// The pages that are mapped, at most CaptureLimits::kArenaPages.
void ReadArena(MapRead& map);
/// Keys with a value, in the order of a walk from the root.
void ReadTrie(MapRead& map);
/// Queues oldest first, stacks top first: as they would be popped.
void ReadQueue(MapRead& map);

}  // namespace ktstr::vmm
