// From yaml-cpp's events to nodes. Internal to document*.cpp.
#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "interpreter/load/document_scan.h"
#include "interpreter/load/document_storage.h"

namespace ktstr {

/// Thrown through yaml-cpp to end a parse whose diagnostic is already reported; never leaves LoadDocument.
struct ParseStopped {
  bool tree_is_whole = false;
};

/// Receives one parse's events and builds the tree in `storage`. Diagnostics that need not end the parse are
/// collected in `diagnostics`; those that must are reported there too and then thrown as ParseStopped.
class DocumentBuilder : public YAML::EventHandler {
 public:
  /// `blanked` are the offsets of aliases with unknown anchors, which the parsed copy of the text has as `~`.
  /// REQUIRES: everything outlives the builder.
  DocumentBuilder(Document::Storage& storage, const std::unordered_set<std::size_t>& blanked,
                  std::vector<Diagnostic>& diagnostics);

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override;
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override;
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override;
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override;

  [[nodiscard]] const std::vector<std::string>& anchor_names() const { return anchor_names_; }
  /// The bracket or first token of the innermost collection still open, or nothing.
  struct Open {
    Span span;
    char bracket = 0;  // '[', '{' or 0 for a block collection
  };
  [[nodiscard]] std::vector<Open> open_collections() const;

 private:
  struct Frame {
    Node* node = nullptr;
    std::size_t begin = 0;    // offset of its first byte
    char bracket = 0;         // '[' or '{' when written with brackets
    bool in_flow = false;     // it or something around it has brackets
    bool expects_key = true;  // maps
    bool key_is_bad = false;
    bool key_is_merge = false;
    const Node* merge = nullptr;  // the value of its `<<`
    YAML::anchor_t anchor = 0;
    std::size_t children = 0;  // where its share of entries_ or items_ begins
    Entry key;                 // the one whose value comes next
    std::size_t size = 1;      // nodes in it, aliases expanded; saturating
    std::size_t height = 1;    // levels of collections, itself included
  };
  struct Anchored {
    const Node* node = nullptr;  // null while it is still being read
    std::size_t size = 1;
    std::size_t height = 0;  // 0 for a scalar
  };

  void ResolvePendingNull(std::size_t next_mark);
  std::size_t BeginOf(const YAML::Mark& mark);
  void CheckIndentation(std::size_t begin);
  Span EmptyNullSpan(std::size_t mark);
  Node ScalarAt(std::size_t begin, bool text_by_tag, const std::string& value);
  Node QuotedAt(std::size_t begin, const std::string& value);
  void ApplyTag(Node& node, const std::string& tag);
  void StartCollection(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style);
  void EndCollection();
  void CloseBracket(Frame& frame);
  Node* Emit(const Node& node, YAML::anchor_t anchor, std::size_t size, std::size_t height);
  void TakeKey(Frame& frame, const Node& node);
  void Attach(const Node* node, std::size_t size, std::size_t height);
  void FinishMap(Frame& frame);
  std::vector<Entry> WithoutDuplicates(std::span<const Entry> written);
  void Merge(std::vector<Entry>& entries, const Node& merge);
  void MergeMap(std::vector<Entry>& entries, const Node& from, const Span* merge_site);
  void Diagnose(Span at, std::string code, std::string message, std::string hint = "",
                std::vector<Note> notes = {});
  void SetAnchor(YAML::anchor_t anchor, const Node* node, std::size_t size, std::size_t height);

  Document::Storage& storage_;
  const std::unordered_set<std::size_t>& blanked_;
  std::vector<Diagnostic>& diagnostics_;
  std::string_view text_;
  SpanCursor cursor_;
  bool has_tabs_;
  std::vector<Frame> frames_;
  std::vector<Entry> entries_;      // of all open maps, the innermost last
  std::vector<const Node*> items_;  // of all open lists, the innermost last
  std::vector<Anchored> anchors_;   // by yaml-cpp's anchor number
  std::vector<std::string> anchor_names_;
  std::size_t documents_ = 0;
  std::size_t last_end_ = 0;  // just past the last token read
  std::size_t expanded_ = 0;  // nodes that aliases added so far
  std::size_t merged_ = 0;    // entries that merges added so far

  // A null whose word is at `null_at_`; it turns out to be an empty value when the next token stands right
  // there.
  Node* pending_null_ = nullptr;
  std::size_t null_at_ = 0;
  Span empty_span_;
};

}  // namespace ktstr
