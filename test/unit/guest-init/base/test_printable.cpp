// What is shown of foreign text.
#include <catch2/catch.hpp>

#include "guest-init/base/printable.h"

namespace ktstr {
namespace {

using namespace std::literals;

TEST_CASE("foreign text: controls and line ends are written out") {
  CHECK(Printable("a\x1b[31mb\x07\x7f\r\n\tc") == R"(a\x1b[31mb\x07\x7f\x0d\n\tc)");
  CHECK(Printable("\0"sv) == R"(\x00)");
  CHECK(Printable("\xC2\x9B"
                  "31m\xC2\x85") == R"(\u009b31m\u0085)");
}

TEST_CASE("foreign text: what turns the direction of text or is not seen is written out") {
  CHECK(Printable("\xE2\x80\xAE\xE2\x80\xAA\xE2\x81\xA6\xE2\x80\x8F\xD8\x9C") ==
        R"(\u202e\u202a\u2066\u200f\u061c)");
  CHECK(Printable("\xE2\x80\x8B\xE2\x80\x8D\xEF\xBB\xBF\xC2\xAD\xE2\x81\xA0\xE3\x85\xA4") ==
        R"(\u200b\u200d\ufeff\u00ad\u2060\u3164)");
  CHECK(Printable("\xE2\x80\xA8\xE2\x80\xA9") == R"(\u2028\u2029)");
  CHECK(Printable("\xF3\xA0\x81\x81") == R"(\U000e0041)");
}

TEST_CASE("foreign text: bytes that are not UTF-8 are written out one by one") {
  CHECK(Printable("a\xFF\xC3") == R"(a\xff\xc3)");
  CHECK(Printable("\xC0\xAF") == R"(\xc0\xaf)");
  CHECK(Printable("\xED\xA0\x80") == R"(\xed\xa0\x80)");
  CHECK(Printable("\xE2\x80") == R"(\xe2\x80)");
}

TEST_CASE("foreign text: commands of CI systems are broken") {
  CHECK(Printable("::error file=x::y") == R"(\x3a:error file=x::y)");
  CHECK(Printable("  ::error::y") == R"(  \x3a:error::y)");
  CHECK(Printable("x ##[error]y") == R"(x #\x23[error]y)");
  CHECK(Printable("x ##vso[task.complete]") == R"(x #\x23vso[task.complete])");
  CHECK(Printable("###teamcity[") == R"(##\x23teamcity[)");
}

TEST_CASE("foreign text that is harmless stays as it is") {
  for (const char* text : {"", "plain text, std::string #1 ## heading [x]", "gr\xC3\xBC\xC3\x9F \xE2\x86\x92",
                           "\xE6\xBC\xA2\xE5\xAD\x97 \xF0\x9F\x98\x80", R"(C:\new \x1b)"})
    CHECK(Printable(text) == text);
}

TEST_CASE("foreign text that was shown once is not changed by showing it again") {
  const std::string hostile = "::a\x1b[1m\xE2\x80\xAE##[b]\xFF\n::c##vso[d]";
  CHECK(Printable(Printable(hostile)) == Printable(hostile));
}

TEST_CASE("the characters of foreign text are shown one by one") {
  CHECK(PrintableCharacters("a\xC3\xBC\x1b\xFF##[") ==
        std::vector<std::string>{"a", "\xC3\xBC", R"(\x1b)", R"(\xff)", "#", R"(\x23)", "["});
}

TEST_CASE("a word of a shell is quoted, and written out where it could not be shown") {
  CHECK(ShellWord("a/b-1.yaml") == "a/b-1.yaml");
  CHECK(ShellWord("") == "''");
  CHECK(ShellWord("a b;$(c)") == "'a b;$(c)'");
  CHECK(ShellWord("it's") == R"('it'\''s')");
  CHECK(ShellWord("a\n::error::b") == R"($'a\012::error::b')");
  CHECK(ShellWord("\x1b[31m'\\") == R"($'\033[31m\'\\')");
  CHECK(ShellWord("##[error]") == R"($'#\043[error]')");
  CHECK(ShellWord("\xE2\x80\xAE") == R"($'\342\200\256')");
}

}  // namespace
}  // namespace ktstr
