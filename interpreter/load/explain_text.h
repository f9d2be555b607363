// Declared types, bounds and alternatives in words, for error messages, `explain` and the schema.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"

namespace ktstr {

/// What a value of this type is, with an article: "an integer", "a Duration (500ms, 2s)", "a list".
std::string ExpectPhrase(const TypeDecl& type);

/// The type as a reader of the manual wants it, without an article: "list of Cgroup", "Duration", "integer".
std::string TypeText(const TypeDecl& type);

/// The bounds with their unit: "at least 1 ms", "between 0 and 100", "more than 0"; empty when there are
/// none. `type` contributes the range of small integers.
std::string BoundsText(const TypeDecl& type, const Limits& limits);

/// The innermost element type behind optionals and lists: what Limits speak of.
const TypeDecl& ElementType(const TypeDecl& type);
/// The type behind optionals only.
const TypeDecl& WithoutOptional(const TypeDecl& type);

/// The field that chooses an alternative (Kind::kVariant), or nullptr. It chooses by its value, or, when it
/// has no name, by the keys of the map: each alternative is named like a key that it requires, and the first
/// one whose key is given is meant (`{metric: iterations, min: 1}`).
const FieldDecl* VariantField(const StructDecl& decl);
/// The names of the fields as keys of a map: without that of a variant that is chosen by key.

std::vector<std::string_view> FieldNames(const StructDecl& decl);
std::vector<std::string_view> EnumNames(const EnumDecl& decl);
std::vector<std::string_view> AlternativeNames(const ChoiceDecl& decl);
/// nullptr when there is none of that name.
const StructDecl* FindAlternative(const ChoiceDecl& decl, std::string_view name);

/// "a, b and c" / "a, b or c".
std::string JoinNames(std::span<const std::string_view> names, std::string_view last_word);

}  // namespace ktstr
