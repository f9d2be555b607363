// Numbers out of a payload's output. Every function here accepts any bytes: it never fails and its time and
// memory are bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/wire/messages.h"

namespace ktstr {

enum class Polarity : std::uint8_t { kInfo, kLower, kHigher };
inline constexpr EnumValue kPolarities[] = {{"info", 0, "Neither: it is shown and never compared."},
                                            {"lower", 1, "Lower is better."},
                                            {"higher", 2, "Higher is better."}};
constexpr EnumDecl DescribeEnum(Polarity) { return {"Polarity", kPolarities, nullptr, nullptr}; }

enum class OutputParse : std::uint8_t { kExitCode, kJson, kKv, kRegex };
inline constexpr EnumValue kOutputParses[] = {
    {"exit_code", 0, "The output is kept but not read; only the exit code counts."},
    {"json", 1, "A JSON document; its numbers are metrics named by their path: jobs.0.read.iops."},
    {"kv", 2, "name=value or `name: value` pairs, a unit may follow: latency: 12.5 us."},
    {"regex", 3, "One regular expression for each metric; the capture is the number."}};
constexpr EnumDecl DescribeEnum(OutputParse) { return {"OutputParse", kOutputParses, nullptr, nullptr}; }

/// `output:` of a payload.
struct OutputSpec {
  OutputParse parse = OutputParse::kExitCode;
  /// For kRegex: metric name -> ECMA regular expression with exactly one capture, without back references or
  /// look-ahead. It is tried on each line (cut at 1024 bytes) from the last one back; the first that matches
  /// counts. At most the last 1 MiB of the output is searched, less for patterns with large repetitions.
  NamedMap<std::string> regex;
  static const StructDecl& Decl();
};

/// One entry of a payload's `metrics:`; the key is the metric's name.
struct MetricHint {
  std::string path;  // where it is found (json: jobs.0.read.iops; kv: the name printed); "": as the name
  std::string unit;
  Polarity better = Polarity::kInfo;
  static const StructDecl& Decl();
};

struct PayloadMetric {
  std::string name;
  double value = 0;  // finite
  std::string unit;
  Polarity better = Polarity::kInfo;
  Stream stream = Stream::kStdout;
  static const StructDecl& Decl();
};

struct PayloadMetrics {
  std::vector<PayloadMetric> metrics;  // in the order found; a name may repeat
  std::vector<std::string> notes;      // what was left out and why, one line each
  std::string unread;                  // why a number that is not here may have been printed; "": it was not
  static const StructDecl& Decl();

  /// The first of that name, or nullptr.
  [[nodiscard]] const PayloadMetric* Find(std::string_view name) const;
};

inline constexpr std::size_t kMaxPayloadMetrics = 10'000;  // beyond it only hinted ones are kept
inline constexpr std::size_t kMaxJsonDepth = 64;           // deeper numbers are left out, with a note

/// Parses stdout; when that gives nothing, stderr. The two are never mixed. PayloadMetricsReader does the
/// same while the output comes.
PayloadMetrics ExtractMetrics(const OutputSpec& spec, const NamedMap<MetricHint>& hints,
                              std::string_view stdout_text, std::string_view stderr_text);

/// The names that are certain to be all there can be (kRegex: the regex's; kExitCode: none), or nothing when
/// only the output tells (kJson, kKv).
std::optional<std::vector<std::string>> KnownMetricNames(const OutputSpec& spec);

}  // namespace ktstr
