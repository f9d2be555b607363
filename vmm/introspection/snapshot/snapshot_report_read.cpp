// The way back from a report's JSON form.
#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "vmm/introspection/snapshot/snapshot_fields.h"

namespace ktstr::vmm {
namespace {

using Json = nlohmann::json;

/// A step into the document; the path is only put together for an error.
struct Place {
  const Place* above = nullptr;
  std::string_view key = {};
  std::optional<std::size_t> index = {};

  [[nodiscard]] std::string Path() const {
    const std::string before = above == nullptr ? std::string() : above->Path();
    if (index) return fmt::format("{}[{}]", before, *index);
    return before.empty() || key.empty() ? before + std::string(key) : fmt::format("{}.{}", before, key);
  }
};

Error Wrong(const Place& at, std::string_view wanted, const Json& json) {
  return {ErrorKind::kInput, fmt::format("'{}' of a snapshot is no {}, but {}", at.Path(), wanted,
                                         json.is_number() ? json.dump() : json.type_name())};
}

template <typename T>
Result<> ReadNumber(const Json& json, const Place& at, T& to) {
  if constexpr (std::is_floating_point_v<T>) {
    if (!json.is_number()) return Wrong(at, "number", json);
    to = json.get<T>();
  } else {
    constexpr const char* kWanted = std::is_signed_v<T> ? (sizeof(T) == 8 ? "int64" : "int32")
                                    : sizeof(T) == 8    ? "uint64"
                                                        : "uint32";
    if (!json.is_number_integer()) return Wrong(at, kWanted, json);
    const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<std::uint64_t>())
                                                : std::in_range<T>(json.get<std::int64_t>());
    if (!fits) return Wrong(at, kWanted, json);
    to = json.get<T>();
  }
  return {};
}

template <typename T>
Result<> Read(const Json& json, const Place& at, T& to);

template <typename T>
Result<> ReadList(const Json& json, const Place& at, std::vector<T>& to) {
  if (!json.is_array()) return Wrong(at, "list", json);
  to.clear();
  for (std::size_t i = 0; i < json.size(); ++i) TRY(Read(json[i], Place{&at, {}, i}, to.emplace_back()));
  return {};
}

Result<> ReadCounters(const Json& json, const Place& at,
                      std::vector<std::pair<std::string, std::int64_t>>& to) {
  if (!json.is_object()) return Wrong(at, "object", json);
  to.clear();
  for (const auto& [name, count] : json.items()) {
    to.emplace_back(name, 0);
    TRY(ReadNumber(count, Place{&at, name, {}}, to.back().second));
  }
  return {};
}

/// What is absent keeps its default; what is unknown is passed over.
template <typename S>
Result<> ReadStruct(const Json& json, const Place& at, S& to) {
  if (!json.is_object()) return Wrong(at, "object", json);
  Result<> result;
  ForEachSnapshotField<S>([&](const auto& field) {
    const auto value = json.find(field.key);
    if (!result.ok() || value == json.end()) return;
    result = Read(*value, Place{&at, field.key, {}}, to.*field.member);
  });
  return result;
}

template <typename T>
Result<> Read(const Json& json, const Place& at, T& to) {
  if constexpr (std::is_same_v<T, RenderedValue>) {
    Result<RenderedValue> value = RenderedFromJson(json);
    if (!value.ok()) return value.error().Within(fmt::format("'{}' of a snapshot", at.Path()));
    to = *std::move(value);
  } else if constexpr (IsOptional<T>::value) {
    to.reset();
    if (!json.is_null()) return Read(json, at, to.emplace());
  } else if constexpr (std::is_same_v<T, std::vector<std::pair<std::string, std::int64_t>>>) {
    return ReadCounters(json, at, to);
  } else if constexpr (IsSnapshotStruct<T>) {
    return ReadStruct(json, at, to);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return Wrong(at, "boolean", json);
    to = json.get<bool>();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return ReadNumber(json, at, to);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) return Wrong(at, "string", json);
    to = json.get<std::string>();
  } else {
    return ReadList(json, at, to);
  }
  return {};
}

/// A capture that failed half-way: a placeholder with the registers that were read.
Result<SnapshotReport> ReadDegraded(const Json& json, const Place& at) {
  const auto reason = json.find("reason");
  if (reason == json.end() || !reason->is_string())
    return Error{ErrorKind::kInput, "a degraded snapshot without 'reason'"};
  SnapshotReport report = MakePlaceholder(reason->get<std::string>());
  if (const auto registers = json.find("vcpu_regs"); registers != json.end()) {
    const Place place{&at, "vcpu_regs", {}};
    TRY(Read(*registers, place, report.vcpu_regs));
    if (!report.vcpu_regs.empty()) report.vcpu_regs_unavailable.clear();
  }
  return report;
}

Result<SnapshotReport> ReadReport(const Json& json, const Place& at) {
  if (!json.is_object()) return Error{ErrorKind::kInput, "a snapshot is no JSON object"};
  const auto schema = json.find("schema");
  if (schema == json.end()) return Error{ErrorKind::kInput, "a snapshot without 'schema'"};
  if (!schema->is_string()) return Wrong(Place{&at, "schema", {}}, "string", *schema);
  if (*schema == "single") {
    SnapshotReport report;
    TRY(ReadStruct(json, at, report));
    return report;
  }
  if (*schema == "degraded") return ReadDegraded(json, at);
  if (*schema == "dual" && at.above == nullptr) {
    const auto late = json.find("late");
    if (late == json.end()) return Error{ErrorKind::kInput, "a dual snapshot without 'late'"};
    return ReadReport(*late, Place{&at, "late", {}});
  }
  return Error{ErrorKind::kInput, fmt::format("unknown snapshot schema '{}'", schema->get<std::string>())};
}

}  // namespace

Result<SnapshotReport> ReportFromJson(const Json& json) { return ReadReport(json, Place{}); }

}  // namespace ktstr::vmm
