// Declared structs as JSON and as YAML, for the files of a run directory and for machine-readable output.
#pragma once

#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "guest-init/base/decl.h"

namespace ktstr {

struct JsonStyle {
  /// Longer lists of plain numbers become {"count": n, "min": x, "max": y}: samples are for `reports`, not
  /// for a reader.
  std::size_t max_numbers = std::numeric_limits<std::size_t>::max();
};

/// The keys are in declared order. Scalars are their text, enums their names, a OneKey choice an object with
/// the one key, a Variant the alternative's name with its fields beside it. An empty optional and an empty
/// choice are left out. Infinite and undefined numbers are null.
nlohmann::ordered_json ToJson(const StructDecl& decl, const void* object, const JsonStyle& style = {});

template <typename T>
nlohmann::ordered_json ToJson(const T& value, const JsonStyle& style = {}) {
  return ToJson(T::Decl(), &value, style);
}

/// What leaving `field` out means, if that is worth telling: nothing for empty optionals, lists, maps and
/// strings, and for structs without a short form. `defaults` is a default-constructed object of the struct.
nlohmann::ordered_json DefaultJson(const FieldDecl& field, const void* defaults);

/// A YAML document that Decode reads back to an equal object, if `object` came from Decode. What equals its
/// default is shown as a comment when it fits on a line, else left out. Ends with a newline.
std::string ToYaml(const StructDecl& decl, const void* object);

template <typename T>
std::string ToYaml(const T& value) {
  return ToYaml(T::Decl(), &value);
}

/// The one-line YAML of a value, as after "key: ", or empty when it takes several lines or there is none.
std::string InlineYaml(const TypeDecl& type, const void* value);

/// `text` as a YAML scalar that reads as this string: plain when that is safe, else in double quotes.
std::string YamlString(std::string_view text);

}  // namespace ktstr
