// The version of the program, as --version and the JSON reports tell it.
#pragma once

#include <string_view>

namespace ktstr {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace ktstr
