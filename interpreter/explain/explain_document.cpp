// The effective values of a file: the declaration, the decoded object and the document walked together.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "guest-init/base/printable.h"
#include "interpreter/explain/explain.h"
#include "interpreter/load/explain_text.h"
#include "interpreter/report/json_value.h"

namespace ktstr {
namespace {

class EffectiveValues {
 public:
  explicit EffectiveValues(const Document& document) : document_(document) {}

  /// `node` is the struct's map in the document, or nullptr when all of it is default.
  void Fields(const StructDecl& decl, const void* object, const Node* node, const std::string& path);
  [[nodiscard]] std::string Text() const;

 private:
  struct Line {
    std::string value;
    std::string place;
  };

  void Value(const TypeDecl& type, const void* value, const Node* node, const std::string& path);
  void Add(const std::string& path, const std::string& value, const Node* node);
  [[nodiscard]] std::string PlaceOf(const std::string& path) const;

  const Document& document_;
  std::vector<Line> lines_;
};

std::string EffectiveValues::PlaceOf(const std::string& path) const {
  const Location location = document_.Locate(path);
  std::string place = fmt::format("{}:{}", document_.name(), location.span.line);
  for (const Site& site : location.sites) place += fmt::format(", {}: line {}", site.message, site.span.line);
  return place;
}

void EffectiveValues::Add(const std::string& path, const std::string& value, const Node* node) {
  lines_.push_back({Printable(fmt::format("{} = {}", path, value)),
                    node == nullptr ? "(default)" : Printable(PlaceOf(path))});
}

void EffectiveValues::Fields(const StructDecl& decl, const void* object, const Node* node,
                             const std::string& path) {
  for (const FieldDecl& field : decl.fields) {
    const Node* const child = node != nullptr ? node->Get(field.name) : nullptr;
    const void* const member = field.Member(object);
    if (!field.name.empty()) Value(field.type(), member, child, JoinPath(path, field.name));
    if (field.type().kind != Kind::kVariant) continue;
    const auto& any = *static_cast<const AnyStruct*>(member);
    if (any.decl() != nullptr) Fields(*any.decl(), any.data(), node, path);
  }
}

void EffectiveValues::Value(const TypeDecl& type, const void* value, const Node* node,
                            const std::string& path) {
  switch (type.kind) {
    case Kind::kOptional:
      if (type.container->size(value) == 0) return;
      return Value(type.container->element(), type.container->at(value, 0), node, path);
    case Kind::kList:
    case Kind::kMap: {
      const ContainerDecl& container = *type.container;
      const std::string whole = type.kind == Kind::kList ? InlineYaml(type, value) : std::string();
      if (container.size(value) == 0 && node == nullptr) return;
      if (!whole.empty() || container.size(value) == 0) return Add(path, whole.empty() ? "{}" : whole, node);
      for (std::size_t i = 0; i < container.size(value); ++i) {
        const bool list = type.kind == Kind::kList;
        const std::string_view key = container.key_at(value, i);
        const Node* child = nullptr;
        if (node != nullptr)
          child = !list ? node->Get(key) : i < node->items.size() ? node->items[i] : nullptr;
        Value(container.element(), container.at(value, i), child,
              list ? JoinPath(path, i) : JoinPath(path, key));
      }
      return;
    }
    case Kind::kStruct: {
      const StructDecl& decl = type.structure();
      const bool in_short = node != nullptr ? node->IsScalar() : decl.shorthand != nullptr;
      const std::string short_form = decl.shorthand != nullptr ? decl.shorthand->print(value) : std::string();
      if (in_short && !short_form.empty()) return Add(path, short_form, node);
      if (node != nullptr && node->IsScalar()) return Add(path, std::string(node->text), node);
      return Fields(decl, value, node, path);
    }
    case Kind::kOneKey: {
      const auto& any = *static_cast<const AnyStruct*>(value);
      if (any.decl() == nullptr) return;
      const std::string inner = JoinPath(path, any.decl()->name);
      if (any.decl()->fields.empty()) return Add(inner, "{}", node);
      return Fields(*any.decl(), any.data(), node != nullptr ? node->Get(any.decl()->name) : nullptr, inner);
    }
    default: {
      const std::string text = InlineYaml(type, value);
      const bool nothing = text.empty() || (text == "\"\"" && node == nullptr);
      if (!nothing) Add(path, text, node);
    }
  }
}

std::string EffectiveValues::Text() const {
  constexpr std::size_t kWidestColumn = 70;
  std::size_t width = 0;
  for (const Line& line : lines_)
    if (line.value.size() <= kWidestColumn) width = std::max(width, line.value.size());
  std::string text;
  for (const Line& line : lines_) text += fmt::format("{:<{}}  {}\n", line.value, width, line.place);
  return text;
}

}  // namespace

std::string ExplainDocument(const StructDecl& decl, const void* object, const Document& document) {
  EffectiveValues values(document);
  values.Fields(decl, object, document.root(), {});
  return values.Text();
}

}  // namespace ktstr
