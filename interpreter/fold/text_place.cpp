#include "interpreter/fold/text_place.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

namespace ktstr {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kBehindKey = " \t:=";

std::string_view Trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

std::vector<std::string_view> Split(std::string_view text, std::string_view at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(at), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

/// What follows the key at the begin of a line or word; nothing when it is another one's.
std::optional<std::string_view> Behind(std::string_view text, std::string_view key) {
  text = Trim(text);
  if (!text.starts_with(key)) return std::nullopt;
  text.remove_prefix(key.size());
  if (text.empty()) return text;
  const std::size_t value = text.find_first_not_of(kBehindKey);
  if (value == 0) return std::nullopt;
  return value == std::string_view::npos ? std::string_view() : text.substr(value);
}

Result<std::string_view> OfKey(std::string_view text, const std::string& key) {
  const std::vector<std::string_view> lines = Split(text, "\n");
  for (const std::string_view line : lines)
    if (const auto value = Behind(line, key)) return *value;
  for (std::size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1))
    for (const std::string_view line : lines) {
      const auto rest = Behind(line, std::string_view(key).substr(0, dot));
      if (!rest) continue;
      for (const std::string_view word : Split(*rest, kBlanks))
        if (const auto value = Behind(word, std::string_view(key).substr(dot + 1))) return *value;
    }
  return InputError("no line of it begins with the key " + key);
}

Result<std::string> OfJson(std::string_view text, const std::string& path) {
  const auto document = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (document.is_discarded()) return InputError("it is not JSON");
  const nlohmann::json* at = &document;
  for (const std::string_view part : Split(path, ".")) {
    const std::string key(part);
    const bool index =
        !key.empty() && key.find_first_not_of("0123456789") == std::string::npos && key.size() < 9;
    if (at->is_object() && at->contains(key))
      at = &at->at(key);
    else if (at->is_array() && index && std::stoul(key) < at->size())
      at = &at->at(std::stoul(key));
    else
      return InputError("its JSON has nothing at " + path);
  }
  return at->is_string() ? at->get<std::string>() : at->dump();
}

}  // namespace

std::string TextPlace::Describe() const {
  std::string text;
  if (line) text = "line " + std::to_string(*line);
  if (key) text = "key " + *key;
  if (json) text = "JSON " + *json;
  if (word) text += (text.empty() ? "word " : ", word ") + std::to_string(*word);
  return text;
}

Result<std::string> TextAt(std::string_view text, const TextPlace& place) {
  std::string found(text);
  if (place.line) {
    const std::vector<std::string_view> lines = Split(text, "\n");
    if (*place.line == 0 || *place.line > lines.size())
      return InputError("it has no line " + std::to_string(*place.line) + ", but " +
                        std::to_string(lines.size()));
    found = lines[*place.line - 1];
  } else if (place.key) {
    found = TRY(OfKey(text, *place.key));
  } else if (place.json) {
    found = TRY(OfJson(text, *place.json));
  }
  if (!place.word) return std::string(Trim(found));
  std::vector<std::string_view> words;
  for (const std::string_view word : Split(found, kBlanks))
    if (!word.empty()) words.push_back(word);
  if (*place.word == 0 || *place.word > words.size())
    return InputError("there is no word " + std::to_string(*place.word) + ", but " +
                      std::to_string(words.size()));
  return std::string(words[*place.word - 1]);
}

std::optional<long double> NumberIn(std::string_view text) {
  const std::string copy(text);
  if (copy.empty() || copy.find_first_not_of("+-.0123456789eE") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const long double value = std::strtold(copy.c_str(), &end);
  if (end != copy.c_str() + copy.size()) return std::nullopt;
  return value;
}

}  // namespace ktstr
