#include <catch2/catch.hpp>

#include "interpreter/load/document.h"

namespace ktstr {
namespace {

std::string Show(const std::optional<Span>& span) {
  if (!span) return "-";
  return std::to_string(span->line) + ":" + std::to_string(span->column) + "+" + std::to_string(span->length);
}

struct Loaded {
  Diagnostics diagnostics;
  Document document;
  explicit Loaded(std::string text) : document(LoadDocument("t.yaml", std::move(text), diagnostics)) {}

  /// One line per diagnostic.
  [[nodiscard]] std::string Messages() const {
    std::string out;
    for (const Diagnostic& diagnostic : diagnostics.items()) {
      out += Show(diagnostic.at) + " " + diagnostic.code + ": " + diagnostic.message;
      if (!diagnostic.hint.empty()) out += " (" + diagnostic.hint + ")";
      for (const Note& note : diagnostic.notes) out += " | " + Show(note.at) + " " + note.message;
      out += "\n";
    }
    return out;
  }
};

/// The diagnostics of a text whose tree is not worth looking at.
std::string Fatal(std::string text) {
  const Loaded loaded(std::move(text));
  CHECK_FALSE(loaded.document.complete());
  CHECK(loaded.document.root()->broken);
  return loaded.Messages();
}

/// The diagnostics of a text whose tree is still good.
std::string DiagnosticsOf(std::string text) {
  const Loaded loaded(std::move(text));
  CHECK(loaded.document.complete());
  return loaded.Messages();
}

TEST_CASE("syntax errors end the file with one clear line") {
  CHECK(Fatal("a: \"abc\nb: 3\n") == "1:4+1 syntax: this quote is never closed\n");
  CHECK(Fatal("a: 'x''\n") == "1:4+1 syntax: this quote is never closed\n");
  CHECK(
      Fatal("a: [1, 2\nb: 3\n") ==
      "2:2+1 syntax: a '[' is not closed before this (add the missing ']') | 1:4+1 this '[' is still open\n");
  CHECK(Fatal("a: {b: 1]\n") ==
        "1:9+1 syntax: this bracket closes nothing that is open | 1:4+1 this '{' is still open\n");
  CHECK(Fatal("a: ]\n") == "1:4+1 syntax: this bracket closes nothing that is open\n");
  CHECK(
      Fatal("a: 1\n b: 3\n") ==
      "2:3+1 syntax: a ':' cannot stand here (check the indentation and the line above, or put quotes around "
      "the text)\n");
  CHECK(Fatal("a: @x\n") ==
        "1:4+1 syntax: no value can begin with this character (put quotes around the text)\n");
  CHECK(Fatal("a: 1\n- foo\n") ==
        "2:1+1 syntax: this is neither a 'key: value' of the map above nor its end (check the indentation, "
        "or put "
        "quotes around the text)\n");
  CHECK(Fatal("- a\nb\n") ==
        "2:1+1 syntax: this does not belong to the value above, which has ended (check the indentation)\n");
  CHECK(Fatal("{a: 1}\nb: 2\n") ==
        "2:1+1 syntax: this does not belong to the value above, which has ended (check the indentation)\n");
  CHECK(Fatal("a: *\n") == "1:5+1 syntax: a name is missing after '*' (put quotes around the text)\n");
  CHECK(Fatal("a: |x\n  b") == "1:5+1 syntax: only an indentation digit, '+' or '-' can follow '|' or '>'\n");
}

TEST_CASE("tabs cannot indent") {
  CHECK(Fatal("a:\n\tb: 1\n") == "2:1+1 tab: a tab cannot indent YAML (use spaces)\n");
  CHECK(Fatal("a:\n  b: 1\n\tc: 2\n") == "3:1+1 tab: a tab cannot indent YAML (use spaces)\n");
  CHECK(DiagnosticsOf("a:\n\tb\n") == "2:1+1 tab: a tab cannot indent YAML (use spaces)\n");
  SECTION("elsewhere they are harmless") {
    CHECK(DiagnosticsOf("a:\tb\t# c\nd: [1,\n\t2]\ne: |\n  \tx\n").empty());
  }
}

TEST_CASE("texts that are not YAML at all") {
  CHECK(Fatal("") == "0:0+0 empty-file: the file is empty\n");
  CHECK(Fatal("\xEF\xBB\xBF") == "0:0+0 empty-file: the file is empty\n");
  CHECK(Fatal("# only a comment\n") == "0:0+0 empty-file: the file holds no value\n");
  CHECK(Fatal("---\n...\n") == "0:0+0 empty-file: the file holds no value\n");
  CHECK(Fatal("a: b\nc: \xC3(\n") == "2:4+1 encoding: the file is not UTF-8: bad byte 0xC3\n");
  CHECK(Fatal("\xFF\xFE"
              "a") == "1:1+1 encoding: the file is not UTF-8: bad byte 0xFF\n");
  CHECK(Fatal("a: \xED\xA0\x80") == "1:4+1 encoding: the file is not UTF-8: bad byte 0xED\n");
  CHECK(Fatal("a: \xC0\x80") == "1:4+1 encoding: the file is not UTF-8: bad byte 0xC0\n");
  CHECK(Fatal("a: \xF4\x90\x80\x80") == "1:4+1 encoding: the file is not UTF-8: bad byte 0xF4\n");
  CHECK(Fatal("a: \xE2\x82") == "1:4+1 encoding: the file is not UTF-8: bad byte 0xE2\n");
  CHECK(Fatal(std::string("a: \0b", 5)) ==
        "1:4+1 encoding: control character 0x00 in the file (is it a text file?)\n");
  CHECK(Fatal("a: b\n\x04nonsense: [") == "2:1+1 encoding: control character 0x04 in the file\n");
  CHECK(Fatal("a: " + std::string(10 * 1024 * 1024, 'x')) ==
        "0:0+0 too-large: the file is larger than 10 MiB\n");
}

TEST_CASE("a file holds one document") {
  const std::string expected =
      "3:1+3 many-documents: a second document starts here; a file holds one (move it to a file of its "
      "own)\n";
  CHECK(DiagnosticsOf("a: 1\nb: 2\n---\nc: 3\n") == expected);
  CHECK(DiagnosticsOf("---\na: 1\n---\n") == expected);
}

TEST_CASE("duplicate keys") {
  CHECK(DiagnosticsOf("a: 1\nb: 2\n'a': 3\n") ==
        "3:1+3 duplicate-key: the key 'a' stands twice in this map | 1:1+1 the first one is here\n");
  CHECK(DiagnosticsOf("x: {<<: {a: 1}, <<: {b: 1}}") ==
        "1:17+2 duplicate-key: '<<' stands twice in this map (give one '<<' a list: [*first, *second])\n");
  const Loaded loaded("a: 1\na: 2\na: 3\n");
  CHECK(loaded.diagnostics.size() == 2);
  CHECK(loaded.document.Find("a")->text == "1");
  CHECK(loaded.document.root()->entries.size() == 1);
  SECTION("a key that only repeats what << brought is none") {
    CHECK(DiagnosticsOf("x: {<<: {a: 1}, a: 2}").empty());
  }
  SECTION("in a large map too") {
    std::string text;
    for (int i = 0; i < 100; ++i) text += "k" + std::to_string(i) + ": 1\n";
    CHECK(DiagnosticsOf(text + "k7: 2\n") ==
          "101:1+2 duplicate-key: the key 'k7' stands twice in this map | 8:1+2 the first one is here\n");
  }
}

TEST_CASE("a file with too many mistakes is given up") {
  std::string text;
  for (int i = 0; i < 1001; ++i) text += "a: 1\n";
  CHECK(Loaded(text).diagnostics.size() == 1000);
  CHECK(Loaded(text).document.complete());
  const Loaded loaded(text + "a: 1\n");
  CHECK_FALSE(loaded.document.complete());
  REQUIRE(loaded.diagnostics.size() == 1001);
  CHECK(loaded.diagnostics.items()[1000].code == "too-many-mistakes");
  CHECK(loaded.diagnostics.items()[1000].message ==
        "more than 1000 mistakes; the rest of the file was not read");
}

TEST_CASE("keys must be words") {
  CHECK(DiagnosticsOf("? [q]\n: 3\nb: 1\n") ==
        "1:3+3 bad-key: a key must be a word, not a list (put quotes around it if it is text)\n");
  CHECK(DiagnosticsOf("c: {{x}: 1}") ==
        "1:5+3 bad-key: a key must be a word, not a map (put quotes around it if it is text)\n");
  CHECK(DiagnosticsOf("a: &x {}\n*x : 1\n") == "2:1+2 bad-key: a key must be a word, not a map\n");
  CHECK(DiagnosticsOf("a: 1\n: 4\n") == "2:1+1 bad-key: there is no key before this ':'\n");
  const Loaded loaded("? {a: {b: 1}}\n: {c: 1}\nd: 2\n");
  REQUIRE(loaded.document.root()->entries.size() == 1);
  CHECK(loaded.document.Find("d")->text == "2");
}

TEST_CASE("tags other than the core ones, or that do not fit") {
  CHECK(
      DiagnosticsOf("a: !foo x\nb: !!omap [1]\nc: !!int two\nd: !!str [1]\ne: !!map x\nf: !!bool yes\n") ==
      "1:9+1 bad-tag: unknown tag '!foo' (only !!str, !!int, !!float, !!bool, !!null, !!map and !!seq have a "
      "meaning here)\n"
      "2:11+1 bad-tag: unknown tag '!!omap' (only !!str, !!int, !!float, !!bool, !!null, !!map and !!seq "
      "have a "
      "meaning here)\n"
      "3:10+3 bad-tag: the tag '!!int' does not fit a string\n"
      "4:10+1 bad-tag: the tag '!!str' does not fit a list\n"
      "5:10+1 bad-tag: the tag '!!map' does not fit a string\n"
      "6:11+3 bad-tag: the tag '!!bool' does not fit a string\n");
}

TEST_CASE("unknown anchors are all found, and the rest of the file is still read") {
  const Loaded loaded("a: &one 1\nb: *oen\nc: [*nope, *later]\nd: &later 2\nd: 3\n");
  CHECK(loaded.Messages() ==
        "2:4+4 unknown-anchor: no anchor '&oen' is known here (did you mean 'one'?)\n"
        "3:5+5 unknown-anchor: no anchor '&nope' is known here\n"
        "3:12+6 unknown-anchor: no anchor '&later' is known here ('&later' must stand before it, not on line "
        "4)\n"
        "5:1+1 duplicate-key: the key 'd' stands twice in this map | 4:1+1 the first one is here\n");
  CHECK(loaded.document.complete());
  CHECK(loaded.document.Find("b")->broken);
  CHECK(loaded.document.Find("c/1")->broken);
  CHECK_FALSE(loaded.document.Find("d")->broken);
  SECTION("a file full of them ends with the first hundred") {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "- *x" + std::to_string(i) + "\n";
    const Loaded many(text);
    CHECK(many.diagnostics.size() == 100);
    CHECK_FALSE(many.document.complete());
  }
}

TEST_CASE("an alias inside what it stands for") {
  const Loaded loaded("a: &x [1, *x]\nb: &y {c: {<<: *y}}\n");
  CHECK(loaded.Messages() ==
        "1:11+2 recursive-alias: '*x' is used inside the value it stands for\n"
        "2:16+2 recursive-alias: '*y' is used inside the value it stands for\n");
  CHECK(loaded.document.Find("a/1")->broken);
}

TEST_CASE("<< takes maps") {
  CHECK(DiagnosticsOf("a: &x 1\nb: {<<: *x}\nc: {<<: [*x, {d: 1}]}\ne: {<<: }\n") ==
        "2:9+2 bad-merge: '<<' takes a map or a list of maps, not an integer\n"
        "3:10+2 bad-merge: '<<' takes a map or a list of maps, not an integer\n"
        "4:5+2 bad-merge: '<<' takes a map or a list of maps, not nothing\n");
}

TEST_CASE("nesting is bounded") {
  const auto lists = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  CHECK(DiagnosticsOf(lists(100)).empty());
  CHECK(Fatal(lists(101)) == "1:101+1 too-deep: collections are nested more than 100 deep\n");
  for (const std::string open : {"[", "- ", "? ", "{a: ", "a: ["}) {
    INFO(open);
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += open;
    Loaded loaded(text);
    CHECK_FALSE(loaded.document.complete());
    CHECK(loaded.diagnostics.size() == 1);
  }
  SECTION("with aliases followed") {
    std::string text = "a0: &a0 []\n";
    for (int i = 1; i < 100; ++i) {
      const std::string n = std::to_string(i);
      text += "a" + n + ": &a" + n + " [*a" + std::to_string(i - 1) + "]\n";
    }
    CHECK(DiagnosticsOf(text) ==
          "100:12+4 too-deep: with '*a98' in place, collections are nested more than 100 deep\n");
  }
}

TEST_CASE("a billion laughs is a clean error") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += (j ? ", " : "") + alias;
    text += "]\n";
  }
  // a3 is 11111 values; a1 to a3 have added 110 + 1110 + 11110, so a4's eighth alias passes 100 000.
  CHECK(Fatal(text) ==
        "5:45+3 too-many-aliases: with '*a3' in place, aliases add more than 100000 values to this file\n");
  SECTION("by merging") {
    std::string merges = "x: &x\n";
    for (int i = 0; i < 1000; ++i) merges += "  k" + std::to_string(i) + ": 1\n";
    merges += "y:\n";
    for (int i = 0; i < 99; ++i) merges += "  - <<: *x\n";
    CHECK(DiagnosticsOf(merges).empty());
    CHECK(
        Fatal(merges + "  - <<: *x\n") ==
        "1102:9+2 too-many-aliases: with '*x' in place, aliases add more than 100000 values to this file\n");
  }
  SECTION("by merging inline maps into each other") {
    std::string inline_maps;
    for (int i = 0; i < 90; ++i) inline_maps += "{<<: ";
    inline_maps += "{";
    for (int i = 0; i < 2000; ++i) inline_maps += "k" + std::to_string(i) + ": 1,";
    inline_maps += "}" + std::string(90, '}');
    CHECK(
        Fatal(inline_maps).ends_with("too-many-aliases: '<<' adds more than 100000 entries to this file\n"));
  }
}

}  // namespace
}  // namespace ktstr
