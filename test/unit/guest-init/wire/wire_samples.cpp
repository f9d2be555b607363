#include "test/unit/guest-init/wire/wire_samples.h"

#include <array>

namespace ktstr::wire_samples {

const StructDecl& Point::Decl() {
  static constexpr FieldDecl kFields[] = {Required<&Point::x>("x", ""), Required<&Point::y>("y", "")};
  static constexpr StructDecl kDecl = DeclareStruct<Point>("Point", "", kFields);
  return kDecl;
}

const StructDecl& Nothing::Decl() {
  static constexpr StructDecl kDecl = DeclareStruct<Nothing>("Nothing", "", {});
  return kDecl;
}

std::span<const StructDecl* const> Shapes::Alternatives() {
  static const StructDecl* const kAll[] = {&Point::Decl(), &Nothing::Decl()};
  return kAll;
}

const StructDecl& Everything::Decl() {
  static constexpr FieldDecl kFields[] = {Required<&Everything::flag>("flag", ""),
                                          Required<&Everything::small>("small", ""),
                                          Required<&Everything::medium>("medium", ""),
                                          Required<&Everything::large>("large", ""),
                                          Required<&Everything::real>("real", ""),
                                          Required<&Everything::text>("text", ""),
                                          Required<&Everything::time>("time", ""),
                                          Required<&Everything::cpus>("cpus", ""),
                                          Required<&Everything::colour>("colour", ""),
                                          Required<&Everything::maybe>("maybe", ""),
                                          Required<&Everything::numbers>("numbers", ""),
                                          Required<&Everything::words>("words", ""),
                                          Required<&Everything::points>("points", ""),
                                          Required<&Everything::named>("named", ""),
                                          Required<&Everything::point>("point", ""),
                                          Required<&Everything::shape>("shape", ""),
                                          Required<&Everything::maybe_point>("maybe_point", "")};
  static constexpr StructDecl kDecl = DeclareStruct<Everything>("Everything", "", kFields);
  return kDecl;
}

namespace {

std::string RandomText(std::mt19937_64& random) {
  std::string text(random() % 12, ' ');
  for (char& c : text) c = static_cast<char>(random());  // any byte, NUL too
  return text;
}

void FillScalar(const ScalarDecl& scalar, void* value, std::mt19937_64& random) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kTexts = {
      {{"Duration", "1.5ms"},
       {"Size", "64MiB"},
       {"Percent", "12.5%"},
       {"WorkerCount", "90%"},
       {"CpuList", "0-3,8"}}};
  for (const auto& [name, text] : kTexts)
    if (name == scalar.name) scalar.parse(text, value);
  if (scalar.name == "Duration")
    static_cast<Duration*>(value)->ns = static_cast<std::int64_t>(random() >> 3);  // 73 years
}

}  // namespace

void FillRandom(const TypeDecl& type, void* value, std::mt19937_64& random, int depth) {
  const std::size_t count = random() % (depth > 2 ? 1 : 4);
  switch (type.kind) {
    case Kind::kBool:
      *static_cast<bool*>(value) = random() % 2 == 1;
      break;
    case Kind::kInt:
    case Kind::kUint:
      type.integer->store(value, static_cast<std::int64_t>(random()));
      break;
    case Kind::kDouble:
      *static_cast<double*>(value) = static_cast<double>(random()) / 3;
      break;
    case Kind::kString:
      *static_cast<std::string*>(value) = RandomText(random);
      break;
    case Kind::kScalar:
      FillScalar(*type.scalar, value, random);
      break;
    case Kind::kEnum: {
      const auto values = type.enumeration->values;
      type.enumeration->store(value, values[random() % values.size()].value);
      break;
    }
    case Kind::kOptional:
    case Kind::kList:
    case Kind::kMap: {
      const ContainerDecl& container = *type.container;
      container.clear(value);
      const std::size_t size = type.kind == Kind::kOptional ? count % 2 : count;
      for (std::size_t i = 0; i < size; ++i)
        FillRandom(container.element(), container.append(value, RandomText(random)), random, depth + 1);
      break;
    }
    case Kind::kStruct:
      FillRandom(type.structure(), value, random, depth + 1);
      break;
    case Kind::kOneKey:
    case Kind::kVariant: {
      const auto alternatives = type.choice->alternatives();
      AnyStruct any;
      if (count > 0) any = AnyStruct(*alternatives[random() % alternatives.size()]);
      if (any.decl() != nullptr) FillRandom(*any.decl(), any.data(), random, depth + 1);
      *static_cast<AnyStruct*>(value) = std::move(any);
      break;
    }
  }
}

void FillRandom(const StructDecl& decl, void* object, std::mt19937_64& random, int depth) {
  for (const FieldDecl& field : decl.fields) FillRandom(field.type(), field.member(object), random, depth);
}

}  // namespace ktstr::wire_samples
