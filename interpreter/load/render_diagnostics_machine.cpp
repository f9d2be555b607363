// The formats that other programs read.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "guest-init/base/printable.h"
#include "interpreter/load/dump_json.h"
#include "interpreter/load/render_diagnostics.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

std::string_view SeverityWord(const LocatedDiagnostic& item) {
  return item.severity == Severity::kError ? "error" : "warning";
}

std::string MessageWithHint(const LocatedDiagnostic& item) {
  return item.hint.empty() ? item.message : item.message + "; " + item.hint;
}

void AddPlace(Json& json, const std::string& file, const Span& span) {
  json["file"] = file;
  json["line"] = span.line;
  json["column"] = span.column;
  json["endColumn"] = span.column + span.length;
}

// RFC 3986: everything but unreserved characters and '/' is escaped; an absolute path needs its scheme.
std::string Uri(const std::string& file) {
  std::string uri = file.starts_with('/') ? "file://" : "";
  for (const char c : file) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool safe = letter || std::string_view("-._~/").find(c) != std::string_view::npos;
    uri += safe ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

Json SarifLocation(const std::string& file, const Span& span) {
  Json physical = {{"artifactLocation", {{"uri", Uri(file)}}}};
  if (span.line > 0) {
    physical["region"] = {
        {"startLine", span.line}, {"startColumn", span.column}, {"endColumn", span.column + span.length}};
  }
  return {{"physicalLocation", std::move(physical)}};
}

Json SarifResult(const LocatedDiagnostic& item, std::size_t rule) {
  Json result = {{"ruleId", item.code},
                 {"ruleIndex", rule},
                 {"level", SeverityWord(item)},
                 {"message", {{"text", MessageWithHint(item)}}},
                 {"locations", Json::array({SarifLocation(item.file, item.span)})}};
  for (const LocatedNote& note : item.notes) {
    Json related = SarifLocation(item.file, note.span);
    related["message"] = {{"text", note.message}};
    result["relatedLocations"].push_back(std::move(related));
  }
  return result;
}

// GitHub's workflow commands: a property may hold none of %, CR, LF, ':' and ','; a message none of the first
// three.
std::string GithubEscaped(std::string_view text, bool property) {
  std::string escaped;
  for (const char c : Printable(text)) {
    const bool special = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    escaped += special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return escaped;
}

}  // namespace

std::string RenderJson(std::span<const LocatedDiagnostic> located) {
  Json all = Json::array();
  for (const LocatedDiagnostic& item : located) {
    Json json;
    AddPlace(json, item.file, item.span);
    json["severity"] = SeverityWord(item);
    json["code"] = item.code;
    json["message"] = item.message;
    json["hint"] = item.hint;
    json["notes"] = Json::array();
    for (const LocatedNote& note : item.notes) {
      Json other;
      AddPlace(other, item.file, note.span);
      other["message"] = note.message;
      json["notes"].push_back(std::move(other));
    }
    all.push_back(std::move(json));
  }
  return DumpJson(all);
}

std::string RenderSarif(std::span<const LocatedDiagnostic> located) {
  std::vector<std::string> rules;
  Json results = Json::array();
  for (const LocatedDiagnostic& item : located) {
    std::size_t rule = 0;
    while (rule < rules.size() && rules[rule] != item.code) ++rule;
    if (rule == rules.size()) rules.push_back(item.code);
    results.push_back(SarifResult(item, rule));
  }
  Json rule_list = Json::array();
  for (const std::string& id : rules) rule_list.push_back({{"id", id}});
  const Json driver = {{"name", "ktstr-interp"}, {"rules", std::move(rule_list)}};
  const Json run = {
      {"tool", {{"driver", driver}}}, {"columnKind", "unicodeCodePoints"}, {"results", std::move(results)}};
  return DumpJson({{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                   {"version", "2.1.0"},
                   {"runs", Json::array({run})}});
}

std::string RenderGithub(std::span<const LocatedDiagnostic> located) {
  std::string out;
  for (const LocatedDiagnostic& item : located) {
    out += fmt::format("::{} file={}", SeverityWord(item), GithubEscaped(item.file, true));
    if (item.span.line > 0) out += fmt::format(",line={},col={}", item.span.line, item.span.column);
    out += fmt::format(",title={}::{}\n", GithubEscaped(item.code, true),
                       GithubEscaped(MessageWithHint(item), false));
  }
  return out;
}

}  // namespace ktstr
