// The JSON Schema of declarations. That real validators and editors agree with it is tested in test/editor.
#include <catch2/catch.hpp>

#include "interpreter/explain/schema.h"
#include "test/unit/interpreter/load/decl_samples.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;
using samples::Script;

Json Property(const Json& schema, const std::string& name) {
  Json property = schema["properties"][name];
  property.erase("markdownDescription");
  return property;
}

TEST_CASE("SchemaOf describes each kind of field") {
  const Json schema = SchemaOf(Script::Decl());
  CHECK(schema["$schema"] == "http://json-schema.org/draft-07/schema#");
  CHECK(schema["required"].dump() == R"(["name"])");
  CHECK(schema["additionalProperties"] == false);
  CHECK(schema["patternProperties"].contains("^x-"));
  CHECK(Property(schema, "loud").dump() ==
        R"({"type":"boolean","description":"Whether it is loud.","default":false})");
  CHECK(Property(schema, "level").dump() ==
        R"({"type":"integer","minimum":1,"maximum":255,"description":"How much.","default":3})");
  CHECK(Property(schema, "seed").dump() ==
        R"({"type":"integer","minimum":0,"description":"For what is drawn.","default":1})");
  CHECK(Property(schema, "offset").dump() == R"({"type":"integer","description":"Signed.","default":-1})");
  CHECK(Property(schema, "mode").dump() ==
        R"({"type":"string","enum":["slow","fast"],"enumDescriptions":["Takes its time.","Hurries."],)"
        R"("description":"How.","default":"slow"})");
  CHECK(Property(schema, "hold")["type"] == "string");
  CHECK(Property(schema, "hold")["pattern"] == "^[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)$");
  CHECK(Property(schema, "memory")["type"].dump() == R"(["string","number"])");
  CHECK(Property(schema, "levels").dump() ==
        R"({"type":"array","items":{"type":"integer","minimum":0,"maximum":9},"minItems":2,)"
        R"("description":"Several levels."})");
  CHECK(Property(schema, "range").dump() == R"({"$ref":"#/definitions/Range","description":"A range."})");
  CHECK(Property(schema, "ranges").dump() ==
        R"({"type":"object","patternProperties":{"^[a-z]+$":{"$ref":"#/definitions/Range"}},)"
        R"("additionalProperties":false,"description":"Ranges by name."})");
  CHECK(schema["definitions"]["Range"]["properties"]["hi"]["exclusiveMinimum"] == 0);
}

TEST_CASE("SchemaOf puts choices so that the wrong key can be marked") {
  const Json schema = SchemaOf(Script::Decl());
  CHECK(schema["properties"]["ops"]["items"].dump() == R"({"$ref":"#/definitions/any Op"})");
  CHECK(
      schema["definitions"]["any Op"].dump() ==
      R"({"type":"object","properties":{"Start":{"$ref":"#/definitions/Start"},"Ping":{"$ref":"#/definitions/Ping"}},)"
      R"("additionalProperties":false,)"
      R"("errorMessage":"One Op is wanted here, written `Name: {...}` with a name that exists",)"
      R"("minProperties":1,"maxProperties":1,"allOf":[)"
      R"({"if":{"required":["Start"]},"then":{"properties":{"Start":true},"additionalProperties":false,)"
      R"("errorMessage":"An item is exactly one Op; begin another with '- '"}},)"
      R"({"if":{"required":["Ping"]},"then":{"properties":{"Ping":true},"additionalProperties":false,)"
      R"("errorMessage":"An item is exactly one Op; begin another with '- '"}}]})");
  Json work = schema["definitions"]["Work"];
  CHECK_FALSE(work.contains("additionalProperties"));
  CHECK(work["properties"]["type"]["enum"].dump() == R"(["Spin","Burst"])");
  work["allOf"][1]["then"]["properties"]["rest"] = "...";
  work["allOf"][1]["then"]["properties"]["work"] = "...";
  CHECK(work["allOf"][1].dump() ==
        R"({"if":{"properties":{"type":{"const":"Burst"}},"required":["type"]},)"
        R"("then":{"properties":{"type":true,"workers":true,"nice":true,"work":"...","rest":"..."},)"
        R"("additionalProperties":false,"required":["rest"]}})");
  const Json& place = schema["definitions"]["Place"];
  CHECK(place["type"].dump() == R"(["object","string","number"])");
  CHECK(place["minProperties"] == 1);
  CHECK(place["maxProperties"] == 1);
  CHECK(SchemaText(Script::Decl()).find("oneOf") == std::string::npos);
  CHECK(SchemaText(Script::Decl()).find("anyOf") == std::string::npos);
}

TEST_CASE("SplitExamples") {
  CHECK(SplitExamples("0-3, \"0-3,8\"") == std::vector<std::string>{"0-3", "0-3,8"});
  CHECK(SplitExamples("500ms") == std::vector<std::string>{"500ms"});
  CHECK(SplitExamples("").empty());
}

struct Faulty {
  std::optional<Duration> time;
  std::string text;
  std::string again;
  static const StructDecl& Decl() {
    static constexpr FieldDecl kFields[] = {
        Optional<&Faulty::time>("time", "", AtLeast(1)),
        Optional<&Faulty::text>("text", "A text.", {.min_items = 2, .pattern = "[a"}),
        Optional<&Faulty::again>("text", "Again."),
    };
    static constexpr StructDecl kDecl = [] {
      StructDecl decl = DeclareStruct<Faulty>("Faulty", "All wrong.", kFields);
      decl.exactly_one = true;
      return decl;
    }();
    return kDecl;
  }
};

TEST_CASE("DeclarationFaults finds what would not work") {
  CHECK(DeclarationFaults(Script::Decl()).empty());
  const auto faults = DeclarationFaults(Faulty::Decl());
  REQUIRE(faults.size() == 7);
  CHECK(faults[0] == "Faulty.time: it has no doc");
  CHECK(faults[1] == "Faulty.time: bounds on what is not a number are not checked");
  CHECK(faults[2] == "Faulty.text: one of several that exclude each other must be optional");
  CHECK(faults[3] == "Faulty.text: min_items on what is not a list");
  CHECK(faults[4].find("Faulty.text: the pattern does not compile: ") == 0);
  CHECK(faults[5] == "Faulty: two fields are called text");
  CHECK(faults[6] == "Faulty.text: one of several that exclude each other must be optional");
}

}  // namespace
}  // namespace ktstr
