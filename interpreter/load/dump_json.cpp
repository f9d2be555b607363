#include "interpreter/load/dump_json.h"

namespace ktstr {

std::string DumpJson(const nlohmann::ordered_json& json, int indent) {
  constexpr std::string_view kEscaped = "\\u0023";
  std::string text = json.dump(indent, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  // Outside of strings there is no '#'.
  for (std::size_t at = text.find("##"); at != std::string::npos; at = text.find("##", at + 1))
    text.replace(at + 1, 1, kEscaped);
  return text;
}

}  // namespace ktstr
