// From the bytes of BPF maps to their records.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "vmm/introspection/capture/map_reader.h"
#include "vmm/introspection/capture/walk_maps.h"

namespace ktstr::vmm {
namespace {

/// Of all values of one map: beyond it entries keep their bytes only.
constexpr std::size_t kMostValues = 500'000;

std::size_t CountValues(const RenderedValue& value) {
  std::size_t count = 1;
  for (const RenderedMember& member : value.members) count += CountValues(member.value);
  return count;
}

RenderedValue Number(RenderedValue::Kind kind, std::uint32_t bits, std::uint64_t number) {
  RenderedValue value;
  value.kind = kind;
  value.bits = bits;
  value.number = number;
  return value;
}

class MapRenderer {
 public:
  MapRenderer(const RenderContext& context, const RawMap& raw) : context_(context), raw_(raw) {
    const MapLayout& layout = context.layout.map;
    record_.map_kva = raw.address;
    record_.truncated = raw.truncated;
    if (raw.reason != nullptr) record_.error = raw.reason;
    if (raw.head.empty()) return;
    record_.name = TextAt(raw.head, layout.name.offset, layout.name.size);
    record_.id = Head(layout.id);
    record_.map_type = Head(layout.type);
    record_.type_name = MapTypeName(record_.map_type);
    record_.key_size = Head(layout.key_size);
    record_.value_size = Head(layout.value_size);
    record_.max_entries = Head(layout.max_entries);
  }

  MapRecord Run(const std::unordered_map<std::uint64_t, std::uint32_t>& map_ids) {
    FindTypes();
    switch (raw_.content) {
      case RawContent::kNone:
        break;
      case RawContent::kValue:
        Value();
        break;
      case RawContent::kIndexed:
        Indexed();
        break;
      case RawContent::kKeyed:
        Keyed();
        break;
      case RawContent::kOwned:
        Owned();
        break;
      case RawContent::kPerCpu:
        PerCpu();
        break;
      case RawContent::kPerCpuKeyed:
        PerCpuKeyed();
        break;
      case RawContent::kInnerMaps:
        InnerMaps(map_ids);
        break;
      case RawContent::kRingbuf:
        Ringbuf();
        break;
      case RawContent::kStackTraces:
        Stacks();
        break;
      case RawContent::kFdArray:
        Fds();
        break;
      case RawContent::kArena:
        Arena();
        break;
    }
    return std::move(record_);
  }

 private:
  [[nodiscard]] std::uint32_t Head(const Field& field) const {
    return static_cast<std::uint32_t>(Get(raw_.head, field).value_or(0));
  }

  void FindTypes() {
    const MapLayout& layout = context_.layout.map;
    key_type_ = Head(layout.key_type);
    value_type_ = Head(layout.value_type);
    if (record_.map_type == static_cast<std::uint32_t>(MapType::kStructOps))
      value_type_ = Head(layout.vmlinux_value_type);
    if (raw_.btf == 0) {
      // Only a struct_ops map's types are the kernel's own without a struct btf that says so.
      if (record_.map_type == static_cast<std::uint32_t>(MapType::kStructOps)) btf_ = context_.facts.btf;
      return;
    }
    const auto& btfs = context_.raw.btfs;
    const auto raw =
        std::find_if(btfs.begin(), btfs.end(), [&](const RawBtf& b) { return b.address == raw_.btf; });
    std::string why = "the map's types were not copied";
    if (raw != btfs.end()) btf_ = context_.btfs.Get(*raw, context_.facts.btf, why);
    if (btf_ == nullptr && record_.error.empty() && (key_type_ != 0 || value_type_ != 0)) record_.error = why;
  }

  std::optional<RenderedValue> Typed(std::uint32_t type, std::span<const std::byte> bytes) {
    if (btf_ == nullptr || type == 0) return std::nullopt;
    if (values_ > kMostValues) {
      record_.truncated = true;
      return std::nullopt;
    }
    RenderedValue value = btf_->Render(type, bytes);
    values_ += CountValues(value);
    return value;
  }
  std::optional<RenderedValue> Key(std::span<const std::byte> bytes) { return Typed(key_type_, bytes); }
  std::optional<RenderedValue> TypedValue(std::span<const std::byte> bytes) {
    return Typed(value_type_, bytes);
  }

  /// The record at `index`; short or empty where the bytes end.
  [[nodiscard]] std::span<const std::byte> Record(std::size_t index) const {
    const std::span<const std::byte> all(raw_.bytes);
    const std::size_t from = std::min(all.size(), index * raw_.record);
    return all.subspan(from, std::min(raw_.record, all.size() - from));
  }
  [[nodiscard]] std::size_t Records() const { return raw_.record == 0 ? 0 : raw_.bytes.size() / raw_.record; }
  [[nodiscard]] static std::span<const std::byte> First(std::span<const std::byte> bytes, std::size_t size) {
    return bytes.first(std::min(bytes.size(), size));
  }

  void Value() {
    if (raw_.bytes.empty() && record_.value_size != 0) {
      if (record_.error.empty()) record_.error = "its value cannot be read";
      return;
    }
    record_.value = TypedValue(raw_.bytes);
    if (record_.value) return;
    RenderedValue bytes;
    bytes.kind = RenderedValue::Kind::kBytes;
    bytes.text = Hex(raw_.bytes);
    record_.value = std::move(bytes);
  }

  void Indexed() {
    auto& entries = record_.entries.emplace();
    for (std::uint32_t i = 0; i < Records(); ++i) {
      const auto value = First(Record(i), record_.value_size);
      MapEntry& entry = entries.emplace_back();
      const auto key = std::as_bytes(std::span(&i, 1));
      entry.key = Key(key);
      if (!entry.key) entry.key = Number(RenderedValue::Kind::kUint, 32, i);
      entry.key_hex = Hex(key);
      entry.value = TypedValue(value);
      entry.value_hex = Hex(value);
    }
  }

  void Keyed() {
    auto& entries = record_.entries.emplace();
    for (std::size_t i = 0; i < Records(); ++i) {
      const auto record = Record(i);
      const auto key = First(record, record_.key_size);
      const auto value = record.subspan(key.size());
      MapEntry& entry = entries.emplace_back();
      if (!key.empty()) entry.key = Key(key);
      entry.key_hex = Hex(key);
      entry.value = TypedValue(value);
      entry.value_hex = Hex(value);
    }
  }

  void Owned() {
    const auto type = static_cast<MapType>(record_.map_type);
    auto& entries = record_.entries.emplace();
    for (std::size_t i = 0; i < raw_.numbers.size() / 2; ++i) {
      const std::uint64_t owner = raw_.numbers[2 * i];
      const std::uint64_t name = raw_.numbers[2 * i + 1];
      MapEntry& entry = entries.emplace_back();
      if (type == MapType::kTaskStorage)
        entry.key = Number(RenderedValue::Kind::kInt, 32, name);
      else if (type == MapType::kSkStorage)
        entry.key = Number(RenderedValue::Kind::kPtr, 64, owner);
      else
        entry.key = Number(RenderedValue::Kind::kUint, 64, name);
      const std::uint64_t shown = entry.key->number;
      entry.key_hex = Hex(std::as_bytes(std::span(&shown, 1)).first(entry.key->bits / 8));
      entry.value = TypedValue(Record(i));
      entry.value_hex = Hex(Record(i));
    }
  }

  std::vector<std::optional<RenderedValue>> ByCpu(std::size_t index, std::span<const std::byte> values) {
    const std::size_t cpus = context_.facts.per_cpu_offset.size();
    std::vector<std::optional<RenderedValue>> by_cpu(cpus);
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
      const std::size_t flag = index * cpus + cpu;
      if (flag >= raw_.present.size() || raw_.present[flag] == 0) continue;
      const auto value =
          First(values.subspan(std::min(values.size(), cpu * record_.value_size)), record_.value_size);
      by_cpu[cpu] = TypedValue(value);
      if (by_cpu[cpu]) continue;
      RenderedValue bytes;
      bytes.kind = RenderedValue::Kind::kBytes;
      bytes.text = Hex(value);
      by_cpu[cpu] = std::move(bytes);
    }
    return by_cpu;
  }

  void PerCpu() {
    auto& entries = record_.percpu_entries.emplace();
    for (std::uint32_t i = 0; i < Records(); ++i) entries.push_back({i, ByCpu(i, Record(i))});
  }

  void PerCpuKeyed() {
    auto& entries = record_.percpu_hash_entries.emplace();
    for (std::size_t i = 0; i < Records(); ++i) {
      const auto key = First(Record(i), record_.key_size);
      entries.push_back({Key(key), Hex(key), ByCpu(i, Record(i).subspan(key.size()))});
    }
  }

  void InnerMaps(const std::unordered_map<std::uint64_t, std::uint32_t>& map_ids) {
    auto& entries = record_.entries.emplace();
    for (std::size_t i = 0; i < std::min(Records(), raw_.numbers.size()); ++i) {
      MapEntry& entry = entries.emplace_back();
      entry.key = Key(Record(i));
      entry.key_hex = Hex(Record(i));
      // As bpf(2) shows it: the id of the inner map.
      const auto id = map_ids.find(raw_.numbers[i]);
      if (id == map_ids.end()) continue;
      entry.value = Number(RenderedValue::Kind::kUint, 32, id->second);
      entry.value_hex = Hex(std::as_bytes(std::span(&id->second, 1)));
    }
  }

  void Ringbuf() {
    RingbufState& ring = record_.ringbuf.emplace();
    ring.capacity = raw_.numbers[0] + 1;
    ring.consumer_pos = raw_.numbers[1];
    ring.producer_pos = raw_.numbers[2];
    if (raw_.numbers.size() > 3) ring.pending_pos = raw_.numbers[3];
    ring.pending_bytes = ring.producer_pos - ring.consumer_pos;
  }

  void Stacks() {
    StackTraces& traces = record_.stack_trace.emplace();
    const auto& numbers = raw_.numbers;
    for (std::size_t at = 0; at + 2 <= numbers.size();) {
      StackTraces::Bucket& bucket = traces.buckets.emplace_back();
      bucket.id = static_cast<std::uint32_t>(numbers[at]);
      const std::size_t count = std::min<std::size_t>(numbers[at + 1], numbers.size() - at - 2);
      at += 2;
      for (const std::size_t end = at + count; at < end; ++at) {
        bucket.pcs.push_back(numbers[at]);
        bucket.symbols.push_back(SymbolAt(context_.facts, numbers[at]));
      }
    }
  }

  void Fds() {
    FdArray& fds = record_.fd_array.emplace();
    fds.slots_scanned = raw_.numbers[0];
    fds.indices.assign(raw_.numbers.begin() + 1, raw_.numbers.end());
  }

  void Arena() {
    constexpr std::size_t kPage = 4096;
    ArenaPages& arena = record_.arena.emplace();
    arena.user_vm_start = raw_.numbers[0];
    arena.pages_mapped = raw_.numbers.size() - 1;
    for (std::size_t i = 1; i < raw_.numbers.size(); ++i)
      arena.pages.push_back({raw_.numbers[i], Hex(std::span(raw_.bytes).subspan((i - 1) * kPage, kPage))});
  }

  const RenderContext& context_;
  const RawMap& raw_;
  MapRecord record_;
  std::shared_ptr<const Btf> btf_;
  std::uint32_t key_type_ = 0;
  std::uint32_t value_type_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

void RenderMaps(const RenderContext& context, SnapshotReport& report) {
  report.maps_unavailable = context.raw.maps_reason;
  if (context.raw.maps_truncated && report.maps_unavailable.empty())
    report.maps_unavailable = fmt::format("only the first {} maps were read", context.raw.maps.size());
  std::unordered_map<std::uint64_t, std::uint32_t> ids;
  for (const RawMap& map : context.raw.maps)
    ids.emplace(map.address, static_cast<std::uint32_t>(Get(map.head, context.layout.map.id).value_or(0)));
  for (const RawMap& map : context.raw.maps) report.maps.push_back(MapRenderer(context, map).Run(ids));
}

}  // namespace ktstr::vmm
