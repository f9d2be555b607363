#include "vmm/introspection/snapshot/snapshot_report.h"

#include "vmm/introspection/snapshot/snapshot_fields.h"
#include "vmm/introspection/snapshot/snapshot_json.h"

namespace ktstr::vmm {
namespace {

using Json = nlohmann::json;
using Counters = std::vector<std::pair<std::string, std::int64_t>>;

/// Writes with or without what is empty.
template <bool kComplete>
struct Writer {
  template <typename T>
  static Json Value(const T& value) {
    if constexpr (std::is_same_v<T, RenderedValue>) {
      return ToJson(value);
    } else if constexpr (IsOptional<T>::value) {
      return value ? Value(*value) : Json(nullptr);
    } else if constexpr (std::is_same_v<T, Counters>) {
      Json counters = Json::object();
      for (const auto& [name, count] : value) counters[name] = count;
      return counters;
    } else if constexpr (IsSnapshotStruct<T>) {
      return Struct(value);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      Json list = Json::array();
      for (const auto& element : value) list.push_back(Value(element));
      return list;
    }
  }

  template <typename S>
  static Json Struct(const S& object) {
    Json json = Json::object();
    ForEachSnapshotField<S>([&](const auto& field) {
      const auto& value = object.*field.member;
      if (kComplete || !IsLeftOut(value)) json[field.key] = Value(value);
    });
    return json;
  }

  template <typename T>
  static bool IsLeftOut(const T& value) {
    if constexpr (IsOptional<T>::value) {
      return !value;  // a list that is there and empty says so
    } else if constexpr (std::is_arithmetic_v<T> || IsSnapshotStruct<T>) {
      return false;
    } else {
      return value.empty();
    }
  }
};

}  // namespace

SnapshotReport MakePlaceholder(const std::string& reason) {
  SnapshotReport report;
  report.is_placeholder = true;
  for (std::string* unavailable :
       {&report.maps_unavailable, &report.vcpu_regs_unavailable, &report.prog_runtime_stats_unavailable,
        &report.per_cpu_time_unavailable, &report.per_node_numa_unavailable, &report.run_queues_unavailable,
        &report.tasks_unavailable, &report.scx_walker_unavailable})
    *unavailable = reason;
  return report;
}

Json ToJson(const SnapshotReport& report) {
  Json json = Writer<false>::Struct(report);
  json["schema"] = "single";
  if (!report.is_placeholder) json.erase("is_placeholder");
  return json;
}

std::vector<std::string> SnapshotMemberNames() {
  std::vector<std::string> names;
  ForEachSnapshotField<SnapshotReport>([&](const auto& field) { names.emplace_back(field.key); });
  return names;
}

std::optional<Json> SnapshotMemberJson(const SnapshotReport& report, std::string_view member) {
  std::optional<Json> json;
  ForEachSnapshotField<SnapshotReport>([&](const auto& field) {
    if (field.key == member) json = Writer<true>::Value(report.*field.member);
  });
  return json;
}

std::string SnapshotMemberUnavailable(const SnapshotReport& report, std::string_view member) {
  std::string key = std::string(member) + "_unavailable";
  if (member == "scx_sched_state" || member == "rq_scx_states" || member == "dsq_states")
    key = "scx_walker_unavailable";
  const std::optional<Json> reason = SnapshotMemberJson(report, key);
  if (reason && !reason->get_ref<const std::string&>().empty()) return reason->get<std::string>();
  if (report.dump_truncated_at_us)
    return "the capture's time limit passed after " + std::to_string(*report.dump_truncated_at_us) + " us";
  return {};
}

}  // namespace ktstr::vmm
