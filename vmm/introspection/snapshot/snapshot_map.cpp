#include "vmm/introspection/snapshot/snapshot_map.h"

#include <fmt/format.h>

#include <functional>

namespace ktstr::vmm {
namespace {

using Fault = SnapshotError::Kind;
}  // namespace

// ---- entries

SnapshotOutcome<SnapshotMapEntry> SnapshotMapEntry::Cpu(std::uint32_t cpu) const {
  if (per_cpu_ == nullptr)
    return SnapshotError{Fault::kPerCpuSlot, fmt::format("{}: not a per-CPU map", where_)};
  if (cpu >= per_cpu_->size())
    return SnapshotError{Fault::kPerCpuSlot,
                         fmt::format("{}: no CPU {}, there are {}", where_, cpu, per_cpu_->size())};
  if (!(*per_cpu_)[cpu])
    return SnapshotError{Fault::kPerCpuSlot,
                         fmt::format("{}: the page of CPU {} is not mapped", where_, cpu)};
  SnapshotMapEntry narrowed = *this;
  narrowed.where_ += fmt::format(", CPU {}", cpu);
  narrowed.value_ = &*(*per_cpu_)[cpu];
  narrowed.per_cpu_ = nullptr;
  return narrowed;
}

SnapshotOutcome<SnapshotValue> SnapshotMapEntry::Get(std::string_view path) const {
  if (per_cpu_ != nullptr)
    return SnapshotError{
        Fault::kPerCpuNotNarrowed,
        fmt::format("{}: there are {} values, one per CPU; say which", where_, per_cpu_->size())};
  if (value_ == nullptr)
    return SnapshotError{Fault::kNoRendered,
                         value_hex_.empty() ? fmt::format("{}: the value could not be read", where_)
                                            : fmt::format("{}: the value has no type; its bytes are hex:{}",
                                                          where_, value_hex_)};
  return SnapshotValue(*value_, where_).Get(path);
}

template <typename T, typename Read, typename Better>
SnapshotOutcome<T> SnapshotMapEntry::OverCpus(std::string_view path, Read read, Better better) const {
  if (per_cpu_ == nullptr)
    return SnapshotError{Fault::kPerCpuSlot, fmt::format("{}: not a per-CPU map", where_)};
  std::optional<T> best;
  for (std::uint32_t cpu = 0; cpu < per_cpu_->size(); ++cpu) {
    if (!(*per_cpu_)[cpu]) continue;
    const SnapshotMapEntry entry = TRY(Cpu(cpu));
    const SnapshotValue value = TRY(entry.Get(path));
    const T number = TRY((value.*read)());
    if (!best || better(number, *best)) best = number;
  }
  if (!best)
    return SnapshotError{Fault::kPerCpuSlot, fmt::format("{}: the page of no CPU is mapped", where_)};
  return *best;
}

SnapshotOutcome<std::uint64_t> SnapshotMapEntry::CpuMaxU64(std::string_view path) const {
  return OverCpus<std::uint64_t>(path, &SnapshotValue::AsU64, std::greater<>());
}
SnapshotOutcome<std::uint64_t> SnapshotMapEntry::CpuMinU64(std::string_view path) const {
  return OverCpus<std::uint64_t>(path, &SnapshotValue::AsU64, std::less<>());
}
SnapshotOutcome<double> SnapshotMapEntry::CpuMaxF64(std::string_view path) const {
  return OverCpus<double>(path, &SnapshotValue::AsF64, std::greater<>());
}
SnapshotOutcome<double> SnapshotMapEntry::CpuMinF64(std::string_view path) const {
  return OverCpus<double>(path, &SnapshotValue::AsF64, std::less<>());
}

// ---- maps

std::string SnapshotMap::Where() const { return fmt::format("map '{}'", record_->name); }

std::size_t SnapshotMap::size() const {
  if (record_->value) return 1;
  if (record_->entries) return record_->entries->size();
  if (record_->percpu_entries) return record_->percpu_entries->size();
  if (record_->percpu_hash_entries) return record_->percpu_hash_entries->size();
  return 0;
}

std::optional<SnapshotError> SnapshotMap::Unusable() const {
  const MapRecord& map = *record_;
  if (map.value || map.entries || map.percpu_entries || map.percpu_hash_entries) return std::nullopt;
  const char* member = map.arena         ? "arena"
                       : map.ringbuf     ? "ringbuf"
                       : map.stack_trace ? "stack_trace"
                       : map.fd_array    ? "fd_array"
                                         : nullptr;
  if (member != nullptr)
    return SnapshotError{Fault::kNoRendered,
                         fmt::format("{} has no entries; see maps[name={}].{}", Where(), map.name, member)};
  return SnapshotError{
      Fault::kMapRenderIncomplete,
      fmt::format("{} was not read: {}", Where(), map.error.empty() ? "no reason known" : map.error)};
}

SnapshotMapEntry SnapshotMap::MakeEntry(std::size_t n) const {
  SnapshotMapEntry entry;
  entry.where_ = Where();
  if (record_->value) {
    entry.value_ = &*record_->value;
    return entry;
  }
  if (record_->entries) {
    const MapEntry& from = (*record_->entries)[n];
    entry.key_ = from.key;
    entry.key_hex_ = from.key_hex;
    entry.value_ = from.value ? &*from.value : nullptr;
    entry.value_hex_ = from.value_hex;
  } else if (record_->percpu_entries) {
    const PerCpuEntry& from = (*record_->percpu_entries)[n];
    RenderedValue key;
    key.kind = RenderedValue::Kind::kUint;
    key.bits = 32;
    key.number = from.key;
    entry.key_ = std::move(key);
    entry.per_cpu_ = &from.per_cpu;
  } else {
    const PerCpuHashEntry& from = (*record_->percpu_hash_entries)[n];
    entry.key_ = from.key;
    entry.key_hex_ = from.key_hex;
    entry.per_cpu_ = &from.per_cpu;
  }
  entry.key_text_ = KeyText(entry.key_, entry.key_hex_);
  entry.where_ += fmt::format(", key {}", entry.key_text_);
  return entry;
}

SnapshotOutcome<SnapshotMapEntry> SnapshotMap::Narrowed(SnapshotMapEntry entry) const {
  if (cpu_) return entry.Cpu(*cpu_);
  return entry;
}

SnapshotError SnapshotMap::NotThere(const std::string& what) const {
  constexpr std::size_t kSamples = 3;
  SnapshotError error{Fault::kNoMatch, {}};
  const std::size_t count = size();
  for (std::size_t i = 0; i < std::min(count, kSamples); ++i)
    error.suggestions.push_back(MakeEntry(i).key_text());
  if (incomplete()) {
    error.kind = Fault::kMapRenderIncomplete;
    error.message = fmt::format("{}: {} among the {} entries that were read, and there may be more{}{}",
                                Where(), what, count, record_->error.empty() ? "" : ": ", record_->error);
  } else if (count == 0) {
    error.message = fmt::format("{}: {}; it is empty", Where(), what);
  } else {
    error.message = fmt::format("{}: {}; there {} {}", Where(), what, count == 1 ? "is" : "are",
                                fmt::join(error.suggestions, " and "));
    if (count > kSamples) error.message += fmt::format(" and {} more", count - kSamples);
  }
  return error;
}

SnapshotOutcome<SnapshotMapEntry> SnapshotMap::At(std::size_t n) const {
  if (const auto unusable = Unusable()) return *unusable;
  if (n < size()) return Narrowed(MakeEntry(n));
  if (incomplete())
    return SnapshotError{
        Fault::kMapRenderIncomplete,
        fmt::format("{}: only {} entries were read, entry {} may be in the rest", Where(), size(), n)};
  return SnapshotError{Fault::kIndexOutOfRange,
                       fmt::format("{}: no entry {}, there are {}", Where(), n, size())};
}

SnapshotOutcome<SnapshotMapEntry> SnapshotMap::Find(std::string_view key) const {
  if (const auto unusable = Unusable()) return *unusable;
  if (record_->value) {
    if (key == "0") return At(0);
    return SnapshotError{
        Fault::kNoMatch, fmt::format("{}: no key {}; it has one value, with the key 0", Where(), key), {"0"}};
  }
  std::vector<SnapshotMapEntry> found;
  for (std::size_t i = 0; i < size(); ++i) {
    SnapshotMapEntry entry = MakeEntry(i);
    if (entry.key_text() == key) return Narrowed(std::move(entry));
    if (KeyIs(entry.key(), entry.key_hex(), key)) found.push_back(std::move(entry));
  }
  if (found.empty()) return NotThere(fmt::format("no key {}", key));
  if (found.size() == 1) return Narrowed(std::move(found.front()));
  SnapshotError several{Fault::kNoMatch, fmt::format("{}: {} keys fit {}", Where(), found.size(), key)};
  for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), 3); ++i)
    several.suggestions.push_back(found[i].key_text());
  several.message +=
      fmt::format(": {}{}", fmt::join(several.suggestions, " and "), found.size() > 3 ? " ..." : "");
  return several;
}

SnapshotOutcome<SnapshotMapEntry> SnapshotMap::Find(const Predicate& fits) const {
  if (const auto unusable = Unusable()) return *unusable;
  for (std::size_t i = 0; i < size(); ++i) {
    auto entry = Narrowed(MakeEntry(i));
    if (entry.ok() && fits(*entry)) return entry;
  }
  return NotThere("no entry fits");
}

SnapshotOutcome<std::vector<SnapshotMapEntry>> SnapshotMap::Filter(const Predicate& fits) const {
  if (const auto unusable = Unusable()) return *unusable;
  if (incomplete()) return NotThere("not all that fit may be");
  std::vector<SnapshotMapEntry> found;
  for (std::size_t i = 0; i < size(); ++i) {
    auto entry = Narrowed(MakeEntry(i));
    if (entry.ok() && fits(*entry)) found.push_back(*std::move(entry));
  }
  return found;
}

SnapshotOutcome<SnapshotMapEntry> SnapshotMap::MaxBy(std::string_view path) const {
  if (const auto unusable = Unusable()) return *unusable;
  if (incomplete()) return NotThere("the largest may not be");
  std::optional<SnapshotMapEntry> best;
  double most = 0;
  for (std::size_t i = 0; i < size(); ++i) {
    SnapshotMapEntry entry = TRY(Narrowed(MakeEntry(i)));
    const SnapshotValue value = TRY(entry.Get(path));
    const double number = TRY(value.AsF64());
    if (best && !(number > most)) continue;
    most = number;
    best = std::move(entry);
  }
  if (!best) return NotThere("no largest entry");
  return *std::move(best);
}

SnapshotOutcome<SnapshotMap> SnapshotMap::Cpu(std::uint32_t cpu) const {
  if (const auto unusable = Unusable()) return *unusable;
  if (!record_->percpu_entries && !record_->percpu_hash_entries)
    return SnapshotError{Fault::kPerCpuSlot, fmt::format("{}: not a per-CPU map", Where())};
  SnapshotMap narrowed = *this;
  narrowed.cpu_ = cpu;
  return narrowed;
}

SnapshotOutcome<SnapshotValue> SnapshotMap::Get(std::string_view path) const {
  if (const auto unusable = Unusable()) return *unusable;
  if (!record_->value) return NotThere("no key was said");
  const SnapshotMapEntry only = TRY(At(0));
  return only.Get(path);
}

}  // namespace ktstr::vmm
