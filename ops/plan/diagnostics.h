// Mistakes in what the user wrote, collected rather than thrown: a check adds all it finds, and the caller
// decides. Nothing here knows YAML: a diagnostic names its place by a document path, and only who loaded the
// document can turn that into a line and a column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace ktstr {

/// A stretch of one line of a text. Lines and columns count from 1, columns and lengths count code points.
/// Line 0 means "the file as a whole".
struct Span {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 0;

  friend bool operator==(const Span&, const Span&) = default;
};

enum class Severity { kError, kWarning };

/// A second place worth showing: where a name was created, where the first of two equal keys stands.
struct Note {
  std::string path;  // document path, as in Diagnostic
  std::string message;
  std::optional<Span> at = {};  // when set, the place itself; `path` is then ignored
};

/// One diagnostic. `path` is a document path: map keys and list indexes joined by '/', as in
/// `steps/1/ops/0/SetCpuset/cgroup`; "" is the whole document. A path may go deeper than the document does
/// (a missing key): the diagnostic is then shown at the longest prefix that exists.
struct Diagnostic {
  Severity severity = Severity::kError;
  std::string code;  // kebab-case and stable, e.g. "unknown-name"
  std::string path;
  bool on_key = false;    // show the key of the last path component rather than its value
  std::string message;    // one line, no trailing full stop
  std::string hint = {};  // how to mend it, e.g. "did you mean 'hot'?"; may be empty
  std::vector<Note> notes = {};
  std::optional<Span> at = {};  // set by the loader for diagnostics with no path; `path` is then ignored
};

/// A growing list of diagnostics, in the order they were found. Two with the same place, code and message
/// count once. Not thread-safe.
class Diagnostics {
 public:
  void Add(Diagnostic diagnostic);
  void Error(std::string path, std::string code, std::string message, std::string hint = "");
  void Warning(std::string path, std::string code, std::string message, std::string hint = "");
  /// An error shown at the key that ends `path`: an unknown key, a key that does not belong here.
  void ErrorOnKey(std::string path, std::string code, std::string message, std::string hint = "");

  [[nodiscard]] const std::vector<Diagnostic>& items() const { return items_; }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  /// Warnings do not count.
  [[nodiscard]] bool has_errors() const { return has_errors_; }

 private:
  std::vector<Diagnostic> items_;
  std::unordered_set<std::string> seen_;
  bool has_errors_ = false;
};

/// `base` + '/' + `key`; no slash when `base` is "". A '~' or '/' inside the key is written "~0" or "~1" (as
/// in JSON Pointer), so every path splits back into exactly what it was joined from.
std::string JoinPath(std::string_view base, std::string_view key);
std::string JoinPath(std::string_view base, std::size_t index);
/// Without this overload a literal 0 would be ambiguous between an index and a null pointer.
std::string JoinPath(std::string_view base, int index);

/// The unescaped components of a path; none for "".
std::vector<std::string> SplitPath(std::string_view path);

}  // namespace ktstr
