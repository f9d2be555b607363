#include <catch2/catch.hpp>
#include <cmath>

#include "interpreter/load/document.h"

namespace ktstr {
namespace {

std::string Show(const Span& span) {
  return std::to_string(span.line) + ":" + std::to_string(span.column) + "+" + std::to_string(span.length);
}

/// A tree in one line: kind letter, text, span; entries in braces, items in brackets.
std::string Show(const Node& node, bool with_spans) {
  std::string out = node.broken ? "!" : "";
  if (node.IsMap()) {
    for (const Entry& entry : node.entries) {
      out += (&entry == node.entries.data() ? "" : " ") + std::string(entry.key);
      if (with_spans) out += "@" + Show(entry.key_span);
      out += "=" + Show(*entry.value, with_spans);
    }
    out = "{" + out + "}";
  } else if (node.IsSeq()) {
    for (const Node* item : node.items) {
      out += (item == node.items[0] ? "" : " ") + Show(*item, with_spans);
    }
    out = "[" + out + "]";
  } else {
    out += std::string(1, "nbifs"[static_cast<int>(node.kind)]) + "'" + std::string(node.text) + "'";
  }
  return with_spans ? out + "@" + Show(node.span) : out;
}

std::string Tree(std::string text, bool with_spans = false) {
  Diagnostics diagnostics;
  const Document document = LoadDocument("t.yaml", std::move(text), diagnostics);
  for (const Diagnostic& diagnostic : diagnostics.items())
    UNSCOPED_INFO(diagnostic.code << ": " << diagnostic.message);
  CHECK(diagnostics.empty());
  CHECK(document.complete());
  return Show(*document.root(), with_spans);
}

std::string Spans(std::string text) { return Tree(std::move(text), true); }

TEST_CASE("plain scalars follow the YAML 1.2 core schema") {
  using enum NodeKind;
  const auto check = [](NodeKind kind, std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) {
      INFO(word);
      CHECK(ResolvePlainScalar(word) == kind);
    }
  };
  check(kNull, {"", "~", "null", "Null", "NULL"});
  check(kBool, {"true", "True", "TRUE", "false", "False", "FALSE"});
  check(kInt, {"0", "10", "010", "-3", "+3", "0x1F", "0o17", "99999999999999999999"});
  check(kFloat, {"1.5", ".5", "5.", "1e3", "-1.2E-3", "+.5e+1", ".inf", "-.INF", "+.Inf", ".nan", ".NaN"});
  check(kString,
        {"yes", "no", "on", "off",   "nULL", "tRUE",   "0x",  "0o8",   "-0x1", "1_000", "1:30",     ".",  "-",
         "+",   "e3", "1e", "1.5.2", "2s",   "512MiB", "90%", "-.nan", ".Nan", "0b1",   "12:30:45", "inf"});
}

TEST_CASE("numbers have the value YAML 1.2 gives them") {
  Diagnostics diagnostics;
  const Document document = LoadDocument(
      "t",
      "[010, 0x1F, 0o17, -5, +7, 18446744073709551615, 99999999999999999999, 1.5, .inf, -.inf, .nan, "
      "+.5e1, true, False, '3', 0xffffffffffffffff]",
      diagnostics);
  REQUIRE(diagnostics.empty());
  const auto item = [&](int i) { return document.Find(JoinPath("", i)); };
  CHECK(item(0)->IntValue() == 10);
  CHECK(item(1)->IntValue() == 31);
  CHECK(item(2)->IntValue() == 15);
  CHECK(item(3)->IntValue() == -5);
  CHECK_FALSE(item(3)->UintValue());
  CHECK(item(4)->IntValue() == 7);
  CHECK_FALSE(item(5)->IntValue());
  CHECK(item(5)->UintValue() == 18446744073709551615u);
  CHECK_FALSE(item(6)->UintValue());
  CHECK(item(7)->FloatValue() == 1.5);
  CHECK_FALSE(item(7)->IntValue());
  CHECK(std::isinf(*item(8)->FloatValue()));
  CHECK(*item(9)->FloatValue() < 0);
  CHECK(std::isnan(*item(10)->FloatValue()));
  CHECK(item(11)->FloatValue() == 5.0);
  CHECK(item(12)->BoolValue() == true);
  CHECK(item(13)->BoolValue() == false);
  CHECK_FALSE(item(14)->IntValue());
  CHECK(item(1)->FloatValue() == 31.0);
  CHECK(item(15)->UintValue() == 0xffffffffffffffffu);
}

TEST_CASE("trees") {
  CHECK(Tree("a: yes\nb: 'x'\nc: [1, 2.5, ~]\n") == "{a=s'yes' b=s'x' c=[i'1' f'2.5' n'~']}");
  CHECK(Tree("- a\n-\n- - b\n  - c: 1\n    d:\n") == "[s'a' n'' [s'b' {c=i'1' d=n''}]]");
  CHECK(Tree("{\"a\":1, b: , c: {}, d: []}") == "{a=i'1' b=n'' c={} d=[]}");
  CHECK(Tree("a: |\n  x\n  \ty\nb: >-\n  p\n  q\n") == "{a=s'x\n\ty\n' b=s'p q'}");
  CHECK(Tree("\"q\\n\\u00e9\"") == "s'q\n\u00e9'");
  CHECK(Tree("'it''s'") == "s'it's'");
  CHECK(Tree("--- # start\na: 1\n...\n") == "{a=i'1'}");
  CHECK(Tree("\xEF\xBB\xBF"
             "a: 1") == "{a=i'1'}");
  CHECK(Tree("a: 1\r\nb: x\r\n") == "{a=i'1' b=s'x'}");
  CHECK(Tree("a: x # no\nb: x#yes") == "{a=s'x' b=s'x#yes'}");
  CHECK(Tree("1: a\n'2': b\nnull: c\n~: d\n") == "{1=s'a' 2=s'b' null=s'c' ~=s'd'}");
  CHECK(Tree("? a\n: b\n? c\n") == "{a=s'b' c=n''}");
  CHECK(Tree("a: x\n   y\n\n   z\nb: 1") == "{a=s'x y\nz' b=i'1'}");
}

TEST_CASE("core tags decide the kind") {
  CHECK(Tree("[!!str 10, !!int '12', !!float 3, !!bool 'true', !!null '', ! 5, !!str ~]") ==
        "[s'10' i'12' f'3' b'true' n'' s'5' s'~']");
  CHECK(Tree("a: !!map {b: 1}\nc: !!seq [1]\n") == "{a={b=i'1'} c=[i'1']}");
}

TEST_CASE("spans cover what is written") {
  CHECK(Spans("ab: cde\nf: 'gh'\n") == "{ab@1:1+2=s'cde'@1:5+3 f@2:1+1=s'gh'@2:4+4}@1:1+2");
  SECTION("flow collections reach to their bracket, or to the end of their first line") {
    CHECK(Spans("a: [1, {b: 2}, ]") == "{a@1:1+1=[i'1'@1:5+1 {b@1:9+1=i'2'@1:12+1}@1:8+6]@1:4+13}@1:1+1");
    CHECK(Spans("a: [1,\n  2]") == "{a@1:1+1=[i'1'@1:5+1 i'2'@2:3+1]@1:4+3}@1:1+1");
    CHECK(Spans("[ # c ]\n]") == "[]@1:1+7");
    CHECK(Spans("[[], \"]\", null]") == "[[]@1:2+2 s']'@1:6+3 n'null'@1:11+4]@1:1+15");
  }
  SECTION("columns are code points") {
    CHECK(Spans("é: \"ü\" # ö\nü€: [äö, b]") ==
          "{é@1:1+1=s'ü'@1:4+3 ü€@2:1+2=[s'äö'@2:6+2 s'b'@2:10+1]@2:5+7}@1:1+1");
    CHECK(Spans("{é: ü€, b: c}") == "{é@1:2+1=s'ü€'@1:5+2 b@1:9+1=s'c'@1:12+1}@1:1+13");
  }
  SECTION("properties are not part of the value") {
    CHECK(Spans("a: &x !!str foo\nb: !!int\n  # c\n  3") ==
          "{a@1:1+1=s'foo'@1:13+3 b@2:1+1=i'3'@4:3+1}@1:1+1");
  }
  SECTION("multi-line scalars show their first line") {
    CHECK(Spans("a: multi\n  line\nb: |+\n  x\n") ==
          "{a@1:1+1=s'multi line'@1:4+5 b@3:1+1=s'x\n'@3:4+2}@1:1+1");
    CHECK(Spans("'a\n  b'") == "s'a b'@1:1+2");
  }
  SECTION("quotes inside quotes") {
    CHECK(Spans("[\"x\\\"y\\\\\", 'it''s']") == "[s'x\"y\\'@1:2+8 s'it's'@1:12+7]@1:1+19");
  }
  SECTION("a missing value shows its key or dash") {
    CHECK(Spans("ab:\nnull: 3\n") == "{ab@1:1+2=n''@1:1+2 null@2:1+4=i'3'@2:7+1}@1:1+2");
    CHECK(Spans("ab:\n  null\n") == "{ab@1:1+2=n'null'@2:3+4}@1:1+2");
    CHECK(Spans("x:\n  a:\n~: 1\n") == "{x@1:1+1={a@2:3+1=n''@2:3+1}@2:3+1 ~@3:1+1=i'1'@3:4+1}@1:1+1");
    CHECK(Spans("-\n- null\n-\n") == "[n''@1:1+1 n'null'@2:3+4 n''@3:1+1]@1:1+1");
    CHECK(Spans("- - # c\n  - 1\n") == "[[n''@1:3+1 i'1'@2:5+1]@1:3+1]@1:1+1");
    CHECK(Spans("a: &x\nb: 1") == "{a@1:1+1=n''@1:1+1 b@2:1+1=i'1'@2:4+1}@1:1+1");
    CHECK(Spans("{abc: , d}") == "{abc@1:2+3=n''@1:2+3 d@1:9+1=n''@1:9+1}@1:1+10");
  }
}

TEST_CASE("aliases share the anchored value and keep their own place") {
  Diagnostics diagnostics;
  const Document document = LoadDocument("t", "a: &x {k: [1]}\nb: *x\nc: &s str\n*s : *s\n", diagnostics);
  REQUIRE(diagnostics.empty());
  const Node* b = document.Find("b");
  REQUIRE(b);
  CHECK(b->alias_of == document.Find("a"));
  CHECK(Show(b->span) == "2:4+2");
  CHECK(document.Find("b/k/0") == document.Find("a/k/0"));
  CHECK(document.Find("str")->text == "str");
}

TEST_CASE("<< merges maps") {
  const std::string base = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\n";
  CHECK(Tree(base + "z: {<<: *x, a: 9}").ends_with(" z={a=i'9' b=i'1'}}"));
  CHECK(Tree(base + "z: {a: 9, <<: [*y, *x]}").ends_with(" z={a=i'9' b=i'2' c=i'2'}}"));
  CHECK(Tree(base + "z: {<<: [{d: 4}, *y]}").ends_with(" z={d=i'4' b=i'2' c=i'2'}}"));
  CHECK(Tree(base + "w: &w {<<: *x}\nz: {<<: *w}").ends_with(" z={a=i'1' b=i'1'}}"));
  CHECK(Tree("z: {\"<<\": 3}") == "{z={<<=i'3'}}");
  CHECK(Tree("z: {<<: {a: 1}}") == "{z={a=i'1'}}");
}

TEST_CASE("many keys in one map are found and merged") {
  std::string text = "x: &x\n";
  for (int i = 0; i < 300; ++i) text += "  k" + std::to_string(i) + ": 1\n";
  text += "y:\n  <<: *x\n";
  for (int i = 100; i < 400; ++i) text += "  k" + std::to_string(i) + ": 2\n";
  Diagnostics diagnostics;
  const Document document = LoadDocument("t", text, diagnostics);
  REQUIRE(diagnostics.empty());
  CHECK(document.Find("y")->entries.size() == 400);
  CHECK(document.Find("y/k50")->text == "1");
  CHECK(document.Find("y/k150")->text == "2");
}

std::string Located(const Document& document, std::string_view path, bool on_key = false) {
  const Location location = document.Locate(path, on_key);
  std::string out = Show(location.span);
  for (const Site& site : location.sites) out += " | " + Show(site.span) + " " + site.message;
  return out;
}

TEST_CASE("Locate finds paths, prefixes, aliases and merges") {
  Diagnostics diagnostics;
  const Document document = LoadDocument("t",
                                         "x: &x\n"              // 1
                                         "  cpu: {max: 3}\n"    // 2
                                         "  list: &l [p, q]\n"  // 3
                                         "y: *x\n"              // 4
                                         "z:\n"                 // 5
                                         "  - <<: *x\n"         // 6
                                         "    a/b: 1\n"         // 7
                                         "    list: *l\n",      // 8
                                         diagnostics);
  REQUIRE(diagnostics.empty());
  CHECK(Located(document, "") == "1:1+1");
  CHECK(Located(document, "x/cpu/max") == "2:14+1");
  CHECK(Located(document, "x/cpu/max", true) == "2:9+3");
  CHECK(Located(document, "z/0/a~1b") == "7:10+1");
  CHECK(Located(document, "z/0/list/1") == "3:16+1 | 8:11+2 used through this alias");
  CHECK(Located(document, "z/0/list") == "8:11+2 | 3:12+6 the value comes from here");
  CHECK(Located(document, "z/0/list", true) == "8:5+4");
  CHECK(Located(document, "y/cpu/max") == "2:14+1 | 4:4+2 used through this alias");
  CHECK(Located(document, "z/0/cpu/max") == "2:14+1 | 6:9+2 merged in here");
  CHECK(Located(document, "z/0/cpu", true) == "2:3+3 | 6:9+2 merged in here");
  SECTION("a path that ends early shows the key of what is there") {
    CHECK(Located(document, "x/cpu/weight") == "2:3+3");
    CHECK(Located(document, "x/cpu/max/deep/er", true) == "2:9+3");
    CHECK(Located(document, "z/7") == "5:1+1");
    CHECK(Located(document, "z/0/nope") == "6:5+2");
    CHECK(Located(document, "y/nope") == "4:1+1 | 2:3+3 the value comes from here");
    CHECK(Located(document, "y/nope", true) == "4:1+1 | 2:3+3 the value comes from here");
    CHECK(Located(document, "nope") == "1:1+1");
  }
  CHECK(document.Find("z/0/cpu/max")->text == "3");
  CHECK(document.Find("z/1") == nullptr);
  CHECK(document.Find("z/x") == nullptr);
  CHECK(document.Find("z/-1") == nullptr);
}

TEST_CASE("Locate names the alias of a merged list") {
  Diagnostics diagnostics;
  const Document document =
      LoadDocument("t", "l: &l [{a: 1}, {b: 2}]\nz: {<<: *l}\ny: {<<: [{c: 1}]}\n", diagnostics);
  REQUIRE(diagnostics.empty());
  CHECK(Located(document, "z/b") == "1:20+1 | 2:9+2 merged in here");
  CHECK(Located(document, "y/c") == "3:14+1");
}

TEST_CASE("a document outlives being moved") {
  Diagnostics diagnostics;
  Document first = LoadDocument("t", "a: b", diagnostics);
  const Node* a = first.Find("a");
  const Document second = std::move(first);
  CHECK(second.Find("a") == a);
  CHECK(a->text == "b");
  CHECK(second.Line(1) == "a: b");
}

TEST_CASE("an empty Document has a root to look at") {
  const Document document;
  CHECK(document.root()->broken);
  CHECK_FALSE(document.complete());
  CHECK(document.Find("a") == nullptr);
  CHECK(Located(document, "a/b") == "0:0+0");
}

}  // namespace
}  // namespace ktstr
