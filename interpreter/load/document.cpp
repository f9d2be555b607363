#include "interpreter/load/document.h"

#include <charconv>

#include "interpreter/load/document_scalar.h"
#include "interpreter/load/document_storage.h"

namespace ktstr {
namespace {

const Node* ItemAt(const Node& list, std::string_view index_text) {
  std::size_t index = 0;
  const char* end = index_text.data() + index_text.size();
  const auto [stop, error] = std::from_chars(index_text.data(), end, index);
  const bool valid = error == std::errc() && stop == end && index < list.items.size();
  return valid ? list.items[index] : nullptr;
}

}  // namespace

std::string_view KindPhrase(NodeKind kind) {
  switch (kind) {
    case NodeKind::kNull:
      return "nothing";
    case NodeKind::kBool:
      return "a boolean";
    case NodeKind::kInt:
      return "an integer";
    case NodeKind::kFloat:
      return "a number";
    case NodeKind::kString:
      return "a string";
    case NodeKind::kMap:
      return "a map";
    case NodeKind::kSeq:
      return "a list";
  }
  return "a value";
}

const Entry* Node::FindEntry(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const Node* Node::Get(std::string_view key) const {
  const Entry* entry = FindEntry(key);
  return entry ? entry->value : nullptr;
}

std::optional<bool> Node::BoolValue() const {
  if (kind != NodeKind::kBool) return std::nullopt;
  return text[0] == 't' || text[0] == 'T';
}

std::optional<std::int64_t> Node::IntValue() const {
  return kind == NodeKind::kInt ? ParseCoreInt(text) : std::nullopt;
}

std::optional<std::uint64_t> Node::UintValue() const {
  return kind == NodeKind::kInt ? ParseCoreUint(text) : std::nullopt;
}

std::optional<double> Node::FloatValue() const {
  const bool number = kind == NodeKind::kInt || kind == NodeKind::kFloat;
  return number ? ParseCoreFloat(text) : std::nullopt;
}

Document::Document() : storage_(std::make_unique<Storage>("", "")) {
  Node broken;
  broken.broken = true;
  storage_->root = storage_->Make(broken);
}
Document::~Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;

const std::string& Document::name() const { return storage_->name; }
const Node* Document::root() const { return storage_->root; }
bool Document::complete() const { return storage_->complete; }
std::string_view Document::Line(std::uint32_t line) const { return storage_->source.Line(line); }

const Node* Document::Find(std::string_view path) const {
  const Node* node = root();
  for (const std::string& part : SplitPath(path)) {
    node = node->IsSeq() ? ItemAt(*node, part) : node->Get(part);
    if (!node) return nullptr;
  }
  return node;
}

Location Document::Locate(std::string_view path, bool on_key) const {
  const std::vector<std::string> parts = SplitPath(path);
  Location location;
  const Node* node = root();
  const Entry* entry = nullptr;  // through which `node` was reached, when it was through a map
  bool whole_path = true;
  for (const std::string& part : parts) {
    const Entry* next_entry = node->FindEntry(part);
    const Node* next = node->IsSeq() ? ItemAt(*node, part) : next_entry ? next_entry->value : nullptr;
    if (!next) {
      whole_path = false;
      break;
    }
    if (node->alias_of) location.sites.push_back({node->span, "used through this alias"});
    if (next_entry && next_entry->merge) location.sites.push_back({*next_entry->merge, "merged in here"});
    entry = next_entry;
    node = next;
  }
  const bool show_key = entry && (on_key || !whole_path);
  location.span = show_key ? entry->key_span : node->span;
  if (node->alias_of && !(on_key && whole_path)) {
    location.sites.push_back({node->alias_of->span, "the value comes from here"});
  }
  return location;
}

}  // namespace ktstr
