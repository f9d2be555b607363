// A YAML file as a tree of values that know where they stand. The only door to yaml-cpp: its exceptions and
// its types stop here. Scalars follow the YAML 1.2 core schema (`yes` is a string, `010` is ten).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/plan/diagnostics.h"

namespace ktstr {

inline constexpr std::size_t kMaxNesting = 100;  // collections inside each other, aliases followed
inline constexpr std::size_t kMaxExpandedNodes =
    100'000;                                          // nodes that aliases and merges add to the written ones
inline constexpr std::size_t kMaxDiagnostics = 1000;  // a parse gives up after so many

enum class NodeKind : std::uint8_t { kNull, kBool, kInt, kFloat, kString, kMap, kSeq };

/// "nothing", "a boolean", "an integer", "a number", "a string", "a map", "a list": for error messages.
std::string_view KindPhrase(NodeKind kind);

struct Entry;

/// A value. Immutable; lives and dies with its Document. A value reached through an alias is a node of its
/// own that shares text and children with the anchored one.
struct Node {
  NodeKind kind = NodeKind::kNull;
  bool plain = false;     // a scalar written without quotes
  bool broken = false;    // a diagnostic in it was already reported: stay silent about its type and content
  std::string_view text;  // scalars: the value after unquoting; valid as long as the Document
  std::span<const Entry> entries;      // maps: in written order, then what `<<` merged in; keys are unique
  std::span<const Node* const> items;  // lists
  Span span;                           // where it is written; for an alias, the `*name`
  const Node* alias_of = nullptr;      // through an alias: the anchored node, at whose span the text stands

  [[nodiscard]] bool IsNull() const { return kind == NodeKind::kNull; }
  [[nodiscard]] bool IsMap() const { return kind == NodeKind::kMap; }
  [[nodiscard]] bool IsSeq() const { return kind == NodeKind::kSeq; }
  [[nodiscard]] bool IsScalar() const { return !IsMap() && !IsSeq(); }

  /// The entry or value of a key, or nullptr when there is none or this is not a map.
  [[nodiscard]] const Entry* FindEntry(std::string_view key) const;
  [[nodiscard]] const Node* Get(std::string_view key) const;

  /// Each is empty when the kind is another one, or the number does not fit the type. FloatValue takes
  /// integers too.
  [[nodiscard]] std::optional<bool> BoolValue() const;
  [[nodiscard]] std::optional<std::int64_t> IntValue() const;
  [[nodiscard]] std::optional<std::uint64_t> UintValue() const;
  [[nodiscard]] std::optional<double> FloatValue() const;
};

struct Entry {
  std::string_view key;  // unquoted text; keys are always strings here, so `1:` and `"1":` are the same key
  Span key_span;
  const Node* value = nullptr;  // never null
  const Span* merge = nullptr;  // for an entry that came through `<<`: where the outermost merge stands
};

/// Where a document path leads.
struct Site {
  Span span;
  std::string message;
};
struct Location {
  Span span;
  std::vector<Site> sites;  // the other places: the alias or `<<` that led there, the anchored text
};

/// A loaded file. Move-only; nodes stay where they are when it moves. Reading is thread-safe.
class Document {
 public:
  Document();
  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  [[nodiscard]] const std::string& name() const;
  /// Never null: a file that could not be parsed has a broken null node as its root.
  [[nodiscard]] const Node* root() const;
  /// False after a diagnostic that ended the parse (syntax, encoding, size): the tree is then not worth
  /// checking.
  [[nodiscard]] bool complete() const;

  /// The value at a document path, or nullptr. Paths go through aliases and merged entries.
  [[nodiscard]] const Node* Find(std::string_view path) const;
  /// The span of the value (or of the last key) at a path, or at its longest prefix that exists.
  [[nodiscard]] Location Locate(std::string_view path, bool on_key = false) const;
  /// A line of the source (from 1), without its end; "" when there is none.
  [[nodiscard]] std::string_view Line(std::uint32_t line) const;

  struct Storage;  // internal to document*.cpp

 private:
  friend Document LoadDocument(std::string name, std::string text, Diagnostics& diagnostics);
  std::unique_ptr<Storage> storage_;
};

/// Parses `text`; all its diagnostics are added to `diagnostics` with their places set. `name` is how
/// messages call the file. Codes: `syntax`, `encoding`, `empty-file`, `too-large`, `too-deep`,
/// `too-many-aliases`, `duplicate-key`, `bad-key`, `too-many-mistakes`, `unknown-anchor`, `recursive-alias`,
/// `bad-merge`, `bad-tag`, `many-documents`, `tab`.
Document LoadDocument(std::string name, std::string text, Diagnostics& diagnostics);

/// The kind that YAML 1.2's core schema gives a plain scalar.
NodeKind ResolvePlainScalar(std::string_view text);

}  // namespace ktstr
