#include "vmm/introspection/snapshot/snapshot_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/introspection/snapshot/snapshot_json.h"
#include "vmm/introspection/types/nearest_name.h"

namespace ktstr::vmm {
namespace {

using Fault = SnapshotError::Kind;
using RKind = RenderedValue::Kind;

constexpr std::size_t kLongestName = 15;  // BPF_OBJ_NAME_LEN less its NUL
constexpr std::size_t kObjectPrefix = 8;  // what libbpf leaves of an object's name before ".rodata"

std::string Guess(std::string_view wrong, const std::vector<std::string>& names) {
  const std::vector<std::string_view> views(names.begin(), names.end());
  return DidYouMean(wrong, views);
}

/// Of "simple.bss" the object's part; nothing for maps that are no sections.
std::optional<std::string_view> SectionPrefix(const MapRecord& map) {
  const std::string_view name = map.name;
  for (const std::string_view section : {".bss", ".data", ".rodata"}) {
    const std::size_t at = name.find(section);
    if (at == std::string_view::npos) continue;
    const std::string_view after = name.substr(at + section.size());
    if (after.empty() || after.front() == '.') return name.substr(0, at);
  }
  return std::nullopt;
}

/// The struct whose members are the section's variables.
const RenderedValue* SectionStruct(const MapRecord& map) {
  if (!map.value || !SectionPrefix(map)) return nullptr;
  const RenderedValue* value = &*map.value;
  if (value->kind == RKind::kTruncated && !value->members.empty()) value = &value->members.front().value;
  return value->kind == RKind::kStruct ? value : nullptr;
}

/// Whether variables of this section may be missing.
bool SectionIncomplete(const MapRecord& map) {
  return SectionPrefix(map) && (!map.error.empty() || map.truncated || SectionStruct(map) == nullptr ||
                                map.value->kind == RKind::kTruncated);
}

}  // namespace

std::optional<SnapshotError> SnapshotView::Unusable() const {
  if (!report_->is_placeholder) return std::nullopt;
  return SnapshotError{Fault::kPlaceholderSnapshot,
                       fmt::format("the capture failed: {}", report_->maps_unavailable)};
}

bool SnapshotView::IsActive(const MapRecord& map) const {
  const std::string_view object = report_->active_obj_name;
  const std::optional<std::string_view> prefix = SectionPrefix(map);
  const bool named = !prefix || *prefix == object || *prefix == object.substr(0, kObjectPrefix);
  // Without addresses the scheduler is known by name only, so only its sections are.
  if (report_->active_map_kvas.empty()) return prefix && named;
  const auto& used = report_->active_map_kvas;
  return named && std::find(used.begin(), used.end(), map.map_kva) != used.end();
}

std::vector<const MapRecord*> SnapshotView::Maps() const {
  std::vector<const MapRecord*> maps;
  for (const MapRecord& map : report_->maps)
    if (!active_only_ || IsActive(map)) maps.push_back(&map);
  return maps;
}

SnapshotOutcome<SnapshotView> SnapshotView::Active() const {
  if (const auto unusable = Unusable()) return *unusable;
  if (report_->active_obj_name.empty())
    return SnapshotError{Fault::kNoActiveScheduler, "no BPF scheduler was running"};
  SnapshotView active = *this;
  active.active_only_ = true;
  return active;
}

SnapshotOutcome<SnapshotMap> SnapshotView::Map(std::string_view name) const {
  if (const auto unusable = Unusable()) return *unusable;
  const std::string_view kept = name.substr(0, kLongestName);
  const MapRecord* first = nullptr;
  std::vector<std::string> names;
  for (const MapRecord* map : Maps()) {
    names.push_back(map->name);
    if (map->name != kept) continue;
    if (IsActive(*map)) return SnapshotMap(*map);
    if (first == nullptr) first = map;
  }
  if (first != nullptr) return SnapshotMap(*first);
  const auto& all = report_->maps;
  const bool excluded =
      std::any_of(all.begin(), all.end(), [&](const MapRecord& map) { return map.name == kept; });
  if (excluded)
    return SnapshotError{
        Fault::kActiveFilterExcludedMaps,
        fmt::format("map '{}' is none of the running scheduler's, '{}'", name, report_->active_obj_name),
        names};
  const std::string reason = SnapshotMemberUnavailable(*report_, "maps");
  if (all.empty() && !reason.empty())
    return SnapshotError{Fault::kHostFieldUnavailable, fmt::format("no map was read: {}", reason)};
  return SnapshotError{Fault::kMapNotFound,
                       names.empty() ? fmt::format("no map '{}'; there are none", name)
                                     : fmt::format("no map '{}'{}", name, Guess(name, names)),
                       names};
}

SnapshotOutcome<std::vector<SnapshotValue>> SnapshotView::Vars(std::string_view name) const {
  if (const auto unusable = Unusable()) return *unusable;
  std::vector<SnapshotValue> found;
  for (const MapRecord* map : Maps()) {
    const RenderedValue* section = SectionStruct(*map);
    if (section == nullptr) continue;
    for (const RenderedMember& member : section->members)
      if (member.name == name)
        found.emplace_back(member.value, fmt::format("var '{}' of {}", name, map->name));
  }
  return found;
}

SnapshotError SnapshotView::VarNotFound(std::string_view name) const {
  std::vector<std::string> sections, names, incomplete;
  for (const MapRecord* map : Maps()) {
    if (!SectionPrefix(*map)) continue;
    sections.push_back(map->name);
    if (SectionIncomplete(*map)) incomplete.push_back(map->name);
    const RenderedValue* section = SectionStruct(*map);
    if (section == nullptr) continue;
    for (std::string& member : MemberNames(*section)) names.push_back(std::move(member));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (!incomplete.empty())
    return {Fault::kMapRenderIncomplete,
            fmt::format("no variable '{}' in what was read of {}", name, fmt::join(incomplete, " and ")),
            names};
  if (sections.empty())
    return {Fault::kVarNotFound, fmt::format("no variable '{}'; there are no global sections", name)};
  return {Fault::kVarNotFound,
          fmt::format("no variable '{}' in {}{}", name, fmt::join(sections, " or "), Guess(name, names)),
          names};
}

SnapshotOutcome<SnapshotValue> SnapshotView::Var(std::string_view name) const {
  std::vector<SnapshotValue> found = TRY(Vars(name));
  if (found.empty()) return VarNotFound(name);
  if (found.size() == 1) return found.front();
  SnapshotError error{Fault::kAmbiguousVar, {}};
  for (const MapRecord* map : Maps())
    if (const RenderedValue* section = SectionStruct(*map))
      for (const RenderedMember& member : section->members)
        if (member.name == name) error.suggestions.push_back(map->name);
  error.message =
      fmt::format("{} variables '{}': in {}", found.size(), name, fmt::join(error.suggestions, " and "));
  return error;
}

const char* KindName(SnapshotError::Kind kind) {
  constexpr const char* kNames[] = {"MapNotFound",
                                    "VarNotFound",
                                    "AmbiguousVar",
                                    "FieldNotFound",
                                    "NotAStruct",
                                    "TypeMismatch",
                                    "IndexOutOfRange",
                                    "PerCpuSlot",
                                    "NoMatch",
                                    "EmptyPathComponent",
                                    "PerCpuNotNarrowed",
                                    "NoRendered",
                                    "PlaceholderSample",
                                    "MissingStats",
                                    "HostFieldUnavailable",
                                    "PlaceholderSnapshot",
                                    "NoActiveScheduler",
                                    "ActiveFilterExcludedMaps",
                                    "WalkerDriftedWithinPhase",
                                    "ProjectionFailed",
                                    "MapRenderIncomplete"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace ktstr::vmm
