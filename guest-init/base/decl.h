// Declarations: a constant description of a C++ type, from which everything that needs to know the type's
// shape is derived: strict YAML decoding, JSON Schema, `explain` texts, the wire encoding, JSON output and
// the hash by which host and guest recognise each other. A name, a default or a unit is written once.
//
// A struct declares itself with `static const StructDecl& Decl();`, an enum with `DescribeEnum(E)` found by
// ADL, a scalar written as text (a duration, a CPU list) with `static const ScalarDecl& Scalar();`.
// Everything here is constant-initialised: there are no registrars and nothing runs before main.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ktstr {

struct StructDecl;
struct TypeDecl;

/// A map from author-chosen names to values that keeps the author's order.
template <typename T>
struct NamedMap {
  std::vector<std::pair<std::string, T>> items;

  /// Null when there is none.
  const T* Find(std::string_view name) const {
    for (const auto& [key, value] : items)
      if (key == name) return &value;
    return nullptr;
  }
};

/// One struct out of a closed list of declared ones, e.g. an Op's Args or the parameters of a work type.
/// Copies are deep, through the declaration's own copy function.
class AnyStruct {
 public:
  AnyStruct() = default;
  explicit AnyStruct(const StructDecl& decl);
  template <typename T>
  requires(!std::is_same_v<T, AnyStruct> && !std::is_same_v<T, StructDecl>) static AnyStruct Of(T value) {
    AnyStruct any(T::Decl());
    any.As<T>() = std::move(value);
    return any;
  }
  AnyStruct(const AnyStruct& other);
  AnyStruct(AnyStruct&&) noexcept = default;
  AnyStruct& operator=(AnyStruct other) noexcept {
    std::swap(decl_, other.decl_);
    std::swap(value_, other.value_);
    return *this;
  }
  ~AnyStruct() = default;

  /// The declaration of what is held; nullptr when nothing is.
  [[nodiscard]] const StructDecl* decl() const { return decl_; }
  [[nodiscard]] void* data() { return value_.get(); }
  [[nodiscard]] const void* data() const { return value_.get(); }
  template <typename T>
  [[nodiscard]] bool Is() const {
    return decl_ == &T::Decl();
  }
  /// REQUIRES: Is<T>().
  template <typename T>
  T& As() {
    return *static_cast<T*>(value_.get());
  }
  template <typename T>
  const T& As() const {
    return *static_cast<const T*>(value_.get());
  }

 private:
  const StructDecl* decl_ = nullptr;
  std::shared_ptr<void> value_;  // type-erased deleter; never shared between two AnyStructs
};

enum class Kind : std::uint8_t {
  kBool,      // true or false; see Limits::on_off
  kInt,       // signed; `integer` says how to load and store it
  kUint,      // unsigned
  kDouble,    // finite
  kString,    // any text
  kScalar,    // written as text with a grammar of its own: 500ms, 64MiB, 90%, 0-3,8
  kEnum,      // written as one of its names
  kOptional,  // zero or one element
  kList,      // of one type
  kMap,       // NamedMap
  kStruct,    // written as a map; see StructDecl
  kOneKey,    // AnyStruct written as a map with exactly one key, the alternative's name: `- Spawn: {...}`
  kVariant,   // AnyStruct written as the alternative's name, its fields beside it: `{type: Bursty, ...}`
};

/// Of a whole number: how it is reached, and what fits.
struct IntegerDecl {
  std::int64_t (*load)(const void*);  // an unsigned one by its bit pattern
  void (*store)(void*, std::int64_t);
  std::int64_t min;  // the type's own range
  std::uint64_t max;
  std::uint8_t bytes;  // the size of the member
};

/// A scalar with a text form. Print(Parse(t)) is canonical and Parse(Print(v)) == v exactly.
struct ScalarDecl {
  std::string_view name;      // "Duration"
  std::string_view doc;       // what may be written, with its units
  std::string_view pattern;   // an ECMA regular expression for the whole text, used by the JSON Schema
  std::string_view examples;  // comma-separated
  bool number_too;            // a plain YAML number is accepted as well
  /// Returns an empty string, or what is wrong with `text` in one line.
  std::string (*parse)(std::string_view text, void* value);
  std::string (*print)(const void* value);
};

/// One name of an enum and what it stands for.
struct EnumValue {
  std::string_view name;
  std::int64_t value;
  std::string_view doc;
};
/// An enum; its values are in the order in which they are listed to readers.
struct EnumDecl {
  std::string_view name;
  std::span<const EnumValue> values;
  std::int64_t (*load)(const void*);
  void (*store)(void*, std::int64_t);
};

/// Of kOptional, kList and kMap: how elements are reached without knowing their type.
struct ContainerDecl {
  const TypeDecl& (*element)();
  std::size_t (*size)(const void*);
  /// A pointer to the new last element; `key` matters for maps only.
  void* (*append)(void*, std::string_view key);
  const void* (*at)(const void*, std::size_t index);
  std::string_view (*key_at)(const void*, std::size_t index);  // of maps only
  void (*clear)(void*);
  /// For lists of plain numbers: contiguous storage of `count` elements, else nullptr.
  void* (*resize)(void*, std::size_t count);
};

/// Of kOneKey and kVariant: what may be chosen.
struct ChoiceDecl {
  std::string_view name;  // "Op", "work type"
  std::span<const StructDecl* const> (*alternatives)();
};

/// A type: its kind, and the one description that goes with that kind; the others are null.
struct TypeDecl {
  Kind kind;
  const IntegerDecl* integer = nullptr;        // of kInt and kUint
  const ScalarDecl* scalar = nullptr;          // of kScalar
  const EnumDecl* enumeration = nullptr;       // of kEnum
  const ContainerDecl* container = nullptr;    // of kOptional, kList and kMap
  const ChoiceDecl* choice = nullptr;          // of kOneKey and kVariant
  const StructDecl& (*structure)() = nullptr;  // of kStruct
};

/// What a string field names, so that editors, `explain` and checks know where to look it up.
enum class Refers : std::uint8_t {
  kNothing,
  kCgroup,
  kPayload,
  kScheduler,
  kPhase,
  kMetric,
  kTag,
  kGroup,
  kFile
};
/// What a field does with the name that it holds; of a map, with its keys.
enum class NameRole : std::uint8_t {
  kUses,     // there must be such a thing
  kMakes,    // from here on there is such a thing
  kStarts,   // what was declared begins to run
  kEnds,     // from here on there is none
  kEmpties,  // what is in it ends; it stays
  kFreezes,
  kThaws
};

/// Bounds of a number, or of each number in a list; both ends are inclusive unless `exclusive_min`.
struct Limits {
  double min = 0;  // counts with has_min only
  double max = 0;  // counts with has_max only
  bool has_min = false;
  bool has_max = false;
  bool exclusive_min = false;
  std::size_t min_items = 0;          // of lists
  std::string_view unit = {};         // in words, for readers; nothing converts by it
  std::string_view pattern = {};      // of strings
  std::string_view pattern_doc = {};  // what the pattern asks for, in words
  bool on_off = false;                // of booleans: may be written as `on` and `off`, too
};

/// One member of a declared struct; made by Required or Optional, and Makes to Thaws.
struct FieldDecl {
  std::string_view name;  // of a kVariant may be "": the first alternative that is named like a key is meant
  std::string_view doc;
  const TypeDecl& (*type)();      // of the member; a function, as constant tables may refer to each other
  void* (*member)(void* object);  // where it is in an object of the struct
  bool required;
  Limits limits;
  Refers refers;  // what its text, or each text of a list, is a name of
  NameRole role = NameRole::kUses;

  [[nodiscard]] const void* Member(const void* object) const { return member(const_cast<void*>(object)); }
};

/// Receives the faults of a cross-field rule. `field` is a path relative to the struct ("a" or "a/b").
class RuleSink {
 public:
  virtual ~RuleSink() = default;
  virtual void Diagnose(std::string_view field, std::string message) = 0;
};

/// A name that stands for a whole value; of letters, digits and '-'.
struct NamedForm {
  std::string_view name;
  std::string_view doc;
};

/// A text accepted in place of the map: `topology: 1n2l2c1t`, `hold: 2s`.
struct ShorthandDecl {
  std::string_view doc;
  std::string_view pattern;
  std::string_view examples;
  bool number_too;
  std::string (*parse)(std::string_view text, void* object);
  /// The text form of `object`, or empty when it has none.
  std::string (*print)(const void* object);
  /// What `parse` takes beside texts that follow `pattern`.
  std::span<const NamedForm> names = {};
};

struct StructDecl {
  std::string_view name;
  std::string_view doc;
  std::span<const FieldDecl> fields;
  std::shared_ptr<void> (*make)();           // with all defaults
  void (*copy)(const void* from, void* to);  // `to` was made before
  bool exactly_one = false;                  // exactly one of the (optional) fields is given
  bool allow_extension_keys = false;         // keys beginning with `x-` are ignored
  const ShorthandDecl* shorthand = nullptr;
  void (*rules)(const void* object,
                RuleSink& sink) = nullptr;  // between fields; called when each by itself is right

  [[nodiscard]] const FieldDecl* Find(std::string_view field) const {  // null: it has none
    for (const FieldDecl& f : fields)
      if (f.name == field) return &f;
    return nullptr;
  }
};

inline AnyStruct::AnyStruct(const StructDecl& decl) : decl_(&decl), value_(decl.make()) {}
inline AnyStruct::AnyStruct(const AnyStruct& other) : decl_(other.decl_) {
  if (decl_ == nullptr) return;
  value_ = decl_->make();
  decl_->copy(other.value_.get(), value_.get());
}

template <typename T>
const TypeDecl& TypeOf();

/// AnyStructs of a fixed list, as field types: `OneKey<AllOps>` or `Variant<AllWorkTypes>`.
/// `Tag` provides `static constexpr std::string_view kName;` and
/// `static std::span<const StructDecl* const> Alternatives();`.
template <typename Tag>
struct OneKey : AnyStruct {
  using AnyStruct::AnyStruct;
  OneKey() = default;
  OneKey(AnyStruct any) : AnyStruct(std::move(any)) {}
};
template <typename Tag>
struct Variant : AnyStruct {
  using AnyStruct::AnyStruct;
  Variant() = default;
  Variant(AnyStruct any) : AnyStruct(std::move(any)) {}
};

#include "guest-init/base/decl_types.inc"

/// How to reach a member. The struct is a type argument too, not only part of the pointer: g++ 12 gives
/// templates over a member pointer external linkage even when the struct is in an unnamed namespace, and the
/// linker would then take one file's accessor for another's.
template <typename S, typename T>
struct MemberAccess {
  using Type = T;
  template <T S::*Pointer>
  static void* Get(void* object) {
    return &(static_cast<S*>(object)->*Pointer);
  }
};
template <typename S, typename T>
MemberAccess<S, T> AccessOf(T S::*);

/// A field that must be written.
template <auto MemberPointer>
constexpr FieldDecl Required(std::string_view name, std::string_view doc, Limits limits = {},
                             Refers refers = Refers::kNothing) {
  using Access = decltype(AccessOf(MemberPointer));
  return {.name = name,
          .doc = doc,
          .type = &TypeOf<typename Access::Type>,
          .member = &Access::template Get<MemberPointer>,
          .required = true,
          .limits = limits,
          .refers = refers};
}

/// A field that may be left out; its default is the member's initialiser, written nowhere else.
template <auto MemberPointer>
constexpr FieldDecl Optional(std::string_view name, std::string_view doc, Limits limits = {},
                             Refers refers = Refers::kNothing) {
  FieldDecl field = Required<MemberPointer>(name, doc, limits, refers);
  field.required = false;
  return field;
}

/// A field to whose name something is done by what it stands in, so that it is not only used. Of a field that
/// is a struct: the name comes from what is in it.
constexpr FieldDecl InRole(NameRole role, FieldDecl field) {
  field.role = role;
  return field;
}
constexpr FieldDecl Makes(FieldDecl field) { return InRole(NameRole::kMakes, field); }
constexpr FieldDecl Starts(FieldDecl field) { return InRole(NameRole::kStarts, field); }
constexpr FieldDecl Ends(FieldDecl field) { return InRole(NameRole::kEnds, field); }
constexpr FieldDecl Empties(FieldDecl field) { return InRole(NameRole::kEmpties, field); }
constexpr FieldDecl Freezes(FieldDecl field) { return InRole(NameRole::kFreezes, field); }
constexpr FieldDecl Thaws(FieldDecl field) { return InRole(NameRole::kThaws, field); }

template <typename S>
std::shared_ptr<void> MakeStruct() {
  return std::make_shared<S>();
}
template <typename S>
void CopyStruct(const void* from, void* to) {
  *static_cast<S*>(to) = *static_cast<const S*>(from);
}

/// `fields` must live as long as the program, as all declarations do.
template <typename S>
constexpr StructDecl DeclareStruct(std::string_view name, std::string_view doc,
                                   std::span<const FieldDecl> fields) {
  return {.name = name, .doc = doc, .fields = fields, .make = &MakeStruct<S>, .copy = &CopyStruct<S>};
}

/// Several field tables as one.
template <std::size_t... Sizes>
constexpr auto JoinFields(const std::array<FieldDecl, Sizes>&... tables) {
  std::array<FieldDecl, (Sizes + ...)> all{};
  std::size_t at = 0;
  const auto add = [&](const auto& table) {
    for (const FieldDecl& field : table) all[at++] = field;
  };
  (add(tables), ...);
  return all;
}

/// Limits with both ends inclusive but for MoreThan.
constexpr Limits AtLeast(double min, std::string_view unit = {}) {
  return {.min = min, .has_min = true, .unit = unit};
}
constexpr Limits MoreThan(double min, std::string_view unit = {}) {
  return {.min = min, .has_min = true, .exclusive_min = true, .unit = unit};
}
constexpr Limits Between(double min, double max, std::string_view unit = {}) {
  return {.min = min, .max = max, .has_min = true, .has_max = true, .unit = unit};
}
constexpr Limits Unit(std::string_view unit) { return {.unit = unit}; }
constexpr Limits NonEmpty() { return {.min_items = 1}; }

}  // namespace ktstr
