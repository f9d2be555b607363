// yaml-cpp says only where a token begins; these find where it ends, from the source text.
// Every offset counts bytes from the start of the text.
#pragma once

#include <cstddef>
#include <string_view>

#include "interpreter/load/source_text.h"

namespace ktstr {

/// The offset of the value itself, past `&anchor`, `!tag`, blanks, line ends and comments.
std::size_t SkipProperties(std::string_view text, std::size_t at);

/// Just past the quote that closes the string opened at `at`, or npos when nothing closes it.
/// REQUIRES: text[at] is ' or ".
std::size_t QuotedEnd(std::string_view text, std::size_t at);

/// Just past a plain scalar at `at` whose folded value is `value`; it may run over several lines.
std::size_t PlainEnd(std::string_view text, std::size_t at, std::string_view value);

/// Just past a block scalar's header (`|`, `>-`, ...) at `at`.
std::size_t BlockHeaderEnd(std::string_view text, std::size_t at);

/// Just past `*name` or `&name` at `at`.
std::size_t AnchorEnd(std::string_view text, std::size_t at);

/// Just past the `close` bracket that follows `at` with only blanks, commas, comments and empty values before
/// it, or npos.
std::size_t ClosingBracket(std::string_view text, std::size_t at, char close);

/// Just past `~`, `null`, `Null` or `NULL` at `at`, or npos when the text there is something else.
std::size_t NullWordEnd(std::string_view text, std::size_t at);

/// Spans of tokens that come in reading order: linear over the whole text even when it is one line of 10 MB,
/// because columns are counted on from the token before.
class SpanCursor {
 public:
  /// REQUIRES: `source` outlives the cursor.
  explicit SpanCursor(const SourceText& source) : source_(&source) {}
  Span SpanOf(std::size_t begin, std::size_t end);
  /// The offset where the line of the last SpanOf begins.
  [[nodiscard]] std::size_t line_start() const { return line_start_; }

 private:
  void MoveTo(std::size_t offset);

  const SourceText* source_;
  std::uint32_t line_ = 1;
  std::size_t line_start_ = 0;
  std::size_t offset_ = 0;  // on line_, with column_ code points before it
  std::uint32_t column_ = 0;
};

}  // namespace ktstr
