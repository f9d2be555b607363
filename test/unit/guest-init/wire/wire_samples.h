// A struct with every kind of field, and values of any declared type made at random.
#pragma once

#include <map>
#include <random>

#include "guest-init/base/units.h"
#include "guest-init/wire/codec.h"

namespace ktstr::wire_samples {

enum class Colour : std::uint8_t { kRed, kGreen = 5, kNegative = 200 };
inline constexpr EnumValue kColours[] = {{"red", 0, ""}, {"green", 5, ""}, {"negative", 200, ""}};
constexpr EnumDecl DescribeEnum(Colour) { return {"Colour", kColours, nullptr, nullptr}; }

struct Point {
  std::int16_t x = 0;
  std::int16_t y = 0;
  static const StructDecl& Decl();
};
struct Nothing {
  static const StructDecl& Decl();
};
struct Shapes {
  static constexpr std::string_view kName = "shape";
  static std::span<const StructDecl* const> Alternatives();
};

struct Everything {
  bool flag = false;
  std::int8_t small = 0;
  std::uint16_t medium = 0;
  std::int64_t large = 0;
  double real = 0;
  std::string text;
  Duration time;
  CpuSet cpus;
  Colour colour = Colour::kRed;
  std::optional<std::uint32_t> maybe;
  std::vector<std::uint32_t> numbers;
  std::vector<std::string> words;
  std::vector<Point> points;
  NamedMap<Point> named;
  Point point;
  OneKey<Shapes> shape;
  std::optional<Point> maybe_point;
  static const StructDecl& Decl();
};

/// Fills `value` with something random of `type`. Sizes shrink with `depth`, so that it ends.
void FillRandom(const TypeDecl& type, void* value, std::mt19937_64& random, int depth = 0);
void FillRandom(const StructDecl& decl, void* object, std::mt19937_64& random, int depth = 0);

}  // namespace ktstr::wire_samples
