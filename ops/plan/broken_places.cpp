#include "ops/plan/broken_places.h"

#include <algorithm>

#include "ops/plan/diagnostics.h"

namespace ktstr {
namespace {

/// Whether `path` is `base` or something in it.
bool Within(std::string_view path, std::string_view base) {
  return path.starts_with(base) && (base.empty() || path.size() == base.size() || path[base.size()] == '/');
}

/// Declarations do not contain themselves; this is for one that does by mistake.
constexpr int kMaxDepth = 32;

void AddAllOf(const StructDecl& decl, int depth, NameDoubts& doubts);

/// What a value of this type may do, wherever in it the name stands.
void AddAllOf(const TypeDecl& type, int depth, NameDoubts& doubts) {
  if (depth > kMaxDepth) return;
  if (type.container != nullptr) AddAllOf(type.container->element(), depth + 1, doubts);
  if (type.structure != nullptr) AddAllOf(type.structure(), depth + 1, doubts);
  if (type.choice == nullptr) return;
  for (const StructDecl* alternative : type.choice->alternatives()) AddAllOf(*alternative, depth + 1, doubts);
}

void AddAllOf(const StructDecl& decl, int depth, NameDoubts& doubts) {
  for (const FieldDecl& field : decl.fields) {
    doubts.Add(field);
    AddAllOf(field.type(), depth, doubts);
  }
}

/// The field that a key means: one of the struct, or of an alternative whose fields stand beside it.
const FieldDecl* FieldOf(const StructDecl& decl, std::string_view key) {
  if (const FieldDecl* field = decl.Find(key)) return field;
  for (const FieldDecl& field : decl.fields) {
    if (field.type().kind != Kind::kVariant) continue;
    for (const StructDecl* alternative : field.type().choice->alternatives())
      if (const FieldDecl* found = alternative->Find(key)) return found;
  }
  return nullptr;
}

/// Goes down the declarations along a path.
class Descent {
 public:
  explicit Descent(const StructDecl& root) : structure_(&root) {}

  /// False when nothing is declared there, as below an unknown key.
  bool Into(std::string_view part) {
    if (structure_ == nullptr) return IntoElement(part);
    if (field_ != nullptr) around_.Add(*field_);
    field_ = FieldOf(*structure_, part);
    if (field_ == nullptr) return false;
    Stand(field_->type());
    return true;
  }

  [[nodiscard]] NameDoubts Doubts() const {
    NameDoubts doubts = around_;
    if (field_ != nullptr) doubts.Add(*field_);
    if (structure_ != nullptr)
      AddAllOf(*structure_, 0, doubts);
    else
      AddAllOf(*type_, 0, doubts);
    return doubts;
  }
  /// Of the structs on the way, whose names come from what is in them.
  [[nodiscard]] const NameDoubts& Around() const { return around_; }

 private:
  bool IntoElement(std::string_view part) {
    if (type_->kind == Kind::kOneKey) {
      field_ = nullptr;
      for (const StructDecl* alternative : type_->choice->alternatives())
        if (alternative->name == part) structure_ = alternative;
      return structure_ != nullptr;
    }
    if (type_->container == nullptr) return false;
    if (type_->kind == Kind::kMap) field_ = nullptr;  // the name is the key, and that was read
    Stand(type_->container->element());
    return true;
  }

  void Stand(const TypeDecl& type) {
    type_ = &type;
    while (type_->kind == Kind::kOptional) type_ = &type_->container->element();
    structure_ = type_->kind == Kind::kStruct ? &type_->structure() : nullptr;
  }

  const FieldDecl* field_ = nullptr;       // that the value belongs to, itself or as an item of a list
  const StructDecl* structure_ = nullptr;  // of the value; null: type_ tells
  const TypeDecl* type_ = nullptr;
  NameDoubts around_;
};

NameDoubts DoubtsOf(const StructDecl& root, std::string_view path) {
  Descent descent(root);
  for (const std::string& part : SplitPath(path))
    if (!descent.Into(part)) return descent.Around();
  return descent.Doubts();
}

}  // namespace

void NameDoubts::Add(const FieldDecl& field) {
  if (field.role == NameRole::kMakes) makes_ |= 1U << static_cast<unsigned>(field.refers);
  starts_ = starts_ || field.role == NameRole::kStarts;
  ends_ = ends_ || field.role == NameRole::kEnds || field.role == NameRole::kEmpties;
  freezes_ = freezes_ || field.role == NameRole::kFreezes;
  thaws_ = thaws_ || field.role == NameRole::kThaws || field.role == NameRole::kEmpties ||
           (field.role == NameRole::kEnds && field.refers == Refers::kCgroup);
}

void NameDoubts::Add(const NameDoubts& other) {
  makes_ |= other.makes_;
  starts_ = starts_ || other.starts_;
  ends_ = ends_ || other.ends_;
  freezes_ = freezes_ || other.freezes_;
  thaws_ = thaws_ || other.thaws_;
}

bool BrokenPlaces::Covers(std::string_view path) const {
  return std::any_of(paths_.begin(), paths_.end(), [&](const std::string& at) { return Within(path, at); });
}

bool BrokenPlaces::Touches(std::string_view path) const {
  return std::any_of(paths_.begin(), paths_.end(),
                     [&](const std::string& at) { return Within(path, at) || Within(at, path); });
}

NameDoubts BrokenPlaces::DoubtsAt(std::string_view path) const {
  const bool broken = std::find(paths_.begin(), paths_.end(), path) != paths_.end();
  return broken ? DoubtsOf(root_, path) : NameDoubts();
}

NameDoubts BrokenPlaces::DoubtsIn(std::string_view path) const {
  NameDoubts doubts;
  for (const std::string& at : paths_)
    if (Within(at, path)) doubts.Add(DoubtsOf(root_, at));
  return doubts;
}

}  // namespace ktstr
