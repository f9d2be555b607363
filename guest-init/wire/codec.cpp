#include "guest-init/wire/codec.h"

#include <cstring>
#include <set>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ktstr {
namespace {

using Bytes = std::vector<std::byte>;

void PutRaw(Bytes& out, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  out.insert(out.end(), bytes, bytes + size);
}
template <typename T>
void Put(Bytes& out, T value) {
  PutRaw(out, &value, sizeof value);
}
void PutText(Bytes& out, std::string_view text) {
  Put(out, static_cast<std::uint32_t>(text.size()));
  PutRaw(out, text.data(), text.size());
}

std::size_t PlainSize(const TypeDecl& element) {
  return element.kind == Kind::kDouble ? sizeof(double) : element.integer->bytes;
}

void EncodeValue(const TypeDecl& type, const void* value, Bytes& out);

void EncodeContainer(const TypeDecl& type, const void* value, Bytes& out) {
  const ContainerDecl& container = *type.container;
  const TypeDecl& element = container.element();
  const std::size_t size = container.size(value);
  if (type.kind == Kind::kOptional) {
    Put(out, static_cast<std::uint8_t>(size));
  } else {
    Put(out, static_cast<std::uint32_t>(size));
  }
  if (container.resize != nullptr && size > 0) {
    PutRaw(out, container.at(value, 0), size * PlainSize(element));
    return;
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (type.kind == Kind::kMap) PutText(out, container.key_at(value, i));
    EncodeValue(element, container.at(value, i), out);
  }
}

void EncodeValue(const TypeDecl& type, const void* value, Bytes& out) {
  switch (type.kind) {
    case Kind::kBool:
      Put(out, static_cast<std::uint8_t>(*static_cast<const bool*>(value)));
      break;
    case Kind::kInt:
    case Kind::kUint:
      PutRaw(out, value, type.integer->bytes);
      break;
    case Kind::kDouble:
      PutRaw(out, value, sizeof(double));
      break;
    case Kind::kString:
      PutText(out, *static_cast<const std::string*>(value));
      break;
    case Kind::kScalar:
      PutText(out, type.scalar->print(value));
      break;
    case Kind::kEnum:
      Put(out, type.enumeration->load(value));
      break;
    case Kind::kOptional:
    case Kind::kList:
    case Kind::kMap:
      EncodeContainer(type, value, out);
      break;
    case Kind::kStruct:
      EncodeStruct(type.structure(), value, out);
      break;
    case Kind::kOneKey:
    case Kind::kVariant:
      EncodeAny(*static_cast<const AnyStruct*>(value), out);
      break;
  }
}

/// Reads from a span, remembering only that something was missing; callers check at the end of a value.
class Reader {
 public:
  explicit Reader(std::span<const std::byte>& in) : in_(in) {}

  bool Raw(void* out, std::size_t size) {
    if (in_.size() < size) return false;
    if (size > 0) std::memcpy(out, in_.data(), size);
    in_ = in_.subspan(size);
    return true;
  }
  template <typename T>
  bool Get(T& value) {
    return Raw(&value, sizeof value);
  }
  bool Text(std::string& text) {
    std::uint32_t size = 0;
    if (!Get(size) || in_.size() < size) return false;
    text.assign(reinterpret_cast<const char*>(in_.data()), size);
    in_ = in_.subspan(size);
    return true;
  }
  [[nodiscard]] std::size_t left() const { return in_.size(); }
  std::span<const std::byte>& span() { return in_; }

 private:
  std::span<const std::byte>& in_;
};

Error Short() { return {ErrorKind::kProtocol, "the message ends too early"}; }
Error Bad(std::string what) { return {ErrorKind::kProtocol, std::move(what)}; }

Result<> DecodeValue(const TypeDecl& type, Reader& in, void* value);

Result<> DecodeContainer(const TypeDecl& type, Reader& in, void* value) {
  const ContainerDecl& container = *type.container;
  const TypeDecl& element = container.element();
  std::uint32_t size = 0;
  if (type.kind == Kind::kOptional) {
    std::uint8_t present = 0;
    if (!in.Get(present)) return Short();
    if (present > 1) return Bad("a presence byte is neither 0 nor 1");
    size = present;
  } else if (!in.Get(size)) {
    return Short();
  }
  container.clear(value);
  if (container.resize != nullptr) {
    const std::size_t bytes = std::size_t{size} * PlainSize(element);
    if (bytes > in.left()) return Short();
    in.Raw(container.resize(value, size), bytes);
    return {};
  }
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::size_t left = in.left();
    if (left == 0) return Short();
    std::string key;
    if (type.kind == Kind::kMap && !in.Text(key)) return Short();
    TRY(DecodeValue(element, in, container.append(value, key)));
    // Otherwise a count of four billion would be followed to its end.
    if (in.left() == left) return Bad("an element takes no bytes");
  }
  return {};
}

Result<> DecodeEnum(const EnumDecl& enumeration, Reader& in, void* value) {
  std::int64_t number = 0;
  if (!in.Get(number)) return Short();
  for (const EnumValue& known : enumeration.values) {
    if (known.value != number) continue;
    enumeration.store(value, number);
    return {};
  }
  return Bad(std::to_string(number) + " is not a value of " + std::string(enumeration.name));
}

Result<> DecodeValue(const TypeDecl& type, Reader& in, void* value) {
  switch (type.kind) {
    case Kind::kBool: {
      std::uint8_t flag = 0;
      if (!in.Get(flag)) return Short();
      if (flag > 1) return Bad("a bool is neither 0 nor 1");
      *static_cast<bool*>(value) = flag == 1;
      return {};
    }
    case Kind::kInt:
    case Kind::kUint:
      return in.Raw(value, type.integer->bytes) ? Result<>() : Short();
    case Kind::kDouble:
      return in.Raw(value, sizeof(double)) ? Result<>() : Short();
    case Kind::kString:
      return in.Text(*static_cast<std::string*>(value)) ? Result<>() : Short();
    case Kind::kScalar: {
      std::string text;
      if (!in.Text(text)) return Short();
      std::string fault = type.scalar->parse(text, value);
      return fault.empty() ? Result<>() : Bad(std::move(fault));
    }
    case Kind::kEnum:
      return DecodeEnum(*type.enumeration, in, value);
    case Kind::kOptional:
    case Kind::kList:
    case Kind::kMap:
      return DecodeContainer(type, in, value);
    case Kind::kStruct:
      return DecodeStruct(type.structure(), in.span(), value);
    case Kind::kOneKey:
    case Kind::kVariant:
      *static_cast<AnyStruct*>(value) = TRY(DecodeAny(type.choice->alternatives(), in.span()));
      return {};
  }
  return Bad("unknown kind");
}

class ShapeHasher {
 public:
  void Add(const StructDecl& decl) {
    Text(decl.name);
    if (!seen_.insert(&decl).second) return;
    for (const FieldDecl& field : decl.fields) {
      Text(field.name);
      Add(field.type());
    }
    Text("end");
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

 private:
  void Text(std::string_view text) { hash_ = XXH3_64bits_withSeed(text.data(), text.size(), hash_); }

  void Add(const TypeDecl& type) {
    Text(std::to_string(static_cast<int>(type.kind)));
    if (type.integer != nullptr) Text(std::to_string(type.integer->bytes));
    if (type.scalar != nullptr) Text(type.scalar->name);
    if (type.enumeration != nullptr)
      for (const EnumValue& value : type.enumeration->values)
        Text(std::string(value.name) + "=" + std::to_string(value.value));
    if (type.container != nullptr) Add(type.container->element());
    if (type.structure != nullptr) Add(type.structure());
    if (type.choice != nullptr)
      for (const StructDecl* alternative : type.choice->alternatives()) Add(*alternative);
  }

  std::uint64_t hash_ = 1;
  std::set<const StructDecl*> seen_;
};

}  // namespace

void EncodeStruct(const StructDecl& decl, const void* object, Bytes& out) {
  for (const FieldDecl& field : decl.fields) EncodeValue(field.type(), field.Member(object), out);
}

void EncodeAny(const AnyStruct& value, Bytes& out) {
  PutText(out, value.decl() != nullptr ? value.decl()->name : std::string_view());
  if (value.decl() != nullptr) EncodeStruct(*value.decl(), value.data(), out);
}

Result<> DecodeStruct(const StructDecl& decl, std::span<const std::byte>& in, void* object) {
  Reader reader(in);
  for (const FieldDecl& field : decl.fields) {
    const Result<> decoded = DecodeValue(field.type(), reader, field.member(object));
    if (!decoded.ok()) return decoded.error().Within(std::string(decl.name) + "." + std::string(field.name));
  }
  return {};
}

Result<AnyStruct> DecodeAny(std::span<const StructDecl* const> alternatives, std::span<const std::byte>& in) {
  Reader reader(in);
  std::string name;
  if (!reader.Text(name)) return Short();
  if (name.empty()) return AnyStruct();
  for (const StructDecl* decl : alternatives) {
    if (decl->name != name) continue;
    AnyStruct value(*decl);
    TRY(DecodeStruct(*decl, in, value.data()));
    return value;
  }
  return Bad("unknown message '" + name.substr(0, 64) + "'");
}

std::uint64_t DeclHash(std::span<const StructDecl* const> roots) {
  ShapeHasher hasher;
  for (const StructDecl* root : roots) hasher.Add(*root);
  return hasher.hash();
}

}  // namespace ktstr
