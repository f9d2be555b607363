#include "interpreter/report/report_junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "interpreter/load/source_text.h"
#include "interpreter/report/report_terminal.h"

namespace ktstr {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

std::string_view Entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\n':
      return "&#10;";
    case '\t':
      return "&#9;";
    case '\r':
      return "&#13;";
    default:
      return {};
  }
}

/// The bytes of the UTF-8 character that begins `text`; 1 for a byte that begins none.
std::size_t CharacterLength(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first < 0x80 || length > text.size()) return 1;
  return FindInvalidUtf8(text.substr(0, length)) == std::string_view::npos ? length : 1;
}

std::string OpenTestcase(std::string_view file, std::string_view title, double ms) {
  const std::filesystem::path path(file);
  std::string group = path.parent_path().string();
  std::replace(group.begin(), group.end(), '/', '.');
  return fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", EscapeXml(group),
                     EscapeXml(title), ms / 1000);
}

std::string Testcase(const FinishedRun& run, std::string_view program) {
  const RunOutcome& outcome = run.outcome;
  std::string text = OpenTestcase(run.file, TitleOf(run), outcome.machine.total_ms);
  if (outcome.verdict == Verdict::kPass) return text + "/>\n";
  text += ">\n";
  if (outcome.verdict == Verdict::kSkip) {
    text += fmt::format("      <skipped message=\"{}\"/>\n", EscapeXml(outcome.cause));
  } else {
    const std::string_view element = outcome.verdict == Verdict::kFail ? "failure" : "error";
    text += fmt::format("      <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n", element,
                        VerdictName(outcome.verdict), EscapeXml(outcome.cause),
                        EscapeXml(RenderRun(run, program, false)));
  }
  return text + "    </testcase>\n";
}

}  // namespace

std::string EscapeXml(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    const std::string_view character = text.substr(0, length);
    const auto first = static_cast<unsigned char>(text[0]);
    text.remove_prefix(length);
    if (const std::string_view entity = Entity(character[0]); length == 1 && !entity.empty()) {
      escaped += entity;
    } else if ((length == 1 && (first < 0x20 || first >= 0x80)) || character == "\xEF\xBF\xBE" ||
               character == "\xEF\xBF\xBF") {
      escaped += kReplacement;
    } else {
      escaped += character;
    }
  }
  return escaped;
}

std::string RenderJunit(const RunSummary& summary, std::string_view program) {
  const auto count = [&](auto... verdicts) {
    return std::count_if(summary.runs.begin(), summary.runs.end(),
                         [&](const FinishedRun& run) { return ((run.outcome.verdict == verdicts) || ...); });
  };
  const std::string counts = fmt::format(
      "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\"",
      summary.runs.size() + summary.not_run.size(), count(Verdict::kFail),
      count(Verdict::kError, Verdict::kInconclusive),
      static_cast<std::size_t>(count(Verdict::kSkip)) + summary.not_run.size(), summary.elapsed_ms / 1000);
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {0}>\n  <testsuite name=\"ktstr-interp\" "
      "{0}>\n",
      counts);
  for (const FinishedRun& run : summary.runs) text += Testcase(run, program);
  for (const std::string& title : summary.not_run)
    text += OpenTestcase(title.substr(0, title.find('#')), title, 0) +
            ">\n      <skipped message=\"not run\"/>\n    </testcase>\n";
  return text + "  </testsuite>\n</testsuites>\n";
}

}  // namespace ktstr
