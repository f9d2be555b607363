// Quantities as authors write them, with their units: durations, sizes, percentages, CPU lists, counts.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"

namespace ktstr {

/// A span of guest time, in nanoseconds; never negative. Text: `500ms`, `2s`, `1.5s`, `250us`, `2m`, `1h`,
/// `0s`.
struct Duration {
  std::int64_t ns = 0;
  auto operator<=>(const Duration&) const = default;
  [[nodiscard]] double seconds() const { return static_cast<double>(ns) / 1e9; }
  static const ScalarDecl& Scalar();
};
constexpr Duration Nanoseconds(std::int64_t n) { return {n}; }
constexpr Duration Microseconds(std::int64_t n) { return {n * 1000}; }
constexpr Duration Milliseconds(std::int64_t n) { return {n * 1'000'000}; }
constexpr Duration Seconds(std::int64_t n) { return {n * 1'000'000'000}; }

/// Bytes. Text: `64MiB`, `4KiB`, `1GiB`, `512B`, `2MB` (powers of 1000); a plain number is bytes.
struct ByteSize {
  std::uint64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
  static const ScalarDecl& Scalar();
};

/// A share. Text: `90%`, `12.5%`; stored as a fraction (0.9).
struct Percent {
  double fraction = 0;
  auto operator<=>(const Percent&) const = default;
  static const ScalarDecl& Scalar();
};

/// A number of workers: a count, or a share of the CPUs available to the cgroup (rounded up).
struct WorkerCount {
  std::uint32_t count = 0;  // 0 when `of_cpus` decides
  double of_cpus = 0;       // a fraction, > 0; 0 when `count` decides
  auto operator<=>(const WorkerCount&) const = default;
  static const ScalarDecl& Scalar();
};

/// CPU numbers, ascending and unique. Text: the kernel's list format, `0-3,8`.
struct CpuSet {
  std::vector<std::uint32_t> cpus;
  auto operator<=>(const CpuSet&) const = default;
  [[nodiscard]] bool Contains(std::uint32_t cpu) const;
  [[nodiscard]] bool empty() const { return cpus.empty(); }
  [[nodiscard]] std::size_t size() const { return cpus.size(); }
  /// Adds `cpu`, keeping the order.
  void Add(std::uint32_t cpu);
  [[nodiscard]] CpuSet Intersect(const CpuSet& other) const;
  static const ScalarDecl& Scalar();
};

/// "0-3,8"; empty for the empty set.
std::string FormatCpus(const CpuSet& set);
/// As the kernel prints it; "" gives the empty set. False when `text` is not a CPU list.
bool ParseCpus(std::string_view text, CpuSet& set);

/// "500ms", "1.5s": the shortest exact text.
std::string FormatDuration(Duration d);
std::string FormatSize(ByteSize s);
/// Shortest text that reads back as the same double ("0.1", "1e+300", "2").
std::string FormatDouble(double value);
/// False unless the whole of `text` is one finite decimal number.
bool ParseDouble(std::string_view text, double& value);

}  // namespace ktstr
