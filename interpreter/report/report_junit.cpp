#include "interpreter/report/report_junit.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "guest-init/base/printable.h"
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
    default:
      return {};
  }
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
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    for (const std::string& character : PrintableCharacters(text.substr(begin, end - begin))) {
      const std::string_view entity = character.size() == 1 ? Entity(character[0]) : std::string_view();
      const bool none = character == "\xEF\xBF\xBE" || character == "\xEF\xBF\xBF";  // XML knows no such
      escaped += !entity.empty() ? entity : none ? kReplacement : std::string_view(character);
    }
    if (end < text.size()) escaped += "&#10;";
    begin = end + 1;
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
