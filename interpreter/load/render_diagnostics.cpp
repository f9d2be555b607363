#include "interpreter/load/render_diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "guest-init/base/printable.h"
#include "interpreter/load/source_text.h"

namespace ktstr {
namespace {

constexpr std::size_t kWindow = 110;       // code points of a source line that are shown
constexpr std::size_t kWindowBefore = 50;  // of these, at most before the diagnostic when the line is cut
constexpr std::string_view kCut = "...";

// The code points of a source line as they are shown; what cannot be printed is wider than one column.
std::vector<std::string> Columns(std::string_view line) {
  std::vector<std::string> columns = PrintableCharacters(line);
  for (std::string& column : columns)
    if (column == "\\t") column = " ";
  return columns;
}

// How far to the right what stands behind the columns [begin, end) is shown. Each shown code point is taken
// for one column wide.
std::size_t WidthOf(const std::vector<std::string>& columns, std::size_t begin, std::size_t end) {
  std::size_t width = 0;
  for (std::size_t i = begin; i < std::min(end, columns.size()); ++i) width += CountCodePoints(columns[i]);
  return width;
}

struct Style {
  std::string_view place, error, warning, note, gutter, underline, off;
};
constexpr Style kPlain = {};
constexpr Style kColored = {"\x1b[1m",  "\x1b[1;31m", "\x1b[1;35m", "\x1b[1;36m",
                            "\x1b[34m", "\x1b[1;32m", "\x1b[0m"};

std::string Paint(std::string_view style, std::string_view text, const Style& styles) {
  return fmt::format("{}{}{}", style, text, styles.off);
}

std::string PlaceText(const std::string& file, const Span& span) {
  return span.line == 0 ? file + ":" : fmt::format("{}:{}:{}:", file, span.line, span.column);
}

// The source line and its underline, or just the hint when there is nothing to show.
void AppendExcerpt(std::string& out, const Span& span, const std::string& excerpt, const std::string& hint,
                   const Style& styles) {
  if (span.line == 0 || excerpt.empty()) {
    if (!hint.empty()) out += fmt::format("       {}\n", Paint(styles.underline, hint, styles));
    return;
  }
  const std::vector<std::string> columns = Columns(excerpt);
  const std::size_t column = std::max<std::size_t>(span.column, 1) - 1;
  std::size_t begin = 0;
  std::size_t end = columns.size();
  if (columns.size() > kWindow) {
    begin = column > kWindowBefore ? column - kWindowBefore : 0;
    begin = std::min(begin, columns.size() - kWindow);
    end = begin + kWindow;
  }
  std::string shown = begin > 0 ? std::string(kCut) : "";
  for (std::size_t i = begin; i < end; ++i) shown += columns[i];
  if (end < columns.size()) shown += kCut;
  const std::size_t room = end > column ? end - column : 1;
  const std::size_t length = std::clamp<std::size_t>(span.length, 1, room);
  const std::size_t width = std::max(length, WidthOf(columns, column, column + length));
  const std::string underline = "^" + std::string(width - 1, '~');
  // A place just behind the line's end is one column further.
  const std::size_t past_end = column > columns.size() ? column - columns.size() : 0;
  const std::size_t indent = (begin > 0 ? kCut.size() : 0) + WidthOf(columns, begin, column) + past_end;
  const std::string bar = Paint(styles.gutter, "|", styles);
  out += fmt::format("{:>6} {} {}\n", span.line, bar, shown);
  const std::size_t gutter = std::max<std::size_t>(6, std::to_string(span.line).size());
  out += fmt::format("{:>{}} {} {}{}{}\n", "", gutter, bar, std::string(indent, ' '),
                     Paint(styles.underline, underline, styles), hint.empty() ? "" : " " + hint);
}

LocatedDiagnostic WithPlace(const Document& document, const Diagnostic& item) {
  LocatedDiagnostic found;
  found.file = document.name();
  found.severity = item.severity;
  found.code = item.code;
  found.message = Printable(item.message);
  found.hint = Printable(item.hint);
  const auto add_note = [&](const Span& span, std::string_view message) {
    found.notes.push_back({span, Printable(message), std::string(document.Line(span.line))});
  };
  const Location location = item.at ? Location{*item.at, {}} : document.Locate(item.path, item.on_key);
  found.span = location.span;
  found.excerpt = document.Line(found.span.line);
  for (const Note& note : item.notes) {
    add_note(note.at ? *note.at : document.Locate(note.path).span, note.message);
  }
  for (const Site& site : location.sites) add_note(site.span, site.message);
  return found;
}

}  // namespace

std::vector<LocatedDiagnostic> Locate(const Document& document, const Diagnostics& diagnostics) {
  using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::string, std::string>;
  std::vector<LocatedDiagnostic> located;
  std::vector<std::size_t> others;
  std::map<Key, std::size_t> seen;
  for (const Diagnostic& item : diagnostics.items()) {
    LocatedDiagnostic found = WithPlace(document, item);
    const Key key{found.span.line, found.span.column, found.span.length, found.code, found.message};
    const auto [at, is_new] = seen.emplace(key, located.size());
    if (is_new) {
      located.push_back(std::move(found));
      others.push_back(0);
    } else {
      ++others[at->second];
    }
  }
  for (std::size_t i = 0; i < located.size(); ++i) {
    if (others[i] == 0) continue;
    const std::string_view places = others[i] == 1 ? "place" : "places";
    located[i].notes.push_back({{}, fmt::format("reached from {} other {} as well", others[i], places), ""});
  }
  return located;
}

LocatedDiagnostic LocateFile(std::string file, std::string code, std::string_view message) {
  LocatedDiagnostic located;
  located.file = std::move(file);
  located.code = std::move(code);
  located.message = Printable(message);
  return located;
}

void SortByPlace(std::vector<LocatedDiagnostic>& located) {
  std::stable_sort(
      located.begin(), located.end(), [](const LocatedDiagnostic& a, const LocatedDiagnostic& b) {
        return std::tie(a.file, a.span.line, a.span.column) < std::tie(b.file, b.span.line, b.span.column);
      });
}

std::optional<DiagnosticFormat> ParseDiagnosticFormat(std::string_view word) {
  if (word == "pretty") return DiagnosticFormat::kPretty;
  if (word == "json") return DiagnosticFormat::kJson;
  if (word == "sarif") return DiagnosticFormat::kSarif;
  if (word == "github") return DiagnosticFormat::kGithub;
  return std::nullopt;
}

std::string RenderPretty(std::span<const LocatedDiagnostic> located, bool color) {
  const Style& styles = color ? kColored : kPlain;
  std::string out;
  for (const LocatedDiagnostic& item : located) {
    const bool error = item.severity == Severity::kError;
    const std::string label = fmt::format("{}[{}]:", error ? "error" : "warning", item.code);
    const std::string file = Printable(item.file);
    out += fmt::format("{} {} {}\n", Paint(styles.place, PlaceText(file, item.span), styles),
                       Paint(error ? styles.error : styles.warning, label, styles), item.message);
    AppendExcerpt(out, item.span, item.excerpt, item.hint, styles);
    for (const LocatedNote& note : item.notes) {
      out += fmt::format("{} {} {}\n", Paint(styles.place, PlaceText(file, note.span), styles),
                         Paint(styles.note, "note:", styles), note.message);
      AppendExcerpt(out, note.span, note.excerpt, "", styles);
    }
  }
  return out;
}

std::string RenderDiagnostics(DiagnosticFormat format, std::span<const LocatedDiagnostic> located,
                              bool color) {
  switch (format) {
    case DiagnosticFormat::kPretty:
      return RenderPretty(located, color);
    case DiagnosticFormat::kJson:
      return RenderJson(located);
    case DiagnosticFormat::kSarif:
      return RenderSarif(located);
    case DiagnosticFormat::kGithub:
      return RenderGithub(located);
  }
  return "";
}

}  // namespace ktstr
