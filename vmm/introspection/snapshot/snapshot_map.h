// The entries of one BPF map of a snapshot. Views: valid as long as the report they come from.
#pragma once

#include <functional>

#include "vmm/introspection/snapshot/snapshot_report.h"
#include "vmm/introspection/snapshot/snapshot_value.h"

namespace ktstr::vmm {

/// One key and its value, or its values by CPU.
class SnapshotMapEntry {
 public:
  using PerCpu = std::vector<std::optional<RenderedValue>>;

  /// "3", "a=1,b=2", "hex:03000000"; "" for the only value of a map.
  [[nodiscard]] const std::string& key_text() const { return key_text_; }
  /// None: bytes without a type.
  [[nodiscard]] const std::optional<RenderedValue>& key() const { return key_; }
  [[nodiscard]] const std::string& key_hex() const { return key_hex_; }
  /// Null when this is no per-CPU map.
  [[nodiscard]] const PerCpu* per_cpu() const { return per_cpu_; }

  /// The same entry on one CPU. Error kPerCpuSlot: the map is not per-CPU, no such CPU, its page is not
  /// mapped.
  [[nodiscard]] SnapshotOutcome<SnapshotMapEntry> Cpu(std::uint32_t cpu) const;
  /// Into the value; "" is the value itself. Errors: kPerCpuNotNarrowed, kNoRendered, those of
  /// SnapshotValue::Get.
  [[nodiscard]] SnapshotOutcome<SnapshotValue> Get(std::string_view path) const;

  // The largest and smallest over the CPUs that have a value. Error kPerCpuSlot when none has, or as Get and
  // the terminals.
  [[nodiscard]] SnapshotOutcome<std::uint64_t> CpuMaxU64(std::string_view path) const;
  [[nodiscard]] SnapshotOutcome<std::uint64_t> CpuMinU64(std::string_view path) const;
  [[nodiscard]] SnapshotOutcome<double> CpuMaxF64(std::string_view path) const;
  [[nodiscard]] SnapshotOutcome<double> CpuMinF64(std::string_view path) const;

  /// "map 'counts', key 3, CPU 1".
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  friend class SnapshotMap;
  SnapshotMapEntry() = default;
  template <typename T, typename Read, typename Better>
  SnapshotOutcome<T> OverCpus(std::string_view path, Read read, Better better) const;

  std::string where_;
  std::string key_text_;
  std::optional<RenderedValue> key_;
  std::string key_hex_;
  const RenderedValue* value_ = nullptr;
  std::string value_hex_;
  const PerCpu* per_cpu_ = nullptr;
};

class SnapshotMap {
 public:
  using Predicate = std::function<bool(const SnapshotMapEntry& entry)>;

  explicit SnapshotMap(const MapRecord& record) : record_(&record) {}

  [[nodiscard]] const MapRecord& record() const { return *record_; }
  /// Of the entries that were read.
  [[nodiscard]] std::size_t size() const;
  /// Whether there may be more than was read.
  [[nodiscard]] bool incomplete() const { return record_->truncated || !record_->error.empty(); }

  /// The n-th entry in the report's order; of arrays the element n. Errors: kIndexOutOfRange,
  /// kMapRenderIncomplete.
  [[nodiscard]] SnapshotOutcome<SnapshotMapEntry> At(std::size_t n) const;
  /// The entry whose key is `key` (see KeyIs); the only value of a map has the key "0". Errors: kNoMatch with
  /// up to three keys there are (also when several keys fit), kMapRenderIncomplete, kNoRendered for maps
  /// without entries.
  [[nodiscard]] SnapshotOutcome<SnapshotMapEntry> Find(std::string_view key) const;
  /// The first entry that fits. Errors as above.
  [[nodiscard]] SnapshotOutcome<SnapshotMapEntry> Find(const Predicate& fits) const;
  /// Every entry that fits. Error kMapRenderIncomplete: some may be missing.
  [[nodiscard]] SnapshotOutcome<std::vector<SnapshotMapEntry>> Filter(const Predicate& fits) const;
  /// The entry with the largest number at `path`, of equals the first. Errors: kNoMatch for an empty map,
  /// kMapRenderIncomplete, those of Get and AsF64.
  [[nodiscard]] SnapshotOutcome<SnapshotMapEntry> MaxBy(std::string_view path) const;
  /// The map as that CPU sees it: its entries are narrowed. Error kPerCpuSlot: the map is not per-CPU.
  [[nodiscard]] SnapshotOutcome<SnapshotMap> Cpu(std::uint32_t cpu) const;
  /// Into the value of a map with only one. Error kNoMatch when a key must be said; others as above.
  [[nodiscard]] SnapshotOutcome<SnapshotValue> Get(std::string_view path) const;

 private:
  [[nodiscard]] SnapshotMapEntry MakeEntry(std::size_t n) const;
  [[nodiscard]] SnapshotOutcome<SnapshotMapEntry> Narrowed(SnapshotMapEntry entry) const;
  [[nodiscard]] SnapshotError NotThere(const std::string& what) const;
  /// An error for maps that were not read, or are not made of entries.
  [[nodiscard]] std::optional<SnapshotError> Unusable() const;
  [[nodiscard]] std::string Where() const;

  const MapRecord* record_;
  std::optional<std::uint32_t> cpu_ = {};
};

}  // namespace ktstr::vmm
