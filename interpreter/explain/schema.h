// The declarations as a JSON Schema (draft-07) for editors, and the rules that declarations themselves keep.
//
// Written so that an editor marks the one wrong key: never `oneOf` or `anyOf`. A OneKey choice is an object
// with one property for each alternative, of which exactly one is given; a Variant is the struct's own
// properties and one if/then for each alternative; a short form joins the types ("object" and "string"). What
// needs more than the file's text, and the cross-field rules, are left to lint.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "guest-init/base/decl.h"

namespace ktstr {

/// The schema of a file whose root is `root`; the same declarations give the same bytes.
nlohmann::ordered_json SchemaOf(const StructDecl& root);

/// SchemaOf as the file to commit: indented by two, ending with a newline.
std::string SchemaText(const StructDecl& root);

/// Every struct reachable from `root`, itself first, each once, in the order of first mention; alternatives
/// of choices included.
std::vector<const StructDecl*> ReachableStructs(const StructDecl& root);

/// What is wrong with the declarations reachable from `root`, one line each: a missing doc, two fields or
/// structs of one name, bounds on a type that has none, a pattern that does not compile or refuses its own
/// examples, an alternative's field that hides one of the struct. For a test to find empty.
std::vector<std::string> DeclarationFaults(const StructDecl& root);

/// The examples of a ScalarDecl or ShorthandDecl one by one: `0-3, "0-3,8"` are `0-3` and `0-3,8`.
std::vector<std::string> SplitExamples(std::string_view examples);

}  // namespace ktstr
