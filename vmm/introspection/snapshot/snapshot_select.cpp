// Selectors: a question to a snapshot in words, and its answer as one number, text or truth.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vmm/introspection/snapshot/snapshot_json.h"
#include "vmm/introspection/snapshot/snapshot_view.h"
#include "vmm/introspection/types/nearest_name.h"

namespace ktstr::vmm {
namespace {

using Json = nlohmann::json;
using Fault = SnapshotError::Kind;
using RKind = RenderedValue::Kind;

SnapshotOutcome<SnapshotScalar> ScalarOf(const SnapshotValue& value) {
  SnapshotScalar scalar;
  scalar.where = value.Where();
  const RenderedValue& rendered = value.rendered();
  switch (rendered.kind) {
    case RKind::kBool:
      scalar.kind = SnapshotScalar::Kind::kBool;
      scalar.number = rendered.number != 0 ? 1 : 0;
      break;
    case RKind::kPtr:
      scalar.number = static_cast<double>(rendered.number);
      break;
    case RKind::kCpuList:
    case RKind::kArray:
      scalar.kind = SnapshotScalar::Kind::kText;
      scalar.text = TRY(value.AsStr());
      return scalar;
    case RKind::kStruct:
      return SnapshotError{Fault::kTypeMismatch, fmt::format("{} is a struct; say which field", scalar.where),
                           MemberNames(rendered)};
    case RKind::kBytes:
      scalar.kind = SnapshotScalar::Kind::kText;
      break;
    default:
      scalar.number = TRY(value.AsF64());
  }
  scalar.text = ScalarText(rendered).value_or("");
  return scalar;
}

SnapshotOutcome<SnapshotScalar> EvaluateMap(const SnapshotReport& report, const SnapshotSelector& selector) {
  SnapshotMap map = TRY(SnapshotView(report).Map(*selector.map));
  if (selector.cpu) map = TRY(map.Cpu(*selector.cpu));
  const std::string path = selector.field.value_or("");
  if (!selector.key) return ScalarOf(TRY(map.Get(path)));
  const SnapshotMapEntry entry = TRY(map.Find(*selector.key));
  return ScalarOf(TRY(entry.Get(path)));
}

// ---- paths over the rest of the report

std::string JsonText(const Json& json) {
  return json.is_string() ? json.get<std::string>()
                          : json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string WordFor(const Json& json) {
  if (json.is_array()) return fmt::format("a list of {}", json.size());
  if (json.is_object()) return "an object";
  if (json.is_string()) return "a text";
  return json.is_boolean() ? "a bool" : "a number";
}

std::vector<std::string> Keys(const Json& json) {
  std::vector<std::string> keys;
  for (const auto& item : json.items()) keys.push_back(item.key());
  return keys;
}

/// Walks the JSON form of one member of the report.
class PathWalk {
 public:
  PathWalk(const SnapshotReport& report, std::string member, Json json)
      : report_(&report), member_(std::move(member)), where_(member_), json_(std::move(json)) {}

  std::optional<SnapshotError> Step(const SnapshotPathStep& step) {
    if (std::optional<SnapshotError> missing = Missing()) return missing;
    if (!step.match.empty()) return Choose(step);
    return step.index ? Index(*step.index) : Name(step.name);
  }

  /// What the steps led to.
  SnapshotOutcome<Json> Whole() const {
    if (std::optional<SnapshotError> missing = Missing()) return *missing;
    return json_;
  }

  SnapshotOutcome<SnapshotScalar> Scalar() const {
    if (json_.is_null()) return *Missing();
    SnapshotScalar scalar;
    scalar.where = where_;
    scalar.text = JsonText(json_);
    if (json_.is_structured())
      return SnapshotError{Fault::kTypeMismatch,
                           fmt::format("'{}' is {}; say what of it", where_, WordFor(json_)),
                           json_.is_object() ? Keys(json_) : std::vector<std::string>()};
    if (json_.is_number()) scalar.number = json_.get<double>();
    if (json_.is_boolean()) {
      scalar.kind = SnapshotScalar::Kind::kBool;
      scalar.number = json_.get<bool>() ? 1 : 0;
    }
    if (json_.is_string()) scalar.kind = SnapshotScalar::Kind::kText;
    return scalar;
  }

 private:
  /// An error when there is nothing here to go into because it could not be read.
  [[nodiscard]] std::optional<SnapshotError> Missing() const {
    const bool top = where_ == member_;
    const std::string reason = top ? SnapshotMemberUnavailable(*report_, member_) : std::string();
    if (json_.is_null() && reason.empty())
      return SnapshotError{Fault::kHostFieldUnavailable, fmt::format("'{}' is not there", where_)};
    if (json_.is_null() || (top && json_.is_array() && json_.empty() && !reason.empty()))
      return SnapshotError{Fault::kHostFieldUnavailable,
                           fmt::format("'{}' was not read: {}", where_, reason)};
    return std::nullopt;
  }

  std::optional<SnapshotError> Name(const std::string& name) {
    if (json_.is_array() && name == "length") {
      json_ = json_.size();
    } else if (!json_.is_object()) {
      return SnapshotError{
          Fault::kNotAStruct,
          json_.is_array() ? fmt::format("'{}' is {}; say which before '.{}'", where_, WordFor(json_), name)
                           : fmt::format("'{}' is {}, it has no '{}'", where_, WordFor(json_), name)};
    } else if (!json_.contains(name)) {
      const std::vector<std::string> keys = Keys(json_);
      const std::vector<std::string_view> views(keys.begin(), keys.end());
      return SnapshotError{Fault::kFieldNotFound,
                           fmt::format("'{}' has no '{}'{}", where_, name, DidYouMean(name, views)), keys};
    } else {
      Enter(json_.at(name));
    }
    where_ += "." + name;
    return std::nullopt;
  }

  std::optional<SnapshotError> Index(std::uint64_t index) {
    if (!json_.is_array())
      return SnapshotError{Fault::kNotAStruct, fmt::format("'{}' is {}, not a list", where_, WordFor(json_))};
    if (index >= json_.size())
      return SnapshotError{
          CutShort() ? Fault::kMapRenderIncomplete : Fault::kIndexOutOfRange,
          fmt::format("'{}' has no [{}], there are {}{}", where_, index, json_.size(), CutNote())};
    Enter(json_.at(index));
    where_ += fmt::format("[{}]", index);
    return std::nullopt;
  }

  std::optional<SnapshotError> Choose(const SnapshotPathStep& step) {
    std::vector<std::string> pairs;
    for (const auto& [member, wanted] : step.match) pairs.push_back(fmt::format("{}={}", member, wanted));
    const std::string words = fmt::format("{}", fmt::join(pairs, ","));
    if (!json_.is_array())
      return SnapshotError{Fault::kNotAStruct, fmt::format("'{}' is {}, not a list", where_, WordFor(json_))};
    const auto fits = [&](const Json& element) {
      return element.is_object() && std::all_of(step.match.begin(), step.match.end(), [&](const auto& pair) {
               const auto at = element.find(pair.first);
               return at != element.end() && JsonText(*at) == pair.second;
             });
    };
    const auto found = std::find_if(json_.begin(), json_.end(), fits);
    if (found == json_.end()) return NoneFits(step, words);
    Enter(*found);
    where_ += fmt::format("[{}]", words);
    return std::nullopt;
  }

  SnapshotError NoneFits(const SnapshotPathStep& step, const std::string& words) const {
    constexpr std::size_t kSamples = 3, kLongest = 80;
    const std::string& member = step.match.front().first;
    for (const Json& element : json_)
      if (element.is_object() && !element.contains(member)) {
        const std::vector<std::string> keys = Keys(element);
        const std::vector<std::string_view> views(keys.begin(), keys.end());
        return {Fault::kFieldNotFound,
                fmt::format("what is in '{}' has no '{}'{}", where_, member, DidYouMean(member, views)),
                keys};
      }
    SnapshotError error{CutShort() ? Fault::kMapRenderIncomplete : Fault::kNoMatch, {}};
    for (const Json& element : json_) {
      if (!element.is_object()) continue;
      const std::string text = JsonText(element.at(member)).substr(0, kLongest);
      if (std::find(error.suggestions.begin(), error.suggestions.end(), text) == error.suggestions.end())
        error.suggestions.push_back(text);
      if (error.suggestions.size() == kSamples) break;
    }
    error.message = fmt::format("nothing in '{}' has {}{}", where_, words, CutNote());
    if (!error.suggestions.empty())
      error.message += fmt::format("; there {} {} {}", error.suggestions.size() == 1 ? "is" : "are", member,
                                   fmt::join(error.suggestions, " and "));
    return error;
  }

  void Enter(Json inner) { json_ = std::move(inner); }

  /// Whether the list here was cut by a limit.
  [[nodiscard]] bool CutShort() const { return where_ == "tasks" && report_->tasks_truncated; }
  [[nodiscard]] const char* CutNote() const { return CutShort() ? ", but the list was cut" : ""; }

  const SnapshotReport* report_;
  std::string member_;
  std::string where_;
  Json json_;
};

SnapshotOutcome<PathWalk> Walk(const SnapshotReport& report, const std::string& path) {
  const std::vector<SnapshotPathStep> steps = TRY(ParseSnapshotPath(path));
  const std::string& member = steps.front().name;
  std::optional<Json> json = SnapshotMemberJson(report, member);
  if (!json) {
    const std::vector<std::string> names = SnapshotMemberNames();
    const std::vector<std::string_view> views(names.begin(), names.end());
    return SnapshotError{Fault::kFieldNotFound,
                         fmt::format("a snapshot has no '{}'{}", member, DidYouMean(member, views)), names};
  }
  const bool kept =
      json->is_boolean() || (member == "vcpu_regs" && !report.vcpu_regs.empty()) || json->is_string();
  if (report.is_placeholder && !kept)
    return SnapshotError{Fault::kPlaceholderSnapshot,
                         fmt::format("the capture failed: {}", report.maps_unavailable)};
  PathWalk walk(report, member, *std::move(json));
  for (std::size_t i = 1; i < steps.size(); ++i)
    if (const std::optional<SnapshotError> error = walk.Step(steps[i])) return *error;
  return walk;
}

}  // namespace

std::string SnapshotScalar::Message() const {
  return kind == Kind::kText ? fmt::format("{} = '{}'", where, text) : fmt::format("{} = {}", where, text);
}

SnapshotOutcome<Json> SnapshotPathJson(const SnapshotReport& report, const std::string& path) {
  return TRY(Walk(report, path)).Whole();
}

SnapshotOutcome<SnapshotScalar> Evaluate(const SnapshotReport& report, const SnapshotSelector& selector) {
  const int ways = (selector.map ? 1 : 0) + (selector.var ? 1 : 0) + (selector.path.empty() ? 0 : 1);
  if (ways != 1) return SnapshotError{Fault::kProjectionFailed, "a selector needs one of map, var and path"};
  if (!selector.map && (selector.key || selector.cpu))
    return SnapshotError{Fault::kProjectionFailed, "key and cpu belong to a map"};
  if (!selector.path.empty() && selector.field)
    return SnapshotError{Fault::kProjectionFailed, "field belongs to a map or a var"};
  if (selector.map) return EvaluateMap(report, selector);
  if (!selector.var) return TRY(Walk(report, selector.path)).Scalar();
  const SnapshotValue variable = TRY(SnapshotView(report).Var(*selector.var));
  return ScalarOf(TRY(variable.Get(selector.field.value_or(""))));
}

}  // namespace ktstr::vmm
