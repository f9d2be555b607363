// YAML values into declared structs: strict, and complete in its complaints.
//
// Nothing is guessed: `"2"` is no integer, `2` is no string, an unknown key is a diagnostic. A diagnostic
// never ends the work: every diagnostic of the tree is added to the Diagnostics, each at its document path.
// Codes:
//   unknown-key    a key that the struct (or the chosen alternative) does not have
//   missing-key    a required key, reported at the map that lacks it
//   wrong-type     another kind of YAML value than the field takes
//   out-of-range   a number outside its bounds, a list that is too short
//   unknown-name   an enum value or an alternative (an Op, a work type) that does not exist
//   bad-value      a text that breaks its grammar or pattern, e.g. a duration without a unit
//   too-many-keys  a second key where exactly one is allowed
//   rule           what a struct's cross-field rules say; they run when all its own values are right,
//   whatever
//                  is wrong in values that have fields themselves
#pragma once

#include <string_view>

#include "guest-init/base/decl.h"
#include "interpreter/load/document.h"
#include "ops/plan/broken_places.h"
#include "ops/plan/diagnostics.h"

namespace ktstr {

/// Fills `object`, a default-constructed struct declared by `decl`, from `node`. `path` is the document path
/// of `node`. What the document leaves out keeps its default. After diagnostics (returns false) `object`
/// holds what could be read, and its lists have as many elements as the document's, so indexes still agree.
/// Silent where the loader has already complained (Node::broken).
///
/// Of `Limits`, min, max and unit hold for numbers, also inside optionals and lists; `pattern` for strings,
/// and for the keys of a map; min_items for lists.
///
/// Every place that says nothing (unreadable, missing though required, misspelt, refused by a rule) is added
/// to `broken`, if there is one.
bool Decode(const Node& node, const StructDecl& decl, void* object, std::string_view path,
            Diagnostics& diagnostics, BrokenPlaces* broken = nullptr);

/// The whole of a document.
template <typename T>
bool Decode(const Document& document, T& object, Diagnostics& diagnostics, BrokenPlaces* broken = nullptr) {
  return Decode(*document.root(), T::Decl(), &object, {}, diagnostics, broken);
}

}  // namespace ktstr
