// The contents of BPF maps for people.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/report/snapshot_text.h"
#include "vmm/introspection/snapshot/snapshot_value.h"

namespace ktstr {
namespace {

/// A value below a line that is indented by `indent`.
std::string ValueText(const std::optional<vmm::RenderedValue>& value, const std::string& hex,
                      std::size_t indent) {
  if (value) return vmm::FormatRendered(*value, indent);
  return hex.empty() ? "(not read)" : "hex:" + hex;
}

class Contents {
 public:
  explicit Contents(const SnapshotTextStyle& style) : style_(style) {}

  /// One line per element, as many as the style has room for.
  template <typename T, typename Line>
  void List(const std::vector<T>& list, Line line) {
    const std::size_t shown = style_.max_rows == 0 ? list.size() : std::min(list.size(), style_.max_rows);
    for (std::size_t i = 0; i < shown; ++i) text_ += fmt::format("  {}\n", line(list[i]));
    if (shown < list.size()) text_ += fmt::format("  ... and {} more\n", list.size() - shown);
  }

  void PerCpu(const std::vector<std::optional<vmm::RenderedValue>>& values) {
    for (std::size_t cpu = 0; cpu < values.size(); ++cpu)
      text_ += fmt::format("    cpu {}: {}\n", cpu,
                           values[cpu] ? vmm::FormatRendered(*values[cpu], 4) : "(not mapped)");
  }
  template <typename T, typename Key>
  void PerCpuList(const std::vector<T>& list, Key key) {
    List(list, [&](const T& entry) {
      Contents inner(style_);
      inner.PerCpu(entry.per_cpu);
      std::string text = key(entry) + "\n" + inner.text_;
      text.pop_back();
      return text;
    });
  }

  void Add(const vmm::MapRecord& map);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  SnapshotTextStyle style_;
  std::string text_;
};

void Contents::Add(const vmm::MapRecord& map) {
  if (map.value) text_ += fmt::format("  {}\n", vmm::FormatRendered(*map.value, 2));
  if (map.entries)
    List(*map.entries, [](const vmm::MapEntry& entry) {
      return fmt::format("{}: {}", vmm::KeyText(entry.key, entry.key_hex),
                         ValueText(entry.value, entry.value_hex, 2));
    });
  if (map.percpu_entries)
    PerCpuList(*map.percpu_entries,
               [](const vmm::PerCpuEntry& entry) { return fmt::format("{}:", entry.key); });
  if (map.percpu_hash_entries)
    PerCpuList(*map.percpu_hash_entries, [](const vmm::PerCpuHashEntry& entry) {
      return vmm::KeyText(entry.key, entry.key_hex) + ":";
    });
  if (map.ringbuf)
    text_ +=
        fmt::format("  {} bytes, {} pending (consumed up to {}, produced up to {})\n", map.ringbuf->capacity,
                    map.ringbuf->pending_bytes, map.ringbuf->consumer_pos, map.ringbuf->producer_pos);
  if (map.arena) {
    text_ += fmt::format("  {} pages mapped at {:#x}\n", map.arena->pages_mapped, map.arena->user_vm_start);
    List(map.arena->pages, [](const vmm::ArenaPages::Page& page) {
      constexpr std::size_t kShown = 64;
      return fmt::format("{:#x}: {}{}", page.offset, page.hex.substr(0, kShown),
                         page.hex.size() > kShown ? "..." : "");
    });
  }
  if (map.stack_trace)
    List(map.stack_trace->buckets, [](const vmm::StackTraces::Bucket& bucket) {
      std::string text = fmt::format("{}:", bucket.id);
      for (std::size_t i = 0; i < bucket.pcs.size(); ++i) {
        const bool named = i < bucket.symbols.size() && !bucket.symbols[i].empty();
        text += named ? " " + bucket.symbols[i] : fmt::format(" {:#x}", bucket.pcs[i]);
      }
      return text;
    });
  if (map.fd_array)
    text_ += fmt::format("  slots in use: {} (of {} looked at)\n", fmt::join(map.fd_array->indices, " "),
                         map.fd_array->slots_scanned);
}

}  // namespace

std::string RenderMap(const vmm::MapRecord& map, const SnapshotTextStyle& style) {
  std::string text = fmt::format("map '{}'  {}, id {}", map.name, map.type_name, map.id);
  const std::size_t entries = map.entries               ? map.entries->size()
                              : map.percpu_entries      ? map.percpu_entries->size()
                              : map.percpu_hash_entries ? map.percpu_hash_entries->size()
                                                        : 0;
  if (map.entries || map.percpu_entries || map.percpu_hash_entries)
    text +=
        fmt::format(", {} {} of at most {}", entries, entries == 1 ? "entry" : "entries", map.max_entries);
  text += '\n';
  Contents contents(style);
  contents.Add(map);
  text += contents.text();
  if (map.truncated) text += "  only a part was read\n";
  if (!map.error.empty()) text += fmt::format("  {}\n", map.error);
  return text;
}

}  // namespace ktstr
