// Hash tables: an array of buckets, each a chain that ends with a marker instead of a null pointer.
#include <algorithm>

#include "vmm/introspection/capture/map_reader.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kBucketsAtOnce = 4096;

class HashReader {
 public:
  explicit HashReader(MapRead& map)
      : map_(map),
        per_cpu_(map.type == MapType::kPercpuHash || map.type == MapType::kLruPercpuHash),
        inner_maps_(map.type == MapType::kHashOfMaps),
        value_at_(map.c.layout.htab_elem.key.offset + RoundUp8(map.key_size)),
        tail_(per_cpu_ || inner_maps_ ? 8 : map.value_size),
        limit_(std::min<std::size_t>(map.max_entries, CaptureLimits::kMapEntries)) {
    map.raw.content = per_cpu_      ? RawContent::kPerCpuKeyed
                      : inner_maps_ ? RawContent::kInnerMaps
                                    : RawContent::kKeyed;
    const std::size_t value = per_cpu_ ? std::size_t{map.value_size} * map.c.cpus() : map.value_size;
    map.raw.record = map.key_size + (inner_maps_ ? 0 : value);
  }

  void Run() {
    const HtabLayout& htab = map_.c.layout.htab;
    const auto buckets = map_.c.LoadField(map_.raw.address, htab.buckets);
    const auto count = map_.c.LoadField(map_.raw.address, htab.n_buckets);
    // The kernel makes as many buckets as entries, rounded up to a power of two.
    if (!buckets || !count || *count > 2 * std::uint64_t{map_.max_entries} ||
        !map_.c.HasRoom(value_at_ + tail_, {})) {
      map_.raw.truncated = true;
      return;
    }
    element_.resize(value_at_ + tail_);
    const std::size_t size = map_.c.layout.bucket.size;
    const std::uint64_t scanned = std::min<std::uint64_t>(*count, map_.c.options.max_map_bytes / 8);
    if (scanned < *count) map_.raw.truncated = true;
    Bytes some;
    for (std::uint64_t first = 0; first < scanned && !done_; first += kBucketsAtOnce) {
      const std::size_t now = std::min<std::uint64_t>(kBucketsAtOnce, scanned - first);
      some.resize(now * size);
      const std::size_t got = map_.c.view.memory().ReadSome(*buckets + first * size, some) / size;
      if (got < now) map_.raw.truncated = true;
      for (std::size_t i = 0; i < got && !done_; ++i)
        Chain(PointerAt(some, i * size + map_.c.layout.bucket.first.offset));
      if (map_.c.Expired()) Stop();
    }
  }

 private:
  void Chain(std::uint64_t node) {
    WalkGuard guard(map_.c);
    while ((node & 1) == 0 && !done_) {  // odd: the end
      if (!guard.Step(node) || !map_.c.view.memory().Read(node, element_)) {
        map_.raw.truncated = true;
        return;
      }
      Add();
      node = PointerAt(element_, map_.c.layout.htab_elem.next.offset);
    }
  }

  void Add() {
    Bytes& into = map_.raw.bytes;
    if (entries_ >= limit_ || !map_.c.HasRoom(map_.raw.record, into)) return Stop();
    ++entries_;
    const auto key = element_.begin() + map_.c.layout.htab_elem.key.offset;
    into.insert(into.end(), key, key + map_.key_size);
    map_.c.Charge(map_.raw.record);
    if (per_cpu_)
      AppendPerCpu(map_, PointerAt(element_, value_at_));
    else if (inner_maps_)
      map_.raw.numbers.push_back(PointerAt(element_, value_at_));
    else
      into.insert(into.end(), element_.begin() + static_cast<std::ptrdiff_t>(value_at_), element_.end());
  }

  void Stop() {
    done_ = true;
    map_.raw.truncated = true;
  }

  MapRead& map_;
  const bool per_cpu_;
  const bool inner_maps_;
  const std::size_t value_at_;  // in an element; the value, or a pointer to it
  const std::size_t tail_;
  const std::size_t limit_;
  Bytes element_;
  std::size_t entries_ = 0;
  bool done_ = false;
};

}  // namespace

void ReadHash(MapRead& map) {
  const KernelLayout& layout = map.c.layout;
  if (!layout.htab.ok() || !layout.bucket.ok() || layout.bucket.size == 0 || !layout.htab_elem.ok())
    map.raw.reason = "the kernel's types do not say how a hash is kept";
  else
    HashReader(map).Run();
}

void ReadTrie(MapRead& map) {
  const TrieLayout& trie = map.c.layout.trie;
  const TrieNodeLayout& layout = map.c.layout.trie_node;
  constexpr std::uint64_t kIntermediate = 1;  // LPM_TREE_NODE_FLAG_IM: no entry of its own
  if (!trie.ok() || !layout.ok()) {
    map.raw.reason = "the kernel's types do not say how a trie is kept";
    return;
  }
  map.raw.content = RawContent::kKeyed;
  map.raw.record = std::size_t{map.key_size} + map.value_size;
  const auto root = map.c.LoadField(map.raw.address, trie.root);
  const auto data_size = map.c.LoadField(map.raw.address, trie.data_size);
  // A key is the length of the prefix, then the data.
  if (!root || !data_size || map.key_size < 4 || *data_size != map.key_size - 4 ||
      !map.c.HasRoom(map.raw.record + layout.size, {})) {
    map.raw.truncated = true;
    return;
  }
  std::vector<std::uint64_t> todo = {*root};
  Bytes node(layout.data.offset + *data_size + map.value_size);
  for (std::size_t seen = 0, entries = 0; !todo.empty(); ++seen) {
    const std::uint64_t address = todo.back();
    todo.pop_back();
    if (address == 0) continue;
    if (seen >= CaptureLimits::kListNodes || !map.c.TakeStep() || entries >= CaptureLimits::kMapEntries ||
        !map.c.HasRoom(map.raw.record, map.raw.bytes)) {
      map.raw.truncated = true;
      return;
    }
    if (!map.c.view.memory().Read(address, node)) {
      map.raw.truncated = true;
      continue;
    }
    todo.push_back(PointerAt(node, layout.child.offset + 8));
    todo.push_back(PointerAt(node, layout.child.offset));
    if ((Get(node, layout.flags).value_or(0) & kIntermediate) != 0) continue;
    ++entries;
    const auto prefix = node.begin() + layout.prefixlen.offset;
    map.raw.bytes.insert(map.raw.bytes.end(), prefix, prefix + 4);
    map.raw.bytes.insert(map.raw.bytes.end(), node.begin() + layout.data.offset, node.end());
    map.c.Charge(map.raw.record);
  }
}

void ReadQueue(MapRead& map) {
  const QueueLayout& layout = map.c.layout.queue;
  if (!layout.ok()) {
    map.raw.reason = "the kernel's types do not say how a queue is kept";
    return;
  }
  const std::uint64_t ring = map.c.LoadField(map.raw.address, layout.entries).value_or(0);
  const std::uint64_t head = map.c.LoadField(map.raw.address, layout.head).value_or(0);
  const std::uint64_t tail = map.c.LoadField(map.raw.address, layout.tail).value_or(0);
  map.raw.content = RawContent::kKeyed;  // its keys have no bytes
  map.raw.record = map.value_size;
  if (ring == 0 || head >= ring || tail >= ring || map.value_size == 0) {
    map.raw.truncated = true;
    return;
  }
  const bool stack = map.type == MapType::kStack;
  const std::uint64_t used = (head + ring - tail) % ring;
  const std::uint64_t shown = std::min<std::uint64_t>(used, CaptureLimits::kMapEntries);
  map.raw.truncated = shown < used;
  for (std::uint64_t i = 0; i < shown; ++i) {
    const std::uint64_t at = stack ? (head + ring - 1 - i) % ring : (tail + i) % ring;
    // The kernel does not pad these elements.
    if (!map.c.Append(map.raw.address + layout.elements.offset + at * map.value_size, map.value_size,
                      map.raw.bytes)) {
      map.raw.truncated = true;
      return;
    }
  }
}

}  // namespace ktstr::vmm
