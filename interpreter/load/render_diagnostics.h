// Diagnostics as people and programs read them. Every text made here is part of the product: tests pin it
// whole.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/load/document.h"
#include "ops/plan/diagnostics.h"

namespace ktstr {

/// A further place of a diagnostic, in the same file. Line 0: no place of its own.
struct LocatedNote {
  Span span;
  std::string message;
  std::string excerpt;  // the source line, without its end
};

/// A Diagnostic with its place: all that rendering needs, so the Document may be gone by then.
/// Messages and hints are Printable(), file and excerpts are as they are in the file system.
struct LocatedDiagnostic {
  std::string file;
  Span span;  // line 0: the file as a whole
  Severity severity = Severity::kError;
  std::string code;
  std::string message;
  std::string hint;
  std::string excerpt;
  std::vector<LocatedNote> notes;
};

/// All of a document's diagnostics with their places. A diagnostic in an anchored or merged text is shown
/// where it is written, with a note for the alias or `<<` that led there; when several lead to the very same
/// diagnostic it is given once, with the first way and the number of the others.
std::vector<LocatedDiagnostic> Locate(const Document& document, const Diagnostics& diagnostics);

/// A diagnostic of a whole file that could not become a Document, e.g. because it is missing.
LocatedDiagnostic LocateFile(std::string file, std::string code, std::string_view message);

/// By file, line and column; the order of finding decides between equals.
void SortByPlace(std::vector<LocatedDiagnostic>& located);

enum class DiagnosticFormat { kPretty, kJson, kSarif, kGithub };

/// "pretty", "json", "sarif" or "github"; nothing for another word.
std::optional<DiagnosticFormat> ParseDiagnosticFormat(std::string_view word);

/// Three lines per diagnostic and per note: place and message, the source line, the underline with the hint
/// behind it. A long source line is cut to a window around the diagnostic. Colour means ANSI escapes.
std::string RenderPretty(std::span<const LocatedDiagnostic> located, bool color = false);
/// An array of {file, line, column, endColumn, severity, code, message, hint, notes}; columns count code
/// points from 1, endColumn is one past the end; line 0 stands for the whole file.
std::string RenderJson(std::span<const LocatedDiagnostic> located);
/// A SARIF 2.1.0 log with one run.
std::string RenderSarif(std::span<const LocatedDiagnostic> located);
/// One GitHub Actions workflow command per diagnostic.
std::string RenderGithub(std::span<const LocatedDiagnostic> located);
/// Any of the four; `color` concerns only kPretty. All end with a line feed unless empty.
std::string RenderDiagnostics(DiagnosticFormat format, std::span<const LocatedDiagnostic> located,
                              bool color = false);

}  // namespace ktstr
