#include "interpreter/load/document_scan.h"

#include <algorithm>

namespace ktstr {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kAnchorEnds = " \t\r\n,[]{}";

bool Is(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }

std::size_t FindOrEnd(std::string_view text, std::string_view set, std::size_t at) {
  return std::min(text.find_first_of(set, at), text.size());
}

std::size_t SkipBlanksAndComments(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    if (text[at] == '#') {
      at = FindOrEnd(text, "\n", at);
    } else if (Is(kBlanks, text[at])) {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

}  // namespace

std::size_t SkipProperties(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == '&' || text[at] == '!')) {
    if (text.substr(at, 2) == "!<") at = FindOrEnd(text, ">", at);
    at = SkipBlanksAndComments(text, FindOrEnd(text, kAnchorEnds, at));
  }
  return at;
}

std::size_t QuotedEnd(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return i + 1;
      ++i;  // '' inside a single-quoted string
    }
  }
  return std::string_view::npos;
}

std::size_t PlainEnd(std::string_view text, std::size_t at, std::string_view value) {
  std::size_t i = at;
  for (std::size_t v = 0; v < value.size() && i < text.size(); ++v) {
    if (text[i] == value[v]) {
      ++i;
    } else if (Is(kBlanks, text[i])) {
      // A fold: any run of blanks and line ends in the text is one space, or line ends only, in the value.
      while (i < text.size() && Is(kBlanks, text[i])) ++i;
      while (v + 1 < value.size() && value[v + 1] == '\n') ++v;
    } else {
      break;
    }
  }
  return i;
}

std::size_t BlockHeaderEnd(std::string_view text, std::size_t at) { return FindOrEnd(text, kBlanks, at); }

std::size_t AnchorEnd(std::string_view text, std::size_t at) {
  return FindOrEnd(text, kAnchorEnds, std::min(at + 1, text.size()));
}

std::size_t ClosingBracket(std::string_view text, std::size_t at, char close) {
  while (at < text.size()) {
    at = SkipBlanksAndComments(text, at);
    if (at >= text.size()) break;
    if (text[at] == close) return at + 1;
    if (!Is(",:?", text[at])) break;
    ++at;
  }
  return std::string_view::npos;
}

std::size_t NullWordEnd(std::string_view text, std::size_t at) {
  for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
    if (text.substr(std::min(at, text.size()), word.size()) != word) continue;
    const std::size_t end = at + word.size();
    if (end >= text.size() || Is(" \t\r\n,[]{}:", text[end])) return end;
  }
  return std::string_view::npos;
}

void SpanCursor::MoveTo(std::size_t offset) {
  const std::string_view text = source_->text();
  if (offset < line_start_) {
    line_ = source_->LineAt(offset);
  } else {
    // Most tokens stand on this line or one of the next few.
    std::uint32_t steps = 0;
    while (line_ < source_->line_count() && source_->LineStart(line_ + 1) <= offset) {
      if (++steps > 16) {
        line_ = source_->LineAt(offset);
        break;
      }
      ++line_;
    }
  }
  const std::size_t start = source_->LineStart(line_);
  if (start != line_start_ || offset < offset_) {
    line_start_ = start;
    offset_ = start;
    column_ = 0;
  }
  column_ += static_cast<std::uint32_t>(CountCodePoints(text.substr(offset_, offset - offset_)));
  offset_ = offset;
}

Span SpanCursor::SpanOf(std::size_t begin, std::size_t end) {
  const std::string_view text = source_->text();
  begin = std::min(begin, text.size());
  end = std::clamp(end, begin, text.size());
  MoveTo(begin);
  std::string_view covered = text.substr(begin, end - begin);
  covered = covered.substr(0, covered.find_first_of("\r\n"));
  return {line_, column_ + 1,
          std::max<std::uint32_t>(1, static_cast<std::uint32_t>(CountCodePoints(covered)))};
}

}  // namespace ktstr
