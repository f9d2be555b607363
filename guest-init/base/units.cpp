#include "guest-init/base/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace ktstr {
namespace {

struct UnitName {
  std::string_view name;
  std::uint64_t factor;
};

/// Splits "1.5ms" into "1.5" and "ms"; false when it does not begin with a plain decimal number.
bool SplitQuantity(std::string_view text, std::string_view& number, std::string_view& unit) {
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  number = text.substr(0, end);
  unit = text.substr(end);
  return !number.empty() && number.front() != '.' && number.back() != '.' &&
         std::count(number.begin(), number.end(), '.') <= 1;
}

/// A decimal number times a unit. Not through a double, which has no room for 64 bits.
struct Scaled {
  std::uint64_t value = 0;  // rounded to the nearest whole
  bool exact = true;        // nothing was rounded
  bool fits = true;         // at most 2^63 - 1
};
Scaled Scale(std::string_view number, std::uint64_t factor) {
  __extension__ using Wide = unsigned __int128;
  constexpr std::size_t kMostDecimals = 18;
  const std::size_t point = std::min(number.find('.'), number.size());
  std::uint64_t whole = 0;
  if (std::from_chars(number.data(), number.data() + point, whole).ec != std::errc{}) return {.fits = false};
  Wide decimals = 0;
  Wide power = 1;
  Scaled scaled;
  for (std::size_t i = point + 1; i < number.size(); ++i) {
    if (i - point > kMostDecimals) {
      scaled.exact = scaled.exact && number[i] == '0';
      continue;
    }
    decimals = decimals * 10 + static_cast<Wide>(number[i] - '0');
    power *= 10;
  }
  const Wide product = decimals * factor;
  scaled.exact = scaled.exact && product % power == 0;
  const Wide total = Wide{whole} * factor + (product + power / 2) / power;
  scaled.fits = total <= static_cast<Wide>(INT64_MAX);
  if (scaled.fits) scaled.value = static_cast<std::uint64_t>(total);
  return scaled;
}

template <std::size_t N>
const UnitName* FindUnit(const std::array<UnitName, N>& units, std::string_view name) {
  for (const UnitName& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

std::string Quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

constexpr std::array<UnitName, 6> kTimeUnits{{{"ns", 1},
                                              {"us", 1'000},
                                              {"ms", 1'000'000},
                                              {"s", 1'000'000'000},
                                              {"m", 60'000'000'000},
                                              {"h", 3'600'000'000'000}}};

/// A third of what the nanoseconds have room for: a moment of any clock and two of them can be added.
constexpr std::uint64_t kLongest = std::uint64_t{100} * 365 * 24 * 3'600'000'000'000;

std::string ParseDuration(std::string_view text, void* out) {
  std::string_view number;
  std::string_view unit;
  if (!SplitQuantity(text, number, unit)) return Quoted(text) + " is not a duration; write e.g. 500ms or 2s";
  if (unit.empty())
    return Quoted(text) + " has no unit; write e.g. " + std::string(text) + "ms or " + std::string(text) +
           "s";
  const UnitName* found = FindUnit(kTimeUnits, unit);
  if (found == nullptr) return Quoted(unit) + " is not a unit of time; use ns, us, ms, s, m or h";
  const Scaled ns = Scale(number, found->factor);
  if (!ns.fits || ns.value > kLongest) return Quoted(text) + " is longer than 100 years";
  static_cast<Duration*>(out)->ns = static_cast<std::int64_t>(ns.value);
  return {};
}

constexpr std::array<UnitName, 8> kSizeUnits{{{"B", 1},
                                              {"KiB", std::uint64_t{1} << 10},
                                              {"MiB", std::uint64_t{1} << 20},
                                              {"GiB", std::uint64_t{1} << 30},
                                              {"TiB", std::uint64_t{1} << 40},
                                              {"kB", 1'000},
                                              {"MB", 1'000'000},
                                              {"GB", 1'000'000'000}}};

std::string ParseSize(std::string_view text, void* out) {
  std::string_view number;
  std::string_view unit;
  if (!SplitQuantity(text, number, unit)) return Quoted(text) + " is not a size; write e.g. 64MiB";
  const UnitName* found = unit.empty() ? &kSizeUnits[0] : FindUnit(kSizeUnits, unit);
  if (found == nullptr)
    return Quoted(unit) + " is not a unit of size; use B, KiB, MiB, GiB, TiB, kB, MB or GB";
  const Scaled bytes = Scale(number, found->factor);
  if (!bytes.fits) return Quoted(text) + " is more than 8 EiB";
  if (!bytes.exact) return Quoted(text) + " is not a whole number of bytes";
  static_cast<ByteSize*>(out)->bytes = bytes.value;
  return {};
}

/// So large that nobody means more, so small that CPUs and periods times it fit any integer.
constexpr double kLargestFraction = 10'000;

std::string ParsePercentValue(std::string_view text, double& fraction) {
  std::string_view number;
  std::string_view unit;
  if (!SplitQuantity(text, number, unit)) return Quoted(text) + " is not a percentage; write e.g. 90%";
  if (unit != "%") return Quoted(text) + " lacks its percent sign; write e.g. 90%";
  // Rounded once, as the decimal text of the fraction itself would be.
  if (!ParseDouble(std::string(number) + "e-2", fraction)) return Quoted(text) + " is not a percentage";
  if (fraction > kLargestFraction) return Quoted(text) + " is more than 1000000%";
  return {};
}
std::string ParsePercent(std::string_view text, void* out) {
  return ParsePercentValue(text, static_cast<Percent*>(out)->fraction);
}

/// The shortest text that reads back as `fraction`: its own shortest text with the point two digits further.
std::string FormatPercent(double fraction) {
  std::array<char, 400> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), fraction, std::chars_format::fixed).ptr;
  std::string text(buffer.data(), end);
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string decimals = point < text.size() ? text.substr(point + 1) : "";
  text.resize(point);
  decimals.resize(std::max<std::size_t>(decimals.size(), 2), '0');
  text += decimals.substr(0, 2);
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  if (decimals.size() > 2) text += '.' + decimals.substr(2);
  return text + "%";
}

std::string ParseWorkerCount(std::string_view text, void* out) {
  auto& value = *static_cast<WorkerCount*>(out);
  value = {};
  if (!text.empty() && text.back() == '%') {
    std::string fault = ParsePercentValue(text, value.of_cpus);
    if (fault.empty() && value.of_cpus <= 0) fault = "a share of the CPUs must be more than 0%";
    return fault;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value.count);
  if (error != std::errc{} || end != text.data() + text.size())
    return Quoted(text) + " is neither a number of workers (4) nor a share of the CPUs (90%)";
  if (value.count == 0) return "at least one worker is needed";
  if (value.count > 10000) return Quoted(text) + " workers are more than the limit of 10000";
  return {};
}

std::string ParseCpuSet(std::string_view text, void* out) {
  auto& set = *static_cast<CpuSet*>(out);
  if (!ParseCpus(text, set) || set.empty()) return Quoted(text) + " is not a CPU list; write e.g. 0-3,8";
  return {};
}

constexpr ScalarDecl kDuration{
    "Duration",
    "A time with its unit: ns, us, ms, s, m or h.",
    "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)$",
    "500ms, 2s",
    false,
    &ParseDuration,
    [](const void* v) { return FormatDuration(*static_cast<const Duration*>(v)); }};
constexpr ScalarDecl kSize{"Size",
                           "Bytes, with a unit: B, KiB, MiB, GiB, TiB, or kB, MB, GB (powers of 1000).",
                           "^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB|kB|MB|GB)?$",
                           "64MiB, 4KiB",
                           true,
                           &ParseSize,
                           [](const void* v) { return FormatSize(*static_cast<const ByteSize*>(v)); }};
constexpr ScalarDecl kPercent{
    "Percent",
    "A share, with a percent sign.",
    "^[0-9]+(\\.[0-9]+)?%$",
    "90%, 12.5%",
    false,
    &ParsePercent,
    [](const void* v) { return FormatPercent(static_cast<const Percent*>(v)->fraction); }};
constexpr ScalarDecl kWorkers{"WorkerCount",
                              "A number of workers, or a share of the CPUs of the cgroup (rounded up).",
                              "^([0-9]+|[0-9]+(\\.[0-9]+)?%)$",
                              "4, 90%",
                              true,
                              &ParseWorkerCount,
                              [](const void* v) {
                                const auto& count = *static_cast<const WorkerCount*>(v);
                                return count.of_cpus > 0 ? FormatPercent(count.of_cpus)
                                                         : std::to_string(count.count);
                              }};
constexpr ScalarDecl kCpus{"CpuList",
                           "CPU numbers in the kernel's list format.",
                           "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$",
                           "0-3, \"0-3,8\"",
                           true,
                           &ParseCpuSet,
                           [](const void* v) { return FormatCpus(*static_cast<const CpuSet*>(v)); }};

}  // namespace

const ScalarDecl& Duration::Scalar() { return kDuration; }
const ScalarDecl& ByteSize::Scalar() { return kSize; }
const ScalarDecl& Percent::Scalar() { return kPercent; }
const ScalarDecl& WorkerCount::Scalar() { return kWorkers; }
const ScalarDecl& CpuSet::Scalar() { return kCpus; }

bool CpuSet::Contains(std::uint32_t cpu) const { return std::binary_search(cpus.begin(), cpus.end(), cpu); }

void CpuSet::Add(std::uint32_t cpu) {
  const auto at = std::lower_bound(cpus.begin(), cpus.end(), cpu);
  if (at == cpus.end() || *at != cpu) cpus.insert(at, cpu);
}

CpuSet CpuSet::Intersect(const CpuSet& other) const {
  CpuSet both;
  std::set_intersection(cpus.begin(), cpus.end(), other.cpus.begin(), other.cpus.end(),
                        std::back_inserter(both.cpus));
  return both;
}

std::string FormatCpus(const CpuSet& set) {
  std::string out;
  for (std::size_t i = 0; i < set.cpus.size();) {
    std::size_t last = i;
    while (last + 1 < set.cpus.size() && set.cpus[last + 1] == set.cpus[last] + 1) ++last;
    if (!out.empty()) out += ',';
    out += std::to_string(set.cpus[i]);
    if (last > i) out += '-' + std::to_string(set.cpus[last]);
    i = last + 1;
  }
  return out;
}

bool ParseCpus(std::string_view text, CpuSet& set) {
  constexpr std::uint32_t kMaxCpu = 8191;  // the kernel's largest NR_CPUS
  set.cpus.clear();
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint32_t first = 0;
    auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc{} || first > kMaxCpu) return false;
    std::uint32_t last = first;
    if (parsed.ptr != end && *parsed.ptr == '-') {
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc{} || last > kMaxCpu || last < first) return false;
    }
    for (std::uint32_t cpu = first; cpu <= last; ++cpu) set.Add(cpu);
    at = parsed.ptr;
    if (at == end) break;
    if (*at != ',' || ++at == end) return false;
  }
  return true;
}

std::string FormatDouble(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

bool ParseDouble(std::string_view text, double& value) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
}

std::string FormatDuration(Duration d) {
  if (d.ns == 0) return "0s";
  struct Step {
    std::int64_t ns;
    std::string_view unit;
  };
  // Hours and minutes only when whole; below that the largest unit that leaves at most three decimals.
  if (d.ns % 3'600'000'000'000 == 0) return std::to_string(d.ns / 3'600'000'000'000) + "h";
  if (d.ns % 60'000'000'000 == 0) return std::to_string(d.ns / 60'000'000'000) + "m";
  for (const Step step : {Step{1'000'000'000, "s"}, Step{1'000'000, "ms"}, Step{1000, "us"}}) {
    if (d.ns < step.ns || d.ns % (step.ns / 1000) != 0) continue;
    std::string text = std::to_string(d.ns / step.ns);
    if (const std::int64_t rest = d.ns % step.ns / (step.ns / 1000); rest != 0) {
      std::string decimals = std::to_string(1000 + rest).substr(1);
      decimals.erase(decimals.find_last_not_of('0') + 1);
      text += '.' + decimals;
    }
    return text + std::string(step.unit);
  }
  return std::to_string(d.ns) + "ns";
}

std::string FormatSize(ByteSize s) {
  for (const std::size_t i : {3U, 2U, 1U})  // GiB, MiB, KiB
    if (s.bytes != 0 && s.bytes % kSizeUnits[i].factor == 0)
      return std::to_string(s.bytes / kSizeUnits[i].factor) + std::string(kSizeUnits[i].name);
  return std::to_string(s.bytes) + "B";
}

}  // namespace ktstr
