// Maps whose values hang on other objects of the kernel.
#include <algorithm>

#include "vmm/introspection/capture/map_reader.h"

namespace ktstr::vmm {
namespace {

/// What names the owner of a piece of local storage for people: 0 where nothing does.
std::uint64_t NameOfOwner(const MapRead& map, std::uint64_t owner) {
  const KernelLayout& layout = map.c.layout;
  if (map.type == MapType::kTaskStorage) return map.c.LoadField(owner, layout.task.pid).value_or(0);
  if (map.type == MapType::kInodeStorage) return map.c.LoadField(owner, layout.inode.ino).value_or(0);
  if (map.type != MapType::kCgroupStorage) return 0;
  const auto kn = map.c.LoadField(owner, layout.cgroup.kn);
  return kn ? map.c.LoadField(*kn, layout.kernfs.id).value_or(0) : 0;
}

/// One bucket's chain; false: the map has been read as far as it may.
bool ReadChain(MapRead& map, std::uint64_t node) {
  const SelemLayout& layout = map.c.layout.selem;
  WalkGuard guard(map.c);
  while (node != 0) {
    const std::uint64_t element = node - layout.next.offset;  // `next` comes first in a node
    if (map.raw.numbers.size() / 2 >= CaptureLimits::kMapEntries) return false;
    const auto next = map.c.Load(node);
    const auto storage = map.c.LoadField(element, layout.storage);
    if (!guard.Step(node) || !next || !storage) {
      map.raw.truncated = true;
      return true;
    }
    // An element that is being made or freed belongs to nobody.
    if (const auto owner = map.c.LoadField(*storage, map.c.layout.storage.owner); owner && *owner != 0) {
      if (!map.c.Append(element + layout.data.offset, map.value_size, map.raw.bytes)) return false;
      map.raw.numbers.push_back(*owner);
      map.raw.numbers.push_back(NameOfOwner(map, *owner));
    }
    node = *next;
  }
  return true;
}

}  // namespace

void ReadLocalStorage(MapRead& map) {
  const KernelLayout& layout = map.c.layout;
  if (!layout.storage_map.ok() || !layout.storage_bucket.ok() || !layout.selem.ok() || !layout.storage.ok()) {
    map.raw.reason = "the kernel's types do not say how local storage is kept";
    return;
  }
  map.raw.content = RawContent::kOwned;
  map.raw.record = map.value_size;
  const auto buckets = map.c.LoadField(map.raw.address, layout.storage_map.buckets);
  const auto log = map.c.LoadField(map.raw.address, layout.storage_map.bucket_log);
  if (!buckets || !log || *log > 16) {
    map.raw.truncated = true;
    return;
  }
  for (std::uint64_t i = 0; i < std::uint64_t{1} << *log; ++i) {
    const auto first =
        map.c.LoadField(*buckets + i * layout.storage_bucket.size, layout.storage_bucket.first);
    if (!first) map.raw.truncated = true;
    if (!map.c.TakeStep() || (first && !ReadChain(map, *first))) {
      map.raw.truncated = true;
      return;
    }
  }
}

void ReadStructOps(MapRead& map) {
  const StructOpsMapLayout& layout = map.c.layout.struct_ops_map;
  if (!layout.ok()) {
    map.raw.reason = "the kernel's types do not say how struct_ops are kept";
    return;
  }
  map.raw.content = RawContent::kValue;
  map.raw.record = map.value_size;
  // Its types are the kernel's, or those of the module that declared them.
  map.raw.btf = map.c.LoadField(map.raw.address, layout.btf).value_or(0);
  if (map.c.AppendSome(map.raw.address + layout.kvalue.offset, map.value_size, map.raw.bytes) <
      map.value_size)
    map.raw.truncated = true;

  constexpr std::uint64_t kMostFunctions = 256;
  const auto links = map.c.LoadField(map.raw.address, layout.links);
  const auto count = map.c.LoadField(map.raw.address, layout.funcs_cnt);
  if (!links || !map.c.layout.link.ok()) return;
  for (std::uint64_t i = 0; i < std::min(count.value_or(0), kMostFunctions); ++i) {
    const auto link = map.c.Load(*links + i * 8);
    if (!link || *link == 0) continue;
    if (const auto prog = map.c.LoadField(*link, map.c.layout.link.prog)) map.raw.programs.push_back(*prog);
  }
}

void ReadRingbuf(MapRead& map) {
  const RingbufLayout& layout = map.c.layout.ringbuf;
  if (!layout.ok() || !map.c.layout.ringbuf_map.ok()) {
    map.raw.reason = "the kernel's types do not say how a ring buffer is kept";
    return;
  }
  const auto rb = map.c.LoadField(map.raw.address, map.c.layout.ringbuf_map.rb);
  for (const Field* field : {&layout.mask, &layout.consumer_pos, &layout.producer_pos, &layout.pending_pos}) {
    if (!*field) continue;
    const auto value = rb ? map.c.LoadField(*rb, *field) : std::nullopt;
    if (!value) {
      map.raw.reason = "the ring buffer's positions cannot be read";
      return;
    }
    map.raw.numbers.push_back(*value);
  }
  map.raw.content = RawContent::kRingbuf;
}

void ReadStackTrace(MapRead& map) {
  constexpr std::uint32_t kByBuildId = 1U << 5;  // BPF_F_STACK_BUILD_ID
  const StackBucketLayout& layout = map.c.layout.stack_bucket;
  if (!layout.ok() || !map.c.layout.stack_map.ok()) {
    map.raw.reason = "the kernel's types do not say how stack traces are kept";
    return;
  }
  if ((map.flags & kByBuildId) != 0) {
    map.raw.reason = "its stacks are build ids and offsets, not addresses";
    return;
  }
  const auto count = map.c.LoadField(map.raw.address, map.c.layout.stack_map.n_buckets);
  const std::size_t buckets = std::min<std::size_t>(count.value_or(0), CaptureLimits::kStackBuckets);
  map.raw.content = RawContent::kStackTraces;
  map.raw.truncated = !count || buckets < *count;
  Bytes pointers(buckets * 8);
  const std::size_t got =
      map.c.view.memory().ReadSome(map.raw.address + map.c.layout.stack_map.buckets.offset, pointers) / 8;
  if (got < buckets) map.raw.truncated = true;
  for (std::size_t id = 0; id < got; ++id) {
    const std::uint64_t bucket = PointerAt(pointers, id * 8);
    if (bucket == 0) continue;
    const std::uint64_t nr = map.c.LoadField(bucket, layout.nr).value_or(0);
    const std::uint64_t pcs = std::min<std::uint64_t>(nr, CaptureLimits::kStackPcs);
    Bytes data;
    if (pcs < nr || !map.c.Append(bucket + layout.data.offset, pcs * 8, data)) map.raw.truncated = true;
    map.raw.numbers.insert(map.raw.numbers.end(), {id, data.size() / 8});
    for (std::size_t at = 0; at < data.size(); at += 8) map.raw.numbers.push_back(PointerAt(data, at));
    if (!map.c.TakeStep()) {
      map.raw.truncated = true;
      return;
    }
  }
}

void ReadArena(MapRead& map) {
  constexpr std::uint64_t kPage = 4096;
  // vmalloc areas have a guard page; an arena's is 64 KiB, half of it in front.
  constexpr std::uint64_t kGuard = 32768;
  constexpr std::uint64_t kMostScanned = 16'384;
  const ArenaLayout& layout = map.c.layout.arena;
  if (!layout.ok() || !map.c.layout.vm_struct.ok()) {
    map.raw.reason = "the kernel's types do not say how an arena is kept";
    return;
  }
  const auto user = map.c.LoadField(map.raw.address, layout.user_vm_start);
  const auto area = map.c.LoadField(map.raw.address, layout.kern_vm);
  const auto start = area ? map.c.LoadField(*area, map.c.layout.vm_struct.addr) : std::nullopt;
  if (!user || !start) {
    map.raw.reason = "the arena's place cannot be read";
    return;
  }
  map.raw.content = RawContent::kArena;
  map.raw.numbers.push_back(*user);
  const std::uint64_t pages = std::min<std::uint64_t>(map.max_entries, kMostScanned);
  map.raw.truncated = pages < map.max_entries;
  for (std::uint64_t page = 0; page < pages; ++page) {
    // The kernel's side is found by the lower half of the user's address.
    const auto low = static_cast<std::uint32_t>(*user + page * kPage);
    const std::size_t before = map.raw.numbers.size();
    if (before <= CaptureLimits::kArenaPages && map.c.Append(*start + kGuard + low, kPage, map.raw.bytes))
      map.raw.numbers.push_back(page * kPage);
    if (before > CaptureLimits::kArenaPages || !map.c.HasRoom(kPage, map.raw.bytes) ||
        (page % 1024 == 1023 && map.c.Expired())) {
      map.raw.truncated = true;
      return;
    }
  }
}

}  // namespace ktstr::vmm
