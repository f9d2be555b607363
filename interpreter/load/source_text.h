// The bytes of a text file and the way from byte offsets to lines and columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "ops/plan/diagnostics.h"

namespace ktstr {

/// No scenario file is larger; a larger one is refused before it is read.
inline constexpr std::size_t kMaxTextBytes = 10 * 1024 * 1024;

/// The whole file. Errors are of kind kInput and one line each: missing, a directory, not readable, not a
/// regular file, larger than kMaxTextBytes. Never opens a FIFO or a device.
Result<std::string> ReadTextFile(const std::filesystem::path& path);
/// The same for the file `below` the directory `root`, reached without following a link behind `root`.
/// Messages call it `root`/`below`.
Result<std::string> ReadTextFileBelow(const std::filesystem::path& root, const std::filesystem::path& below);

/// A text with its line starts. Lines end at LF; a CR before it is not part of the line. The text must not
/// move while this lives: it is viewed, not copied.
class SourceText {
 public:
  SourceText() = default;
  explicit SourceText(std::string_view text);

  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::uint32_t line_count() const { return static_cast<std::uint32_t>(starts_.size()); }
  /// A line (from 1) without its end; "" for a line that does not exist.
  [[nodiscard]] std::string_view Line(std::uint32_t line) const;
  /// The line (from 1) that holds the byte at `offset`; the last one for an offset past the end.
  [[nodiscard]] std::uint32_t LineAt(std::size_t offset) const;
  /// The offset of a line's first byte; the text's size for a line that does not exist.
  [[nodiscard]] std::size_t LineStart(std::uint32_t line) const;
  /// The span of the bytes [begin, end), cut at the end of the line it begins on; at least 1 long, except
  /// that a span at the very end of a line may stand one column past it.
  [[nodiscard]] Span SpanOf(std::size_t begin, std::size_t end) const;

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

/// Code points in a UTF-8 text; stray continuation bytes are not counted.
std::size_t CountCodePoints(std::string_view text);

/// The offset of the first byte that is not valid UTF-8 (overlong forms, surrogates and values beyond
/// U+10FFFF count as invalid), or npos.
std::size_t FindInvalidUtf8(std::string_view text);

}  // namespace ktstr
