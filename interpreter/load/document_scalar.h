// YAML 1.2 core schema: what a scalar without quotes means.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "interpreter/load/document.h"

namespace ktstr {

/// REQUIRES (all three): ResolvePlainScalar gave kInt or kFloat. Empty when the value does not fit.
std::optional<std::int64_t> ParseCoreInt(std::string_view text);
std::optional<std::uint64_t> ParseCoreUint(std::string_view text);
std::optional<double> ParseCoreFloat(std::string_view text);

}  // namespace ktstr
