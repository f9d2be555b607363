// Decoding's lower half: values without values inside, the texts of their diagnostics, and the place of a
// diagnostic. Internal to decode.cpp, whose header states the rules.
#pragma once

#include <string>
#include <string_view>

#include "guest-init/base/decl.h"
#include "interpreter/load/document.h"
#include "ops/plan/broken_places.h"
#include "ops/plan/diagnostics.h"

namespace ktstr {

/// Where the decoder stands, as a chain of stack frames: a path becomes text only when there is a diagnostic.
struct NodePlace {
  const NodePlace* parent = nullptr;
  std::string_view key;  // the root's is the whole path of the decoded node
  std::size_t index = 0;
  bool is_index = false;

  [[nodiscard]] NodePlace Child(std::string_view name) const { return {this, name, 0, false}; }
  [[nodiscard]] NodePlace Child(std::size_t i) const { return {this, {}, i, true}; }
  [[nodiscard]] std::string Text() const {
    if (parent == nullptr) return std::string(key);
    return is_index ? JoinPath(parent->Text(), index) : JoinPath(parent->Text(), key);
  }
};

/// `text` fit for one line of a message: control characters escaped, long ones cut.
std::string Shown(std::string_view text);

/// One document's values. Every diagnostic goes to `out`, its place to `broken` (which may be null), and
/// decoding goes on behind it. One thread.
class LeafDecoder {
 public:
  LeafDecoder(Diagnostics& out, BrokenPlaces* broken) : out_(out), broken_(broken) {}

  /// A value of any kind that holds no others. Returns false after a diagnostic.
  bool Leaf(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place, void* out);

  /// A text with a grammar, or a number standing for one. `parse` stores the value; of `names`, which it also
  /// knows, the nearest is offered for a text that it refuses.
  bool Text(const Node& node, const NodePlace& place, bool number_too, const std::string& expected,
            std::string (*parse)(std::string_view, void*), void* out, std::span<const NamedForm> names = {});

  /// Whether `text`, a string or (`on_key`) the key that ends `place`, follows the pattern of `limits`.
  bool Pattern(std::string_view text, const Limits& limits, const NodePlace& place, bool on_key);

  // Each adds one diagnostic, notes its place as broken and returns false.
  bool Diagnose(const NodePlace& place, std::string_view code, std::string message, std::string hint = "");
  bool DiagnoseKey(const NodePlace& place, std::string_view code, std::string message, std::string hint = "");
  /// A key is missing in the map at `place`, which is otherwise as good as it was: the caller notes the key.
  void MissingKey(const NodePlace& place, std::string message, std::string hint);
  bool WrongType(const std::string& expected, const Node& node, const NodePlace& place,
                 std::string hint = "");

  /// Notes that the value at `place` says nothing. Returns false.
  bool Break(const NodePlace& place);
  /// A diagnostic of a rule, at a path below `place`.
  void DiagnoseRule(const NodePlace& place, std::string_view field, std::string message);

 private:
  bool Bool(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place, void* out);
  bool Integer(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
               void* out);
  bool Double(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
              void* out);
  bool String(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
              void* out);
  bool Scalar(const TypeDecl& type, const Node& node, const NodePlace& place, void* out);
  bool Enum(const TypeDecl& type, const Node& node, const NodePlace& place, void* out);

  Diagnostics& out_;
  BrokenPlaces* broken_;
};

}  // namespace ktstr
