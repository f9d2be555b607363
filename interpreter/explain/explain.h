// The declarations as text for people: pages for `explain`, hover texts for the schema, the manual, and the
// effective values of a file with where each comes from.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "guest-init/base/decl.h"
#include "interpreter/load/document.h"

namespace ktstr {

/// A page about one struct: its doc, an example, and each field with type, default, bounds and doc. `what`
/// says what it is: "Op", "work type", "section of a scenario".
std::string ExplainStruct(const StructDecl& decl, std::string_view what);

/// Every value that holds for a document decoded into `object`, a line each: `steps/0/hold = 2s` and then its
/// place, `x.yaml:12`, or `(default)`. What is neither written nor has a default is left out.
std::string ExplainDocument(const StructDecl& decl, const void* object, const Document& document);

/// A YAML value that Decode accepts (as far as rules allow), with the required fields only; on one line.
std::string ExampleOf(const StructDecl& decl);

/// name, doc, fields (name, doc, type, required, default, minimum, maximum, unit, pattern, values,
/// refers_to), short form (doc, examples, names).
nlohmann::ordered_json DeclarationJson(const StructDecl& decl);

/// What an editor shows over a field, or a struct.
std::string FieldMarkdown(const FieldDecl& field, const StructDecl& owner);
std::string StructMarkdown(const StructDecl& decl);

/// A section of the manual: a heading of the given level, the doc, an example and a table of the fields.
std::string ManualSection(const StructDecl& decl, int heading_level);

}  // namespace ktstr
