// The encoding of declared structs: bytes by hand, every truncation, every changed byte, all messages.
#include <algorithm>
#include <catch2/catch.hpp>

#include "guest-init/wire/messages.h"
#include "test/unit/guest-init/wire/wire_samples.h"

namespace ktstr {
namespace {

using wire_samples::Colour;
using wire_samples::Everything;
using wire_samples::FillRandom;
using wire_samples::Nothing;
using wire_samples::Point;
using wire_samples::Shapes;
using Bytes = std::vector<std::byte>;

std::string Hex(const Bytes& bytes) {
  std::string hex;
  for (const std::byte b : bytes) {
    hex += "0123456789abcdef"[std::to_integer<int>(b) >> 4];
    hex += "0123456789abcdef"[std::to_integer<int>(b) & 15];
  }
  return hex;
}

Bytes FromText(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  return {bytes.begin(), bytes.end()};
}

template <typename T>
std::string ErrorOf(const Bytes& bytes) {
  const Result<T> decoded = Decode<T>(bytes);
  if (decoded.ok()) return "no error";
  CHECK(decoded.error().kind == ErrorKind::kProtocol);
  return decoded.error().message;
}

TEST_CASE("every kind of field has the bytes that codec.h promises") {
  Everything value;
  value.flag = true;
  value.small = -2;
  value.medium = 0x1234;
  value.large = -1;
  value.real = 1.0;
  value.text = "hi";
  value.time = Milliseconds(5);
  value.cpus.cpus = {0, 1};
  value.colour = Colour::kGreen;
  value.maybe = 7;
  value.numbers = {1, 2};
  value.words = {"", "a"};
  value.points = {{1, -1}};
  value.named.items = {{"k", {2, 3}}};
  value.point = {4, 5};
  value.shape = AnyStruct::Of(Point{6, 7});
  CHECK(Hex(Encode(value)) ==
        "01"                          // flag
        "fe"                          // small
        "3412"                        // medium
        "ffffffffffffffff"            // large
        "000000000000f03f"            // real
        "020000006869"                // text
        "03000000356d73"              // time: "5ms"
        "03000000302d31"              // cpus: "0-1"
        "0500000000000000"            // colour
        "0107000000"                  // maybe
        "020000000100000002000000"    // numbers
        "02000000000000000100000061"  // words
        "010000000100ffff"            // points
        "01000000010000006b02000300"  // named
        "04000500"                    // point
        "05000000506f696e7406000700"  // shape: "Point", then its fields
        "00");                        // maybe_point
}

TEST_CASE("an empty choice and empty containers take only their lengths") {
  CHECK(Hex(Encode(Everything())) ==
        "00000000"
        "0000000000000000"
        "0000000000000000"
        "00000000"
        "020000003073"
        "00000000"
        "0000000000000000"
        "00"
        "00000000"
        "00000000"
        "00000000"
        "00000000"
        "00000000"
        "00000000"
        "00");
}

TEST_CASE("random values of every kind survive the wire") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 2000; ++i) {
    Everything value;
    FillRandom(Everything::Decl(), &value, random);
    const Bytes bytes = Encode(value);
    const Result<Everything> decoded = Decode<Everything>(bytes);
    REQUIRE(decoded.ok());
    REQUIRE(Encode(*decoded) == bytes);
    REQUIRE(decoded->text == value.text);
    REQUIRE(decoded->time == value.time);
    REQUIRE(decoded->named.items.size() == value.named.items.size());
    REQUIRE(decoded->shape.decl() == value.shape.decl());
  }
}

TEST_CASE("every message and every event survives the wire, and no piece of one is taken for it") {
  std::mt19937_64 random(8);
  std::vector<const StructDecl*> all(RequestTypes().begin(), RequestTypes().end());
  all.insert(all.end(), EventTypes().begin(), EventTypes().end());
  for (const StructDecl* decl : all)
    for (int round = 0; round < 20; ++round) {
      AnyStruct value(*decl);
      FillRandom(*decl, value.data(), random);
      Bytes bytes;
      EncodeAny(value, bytes);
      std::span<const std::byte> in = bytes;
      const Result<AnyStruct> decoded = DecodeAny(all, in);
      REQUIRE(decoded.ok());
      REQUIRE(in.empty());
      REQUIRE(decoded->decl() == decl);
      Bytes again;
      EncodeAny(*decoded, again);
      REQUIRE(again == bytes);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        in = std::span(bytes).first(size);
        REQUIRE_FALSE(DecodeAny(all, in).ok());
      }
    }
}

TEST_CASE("a changed byte gives an error or another value, never a crash or a flood") {
  std::mt19937_64 random(9);
  std::size_t refused = 0;
  for (int i = 0; i < 30; ++i) {
    Everything value;
    FillRandom(Everything::Decl(), &value, random);
    const Bytes bytes = Encode(value);
    for (std::size_t at = 0; at < bytes.size(); ++at)
      for (const int change : {0xff, 0x01, 0x80}) {
        Bytes damaged = bytes;
        damaged[at] ^= static_cast<std::byte>(change);
        const Result<Everything> decoded = Decode<Everything>(damaged);
        refused += decoded.ok() ? 0 : 1;
        if (decoded.ok()) REQUIRE(Encode(*decoded).size() <= damaged.size() + 32);
      }
  }
  CHECK(refused > 1000);
}

struct OneList {
  std::vector<std::uint64_t> values;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {Required<&OneList::values>("values", "")};
    static constexpr StructDecl kDecl = DeclareStruct<OneList>("OneList", "", kFields);
    return kDecl;
  }
};
struct EmptyElements {
  std::vector<Nothing> values;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {Required<&EmptyElements::values>("values", "")};
    static constexpr StructDecl kDecl = DeclareStruct<EmptyElements>("EmptyElements", "", kFields);
    return kDecl;
  }
};
struct OneBool {
  bool flag = false;
  std::optional<bool> maybe;
  Colour colour = Colour::kRed;
  OneKey<Shapes> shape;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Required<&OneBool::flag>("flag", ""), Required<&OneBool::maybe>("maybe", ""),
        Required<&OneBool::colour>("colour", ""), Required<&OneBool::shape>("shape", "")};
    static constexpr StructDecl kDecl = DeclareStruct<OneBool>("OneBool", "", kFields);
    return kDecl;
  }
};

TEST_CASE("decoding errors name the field and what is wrong with it") {
  CHECK(ErrorOf<OneList>(FromText(std::string("\xff\xff\xff\xff", 4))) ==
        "OneList.values: the message ends too early");
  CHECK(ErrorOf<OneList>(FromText(std::string("\x00\x00\x00\x00x", 5))) ==
        "bytes are left over after a OneList");
  CHECK(ErrorOf<EmptyElements>(FromText("\xff\xff\xff\xff!")) ==
        "EmptyElements.values: an element takes no bytes");
  CHECK(ErrorOf<OneBool>(FromText("\x02")) == "OneBool.flag: a bool is neither 0 nor 1");
  CHECK(ErrorOf<OneBool>(FromText("\x01\x02")) == "OneBool.maybe: a presence byte is neither 0 nor 1");
  CHECK(ErrorOf<OneBool>(FromText(std::string("\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00", 10))) ==
        "OneBool.colour: 1 is not a value of Colour");
  CHECK(ErrorOf<OneBool>(FromText(std::string("\x01\x00\x05\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00"
                                              "Box",
                                              17))) == "OneBool.shape: unknown message 'Box'");
  Everything value;
  Bytes bytes = Encode(value);
  bytes.resize(3);
  CHECK(ErrorOf<Everything>(bytes) == "Everything.medium: the message ends too early");
}

TEST_CASE("a scalar that does not parse is an error with its own text") {
  Everything value;
  Bytes bytes = Encode(value);
  const Bytes zero = FromText("0s");
  const auto at = std::search(bytes.begin(), bytes.end(), zero.begin(), zero.end());
  REQUIRE(at != bytes.end());
  *at = std::byte{'x'};
  CHECK(ErrorOf<Everything>(bytes) == "Everything.time: 'xs' is not a duration; write e.g. 500ms or 2s");
}

// Two structs that differ from Point in one respect each.
struct OtherName {
  std::int16_t x = 0;
  std::int16_t z = 0;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {Required<&OtherName::x>("x", ""),
                                            Required<&OtherName::z>("z", "")};
    static constexpr StructDecl kDecl = DeclareStruct<OtherName>("Point", "", kFields);
    return kDecl;
  }
};
struct OtherType {
  std::int16_t x = 0;
  std::int32_t y = 0;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {Required<&OtherType::x>("x", ""),
                                            Required<&OtherType::y>("y", "")};
    static constexpr StructDecl kDecl = DeclareStruct<OtherType>("Point", "", kFields);
    return kDecl;
  }
};
struct OtherOrder {
  std::int16_t x = 0;
  std::int16_t y = 0;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {Required<&OtherOrder::y>("y", ""),
                                            Required<&OtherOrder::x>("x", "")};
    static constexpr StructDecl kDecl = DeclareStruct<OtherOrder>("Point", "", kFields);
    return kDecl;
  }
};
struct OtherDoc {
  std::int16_t x = 0;
  std::int16_t y = 0;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {Optional<&OtherDoc::x>("x", "a doc"),
                                            Optional<&OtherDoc::y>("y", "")};
    static constexpr StructDecl kDecl = DeclareStruct<OtherDoc>("Point", "another doc", kFields);
    return kDecl;
  }
};

std::uint64_t HashOf(std::initializer_list<const StructDecl*> decls) {
  const std::vector<const StructDecl*> roots(decls);
  return DeclHash(roots);
}

TEST_CASE("the declaration hash sees what changes the bytes, and nothing else") {
  const std::uint64_t point = HashOf({&Point::Decl()});
  CHECK(HashOf({&Point::Decl()}) == point);
  CHECK(HashOf({&OtherDoc::Decl()}) == point);
  CHECK(HashOf({&OtherName::Decl()}) != point);
  CHECK(HashOf({&OtherType::Decl()}) != point);
  CHECK(HashOf({&OtherOrder::Decl()}) != point);
  CHECK(HashOf({&Point::Decl(), &Nothing::Decl()}) != HashOf({&Nothing::Decl(), &Point::Decl()}));
}

TEST_CASE("work types are part of the wire hash") {
  const StructDecl* const one[] = {&Point::Decl()};
  CHECK(WireHash(one) != WireHash({}));
  CHECK(WireHash({}) == WireHash({}));
}

TEST_CASE("a report with full reservoirs survives the wire") {
  WorkerDone done;
  done.group = 3;
  done.cgroup = "hot";
  done.report.completed = true;
  for (std::uint64_t i = 0; i < kReportSamples; ++i) done.report.wake_latencies_ns.push_back(i * i);
  done.report.wake_sample_total = 5'000'000;
  done.report.exit_info = ExitInfo{ExitKind::kSignaled, 9, "sent no report"};
  const Bytes bytes = Encode(done);
  CHECK(bytes.size() > kReportSamples * 8);
  const Result<WorkerDone> decoded = Decode<WorkerDone>(bytes);
  REQUIRE(decoded.ok());
  CHECK(decoded->report.wake_latencies_ns == done.report.wake_latencies_ns);
  CHECK(decoded->report.wake_sample_total == 5'000'000);
  CHECK(decoded->report.exit_info->text == "sent no report");
}

}  // namespace
}  // namespace ktstr
