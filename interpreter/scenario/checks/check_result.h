// What came of one check: what `judge` collects, and what every report shows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/fold/verdict.h"

namespace ktstr {

struct CheckResult {
  Verdict verdict = Verdict::kPass;
  std::string kind;     // "no_stall", "metric", "exit_code": the name in explain
  std::string check;    // "no_stall", "max_gap_ms", "exit_code of payload stress"
  std::string path;     // document path of the check; "" for defaults the scenario does not mention
  std::string phase;    // "" when it is about the whole run
  std::string cgroup;   // "" when it is about none, or about the runner's own
  std::string message;  // one line: the cause with its numbers, units and worker
  std::string detail;   // more lines for people (the end of a payload's stderr); usually empty
  std::optional<double> value;
  std::optional<double> bound;  // the bound it was held against; of two, the one that was broken
  std::string unit;             // of both
  /// When it happened, by the guest's clock; not part of the declaration. None: it is about a whole time.
  std::optional<std::uint64_t> at_ns = {};
  bool counts = true;        // false for a payload with `gate: false`: shown only
  bool as_expected = false;  // it failed, and `expect:` says that it must
  static const StructDecl& Decl();
};

/// CheckResult::kind of the monitor's verdict.
inline constexpr std::string_view kMonitorKind = "monitor";

using CheckResults = std::vector<CheckResult>;

}  // namespace ktstr
