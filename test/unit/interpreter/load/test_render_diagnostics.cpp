#include <catch2/catch.hpp>

#include "interpreter/load/render_diagnostics.h"

namespace ktstr {
namespace {

constexpr const char* kScenario =
    "version: 1\n"
    "x-hot: &hot {cgroup: hto, cpus: {llc: 0}}\n"
    "steps:\n"
    "  - name: shrink\n"
    "    ops:\n"
    "      - SetCpuset: {cgroup: hto, cpus: {llc: 0}}\n"
    "      - SetCpuset: *hot\n"
    "      - SetCpuset: {<<: *hot}\n"
    "      - SetCpuset: *hot\n";

Diagnostic UnknownCgroup(std::string path) {
  return {Severity::kError,
          "unknown-name",
          std::move(path),
          false,
          "no cgroup 'hto' is alive at this point",
          "did you mean 'hot' (created in step 'warm')?"};
}

/// One of everything, sorted.
std::vector<LocatedDiagnostic> Sample() {
  Diagnostics found;
  const Document document = LoadDocument("scenarios/shrink.yaml", kScenario, found);
  REQUIRE(found.empty());
  found.Add(UnknownCgroup("steps/0/ops/2/SetCpuset/cgroup"));
  found.Add(UnknownCgroup("steps/0/ops/0/SetCpuset/cgroup"));
  found.ErrorOnKey("steps/0/ops/0/SetCpuset/cpus", "unknown-key", "unknown key 'cpus'");
  Diagnostic warning = UnknownCgroup("version");
  warning.severity = Severity::kWarning;
  warning.code = "old-version";
  warning.message = "50% of this,\nis old";
  warning.hint = "";
  warning.notes = {{"steps/0/name", "newer things are here"}};
  found.Add(warning);
  std::vector<LocatedDiagnostic> located = Locate(document, found);
  located.push_back(LocateFile("a,b:c/gone é.yaml", "unreadable", "no such file"));
  SortByPlace(located);
  return located;
}

TEST_CASE("pretty") {
  CHECK(RenderPretty(Sample()) ==
        "a,b:c/gone é.yaml: error[unreadable]: no such file\n"
        "scenarios/shrink.yaml:1:10: warning[old-version]: 50% of this,\\nis old\n"
        "     1 | version: 1\n"
        "       |          ^\n"
        "scenarios/shrink.yaml:4:11: note: newer things are here\n"
        "     4 |   - name: shrink\n"
        "       |           ^~~~~~\n"
        "scenarios/shrink.yaml:2:22: error[unknown-name]: no cgroup 'hto' is alive at this point\n"
        "     2 | x-hot: &hot {cgroup: hto, cpus: {llc: 0}}\n"
        "       |                      ^~~ did you mean 'hot' (created in step 'warm')?\n"
        "scenarios/shrink.yaml:8:25: note: merged in here\n"
        "     8 |       - SetCpuset: {<<: *hot}\n"
        "       |                         ^~~~\n"
        "scenarios/shrink.yaml:6:29: error[unknown-name]: no cgroup 'hto' is alive at this point\n"
        "     6 |       - SetCpuset: {cgroup: hto, cpus: {llc: 0}}\n"
        "       |                             ^~~ did you mean 'hot' (created in step 'warm')?\n"
        "scenarios/shrink.yaml:6:34: error[unknown-key]: unknown key 'cpus'\n"
        "     6 |       - SetCpuset: {cgroup: hto, cpus: {llc: 0}}\n"
        "       |                                  ^~~~\n");
}

TEST_CASE("one diagnostic reached in several ways is told once") {
  Diagnostics found;
  const Document document = LoadDocument("s.yaml", kScenario, found);
  for (const char* op : {"1", "2", "3"})
    found.Add(UnknownCgroup(std::string("steps/0/ops/") + op + "/SetCpuset/cgroup"));
  CHECK(RenderPretty(Locate(document, found)) ==
        "s.yaml:2:22: error[unknown-name]: no cgroup 'hto' is alive at this point\n"
        "     2 | x-hot: &hot {cgroup: hto, cpus: {llc: 0}}\n"
        "       |                      ^~~ did you mean 'hot' (created in step 'warm')?\n"
        "s.yaml:7:20: note: used through this alias\n"
        "     7 |       - SetCpuset: *hot\n"
        "       |                    ^~~~\n"
        "s.yaml: note: reached from 2 other places as well\n");
}

std::string Pretty(std::string text, std::string path, std::string hint = "") {
  Diagnostics found;
  const Document document = LoadDocument("t", std::move(text), found);
  found.Error(std::move(path), "c", "m", std::move(hint));
  return RenderPretty(Locate(document, found));
}

TEST_CASE("columns are code points, and a tab takes one") {
  CHECK(Pretty("{\"ü€\":\t\"äö\"}", "ü€", "h") ==
        "t:1:8: error[c]: m\n"
        "     1 | {\"ü€\": \"äö\"}\n"
        "       |        ^~~~ h\n");
}

TEST_CASE("long lines are cut to a window") {
  const std::string x(200, 'x');
  CHECK(Pretty("{a: " + x + ", bcd: 1, c: " + x + "}", "bcd", "h") ==
        "t:1:212: error[c]: m\n"
        "     1 | ..." +
            std::string(43, 'x') + ", bcd: 1, c: " + std::string(54, 'x') +
            "...\n"
            "       |    " +
            std::string(50, ' ') + "^ h\n");
  CHECK(Pretty("a: " + x, "a") ==
        "t:1:4: error[c]: m\n"
        "     1 | a: " +
            std::string(107, 'x') +
            "...\n"
            "       |    ^" +
            std::string(106, '~') + "\n");
  CHECK(Pretty("{a: " + x + ", b: 7}", "b") ==
        "t:1:210: error[c]: m\n"
        "     1 | ..." +
            std::string(103, 'x') +
            ", b: 7}\n"
            "       | " +
            std::string(111, ' ') + "^\n");
}

TEST_CASE("line numbers above 999999 keep the bar straight") {
  LocatedDiagnostic item = LocateFile("t", "c", "m");
  item.span = {1234567, 1, 1};
  item.excerpt = "a";
  CHECK(RenderPretty(std::vector{item}) == "t:1234567:1: error[c]: m\n1234567 | a\n        | ^\n");
}

TEST_CASE("a hint with no line to stand under") {
  LocatedDiagnostic item = LocateFile("t", "c", "m");
  item.hint = "h";
  CHECK(RenderPretty(std::vector{item}) == "t: error[c]: m\n       h\n");
}

TEST_CASE("nothing from a file can steer the terminal") {
  LocatedDiagnostic item = LocateFile("t", "c", "a\x1b[31m\x7f\r\t");
  CHECK(item.message == "a\\x1b[31m\\x7f\\x0d\\t");
  item.span = {1, 1, 1};
  item.excerpt = "a\x1b[31m\xff\xc2\x9b z";
  CHECK(RenderPretty(std::vector{item}) ==
        "t:1:1: error[c]: a\\x1b[31m\\x7f\\x0d\\t\n"
        "     1 | a\\x1b[31m\\xff\\u009b z\n"
        "       | ^\n");
}

TEST_CASE("what is written out of a source line moves the underline along") {
  LocatedDiagnostic item = LocateFile("t", "c", "m");
  item.span = {1, 3, 3};
  item.excerpt = "\x1b b\x1b\tc";
  CHECK(RenderPretty(std::vector{item}) ==
        "t:1:3: error[c]: m\n"
        "     1 | \\x1b b\\x1b c\n"
        "       |      ^~~~~~\n");
}

TEST_CASE("colour only on request") {
  LocatedDiagnostic item = LocateFile("t", "c", "m");
  item.span = {1, 1, 2};
  item.excerpt = "ab";
  item.hint = "h";
  CHECK(RenderPretty(std::vector{item}, true) ==
        "\x1b[1mt:1:1:\x1b[0m \x1b[1;31merror[c]:\x1b[0m m\n"
        "     1 \x1b[34m|\x1b[0m ab\n"
        "       \x1b[34m|\x1b[0m \x1b[1;32m^~\x1b[0m h\n");
}

TEST_CASE("json") {
  CHECK(RenderJson({}) == "[]\n");
  CHECK(RenderJson(std::vector{Sample()[0], Sample()[2]}) == R"([
  {
    "file": "a,b:c/gone \u00e9.yaml",
    "line": 0,
    "column": 0,
    "endColumn": 0,
    "severity": "error",
    "code": "unreadable",
    "message": "no such file",
    "hint": "",
    "notes": []
  },
  {
    "file": "scenarios/shrink.yaml",
    "line": 2,
    "column": 22,
    "endColumn": 25,
    "severity": "error",
    "code": "unknown-name",
    "message": "no cgroup 'hto' is alive at this point",
    "hint": "did you mean 'hot' (created in step 'warm')?",
    "notes": [
      {
        "file": "scenarios/shrink.yaml",
        "line": 8,
        "column": 25,
        "endColumn": 29,
        "message": "merged in here"
      }
    ]
  }
]
)");
}

TEST_CASE("sarif") {
  const std::vector<LocatedDiagnostic> sample = Sample();
  CHECK(RenderSarif(std::vector{sample[0], sample[1], sample[2], sample[3]}) == R"({
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "version": "2.1.0",
  "runs": [
    {
      "tool": {
        "driver": {
          "name": "ktstr-interp",
          "rules": [
            {
              "id": "unreadable"
            },
            {
              "id": "old-version"
            },
            {
              "id": "unknown-name"
            }
          ]
        }
      },
      "columnKind": "unicodeCodePoints",
      "results": [
        {
          "ruleId": "unreadable",
          "ruleIndex": 0,
          "level": "error",
          "message": {
            "text": "no such file"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "a%2Cb%3Ac/gone%20%C3%A9.yaml"
                }
              }
            }
          ]
        },
        {
          "ruleId": "old-version",
          "ruleIndex": 1,
          "level": "warning",
          "message": {
            "text": "50% of this,\\nis old"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "scenarios/shrink.yaml"
                },
                "region": {
                  "startLine": 1,
                  "startColumn": 10,
                  "endColumn": 11
                }
              }
            }
          ],
          "relatedLocations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "scenarios/shrink.yaml"
                },
                "region": {
                  "startLine": 4,
                  "startColumn": 11,
                  "endColumn": 17
                }
              },
              "message": {
                "text": "newer things are here"
              }
            }
          ]
        },
        {
          "ruleId": "unknown-name",
          "ruleIndex": 2,
          "level": "error",
          "message": {
            "text": "no cgroup 'hto' is alive at this point; did you mean 'hot' (created in step 'warm')?"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "scenarios/shrink.yaml"
                },
                "region": {
                  "startLine": 2,
                  "startColumn": 22,
                  "endColumn": 25
                }
              }
            }
          ],
          "relatedLocations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "scenarios/shrink.yaml"
                },
                "region": {
                  "startLine": 8,
                  "startColumn": 25,
                  "endColumn": 29
                }
              },
              "message": {
                "text": "merged in here"
              }
            }
          ]
        },
        {
          "ruleId": "unknown-name",
          "ruleIndex": 2,
          "level": "error",
          "message": {
            "text": "no cgroup 'hto' is alive at this point; did you mean 'hot' (created in step 'warm')?"
          },
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "scenarios/shrink.yaml"
                },
                "region": {
                  "startLine": 6,
                  "startColumn": 29,
                  "endColumn": 32
                }
              }
            }
          ]
        }
      ]
    }
  ]
}
)");
  CHECK(RenderSarif({}) == R"({
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "version": "2.1.0",
  "runs": [
    {
      "tool": {
        "driver": {
          "name": "ktstr-interp",
          "rules": []
        }
      },
      "columnKind": "unicodeCodePoints",
      "results": []
    }
  ]
}
)");
}

TEST_CASE("github") {
  const std::vector<LocatedDiagnostic> sample = Sample();
  CHECK(
      RenderGithub(std::vector{sample[0], sample[1], sample[2]}) ==
      "::error file=a%2Cb%3Ac/gone é.yaml,title=unreadable::no such file\n"
      "::warning file=scenarios/shrink.yaml,line=1,col=10,title=old-version::50%25 of this,\\nis old\n"
      "::error file=scenarios/shrink.yaml,line=2,col=22,title=unknown-name::no cgroup 'hto' is alive at this "
      "point; did you mean 'hot' (created in step 'warm')?\n");
}

TEST_CASE("formats have names") {
  CHECK(ParseDiagnosticFormat("pretty") == DiagnosticFormat::kPretty);
  CHECK(ParseDiagnosticFormat("sarif") == DiagnosticFormat::kSarif);
  CHECK_FALSE(ParseDiagnosticFormat("xml"));
  const std::vector<LocatedDiagnostic> sample = Sample();
  CHECK(RenderDiagnostics(DiagnosticFormat::kPretty, sample) == RenderPretty(sample));
  CHECK(RenderDiagnostics(DiagnosticFormat::kJson, sample) == RenderJson(sample));
  CHECK(RenderDiagnostics(DiagnosticFormat::kSarif, sample) == RenderSarif(sample));
  CHECK(RenderDiagnostics(DiagnosticFormat::kGithub, sample) == RenderGithub(sample));
}

}  // namespace
}  // namespace ktstr
