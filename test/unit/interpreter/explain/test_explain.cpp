// Pages, hover texts and effective values.
#include <catch2/catch.hpp>

#include "interpreter/explain/explain.h"
#include "interpreter/explain/schema.h"
#include "test/unit/interpreter/load/decl_samples.h"

namespace ktstr {
namespace {

using samples::ReadScript;
using samples::Script;

TEST_CASE("ExplainStruct prints a page") {
  CHECK(ExplainStruct(samples::Start::Decl(), "Op") == R"(Start (Op)
  Starts workers.

  Example:
    - Start: {cgroup: hot}

  Keys:
    cgroup: string (required; form small letters; names a cgroup)
        Where to.
    work: list of Work
        What to start.
    place: Place (short form 0-3)
        On which CPUs.
)");
  CHECK(ExplainStruct(samples::Work::Decl(), "section") == R"(Work (section)
  Workers.

  Example:
    {type: Spin}

  Keys:
    type: name of a work type (required)
        What runs.
    workers: WorkerCount (e.g. 4, 90%)
        How many.
    nice: integer (default 0; range between -20 and 19)
        Nice value.
)");
}

TEST_CASE("ExampleOf decodes") {
  for (const StructDecl* decl : ReachableStructs(Script::Decl())) {
    const std::string example = ExampleOf(*decl);
    CAPTURE(decl->name, example);
    Diagnostics diagnostics;
    const Document document = LoadDocument("e.yaml", example + "\n", diagnostics);
    const std::shared_ptr<void> object = decl->make();
    CHECK(Decode(*document.root(), *decl, object.get(), "", diagnostics));
  }
}

TEST_CASE("ExplainDocument says where each value comes from") {
  const std::string text =
      "x-w: &w {type: Burst, rest: 5ms}\n"
      "name: n\n"
      "levels: [1, 2]\n"
      "range:\n"
      "  lo: 1\n"
      "ops:\n"
      "  - Start:\n"
      "      cgroup: hot\n"
      "      place: 0-1\n"
      "      work:\n"
      "        - <<: *w\n"
      "          nice: 5\n";
  Diagnostics diagnostics;
  const Document document = LoadDocument("x.yaml", text, diagnostics);
  Script script;
  REQUIRE(Decode(document, script, diagnostics));
  CHECK(ExplainDocument(Script::Decl(), &script, document) ==
        "name = n                         x.yaml:2\n"
        "loud = false                     (default)\n"
        "level = 3                        (default)\n"
        "seed = 1                         (default)\n"
        "offset = -1                      (default)\n"
        "mode = slow                      (default)\n"
        "hold = 1s                        (default)\n"
        "memory = 4KiB                    (default)\n"
        "args = [default]                 (default)\n"
        "levels = [1, 2]                  x.yaml:3\n"
        "range/lo = 1                     x.yaml:5\n"
        "range/hi = 5                     (default)\n"
        "ops/0/Start/cgroup = hot         x.yaml:8\n"
        "ops/0/Start/work/0/type = Burst  x.yaml:1, merged in here: line 11\n"
        "ops/0/Start/work/0/work = 2ms    (default)\n"
        "ops/0/Start/work/0/rest = 5ms    x.yaml:1, merged in here: line 11\n"
        "ops/0/Start/work/0/nice = 5      x.yaml:12\n"
        "ops/0/Start/place = 0-1          x.yaml:9\n");
}

TEST_CASE("Texts for editors and machines") {
  const StructDecl& script = Script::Decl();
  CHECK(FieldMarkdown(*script.Find("level"), script) ==
        "How much.\n\n`integer`, default 3; range between 1 and 255 dB");
  CHECK(FieldMarkdown(*script.Find("name"), script) == "Its name.\n\n`string`, required");
  CHECK(StructMarkdown(samples::Range::Decl()) == "**Range**: From, to.\n\n- `lo`: From.\n- `hi`: To.");
  CHECK(ManualSection(samples::Range::Decl(), 3) ==
        "### Range\n\nFrom, to.\n\n| key | type | | |\n|---|---|---|---|\n"
        "| `lo` | number | default 0 | From. |\n| `hi` | number | default 1; range more than 0 m | To. "
        "|\n");
  CHECK(
      DeclarationJson(samples::Range::Decl()).dump() ==
      R"({"name":"Range","doc":"From, to.","fields":[{"name":"lo","doc":"From.","type":"number","required":false,)"
      R"("default":0.0},{"name":"hi","doc":"To.","type":"number","required":false,"default":1.0,"more_than":0.0,)"
      R"("unit":"m"}]})");
}

}  // namespace
}  // namespace ktstr
