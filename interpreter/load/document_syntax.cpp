#include "interpreter/load/document_syntax.h"

#include <yaml-cpp/exceptions.h>

namespace ktstr {
namespace {

struct Translation {
  std::string_view theirs;
  const char* ours;
  const char* hint;
};

const Translation kTranslations[] = {
    {YAML::ErrorMsg::MAP_VALUE, "a ':' cannot stand here",
     "check the indentation and the line above, or put quotes around the text"},
    {YAML::ErrorMsg::MAP_KEY, "a key cannot stand here", "check the indentation"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "a list item cannot stand here", "check the indentation"},
    {YAML::ErrorMsg::END_OF_MAP, "this is neither a 'key: value' of the map above nor its end",
     "check the indentation, or put quotes around the text"},
    {YAML::ErrorMsg::END_OF_SEQ, "this is neither a '- item' of the list above nor its end",
     "check the indentation"},
    {YAML::ErrorMsg::END_OF_MAP_FLOW, "a '{' is not closed before this", "add the missing '}'"},
    {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a '[' is not closed before this", "add the missing ']'"},
    {YAML::ErrorMsg::FLOW_END, "this bracket closes nothing that is open", ""},
    {YAML::ErrorMsg::UNKNOWN_TOKEN, "no value can begin with this character", "put quotes around the text"},
    {YAML::ErrorMsg::MULTIPLE_TAGS, "a value has two tags", ""},
    {YAML::ErrorMsg::MULTIPLE_ANCHORS, "a value has two anchors", ""},
    {YAML::ErrorMsg::ALIAS_CONTENT, "an alias cannot have an anchor or a tag", ""},
    {YAML::ErrorMsg::ALIAS_NOT_FOUND, "a name is missing after '*'", "put quotes around the text"},
    {YAML::ErrorMsg::ANCHOR_NOT_FOUND, "a name is missing after '&'", "put quotes around the text"},
    {YAML::ErrorMsg::CHAR_IN_ALIAS, "an alias's name cannot hold this character",
     "put quotes around the text"},
    {YAML::ErrorMsg::CHAR_IN_ANCHOR, "an anchor's name cannot hold this character",
     "put quotes around the text"},
    {YAML::ErrorMsg::UNKNOWN_ANCHOR, "an alias to an anchor that is not known here", ""},
    {YAML::ErrorMsg::EOF_IN_SCALAR, "the file ends inside a quoted string", ""},
    {YAML::ErrorMsg::DOC_IN_SCALAR, "a document marker inside a quoted string", "is a quote missing?"},
    {YAML::ErrorMsg::CHAR_IN_BLOCK, "only an indentation digit, '+' or '-' can follow '|' or '>'", ""},
    {YAML::ErrorMsg::ZERO_INDENT_IN_BLOCK, "a block's indentation digit cannot be 0", ""},
    {YAML::ErrorMsg::BAD_FILE, "collections are nested too deep", ""},
};

// The first tab that indents `line`, as an offset, or npos.
std::size_t IndentingTab(const SourceText& source, std::uint32_t line) {
  const std::string_view shown = source.Line(line);
  const std::size_t tab = shown.find('\t');
  const bool indents = tab != std::string_view::npos && shown.find_first_not_of(" \t") > tab;
  return indents ? source.LineStart(line) + tab : std::string_view::npos;
}

}  // namespace

Diagnostic ExplainSyntaxError(const std::string& message, std::size_t at, const SourceText& source,
                              const std::vector<DocumentBuilder::Open>& open) {
  Diagnostic diagnostic;
  diagnostic.code = "syntax";
  const std::uint32_t line = source.LineAt(at);
  const std::size_t tab = IndentingTab(source, line);
  if (message == YAML::ErrorMsg::TAB_IN_INDENTATION || tab != std::string_view::npos) {
    const std::size_t begin = tab != std::string_view::npos ? tab : at;
    diagnostic.code = "tab";
    diagnostic.message = "a tab cannot indent YAML";
    diagnostic.hint = "use spaces";
    diagnostic.at = source.SpanOf(begin, begin + 1);
    return diagnostic;
  }
  diagnostic.message = message;
  for (const Translation& translation : kTranslations) {
    if (translation.theirs != message) continue;
    diagnostic.message = translation.ours;
    diagnostic.hint = translation.hint;
  }
  diagnostic.at = source.SpanOf(at, at + 1);
  const bool bracket_open = message == YAML::ErrorMsg::END_OF_MAP_FLOW ||
                            message == YAML::ErrorMsg::END_OF_SEQ_FLOW || message == YAML::ErrorMsg::FLOW_END;
  if (bracket_open) {
    for (auto it = open.rbegin(); it != open.rend(); ++it) {
      if (!it->bracket) continue;
      diagnostic.notes.push_back({"", std::string("this '") + it->bracket + "' is still open", it->span});
      break;
    }
  }
  return diagnostic;
}

}  // namespace ktstr
