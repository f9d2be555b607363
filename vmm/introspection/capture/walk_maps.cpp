#include "vmm/introspection/capture/walk_maps.h"

#include <algorithm>
#include <array>

#include "vmm/introspection/capture/map_reader.h"

namespace ktstr::vmm {
namespace {

struct TypeRow {
  const char* name;  // as bpftool spells it
  void (*read)(MapRead&) = nullptr;
  const char* reason = nullptr;  // why it is not read
};

constexpr const char* kOfDevices = "holds references to devices, CPUs or sockets, not data";
constexpr const char* kBits = "a bloom filter holds hashed bits, not the values that were added";
constexpr const char* kOldStorage = "the deprecated cgroup storage is kept with the programs, not the map";

/// By enum bpf_map_type.
constexpr std::array<TypeRow, 35> kTypes = {{
    {"unspec", nullptr, "the kernel makes no maps of this type"},
    {"hash", ReadHash},
    {"array", ReadArray},
    {"prog_array", ReadFdArray},
    {"perf_event_array", ReadFdArray},
    {"percpu_hash", ReadHash},
    {"percpu_array", ReadPercpuArray},
    {"stack_trace", ReadStackTrace},
    {"cgroup_array", ReadFdArray},
    {"lru_hash", ReadHash},
    {"lru_percpu_hash", ReadHash},
    {"lpm_trie", ReadTrie},
    {"array_of_maps", ReadFdArray},
    {"hash_of_maps", ReadHash},
    {"devmap", nullptr, kOfDevices},
    {"sockmap", nullptr, kOfDevices},
    {"cpumap", nullptr, kOfDevices},
    {"xskmap", nullptr, kOfDevices},
    {"sockhash", nullptr, kOfDevices},
    {"cgroup_storage", nullptr, kOldStorage},
    {"reuseport_sockarray", nullptr, kOfDevices},
    {"percpu_cgroup_storage", nullptr, kOldStorage},
    {"queue", ReadQueue},
    {"stack", ReadQueue},
    {"sk_storage", ReadLocalStorage},
    {"devmap_hash", nullptr, kOfDevices},
    {"struct_ops", ReadStructOps},
    {"ringbuf", ReadRingbuf},
    {"inode_storage", ReadLocalStorage},
    {"task_storage", ReadLocalStorage},
    {"bloom_filter", nullptr, kBits},
    {"user_ringbuf", ReadRingbuf},
    {"cgrp_storage", ReadLocalStorage},
    {"arena", ReadArena},
    {"insn_array", nullptr, "holds places in programs, not data"},
}};

void CollectMap(Collector& c, RawMap& raw) {
  const MapLayout& layout = c.layout.map;
  raw.head = c.Copy(raw.address, layout.extent);
  if (raw.head.empty()) {
    raw.reason = "its struct bpf_map cannot be read";
    return;
  }
  const auto number = [&](const Field& field) {
    return static_cast<std::uint32_t>(Get(raw.head, field).value_or(0));
  };
  raw.btf = Get(raw.head, layout.btf).value_or(0);
  MapRead map{c,
              raw,
              static_cast<MapType>(number(layout.type)),
              number(layout.key_size),
              number(layout.value_size),
              number(layout.max_entries),
              number(layout.flags)};
  const std::uint32_t type = number(layout.type);
  if (type >= kTypes.size())
    raw.reason = "maps of this type are not known to this program";
  else if (kTypes[type].read != nullptr)
    kTypes[type].read(map);
  else
    raw.reason = kTypes[type].reason;
  if (raw.btf != 0) c.AddBtf(raw.btf);
}

}  // namespace

std::string MapTypeName(std::uint32_t type) {
  return type < kTypes.size() ? kTypes[type].name : "type " + std::to_string(type);
}

void CollectMaps(Collector& c) {
  RawCapture& out = c.out;
  for (const StructLayout* needed :
       {static_cast<const StructLayout*>(&c.layout.idr), static_cast<const StructLayout*>(&c.layout.xa_node),
        static_cast<const StructLayout*>(&c.layout.map)})
    if (!needed->ok() && out.maps_reason.empty()) out.maps_reason = needed->missing;
  if (!c.layout.at.map_idr) out.maps_reason = "the kernel has no symbol map_idr";
  if (!out.maps_reason.empty()) return;
  for (const std::uint64_t address :
       WalkIdr(c, *c.layout.at.map_idr, c.options.max_maps, out.maps_truncated)) {
    if (c.Expired()) {
      out.maps_truncated = true;
      return;
    }
    RawMap& map = out.maps.emplace_back();
    map.address = address;
    CollectMap(c, map);
  }
}

}  // namespace ktstr::vmm
