// JSON as text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ktstr {

/// Any JSON as text with a newline, fit to be shown: all beyond ASCII is escaped, and so is the second '#' of
/// "##", by which CI systems know commands. Bytes that are not UTF-8 become U+FFFD.
std::string DumpJson(const nlohmann::ordered_json& json, int indent = 2);

}  // namespace ktstr
