// Maps whose elements are found by index.
#include <algorithm>

#include "vmm/introspection/capture/map_reader.h"

namespace ktstr::vmm {

void ReadArray(MapRead& map) {
  const ArrayLayout& array = map.c.layout.array;
  if (!array.ok()) {
    map.raw.reason = "the kernel's types do not say where an array keeps its values";
    return;
  }
  const std::uint64_t first = map.raw.address + array.value.offset;
  const std::size_t most = map.c.options.max_map_bytes;
  std::size_t wanted = map.value_size;
  map.raw.content = RawContent::kValue;
  map.raw.record = map.value_size;
  if (map.max_entries != 1) {
    const std::uint64_t stride = RoundUp8(map.value_size);
    const std::size_t room = stride == 0 ? 0 : most / stride;
    const std::size_t entries = std::min({std::size_t{map.max_entries}, CaptureLimits::kMapEntries, room});
    map.raw.content = RawContent::kIndexed;
    map.raw.record = stride;
    map.raw.truncated = entries < map.max_entries;
    wanted = entries * stride;
  } else if (wanted > most) {
    map.raw.truncated = true;
    wanted = most;
  }
  if (map.c.AppendSome(first, wanted, map.raw.bytes) < wanted) map.raw.truncated = true;
}

void ReadPercpuArray(MapRead& map) {
  const ArrayLayout& array = map.c.layout.array;
  if (!array.ok()) {
    map.raw.reason = "the kernel's types do not say where an array keeps its values";
    return;
  }
  const std::size_t keys = std::min<std::size_t>(map.max_entries, CaptureLimits::kPerCpuKeys);
  Bytes pointers(keys * 8);
  pointers.resize(map.c.view.memory().ReadSome(map.raw.address + array.value.offset, pointers) / 8 * 8);
  map.raw.content = RawContent::kPerCpu;
  map.raw.record = std::size_t{map.value_size} * map.c.cpus();
  map.raw.truncated = keys < map.max_entries || pointers.size() < keys * 8;
  for (std::size_t at = 0; at < pointers.size(); at += 8) {
    if (!AppendPerCpu(map, PointerAt(pointers, at))) {
      map.raw.truncated = true;
      return;
    }
  }
}

bool AppendPerCpu(MapRead& map, std::uint64_t pointer) {
  const std::size_t size = map.value_size;
  if (!map.c.HasRoom(size * map.c.cpus(), map.raw.bytes)) return false;
  for (std::uint32_t cpu = 0; cpu < map.c.cpus(); ++cpu) {
    const bool read = pointer != 0 && map.c.Append(map.c.OnCpu(pointer, cpu), size, map.raw.bytes);
    if (!read) map.raw.bytes.resize(map.raw.bytes.size() + size);
    map.raw.present.push_back(read ? 1 : 0);
  }
  return true;
}

void ReadFdArray(MapRead& map) {
  const ArrayLayout& array = map.c.layout.array;
  if (!array.ok()) {
    map.raw.reason = "the kernel's types do not say where an array keeps its values";
    return;
  }
  const std::size_t slots = std::min<std::size_t>(map.max_entries, CaptureLimits::kFdSlots);
  Bytes pointers(slots * 8);
  const std::size_t scanned =
      map.c.view.memory().ReadSome(map.raw.address + array.value.offset, pointers) / 8;
  map.raw.content = RawContent::kFdArray;
  map.raw.truncated = scanned < map.max_entries;
  map.raw.numbers.push_back(scanned);
  for (std::size_t slot = 0; slot < scanned; ++slot) {
    if (PointerAt(pointers, slot * 8) == 0) continue;
    if (map.raw.numbers.size() > CaptureLimits::kFdIndices) {
      map.raw.truncated = true;
      return;
    }
    map.raw.numbers.push_back(slot);
  }
}

}  // namespace ktstr::vmm
