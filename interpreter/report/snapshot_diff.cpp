#include "interpreter/report/snapshot_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "vmm/introspection/snapshot/snapshot_json.h"
#include "vmm/introspection/snapshot/snapshot_value.h"

namespace ktstr {
namespace {

using vmm::RenderedValue;
using Values = std::vector<std::pair<std::string, std::string>>;  // field, text

struct Item {
  std::string name;
  Values values;
};
/// Items by what tells them apart.
using Items = std::map<std::string, Item>;
/// Sections by name, in the order they are shown.
struct SnapshotContents {
  std::vector<std::string> order;
  std::map<std::string, Items> sections;

  Items& Section(const std::string& name) {
    if (!sections.contains(name)) order.push_back(name);
    return sections[name];
  }
};

// ---- a report as sections of items of values

std::string Join(const std::string& path, const std::string& name) {
  if (path.empty() || name.empty()) return path + name;
  return path + "." + name;
}

void Flatten(const nlohmann::json& json, const std::string& path, Values& values) {
  if (json.is_null()) return;
  const bool list_of_pids = json.is_array() && path.ends_with("pids");
  if (!json.is_structured() || list_of_pids) {
    values.emplace_back(path, json.is_string() ? json.get<std::string>() : json.dump());
    return;
  }
  for (const auto& [key, inner] : json.items()) {
    if (key == "task_kva") continue;
    Flatten(inner, json.is_array() ? fmt::format("{}[{}]", path, key) : Join(path, key), values);
  }
}

void Flatten(const RenderedValue& value, const std::string& path, Values& values) {
  using Kind = RenderedValue::Kind;
  if (const auto text = vmm::ScalarText(value)) values.emplace_back(path, *text);
  switch (value.kind) {
    case Kind::kStruct:
    case Kind::kTruncated:
      for (const vmm::RenderedMember& member : value.members)
        Flatten(member.value, Join(path, member.name), values);
      break;
    case Kind::kPtr:  // the members of what it points to count as its own
      for (const vmm::RenderedMember& target : value.members)
        Flatten(target.value, vmm::ScalarText(target.value) ? "*" + path : path, values);
      break;
    case Kind::kArray:
      if (vmm::ScalarText(value)) break;
      for (std::size_t i = 0; i < value.members.size(); ++i)
        Flatten(value.members[i].value, fmt::format("{}[{}]", path, i), values);
      break;
    default:
      break;
  }
}

struct Listed {
  const char* member;
  const char* section;
  const char* id;    // tells the elements apart; "": their position
  const char* name;  // shown with it; ""
};
constexpr Listed kListed[] = {{"vcpu_regs", "CPU registers", "", ""},
                              {"run_queues", "run queues", "cpu", ""},
                              {"per_cpu_time", "CPU time", "cpu", ""},
                              {"tasks", "tasks", "pid", "comm"},
                              {"rq_scx_states", "sched_ext run queues", "cpu", ""},
                              {"dsq_states", "dispatch queues", "id", "origin"},
                              {"prog_runtime_stats", "BPF programs", "id", "name"}};

void AddLists(const vmm::SnapshotReport& report, SnapshotContents& contents) {
  for (const Listed& listed : kListed) {
    const std::optional<nlohmann::json> list = vmm::SnapshotMemberJson(report, listed.member);
    for (std::size_t i = 0; i < list->size(); ++i) {
      const nlohmann::json& element = (*list)[i];
      if (!element.is_object()) continue;
      const std::string id = *listed.id == '\0' ? std::to_string(i) : element.at(listed.id).dump();
      Item item{id, {}};
      std::string unique = id;
      if (*listed.name != '\0') {
        const auto name = element.at(listed.name).get<std::string>();
        item.name += fmt::format(" ({})", name);
        if (std::string_view(listed.member) == "dsq_states") unique = item.name;  // two CPUs' have one id
      }
      Flatten(element, "", item.values);
      contents.Section(listed.section)[unique] = std::move(item);
    }
  }
  Values values;
  Flatten(*vmm::SnapshotMemberJson(report, "scx_sched_state"), "", values);
  for (auto& [field, text] : values) contents.Section("sched_ext")[field] = {field, {{"", text}}};
}

/// What was and was not read.
void AddCapture(const vmm::SnapshotReport& report, SnapshotContents& contents) {
  for (const std::string& member : vmm::SnapshotMemberNames()) {
    const bool about = member.ends_with("_unavailable") || member == "is_placeholder" ||
                       member == "tasks_truncated" || member == "active_obj_name";
    if (!about) continue;
    Values values;
    Flatten(*vmm::SnapshotMemberJson(report, member), "", values);
    if (!values.front().second.empty()) contents.Section("capture")[member] = {member, std::move(values)};
  }
}

void AddPerCpu(const std::vector<std::optional<RenderedValue>>& values, Item& item) {
  for (std::size_t cpu = 0; cpu < values.size(); ++cpu)
    if (values[cpu]) Flatten(*values[cpu], fmt::format("cpu{}", cpu), item.values);
}

void AddSingleValue(const RenderedValue& value, Items& items) {
  if (value.kind != RenderedValue::Kind::kStruct) {
    Flatten(value, "", items["value"].values);
    items["value"].name = "value";
    return;
  }
  for (const vmm::RenderedMember& member : value.members) {
    Item item{member.name.empty() ? "(anonymous)" : member.name, {}};
    Flatten(member.value, "", item.values);
    items[item.name] = std::move(item);
  }
}

void AddMap(const vmm::MapRecord& map, const nlohmann::json& json, Items& items) {
  if (map.value) AddSingleValue(*map.value, items);
  if (map.entries)
    for (const vmm::MapEntry& entry : *map.entries) {
      Item item{vmm::KeyText(entry.key, entry.key_hex), {}};
      if (entry.value)
        Flatten(*entry.value, "", item.values);
      else
        item.values.emplace_back("", "hex:" + entry.value_hex);
      items[entry.key_hex.empty() ? item.name : entry.key_hex] = std::move(item);
    }
  if (map.percpu_entries)
    for (const vmm::PerCpuEntry& entry : *map.percpu_entries) {
      Item item{std::to_string(entry.key), {}};
      AddPerCpu(entry.per_cpu, item);
      items[item.name] = std::move(item);
    }
  if (map.percpu_hash_entries)
    for (const vmm::PerCpuHashEntry& entry : *map.percpu_hash_entries) {
      Item item{vmm::KeyText(entry.key, entry.key_hex), {}};
      AddPerCpu(entry.per_cpu, item);
      items[entry.key_hex.empty() ? item.name : entry.key_hex] = std::move(item);
    }
  for (const char* member : {"arena", "ringbuf", "stack_trace", "fd_array", "truncated", "error"}) {
    if (json.at(member) == false || json.at(member) == "") continue;
    Item item{fmt::format("({})", member), {}};
    Flatten(json.at(member), "", item.values);
    if (!item.values.empty()) items[item.name] = std::move(item);
  }
}

SnapshotContents ContentsOf(const vmm::SnapshotReport& report) {
  SnapshotContents contents;
  AddCapture(report, contents);
  AddLists(report, contents);
  const nlohmann::json maps = *vmm::SnapshotMemberJson(report, "maps");
  std::map<std::string, int> seen;
  for (std::size_t i = 0; i < report.maps.size(); ++i) {
    const std::string& name = report.maps[i].name;
    const int use = ++seen[name];
    AddMap(
        report.maps[i], maps[i],
        contents.Section(use == 1 ? fmt::format("map '{}'", name) : fmt::format("map '{}' #{}", name, use)));
  }
  return contents;
}

// ---- comparing

/// Numbers by value, and before everything else.
bool NaturalLess(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) -> std::optional<long double> {
    const std::string head = text.substr(0, text.find(' '));
    if (head.empty() || head.find_first_not_of("-0123456789") != std::string::npos) return std::nullopt;
    return std::strtold(head.c_str(), nullptr);
  };
  const auto x = number(a), y = number(b);
  if (x && y && *x != *y) return *x < *y;
  if (x.has_value() != y.has_value()) return x.has_value();
  return a < b;
}

std::vector<ValueDiff> DiffValues(const Values& before, const Values& after) {
  std::vector<ValueDiff> diff;
  std::map<std::string, std::string> rest(before.begin(), before.end());
  for (const auto& [field, text] : after) {
    const auto at = rest.find(field);
    if (at == rest.end()) {
      diff.push_back({field, std::nullopt, text});
      continue;
    }
    if (at->second != text) diff.push_back({field, at->second, text});
    rest.erase(at);
  }
  for (const auto& [field, text] : before)
    if (rest.contains(field)) diff.push_back({field, text, std::nullopt});
  return diff;
}

std::vector<ItemDiff> DiffItems(const Items& before, const Items& after) {
  std::vector<ItemDiff> diff;
  for (const auto& [id, item] : after) {
    const auto at = before.find(id);
    ItemDiff change{item.name, at == before.end() ? DiffStatus::kAdded : DiffStatus::kChanged,
                    DiffValues(at == before.end() ? Values() : at->second.values, item.values)};
    if (at == before.end() || !change.values.empty()) diff.push_back(std::move(change));
  }
  for (const auto& [id, item] : before)
    if (!after.contains(id)) diff.push_back({item.name, DiffStatus::kRemoved, DiffValues(item.values, {})});
  std::sort(diff.begin(), diff.end(),
            [](const ItemDiff& a, const ItemDiff& b) { return NaturalLess(a.name, b.name); });
  return diff;
}

}  // namespace

std::vector<SectionDiff> DiffSnapshots(const vmm::SnapshotReport& before, const vmm::SnapshotReport& after) {
  SnapshotContents a = ContentsOf(before), b = ContentsOf(after);
  std::vector<std::string> order = a.order;
  for (const std::string& name : b.order)
    if (!a.sections.contains(name)) order.push_back(name);
  // The lists keep their order, then the maps by name.
  const auto is_map = [](const std::string& name) { return name.starts_with("map '"); };
  std::stable_sort(order.begin(), order.end(), [&](const std::string& x, const std::string& y) {
    if (is_map(x) != is_map(y)) return is_map(y);
    return is_map(x) && x < y;
  });
  std::vector<SectionDiff> diff;
  for (const std::string& name : order) {
    const bool came = !a.sections.contains(name), went = !b.sections.contains(name);
    SectionDiff section{name, DiffStatus::kChanged, DiffItems(a.sections[name], b.sections[name])};
    if (came && is_map(name)) section.status = DiffStatus::kAdded;
    if (went && is_map(name)) section.status = DiffStatus::kRemoved;
    if (!section.items.empty() || section.status != DiffStatus::kChanged) diff.push_back(std::move(section));
  }
  return diff;
}

}  // namespace ktstr
