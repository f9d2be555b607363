#include "ops/plan/quantity.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace ktstr {
namespace {

struct UnitFactor {
  std::string_view name;
  double factor;  // in ns or bytes
};
constexpr std::array<UnitFactor, 8> kTimes{{{"ns", 1},
                                            {"us", 1e3},
                                            {"µs", 1e3},
                                            {"ms", 1e6},
                                            {"s", 1e9},
                                            {"sec", 1e9},
                                            {"min", 60e9},
                                            {"h", 3600e9}}};
constexpr std::array<UnitFactor, 9> kSizes{{{"B", 1},
                                            {"bytes", 1},
                                            {"KiB", 1024.0},
                                            {"MiB", 1048576.0},
                                            {"GiB", 1073741824.0},
                                            {"TiB", 1099511627776.0},
                                            {"kB", 1e3},
                                            {"MB", 1e6},
                                            {"GB", 1e9}}};

template <std::size_t N>
const double* FactorOf(const std::array<UnitFactor, N>& units, std::string_view name) {
  for (const UnitFactor& unit : units)
    if (unit.name == name) return &unit.factor;
  return nullptr;
}

Error Mismatch(const Quantity& quantity, std::string_view what, std::string_view unit) {
  return {ErrorKind::kInput,
          fmt::format("{} is {}, which cannot bound {}", FormatQuantity(quantity), what,
                      unit.empty() ? "a plain number" : fmt::format("a number in {}", unit))};
}

std::string ParseQuantity(std::string_view text, void* out) {
  auto& value = static_cast<Quantity*>(out)->value;
  double number = 0;
  if (ParseDouble(text, number)) {
    value = number;
    return {};
  }
  const std::size_t at = text.find_first_not_of("0123456789.");
  const std::string_view unit = at == std::string_view::npos || at == 0 ? "" : text.substr(at);
  if (unit == "%") {
    Percent percent;
    std::string fault = Percent::Scalar().parse(text, &percent);
    value = percent;
    return fault;
  }
  if (FactorOf(kSizes, unit) != nullptr) {
    ByteSize size;
    std::string fault = ByteSize::Scalar().parse(text, &size);
    value = size;
    return fault;
  }
  Duration duration;
  if (!unit.empty() && Duration::Scalar().parse(text, &duration).empty()) {
    value = duration;
    return {};
  }
  return fmt::format(
      "'{}' is not a quantity; write a number (2000), a time (2s), a share (90%) or a size (64MiB)", text);
}

}  // namespace

const ScalarDecl& Quantity::Scalar() {
  static constexpr ScalarDecl kDecl{
      "Quantity",
      "A number in the unit of the metric, or one with a unit of its own: a time (ns, us, ms, s, m, h), a "
      "share (%) or a size (B, KiB, MiB, GiB, TiB, kB, MB, GB).",
      "^([-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?|[0-9]+(\\.[0-9]+)?"
      "(ns|us|ms|s|m|h|%|B|KiB|MiB|GiB|TiB|kB|MB|GB))$",
      "2000, 2s, 90%, 64MiB",
      true,
      &ParseQuantity,
      [](const void* v) { return FormatQuantity(*static_cast<const Quantity*>(v)); }};
  return kDecl;
}

Result<double> Quantity::In(std::string_view unit) const {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* percent = std::get_if<Percent>(&value)) {
    if (unit == "%") return percent->fraction * 100;
    if (unit.empty() || unit == "x") return percent->fraction;
    return Mismatch(*this, "a share", unit);
  }
  if (const auto* duration = std::get_if<Duration>(&value)) {
    const double* factor = FactorOf(kTimes, unit);
    if (factor == nullptr) return Mismatch(*this, "a time", unit);
    return static_cast<double>(duration->ns) / *factor;
  }
  const double* factor = FactorOf(kSizes, unit);
  if (factor == nullptr) return Mismatch(*this, "a size", unit);
  return static_cast<double>(std::get<ByteSize>(value).bytes) / *factor;
}

bool Quantity::SurelyMoreThan(const Quantity& other) const {
  return value.index() == other.value.index() && value > other.value;
}

std::string FormatQuantity(const Quantity& quantity) {
  if (const auto* percent = std::get_if<Percent>(&quantity.value)) return Percent::Scalar().print(percent);
  if (const auto* duration = std::get_if<Duration>(&quantity.value)) return FormatDuration(*duration);
  if (const auto* size = std::get_if<ByteSize>(&quantity.value)) return FormatSize(*size);
  return FormatDouble(std::get<double>(quantity.value));
}

std::string FormatAmount(double value, std::string_view unit) {
  if (value == 0) value = 0;  // no "-0"
  const double size = std::fabs(value);
  const bool whole = value == std::floor(value) || size >= 1e5;
  const std::string number =
      whole && size < 1e15 ? fmt::format("{:.0f}", value) : fmt::format("{:.6g}", value);
  return number + (unit.empty() || unit == "%" || unit == "x" ? "" : " ") + std::string(unit);
}

}  // namespace ktstr
