// Why something that was looked for in a snapshot is not there, and a value-or-that.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ktstr::vmm {

struct SnapshotError {
  enum class Kind : std::uint8_t {
    kMapNotFound,
    kVarNotFound,   // suggestions: the variables there are
    kAmbiguousVar,  // suggestions: the maps that have it
    kFieldNotFound,
    kNotAStruct,
    kTypeMismatch,
    kIndexOutOfRange,
    kPerCpuSlot,  // no such CPU, or its page is not mapped
    kNoMatch,     // suggestions: up to three keys there are
    kEmptyPathComponent,
    kPerCpuNotNarrowed,
    kNoRendered,            // bytes without a meaning
    kPlaceholderSample,     // of a series
    kMissingStats,          // of a series
    kHostFieldUnavailable,  // the capture could not read this part, and said why
    kPlaceholderSnapshot,   // the capture failed as a whole
    kNoActiveScheduler,
    kActiveFilterExcludedMaps,
    kWalkerDriftedWithinPhase,  // of a series
    kProjectionFailed,          // the question itself is malformed
    kMapRenderIncomplete,       // may be in the part of the map that was not read
  };
  Kind kind = Kind::kProjectionFailed;
  std::string message;                        // one line, names and numbers in it, no full stop
  std::vector<std::string> suggestions = {};  // names that exist where one was looked for
};

/// "MapNotFound".
const char* KindName(SnapshotError::Kind kind);

/// Either a value or a SnapshotError; `TRY` works with it.
template <typename T>
class [[nodiscard]] SnapshotOutcome {
 public:
  SnapshotOutcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  SnapshotOutcome(SnapshotError error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  /// REQUIRES: ok().
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  /// REQUIRES: !ok().
  [[nodiscard]] const SnapshotError& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, SnapshotError> state_;
};

}  // namespace ktstr::vmm
