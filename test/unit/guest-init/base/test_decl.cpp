// The declaration machinery: kinds, access through declarations, copies.
#include <catch2/catch.hpp>
#include <set>

#include "guest-init/base/result.h"
#include "guest-init/wire/messages.h"
#include "test/unit/guest-init/wire/wire_samples.h"

namespace ktstr {
namespace {

using wire_samples::Colour;
using wire_samples::Everything;
using wire_samples::Nothing;
using wire_samples::Point;

Kind KindOf(std::string_view field) { return Everything::Decl().Find(field)->type().kind; }

TEST_CASE("each C++ type has its kind") {
  CHECK(KindOf("flag") == Kind::kBool);
  CHECK(KindOf("small") == Kind::kInt);
  CHECK(KindOf("medium") == Kind::kUint);
  CHECK(KindOf("real") == Kind::kDouble);
  CHECK(KindOf("text") == Kind::kString);
  CHECK(KindOf("time") == Kind::kScalar);
  CHECK(KindOf("colour") == Kind::kEnum);
  CHECK(KindOf("maybe") == Kind::kOptional);
  CHECK(KindOf("numbers") == Kind::kList);
  CHECK(KindOf("named") == Kind::kMap);
  CHECK(KindOf("point") == Kind::kStruct);
  CHECK(KindOf("shape") == Kind::kOneKey);
  CHECK(Everything::Decl().Find("no such field") == nullptr);
}

TEST_CASE("integers know their bounds and keep their sign") {
  const IntegerDecl& small = *TypeOf<std::int8_t>().integer;
  CHECK(small.min == -128);
  CHECK(small.max == 127);
  CHECK(small.bytes == 1);
  std::int8_t value = 0;
  small.store(&value, -5);
  CHECK(value == -5);
  CHECK(small.load(&value) == -5);
  CHECK(TypeOf<std::uint64_t>().integer->max == UINT64_MAX);
}

TEST_CASE("fields are reached through their declarations") {
  Everything object;
  const FieldDecl& field = *Everything::Decl().Find("point");
  static_cast<Point*>(field.member(&object))->x = 9;
  CHECK(object.point.x == 9);
  CHECK(field.Member(&object) == &object.point);
}

TEST_CASE("containers are built through their declarations") {
  NamedMap<Point> map;
  const ContainerDecl& container = *TypeOf<NamedMap<Point>>().container;
  static_cast<Point*>(container.append(&map, "b"))->x = 1;
  static_cast<Point*>(container.append(&map, "a"))->x = 2;
  CHECK(container.size(&map) == 2);
  CHECK(container.key_at(&map, 0) == "b");  // the author's order
  CHECK(map.Find("a")->x == 2);
  CHECK(map.Find("c") == nullptr);
  container.clear(&map);
  CHECK(map.items.empty());
}

TEST_CASE("any-structs copy deeply and know what they hold") {
  AnyStruct first = AnyStruct::Of(Point{1, 2});
  AnyStruct second = first;
  second.As<Point>().x = 9;
  CHECK(first.As<Point>().x == 1);
  CHECK(first.Is<Point>());
  CHECK_FALSE(first.Is<Nothing>());
  first = AnyStruct::Of(Nothing());
  CHECK(first.Is<Nothing>());
  CHECK(AnyStruct().decl() == nullptr);
  const AnyStruct empty_copy = AnyStruct();
  CHECK(empty_copy.data() == nullptr);
}

TEST_CASE("names of messages are unique, and so are the fields within each") {
  std::vector<const StructDecl*> all(RequestTypes().begin(), RequestTypes().end());
  all.insert(all.end(), EventTypes().begin(), EventTypes().end());
  std::set<std::string_view> names;
  for (const StructDecl* decl : all) {
    CHECK(names.insert(decl->name).second);
    std::set<std::string_view> fields;
    for (const FieldDecl& field : decl->fields) CHECK(fields.insert(field.name).second);
  }
}

Result<int> Half(int number) {
  if (number % 2 != 0) return Error{ErrorKind::kInput, std::to_string(number) + " is odd"};
  return number / 2;
}
Result<int> Quarter(int number) {
  const int half = TRY(Half(number));
  return TRY(Half(half));
}

TEST_CASE("results carry values and hand errors on") {
  CHECK(*Quarter(8) == 2);
  const Result<int> odd = Quarter(6);
  REQUIRE_FALSE(odd.ok());
  CHECK(odd.error().message == "3 is odd");
  CHECK(odd.error().Within("halving").message == "halving: 3 is odd");
  CHECK(odd.error().Within("halving").kind == ErrorKind::kInput);
}

}  // namespace
}  // namespace ktstr
