// The way from bytes to a Document: what must hold before yaml-cpp sees the text, the parse, and its
// failures.
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>

#include "interpreter/load/document_build.h"
#include "interpreter/load/document_syntax.h"
#include "ops/plan/suggest.h"

namespace ktstr {
namespace {

// Lets yaml-cpp read a text in place.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string& text) { setg(text.data(), text.data(), text.data() + text.size()); }
};

Diagnostic DiagnoseAt(Span at, std::string code, std::string message, std::string hint = "") {
  return {Severity::kError, std::move(code), "", false, std::move(message), std::move(hint), {}, at};
}

std::size_t FindControlCharacter(std::string_view text) {
  const auto found = std::find_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
  });
  return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

// yaml-cpp would repair bad UTF-8 in silence, guess UTF-16 from NULs and take 0x04 for the end of the file.
std::optional<Diagnostic> CheckText(const SourceText& source) {
  const std::string_view text = source.text();
  if (text.size() > kMaxTextBytes) return DiagnoseAt({}, "too-large", "the file is larger than 10 MiB");
  if (text.empty()) return DiagnoseAt({}, "empty-file", "the file is empty");
  constexpr char kHex[] = "0123456789ABCDEF";
  if (const std::size_t at = FindInvalidUtf8(text); at != std::string_view::npos) {
    const auto byte = static_cast<unsigned char>(text[at]);
    return DiagnoseAt(source.SpanOf(at, at + 1), "encoding",
                      std::string("the file is not UTF-8: bad byte 0x") + kHex[byte >> 4] + kHex[byte & 15]);
  }
  if (const std::size_t at = FindControlCharacter(text); at != std::string_view::npos) {
    const auto byte = static_cast<unsigned char>(text[at]);
    return DiagnoseAt(
        source.SpanOf(at, at + 1), "encoding",
        std::string("control character 0x") + kHex[byte >> 4] + kHex[byte & 15] + " in the file",
        byte == 0 ? "is it a text file?" : "");
  }
  return std::nullopt;
}

Diagnostic UnknownAnchor(const Document::Storage& storage, std::size_t at,
                         const std::vector<std::string>& known) {
  const std::string_view text = storage.text;
  const std::size_t end = AnchorEnd(text, at);
  const std::string name(text.substr(at + 1, end - at - 1));
  std::string hint = DidYouMean(name, std::span<const std::string>(known));
  const std::size_t later = text.find("&" + name, end);
  if (later != std::string_view::npos && AnchorEnd(text, later) == later + 1 + name.size()) {
    hint =
        "'&" + name + "' must stand before it, not on line " + std::to_string(storage.source.LineAt(later));
  }
  return DiagnoseAt(storage.source.SpanOf(at, end), "unknown-anchor",
                    "no anchor '&" + name + "' is known here", std::move(hint));
}

}  // namespace

/// One load: parses, and parses again without the offending alias for each alias whose anchor is unknown,
/// because yaml-cpp stops at the first one.
class DocumentLoader {
 public:
  explicit DocumentLoader(Document::Storage& storage) : storage_(storage), parsed_text_(storage.text) {}

  void Load() {
    std::size_t budget = 4 * kMaxTextBytes;  // bytes parsed again; bounds the time spent on a hopeless file
    while (!ParseOnce()) {
      diagnostics_.clear();
      storage_.arena.release();
      storage_.root = nullptr;
      if (blanked_.size() >= 100 || budget < parsed_text_.size()) break;
      budget -= parsed_text_.size();
    }
    if (!storage_.root || !storage_.complete) {
      Node broken;
      broken.broken = true;
      storage_.root = storage_.Make(broken);
    }
  }

  void Report(Diagnostics& diagnostics) {
    for (Diagnostic& diagnostic : anchor_diagnostics_) diagnostics_.push_back(std::move(diagnostic));
    std::stable_sort(diagnostics_.begin(), diagnostics_.end(), [](const Diagnostic& a, const Diagnostic& b) {
      return std::pair(a.at->line, a.at->column) < std::pair(b.at->line, b.at->column);
    });
    for (Diagnostic& diagnostic : diagnostics_) diagnostics.Add(std::move(diagnostic));
  }

 private:
  /// False when an unknown anchor was met and blanked out, so that another try is due.
  bool ParseOnce() {
    DocumentBuilder builder(storage_, blanked_, diagnostics_);
    try {
      ViewBuffer buffer(parsed_text_);
      std::istream stream(&buffer);
      YAML::Parser parser(stream);
      while (parser.HandleNextDocument(builder)) {
      }
      FinishWhole();
    } catch (const ParseStopped& stopped) {
      storage_.complete = stopped.tree_is_whole;
    } catch (const YAML::Exception& error) {
      const auto at = static_cast<std::size_t>(std::max(error.mark.pos, 0));
      if (error.msg == YAML::ErrorMsg::UNKNOWN_ANCHOR && at < parsed_text_.size() &&
          parsed_text_[at] == '*') {
        anchor_diagnostics_.push_back(UnknownAnchor(storage_, at, builder.anchor_names()));
        BlankOut(at);
        return false;
      }
      diagnostics_.push_back(ExplainSyntaxError(error.msg, at, storage_.source, builder.open_collections()));
    }
    return true;
  }

  void FinishWhole() {
    const Node* root = storage_.root;
    if (!root || (root->IsNull() && root->text.empty() && !root->broken)) {
      diagnostics_.push_back(DiagnoseAt({}, "empty-file", "the file holds no value"));
      return;
    }
    storage_.complete = true;
  }

  void BlankOut(std::size_t at) {
    const std::size_t end = AnchorEnd(parsed_text_, at);
    std::fill(parsed_text_.begin() + static_cast<std::ptrdiff_t>(at),
              parsed_text_.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    parsed_text_[at] = '~';
    blanked_.insert(at);
  }

  Document::Storage& storage_;
  std::string parsed_text_;  // like the source, except for the aliases blanked out
  std::unordered_set<std::size_t> blanked_;
  std::vector<Diagnostic> diagnostics_;
  std::vector<Diagnostic> anchor_diagnostics_;
};

Document LoadDocument(std::string name, std::string text, Diagnostics& diagnostics) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  Document document;
  document.storage_ = std::make_unique<Document::Storage>(std::move(name), std::move(text));
  Document::Storage& storage = *document.storage_;
  if (std::optional<Diagnostic> diagnostic = CheckText(storage.source)) {
    Node broken;
    broken.broken = true;
    storage.root = storage.Make(broken);
    diagnostics.Add(std::move(*diagnostic));
    return document;
  }
  DocumentLoader loader(storage);
  loader.Load();
  loader.Report(diagnostics);
  return document;
}

}  // namespace ktstr
