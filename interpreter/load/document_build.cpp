#include "interpreter/load/document_build.h"

#include <algorithm>
#include <limits>

namespace ktstr {
namespace {

std::size_t SaturatingAdd(std::size_t a, std::size_t b) {
  return a > std::numeric_limits<std::size_t>::max() - b ? std::numeric_limits<std::size_t>::max() : a + b;
}

}  // namespace

DocumentBuilder::DocumentBuilder(Document::Storage& storage, const std::unordered_set<std::size_t>& blanked,
                                 std::vector<Diagnostic>& diagnostics)
    : storage_(storage),
      blanked_(blanked),
      diagnostics_(diagnostics),
      text_(storage.text),
      cursor_(storage.source),
      has_tabs_(text_.find('\t') != std::string_view::npos) {}

void DocumentBuilder::Diagnose(Span at, std::string code, std::string message, std::string hint,
                               std::vector<Note> notes) {
  if (diagnostics_.size() >= kMaxDiagnostics) {
    diagnostics_.push_back(
        {Severity::kError,
         "too-many-mistakes",
         "",
         false,
         "more than " + std::to_string(kMaxDiagnostics) + " mistakes; the rest of the file was not read",
         "",
         {},
         at});
    throw ParseStopped{};
  }
  diagnostics_.push_back({Severity::kError, std::move(code), "", false, std::move(message), std::move(hint),
                          std::move(notes), at});
}

void DocumentBuilder::OnDocumentStart(const YAML::Mark& mark) {
  if (++documents_ == 1) return;
  const auto at = static_cast<std::size_t>(mark.pos);
  if (text_.substr(at, 3) == "---") {
    Diagnose(cursor_.SpanOf(at, at + 3), "many-documents", "a second document starts here; a file holds one",
             "move it to a file of its own");
    throw ParseStopped{true};
  }
  // yaml-cpp takes whatever follows a finished root value for a new document.
  Diagnose(cursor_.SpanOf(at, at + 1), "syntax", "this does not belong to the value above, which has ended",
           "check the indentation");
  throw ParseStopped{};
}

void DocumentBuilder::OnDocumentEnd() {}

std::vector<DocumentBuilder::Open> DocumentBuilder::open_collections() const {
  std::vector<Open> open;
  for (const Frame& frame : frames_) {
    open.push_back({frame.node->span, frame.bracket});
  }
  return open;
}

std::size_t DocumentBuilder::BeginOf(const YAML::Mark& mark) {
  const std::size_t at = std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text_.size());
  ResolvePendingNull(at);
  return SkipProperties(text_, at);
}

void DocumentBuilder::CheckIndentation(std::size_t begin) {
  if (!has_tabs_ || begin < cursor_.line_start() || (!frames_.empty() && frames_.back().in_flow)) return;
  const std::string_view before = text_.substr(cursor_.line_start(), begin - cursor_.line_start());
  const std::size_t tab = before.find('\t');
  if (tab == std::string_view::npos || before.find_first_not_of(" \t") != std::string_view::npos) return;
  const std::size_t at = cursor_.line_start() + tab;
  Diagnose(storage_.source.SpanOf(at, at + 1), "tab", "a tab cannot indent YAML", "use spaces");
}

// ---- nulls
// -------------------------------------------------------------------------------------------------

void DocumentBuilder::ResolvePendingNull(std::size_t next_mark) {
  if (pending_null_ && next_mark == null_at_) {
    pending_null_->span = empty_span_;
    pending_null_->text = "";
  }
  pending_null_ = nullptr;
}

// An empty value has no text of its own: show the key it belongs to, or the dash.
Span DocumentBuilder::EmptyNullSpan(std::size_t mark) {
  if (frames_.empty()) return cursor_.SpanOf(mark, mark);
  const Frame& frame = frames_.back();
  if (frame.node->IsMap()) return frame.expects_key ? cursor_.SpanOf(mark, mark + 1) : frame.key.key_span;
  if (frame.in_flow) return frame.node->span;
  const std::uint32_t dash_column =
      frame.node->span.column - 1;  // a block list's indentation is spaces or dashes
  for (std::uint32_t line = storage_.source.LineAt(mark); line >= frame.node->span.line; --line) {
    const std::size_t dash = storage_.source.LineStart(line) + dash_column;
    const std::string_view shown = storage_.source.Line(line);
    if (dash >= mark || dash_column >= shown.size() || shown[dash_column] != '-') continue;
    return {line, frame.node->span.column, 1};
  }
  return frame.node->span;
}

void DocumentBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const std::size_t begin = BeginOf(mark);
  Node node;
  node.plain = true;
  const std::size_t end = NullWordEnd(text_, begin);
  const Span empty = EmptyNullSpan(begin);
  const bool blanked = blanked_.contains(begin);
  if (blanked) {
    last_end_ = AnchorEnd(text_, begin);
    node.span = cursor_.SpanOf(begin, last_end_);
    node.broken = true;
  } else if (end != std::string_view::npos) {
    node.span = cursor_.SpanOf(begin, end);
    node.text = text_.substr(begin, end - begin);
    last_end_ = end;
  } else {
    node.span = empty;
  }
  Node* made = Emit(node, anchor, 1, 0);
  if (made && !blanked && end != std::string_view::npos) {
    pending_null_ = made;
    null_at_ = begin;
    empty_span_ = empty;
  }
}

// ---- scalars
// -----------------------------------------------------------------------------------------------

Node DocumentBuilder::QuotedAt(std::size_t begin, const std::string& value) {
  Node node;
  node.kind = NodeKind::kString;
  const std::size_t end = QuotedEnd(text_, begin);
  if (end == std::string_view::npos) {
    // yaml-cpp closes the string at the end of the file and says nothing.
    Diagnose(cursor_.SpanOf(begin, begin + 1), "syntax", "this quote is never closed");
    throw ParseStopped{};
  }
  node.span = cursor_.SpanOf(begin, end);
  const std::string_view inside = text_.substr(begin + 1, end - begin - 2);
  node.text = inside == value ? inside : storage_.Copy(std::string_view(value));
  last_end_ = end;
  return node;
}

Node DocumentBuilder::ScalarAt(std::size_t begin, bool text_by_tag, const std::string& value) {
  const char first = begin < text_.size() ? text_[begin] : '\0';
  if (first == '"' || first == '\'') return QuotedAt(begin, value);
  Node node;
  const bool block = first == '|' || first == '>';
  std::size_t end = begin;
  if (block) {
    end = BlockHeaderEnd(text_, begin);
    node.kind = NodeKind::kString;
  } else {
    node.plain = true;
    if (text_.substr(begin, value.size()) == value) {
      end = begin + value.size();
      node.text = text_.substr(begin, value.size());
    } else {
      end = PlainEnd(text_, begin, value);
    }
    node.kind = text_by_tag ? NodeKind::kString : ResolvePlainScalar(value);
  }
  if (node.text.size() != value.size()) node.text = storage_.Copy(std::string_view(value));
  node.span = value.empty() && !block ? EmptyNullSpan(begin) : cursor_.SpanOf(begin, end);
  last_end_ = end;
  return node;
}

void DocumentBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                               const std::string& value) {
  const std::size_t begin = BeginOf(mark);
  Node node = ScalarAt(begin, tag == "!", value);
  CheckIndentation(begin);
  ApplyTag(node, tag);
  Emit(node, anchor, 1, 0);
}

void DocumentBuilder::ApplyTag(Node& node, const std::string& tag) {
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  if (tag == "?" || tag == "!") return;
  const bool core = tag.starts_with(kCore);
  const std::string name = core ? tag.substr(kCore.size()) : "";
  const bool known = name == "str" || name == "int" || name == "bool" || name == "float" || name == "null" ||
                     name == "map" || name == "seq";
  if (!known) {
    node.broken = true;
    return Diagnose(node.span, "bad-tag", "unknown tag '" + (core ? "!!" + name : tag) + "'",
                    "only !!str, !!int, !!float, !!bool, !!null, !!map and !!seq have a meaning here");
  }
  const NodeKind resolved = node.IsScalar() ? ResolvePlainScalar(node.text) : node.kind;
  const bool number = resolved == NodeKind::kInt || resolved == NodeKind::kFloat;
  const bool fits = node.IsMap()   ? name == "map"
                    : node.IsSeq() ? name == "seq"
                                   : name == "str" || (name == "int" && resolved == NodeKind::kInt) ||
                                         (name == "float" && number) ||
                                         (name == "bool" && resolved == NodeKind::kBool) ||
                                         (name == "null" && resolved == NodeKind::kNull);
  if (!fits) {
    node.broken = true;
    return Diagnose(node.span, "bad-tag",
                    "the tag '!!" + name + "' does not fit " + std::string(KindPhrase(resolved)));
  }
  if (!node.IsScalar()) return;
  node.kind = name == "str" ? NodeKind::kString : name == "float" ? NodeKind::kFloat : resolved;
}

// ---- aliases
// -----------------------------------------------------------------------------------------------

void DocumentBuilder::OnAnchor(const YAML::Mark&, const std::string& name) { anchor_names_.push_back(name); }

void DocumentBuilder::SetAnchor(YAML::anchor_t anchor, const Node* node, std::size_t size,
                                std::size_t height) {
  if (anchor == 0) return;
  if (anchors_.size() <= anchor) anchors_.resize(anchor + 1);
  anchors_[anchor] = {node, size, height};
}

void DocumentBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const std::size_t begin = BeginOf(mark);
  last_end_ = AnchorEnd(text_, begin);
  const std::string name(text_.substr(begin + 1, last_end_ - begin - 1));
  const Anchored target = anchor < anchors_.size() ? anchors_[anchor] : Anchored{};
  Node broken;
  broken.broken = true;
  broken.span = cursor_.SpanOf(begin, last_end_);
  CheckIndentation(begin);
  if (!target.node) {
    Diagnose(broken.span, "recursive-alias", "'*" + name + "' is used inside the value it stands for");
    Emit(broken, 0, 1, 0);
  } else if (frames_.size() + target.height > kMaxNesting) {
    Diagnose(broken.span, "too-deep",
             "with '*" + name + "' in place, collections are nested more than " +
                 std::to_string(kMaxNesting) + " deep");
    Emit(broken, 0, 1, 0);
  } else if (SaturatingAdd(expanded_, target.size) > kMaxExpandedNodes) {
    Diagnose(broken.span, "too-many-aliases",
             "with '*" + name + "' in place, aliases add more than " + std::to_string(kMaxExpandedNodes) +
                 " values to this file");
    throw ParseStopped{};
  } else {
    expanded_ += target.size;
    Node node = *target.node;
    node.span = broken.span;
    node.alias_of = target.node;
    Emit(node, 0, target.size, target.height);
  }
}

// ---- collections
// -------------------------------------------------------------------------------------------

void DocumentBuilder::StartCollection(NodeKind kind, const YAML::Mark& mark, const std::string& tag,
                                      YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
  const std::size_t begin = BeginOf(mark);
  Node node;
  node.kind = kind;
  node.span = cursor_.SpanOf(begin, begin + 1);
  CheckIndentation(begin);
  if (frames_.size() >= kMaxNesting) {
    Diagnose(node.span, "too-deep",
             "collections are nested more than " + std::to_string(kMaxNesting) + " deep");
    throw ParseStopped{};
  }
  ApplyTag(node, tag);
  SetAnchor(anchor, nullptr, 1, 0);
  Frame frame;
  frame.node = storage_.Make(node);
  frame.begin = begin;
  const char first = begin < text_.size() ? text_[begin] : '\0';
  // A one-pair map in a flow list, `[a: 1]`, calls itself flow but has no bracket.
  frame.in_flow = style == YAML::EmitterStyle::Flow || (!frames_.empty() && frames_.back().in_flow);
  frame.bracket = frame.in_flow && (first == '[' || first == '{') ? first : '\0';
  frame.anchor = anchor;
  frame.children = kind == NodeKind::kMap ? entries_.size() : items_.size();
  frames_.push_back(frame);
  last_end_ = frame.bracket ? begin + 1 : begin;
}

void DocumentBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                      YAML::EmitterStyle::value style) {
  StartCollection(NodeKind::kSeq, mark, tag, anchor, style);
}

void DocumentBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                 YAML::EmitterStyle::value style) {
  StartCollection(NodeKind::kMap, mark, tag, anchor, style);
}

void DocumentBuilder::CloseBracket(Frame& frame) {
  if (!frame.bracket) return;
  const std::size_t end = ClosingBracket(text_, last_end_, frame.bracket == '{' ? '}' : ']');
  if (end == std::string_view::npos) return;
  last_end_ = end;
  std::string_view shown = text_.substr(frame.begin, end - frame.begin);
  shown = shown.substr(0, shown.find_first_of("\r\n"));
  frame.node->span.length = static_cast<std::uint32_t>(CountCodePoints(shown));
}

void DocumentBuilder::EndCollection() {
  Frame frame = frames_.back();
  CloseBracket(frame);
  if (frame.node->IsMap()) {
    FinishMap(frame);
  } else {
    frame.node->items = storage_.Copy(std::span<const Node* const>(items_).subspan(frame.children));
    items_.resize(frame.children);
  }
  frames_.pop_back();
  SetAnchor(frame.anchor, frame.node, frame.size, frame.height);
  Attach(frame.node, frame.size, frame.height);
}

void DocumentBuilder::OnSequenceEnd() { EndCollection(); }

void DocumentBuilder::OnMapEnd() { EndCollection(); }

/// Returns the node in the arena, or nullptr when it became a key.
Node* DocumentBuilder::Emit(const Node& node, YAML::anchor_t anchor, std::size_t size, std::size_t height) {
  const bool is_key = !frames_.empty() && frames_.back().node->IsMap() && frames_.back().expects_key;
  if (is_key && anchor == 0) {
    TakeKey(frames_.back(), node);
    return nullptr;
  }
  Node* made = storage_.Make(node);
  SetAnchor(anchor, made, size, height);
  Attach(made, size, height);
  return is_key ? nullptr : made;
}

void DocumentBuilder::TakeKey(Frame& frame, const Node& node) {
  frame.expects_key = false;
  frame.key = {node.text, node.span, nullptr, nullptr};
  frame.key_is_bad = true;
  frame.key_is_merge = false;
  // A block map is shown by its first key.
  Span& shown = frame.node->span;
  if (!frame.bracket && node.span.line == shown.line && node.span.column == shown.column) shown = node.span;
  if (!node.IsScalar()) {
    Diagnose(node.span, "bad-key", "a key must be a word, not " + std::string(KindPhrase(node.kind)),
             node.alias_of ? "" : "put quotes around it if it is text");
  } else if (node.IsNull() && node.text.empty() && !node.broken) {
    Diagnose(node.span, "bad-key", "there is no key before this ':'");
  } else {
    frame.key_is_bad = node.broken;
    frame.key_is_merge = node.plain && node.text == "<<";
  }
}

void DocumentBuilder::Attach(const Node* node, std::size_t size, std::size_t height) {
  if (frames_.empty()) {
    storage_.root = node;
    return;
  }
  Frame& frame = frames_.back();
  frame.size = SaturatingAdd(frame.size, size);
  frame.height = std::max(frame.height, height + 1);
  if (frame.node->IsSeq()) {
    items_.push_back(node);
  } else if (frame.expects_key) {
    TakeKey(frame, *node);
  } else {
    frame.expects_key = true;
    frame.key.value = node;
    if (frame.key_is_bad) return;
    if (!frame.key_is_merge) {
      entries_.push_back(frame.key);
    } else if (frame.merge) {
      Diagnose(frame.key.key_span, "duplicate-key", "'<<' stands twice in this map",
               "give one '<<' a list: [*first, *second]");
    } else {
      frame.merge = node;
    }
  }
}

}  // namespace ktstr
