// One value of a snapshot with the words for where it stands: paths into it, and what it is as a number, a
// truth or a text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/introspection/snapshot/snapshot_error.h"
#include "vmm/introspection/types/rendered_value.h"

namespace ktstr::vmm {

/// One step of a path: `.name`, `[index]` or `[member=value]` (more pairs after commas).
struct SnapshotPathStep {
  std::string name = {};
  std::optional<std::uint64_t> index = {};
  std::vector<std::pair<std::string, std::string>> match = {};
};
/// The steps of "a.b[1].c"; none for "". Errors: kEmptyPathComponent for "a..b", ".a", "a.", "a[]";
/// kProjectionFailed for brackets that do not close and the like.
SnapshotOutcome<std::vector<SnapshotPathStep>> ParseSnapshotPath(std::string_view path);

/// A view: valid as long as the report it comes from.
class SnapshotValue {
 public:
  static constexpr int kMaxHops = 16;

  /// `where` begins every message: "map 'counts', key 3".
  SnapshotValue(const RenderedValue& value, std::string where) : value_(&value), where_(std::move(where)) {}

  /// What `path` leads to; "" is the value itself. Members of anonymous structs and unions count as their
  /// parent's; pointers on the way (not the last value) are followed, at most kMaxHops. Errors:
  /// kFieldNotFound, kNotAStruct, kIndexOutOfRange, kEmptyPathComponent, kNoRendered, kProjectionFailed, and
  /// kMapRenderIncomplete when it would be in a part that was not read.
  [[nodiscard]] SnapshotOutcome<SnapshotValue> Get(std::string_view path) const;

  // Terminals. Error kTypeMismatch for every other value, kNoRendered for what could not be read.

  /// Uint, char, bool, pointer (the address), int and enum from 0 on.
  [[nodiscard]] SnapshotOutcome<std::uint64_t> AsU64() const;
  /// Int, enum, char, bool, uint up to INT64_MAX.
  [[nodiscard]] SnapshotOutcome<std::int64_t> AsI64() const;
  /// Bool, and integers that are 0 or 1.
  [[nodiscard]] SnapshotOutcome<bool> AsBool() const;
  /// Float, and integers (rounded beyond 2^53).
  [[nodiscard]] SnapshotOutcome<double> AsF64() const;
  /// The name of an enumerator, a CPU list, text in a char array up to its NUL.
  [[nodiscard]] SnapshotOutcome<std::string> AsStr() const;

  [[nodiscard]] const RenderedValue& rendered() const { return *value_; }
  /// "map 'counts', key 3, field total".
  [[nodiscard]] std::string Where() const;

 private:
  SnapshotOutcome<SnapshotValue> Step(const SnapshotPathStep& step, int& hops) const;
  SnapshotOutcome<SnapshotValue> Member(const std::string& name) const;
  SnapshotOutcome<SnapshotValue> Element(std::uint64_t index) const;
  [[nodiscard]] SnapshotError Mismatch(std::string_view requested) const;

  const RenderedValue* value_;
  std::string where_;
  std::string path_ = {};  // from `where_` to here
};

/// The members of a struct by name, those of anonymous members among them.
std::vector<std::string> MemberNames(const RenderedValue& value);

/// The one-line text of a scalar, as in a map's key: "3", "-1", "MODE_FIFO", "spin", "0-2,5"; nothing for
/// structs and the like.
std::optional<std::string> ScalarText(const RenderedValue& value);

/// A key as people write it: ScalarText, "a=1,b.c=2" for structs, "hex:03000000" where only bytes are known.
/// At most 80 characters, longer ones end in "...".
std::string KeyText(const std::optional<RenderedValue>& key, const std::string& key_hex);

/// Whether `wanted` is this key: its KeyText, numbers also as 0x.., an enum's number, of a struct some of its
/// members ("a=1"), "hex:.." the bytes.
bool KeyIs(const std::optional<RenderedValue>& key, const std::string& key_hex, std::string_view wanted);

}  // namespace ktstr::vmm
