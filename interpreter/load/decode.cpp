#include "interpreter/load/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "interpreter/load/decode_leaf.h"
#include "interpreter/load/explain_text.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

constexpr std::size_t kMaxListedNames = 8;
std::string NameHint(std::string_view wrong, const std::vector<std::string_view>& names,
                     std::string_view what) {
  std::string hint = DidYouMean(wrong, names);
  if (hint.empty() && !names.empty() && names.size() <= kMaxListedNames)
    hint = fmt::format("{}: {}", what, fmt::join(names, ", "));
  return hint;
}

/// Puts the diagnostics of a struct's rules at their places.
class RuleDiagnostics : public RuleSink {
 public:
  RuleDiagnostics(const NodePlace& place, LeafDecoder& out) : place_(place), out_(out) {}
  void Diagnose(std::string_view field, std::string message) override {
    out_.DiagnoseRule(place_, field, std::move(message));
    any_ = true;
  }
  [[nodiscard]] bool any() const { return any_; }

 private:
  const NodePlace& place_;
  LeafDecoder& out_;
  bool any_ = false;
};

/// Whether values of this type have fields of their own: rules of what is around them do not look into them.
bool HasFields(const TypeDecl& type) {
  const Kind kind = ElementType(type).kind;
  return kind == Kind::kStruct || kind == Kind::kOneKey || kind == Kind::kMap;
}

class Decoder : private LeafDecoder {
 public:
  Decoder(Diagnostics& out, BrokenPlaces* broken) : LeafDecoder(out, broken) {}

  bool Struct(const StructDecl& decl, const Node& node, const NodePlace& place, void* object);

 private:
  bool Value(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place, void* out);
  bool List(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place, void* out);
  bool Map(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place, void* out);
  bool OneKeyChoice(const TypeDecl& type, const Node& node, const NodePlace& place, void* out);

  /// Whether the rules of `decl` can be asked: its own values are right, whatever is in their fields.
  struct Read {
    bool ok = true;   // everything
    bool own = true;  // see HasFields
    void Note(const FieldDecl& field, bool right) {
      ok = ok && right;
      own = own && (right || HasFields(field.type()));
    }
    void Spoil() { ok = own = false; }
  };
  Read Fields(const StructDecl& decl, const Node& node, const NodePlace& place, void* object);
  bool Missing(const StructDecl& decl, const Node& node, const NodePlace& place,
               const std::vector<std::string>& meant);
  bool ExactlyOne(const StructDecl& decl, const Node& node, const NodePlace& place, bool complain_of_none);
  bool Rules(const StructDecl& decl, const NodePlace& place, const void* object);
  /// The alternative that `field` chooses in this map, stored in its AnyStruct; nullptr after a diagnostic.
  const StructDecl* Chosen(const FieldDecl& field, const Node& node, const NodePlace& place, void* object);
  const StructDecl* ChosenByKey(const FieldDecl& field, const Node& node, const NodePlace& place,
                                void* object);
  /// Says that a key of another alternative stands beside those of the chosen one.
  void ForeignKey(std::string_view key, const FieldDecl& variant, const StructDecl& chosen,
                  const NodePlace& place);
  /// Returns the key that was probably meant, or "". `node` is the map.
  std::string UnknownKey(const Entry& entry, const Node& node, const StructDecl& decl,
                         const FieldDecl* variant, const StructDecl* chosen, const NodePlace& place);
};

bool Decoder::Value(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
                    void* out) {
  if (node.broken) return Break(place);
  switch (type.kind) {
    case Kind::kOptional:
      return Value(type.container->element(), limits, node, place, type.container->append(out, {}));
    case Kind::kList:
      return List(type, limits, node, place, out);
    case Kind::kMap:
      return Map(type, limits, node, place, out);
    case Kind::kStruct:
      return Struct(type.structure(), node, place, out);
    case Kind::kOneKey:
      return OneKeyChoice(type, node, place, out);
    case Kind::kVariant:
      return true;  // chosen by the struct that has it, see Chosen
    default:
      return Leaf(type, limits, node, place, out);
  }
}

bool Decoder::List(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
                   void* out) {
  if (!node.IsSeq())
    return WrongType(
        ExpectPhrase(type), node, place,
        node.IsScalar() && !node.IsNull() ? fmt::format("write a list: [{}]", Shown(node.text)) : "");
  const ContainerDecl& list = *type.container;
  list.clear(out);
  bool ok = true;
  for (std::size_t i = 0; i < node.items.size(); ++i)
    ok &= Value(list.element(), limits, *node.items[i], place.Child(i), list.append(out, {}));
  if (node.items.size() < limits.min_items)
    ok = Diagnose(place, "out-of-range",
                  fmt::format("the list has {} item{}, but needs at least {}", node.items.size(),
                              node.items.size() == 1 ? "" : "s", limits.min_items));
  return ok;
}

bool Decoder::Map(const TypeDecl& type, const Limits& limits, const Node& node, const NodePlace& place,
                  void* out) {
  if (!node.IsMap()) return WrongType(ExpectPhrase(type), node, place);
  const ContainerDecl& map = *type.container;
  map.clear(out);
  Limits of_elements = limits;
  of_elements.pattern = {};
  bool ok = true;
  for (const Entry& entry : node.entries) {
    const NodePlace child = place.Child(entry.key);
    ok &= Pattern(entry.key, limits, child, true);
    ok &= Value(map.element(), of_elements, *entry.value, child, map.append(out, entry.key));
  }
  return ok;
}

bool Decoder::OneKeyChoice(const TypeDecl& type, const Node& node, const NodePlace& place, void* out) {
  const ChoiceDecl& choice = *type.choice;
  if (!node.IsMap()) {
    const bool bare_name = node.IsScalar() && FindAlternative(choice, node.text) != nullptr;
    return WrongType(ExpectPhrase(type), node, place,
                     bare_name ? fmt::format("write '{}: {{...}}'", node.text) : std::string());
  }
  if (node.entries.empty())
    return Diagnose(place, "missing-key", fmt::format("expected {}, found none", ExpectPhrase(type)));
  const Entry& first = node.entries.front();
  const StructDecl* const chosen = FindAlternative(choice, first.key);
  bool ok = true;
  // `- SetCpuset:` with its arguments not indented: one diagnostic, not one for each argument.
  const bool not_indented = chosen != nullptr && node.entries.size() > 1 && first.value->IsNull() &&
                            chosen->Find(node.entries[1].key) != nullptr;
  if (not_indented) {
    DiagnoseKey(place.Child(node.entries[1].key), "too-many-keys",
                fmt::format("'{}' stands beside '{}', not in it", node.entries[1].key, first.key),
                "indent it further");
    return Break(place);
  }
  for (const Entry& extra : node.entries.subspan(1))
    ok = DiagnoseKey(place.Child(extra.key), "too-many-keys",
                     fmt::format("'{}' stands in one item with '{}'; an item is one {}", Shown(extra.key),
                                 Shown(first.key), choice.name),
                     "begin an item of its own with '- '");
  if (chosen == nullptr) {
    DiagnoseKey(place.Child(first.key), "unknown-name",
                fmt::format("there is no {} '{}'", choice.name, Shown(first.key)),
                NameHint(first.key, AlternativeNames(choice), "known"));
    const auto meant = ClosestName(first.key, AlternativeNames(choice));
    return Break(meant ? place.Child(*meant) : place);  // without a guess it may have been any of them
  }
  auto& any = *static_cast<AnyStruct*>(out);
  any = AnyStruct(*chosen);
  return Struct(*chosen, *first.value, place.Child(first.key), any.data()) && ok;
}

bool Decoder::Struct(const StructDecl& decl, const Node& node, const NodePlace& place, void* object) {
  if (node.broken) return Break(place);
  Read read;
  if (node.IsMap()) {
    read = Fields(decl, node, place, object);
  } else {
    const std::string expected = ExpectPhrase({.kind = Kind::kMap});
    const ShorthandDecl* const shorthand = decl.shorthand;
    if (shorthand == nullptr) {
      const bool empty_will_do =
          node.IsNull() && !decl.exactly_one &&
          std::none_of(decl.fields.begin(), decl.fields.end(), [](const FieldDecl& f) { return f.required; });
      return WrongType(expected, node, place, empty_will_do ? "write {} for an empty map" : "");
    }
    if (!Text(node, place, shorthand->number_too,
              fmt::format("{} or a short form ({})", expected, shorthand->examples), shorthand->parse, object,
              shorthand->names))
      read.Spoil();
  }
  return (!read.own || Rules(decl, place, object)) && read.ok;
}

Decoder::Read Decoder::Fields(const StructDecl& decl, const Node& node, const NodePlace& place,
                              void* object) {
  Read read;
  Read beside;  // the fields of the chosen alternative
  const FieldDecl* const variant = VariantField(decl);
  const StructDecl* const chosen = variant != nullptr ? Chosen(*variant, node, place, object) : nullptr;
  if (variant != nullptr && chosen == nullptr &&
      (variant->required || node.FindEntry(variant->name) != nullptr))
    read.Spoil();
  void* const alternative =
      chosen != nullptr ? static_cast<AnyStruct*>(variant->member(object))->data() : nullptr;
  std::vector<std::string> meant;  // what unknown keys probably meant: not reported as missing as well
  for (const Entry& entry : node.entries) {
    const NodePlace child = place.Child(entry.key);
    if (const FieldDecl* field = decl.Find(entry.key); field != nullptr) {
      read.Note(*field, field == variant ||
                            Value(field->type(), field->limits, *entry.value, child, field->member(object)));
    } else if (field = chosen != nullptr ? chosen->Find(entry.key) : nullptr; field != nullptr) {
      beside.Note(*field,
                  Value(field->type(), field->limits, *entry.value, child, field->member(alternative)));
    } else if (!decl.allow_extension_keys || !entry.key.starts_with("x-")) {
      meant.push_back(UnknownKey(entry, node, decl, variant, chosen, place));
      read.Spoil();
      beside.Spoil();
    }
  }
  if (!(decl.exactly_one ? ExactlyOne(decl, node, place, read.ok) : Missing(decl, node, place, meant)))
    read.Spoil();
  if (chosen != nullptr) {
    if (!Missing(*chosen, node, place, meant)) beside.Spoil();
    if (beside.own && !Rules(*chosen, place, alternative)) beside.ok = false;
  }
  read.ok = read.ok && beside.ok;
  return read;
}

const StructDecl* Decoder::Chosen(const FieldDecl& field, const Node& node, const NodePlace& place,
                                  void* object) {
  if (field.name.empty()) return ChosenByKey(field, node, place, object);
  auto& any = *static_cast<AnyStruct*>(field.member(object));
  const Node* const name = node.Get(field.name);
  if (name == nullptr)
    return field.required ? nullptr : any.decl();  // a missing one is reported with the others
  if (name->broken) {
    Break(place.Child(field.name));
    return nullptr;
  }
  const TypeDecl& type = field.type();
  const NodePlace at = place.Child(field.name);
  if (name->kind != NodeKind::kString) {
    WrongType(ExpectPhrase(type), *name, at);
    return nullptr;
  }
  const StructDecl* const chosen = FindAlternative(*type.choice, name->text);
  if (chosen == nullptr)
    Diagnose(at, "unknown-name", fmt::format("there is no {} '{}'", type.choice->name, Shown(name->text)),
             NameHint(name->text, AlternativeNames(*type.choice), "known"));
  else
    any = AnyStruct(*chosen);
  return chosen;
}

/// "say what is checked: one of metric and read", from the doc of the field.
std::string SayWhich(const FieldDecl& variant) {
  return fmt::format("{}: one of {}", variant.doc,
                     JoinNames(AlternativeNames(*variant.type().choice), "and"));
}

const StructDecl* Decoder::ChosenByKey(const FieldDecl& field, const Node& node, const NodePlace& place,
                                       void* object) {
  for (const StructDecl* alternative : field.type().choice->alternatives()) {
    if (node.FindEntry(alternative->name) == nullptr) continue;
    *static_cast<AnyStruct*>(field.member(object)) = AnyStruct(*alternative);
    return alternative;
  }
  DiagnoseKey(place, "missing-key", SayWhich(field));
  return nullptr;
}

void Decoder::ForeignKey(std::string_view key, const FieldDecl& variant, const StructDecl& chosen,
                         const NodePlace& place) {
  if (FindAlternative(*variant.type().choice, key) != nullptr) {
    DiagnoseKey(place.Child(key), "too-many-keys", SayWhich(variant));
    return;
  }
  std::vector<std::string_view> owners;
  for (const StructDecl* other : variant.type().choice->alternatives())
    if (other->Find(key) != nullptr) owners.push_back(other->name);
  DiagnoseKey(place.Child(key), "unknown-key",
              fmt::format("'{}' goes with {}, not with {}", key, JoinNames(owners, "or"), chosen.name));
}

/// The one string that `decl` requires and `node` lacks, when `entry` is the one key of the map that is not
/// known: it may well stand in its place, though it is spelled otherwise. Else "".
std::string OnlyOneLeft(const Entry& entry, const Node& node, const StructDecl& decl) {
  if (entry.value->kind != NodeKind::kString || VariantField(decl) != nullptr) return {};
  for (const Entry& other : node.entries)
    if (other.key != entry.key && decl.Find(other.key) == nullptr) return {};
  std::string left;
  for (const FieldDecl& field : decl.fields) {
    if (!field.required || node.FindEntry(field.name) != nullptr) continue;
    if (!left.empty() || field.type().kind != Kind::kString) return {};
    left = field.name;
  }
  return left;
}

std::string Decoder::UnknownKey(const Entry& entry, const Node& node, const StructDecl& decl,
                                const FieldDecl* variant, const StructDecl* chosen, const NodePlace& place) {
  const std::string_view key = entry.key;
  std::vector<std::string_view> names = FieldNames(decl);
  std::string within(decl.name);
  if (chosen != nullptr) {
    const auto parameters = FieldNames(*chosen);
    names.insert(names.end(), parameters.begin(), parameters.end());
    within += variant->name.empty() ? fmt::format(" with {}", chosen->name)
                                    : fmt::format(" of {} {}", variant->name, chosen->name);
  }
  std::string hint = NameHint(key, names, "known");
  auto closest = ClosestName(key, names);
  if (const std::string left = closest ? "" : OnlyOneLeft(entry, node, decl); !left.empty()) {
    hint = fmt::format("did you mean '{}'?", left);
    closest = left;
  }
  if (variant != nullptr && !closest) {
    for (const StructDecl* other : variant->type().choice->alternatives()) {
      if (other->Find(key) == nullptr) continue;
      if (chosen == nullptr) return {};  // may well be right: which alternative was meant is not known
      if (variant->name.empty()) {
        ForeignKey(key, *variant, *chosen, place);
        return {};
      }
      hint = fmt::format("it belongs to {} {}", variant->name, other->name);
      break;
    }
  }
  DiagnoseKey(place.Child(key), "unknown-key", fmt::format("unknown key '{}' in {}", Shown(key), within),
              std::move(hint));
  if (closest) Break(place.Child(*closest));  // it is not absent, it is misspelt
  return closest.value_or("");
}

bool Decoder::Missing(const StructDecl& decl, const Node& node, const NodePlace& place,
                      const std::vector<std::string>& meant) {
  bool ok = true;
  for (const FieldDecl& field : decl.fields) {
    if (!field.required || field.name.empty() || node.FindEntry(field.name) != nullptr) continue;
    ok = Break(place.Child(field.name));
    if (std::find(meant.begin(), meant.end(), field.name) != meant.end()) continue;
    MissingKey(place, fmt::format("{} needs the key '{}'", decl.name, field.name),
               fmt::format("{}: {}", field.name, field.doc));
  }
  return ok;
}

bool Decoder::ExactlyOne(const StructDecl& decl, const Node& node, const NodePlace& place,
                         bool complain_of_none) {
  const auto names = FieldNames(decl);
  std::string_view first;
  bool ok = true;
  for (const Entry& entry : node.entries) {
    if (decl.Find(entry.key) == nullptr) continue;
    if (first.empty()) {
      first = entry.key;
      continue;
    }
    DiagnoseKey(place.Child(entry.key), "too-many-keys",
                fmt::format("'{}' and '{}' exclude each other", first, entry.key),
                fmt::format("write exactly one of {}", JoinNames(names, "and")));
    ok = Break(place);
  }
  if (first.empty() && complain_of_none)
    ok = DiagnoseKey(place, "missing-key",
                     fmt::format("{} needs one of the keys {}", decl.name, JoinNames(names, "or")));
  return ok;
}

bool Decoder::Rules(const StructDecl& decl, const NodePlace& place, const void* object) {
  if (decl.rules == nullptr) return true;
  RuleDiagnostics sink(place, *this);
  decl.rules(object, sink);
  return !sink.any();
}

}  // namespace

bool Decode(const Node& node, const StructDecl& decl, void* object, std::string_view path,
            Diagnostics& diagnostics, BrokenPlaces* broken) {
  return Decoder(diagnostics, broken).Struct(decl, node, NodePlace{nullptr, path, 0, false}, object);
}

}  // namespace ktstr
