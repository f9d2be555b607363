#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "interpreter/load/source_text.h"

namespace ktstr {
namespace {

TEST_CASE("SourceText maps offsets to lines and columns") {
  const std::string text = "ab\r\nüc\n\nlast";
  const SourceText source(text);
  CHECK(source.line_count() == 4);
  CHECK(source.Line(1) == "ab");
  CHECK(source.Line(2) == "üc");
  CHECK(source.Line(3).empty());
  CHECK(source.Line(4) == "last");
  CHECK(source.Line(0).empty());
  CHECK(source.Line(5).empty());
  CHECK(source.LineAt(0) == 1);
  CHECK(source.LineAt(3) == 1);
  CHECK(source.LineAt(4) == 2);
  CHECK(source.LineAt(999) == 4);
  CHECK(source.LineStart(2) == 4);
  CHECK(source.LineStart(9) == text.size());
  CHECK(source.SpanOf(6, 7) == Span{2, 2, 1});
  CHECK(source.SpanOf(4, 7) == Span{2, 1, 2});
  CHECK(source.SpanOf(0, 9) == Span{1, 1, 2});
  CHECK(source.SpanOf(999, 1000) == Span{4, 5, 1});
}

TEST_CASE("FindInvalidUtf8 finds the first bad byte, also behind eight good ones") {
  CHECK(FindInvalidUtf8("") == std::string_view::npos);
  CHECK(FindInvalidUtf8("plain ascii, long enough for a word") == std::string_view::npos);
  CHECK(FindInvalidUtf8("ü€\xF0\x9F\x98\x80\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF") ==
        std::string_view::npos);
  CHECK(FindInvalidUtf8("0123456789\x80") == 10);
  CHECK(FindInvalidUtf8("0123456789ü\xE2\x82") == 12);
  CHECK(FindInvalidUtf8("\xF5\x80\x80\x80") == 0);
  CHECK(FindInvalidUtf8("\xE0\x80\x80") == 0);
  CHECK(FindInvalidUtf8("\xF0\x80\x80\x80") == 0);
}

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "ktstr-source-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    path_ = name;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST_CASE("ReadTextFile reads a file or says in one line why not") {
  const ScratchFolder folder;
  const auto error = [](const std::filesystem::path& path) {
    const Result<std::string> text = ReadTextFile(path);
    REQUIRE_FALSE(text.ok());
    CHECK(text.error().kind == ErrorKind::kInput);
    return text.error().message.substr(path.string().size());
  };
  std::ofstream(folder / "good") << "a: 1\n";
  CHECK(ReadTextFile(folder / "good").value() == "a: 1\n");
  std::ofstream(folder / "empty").flush();
  CHECK(ReadTextFile(folder / "empty").value().empty());
  CHECK(error(folder / "missing") == ": no such file");
  CHECK(error(folder.path()) == ": is a directory, not a file");
  CHECK(error(folder / "good/x") == ": cannot be opened: Not a directory");
  REQUIRE(mkfifo((folder / "fifo").c_str(), 0600) == 0);
  CHECK(error(folder / "fifo") == ": is not a regular file");
  std::ofstream(folder / "full") << std::string(kMaxTextBytes, 'x');
  CHECK(ReadTextFile(folder / "full").value().size() == kMaxTextBytes);
  std::ofstream(folder / "big") << std::string(kMaxTextBytes + 1, 'x');
  CHECK(error(folder / "big") == ": is larger than 10 MiB");
  std::filesystem::permissions(folder / "good", std::filesystem::perms::none);
  if (geteuid() != 0) {  // root reads everything
    CHECK(error(folder / "good") == ": cannot be opened: Permission denied");
  }
}

}  // namespace
}  // namespace ktstr
