// The tables of verify_report.h.
#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/one_line.h"
#include "guest-init/base/printable.h"
#include "interpreter/report/report_run.h"
#include "interpreter/report/report_terminal.h"
#include "interpreter/report/snapshot_text.h"
#include "interpreter/verify/verify_report.h"

namespace ktstr {
namespace {

using Row = std::vector<std::string>;
using Results = std::vector<const VerifyResult*>;

/// Columns of programs that do not fit beside each other go into a further table.
constexpr std::size_t kTableWidth = 120;
/// The most lines of a folded log that are shown; its end says why.
constexpr std::size_t kLogLines = 40;

std::string Delta(std::uint64_t before, std::uint64_t now) {
  if (now == before) return " (=)";
  return now > before ? fmt::format(" (+{})", now - before) : fmt::format(" (-{})", before - now);
}

std::string Count(const VerifyResult& result, const std::optional<std::uint64_t>& now,
                  const std::optional<std::uint64_t>& before) {
  if (!now) return before && result.verdict == Verdict::kPass ? "gone" : "-";
  if (!result.compared) return std::to_string(*now);
  return std::to_string(*now) + (before ? Delta(*before, *now) : " (new)");
}

std::string CellOf(const VerifyResult& result, const std::string& name) {
  for (const RejectedProgram& program : result.rejected)
    if (program.name == name) return "rejected";
  for (const VerifiedProgram& program : result.programs)
    if (program.name == name) return Count(result, program.insns, program.baseline);
  return "-";
}

std::string TotalOf(const VerifyResult& result) {
  std::optional<std::uint64_t> before;
  for (const VerifiedProgram& program : result.programs)
    if (program.baseline) before = before.value_or(0) + *program.baseline;
  return Count(result, TotalInsns(result.programs), before);
}

std::string RanOf(const DispatchProof& proof) {
  if (proof.workers == 0) return "-";
  return fmt::format("{} of {} workers, {} ms", proof.ran, proof.workers, proof.ran_ns / 1'000'000);
}

/// The names of all programs, in the order in which a result first has them.
std::vector<std::string> ProgramNames(const Results& results) {
  std::vector<std::string> names;
  for (const VerifyResult* const result : results)
    for (const VerifiedProgram& program : result->programs)
      if (std::find(names.begin(), names.end(), program.name) == names.end()) names.push_back(program.name);
  return names;
}

std::string Overview(const Results& results) {
  std::vector<Row> rows = {{"kernel", "topology", "verdict", "attached", "ran under it", "insns in all"}};
  for (const VerifyResult* const result : results)
    rows.push_back({result->kernel, result->topology, std::string(VerdictName(result->verdict)),
                    result->state.empty() ? "-" : Printable(result->state + " " + result->ops),
                    RanOf(result->dispatch), TotalOf(*result)});
  return RenderTable(rows, 0);
}

std::size_t Widest(const std::vector<Row>& rows, std::size_t column) {
  std::size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row[column].size());
  return width + 2;  // as RenderTable() sets them apart
}

/// Kernel, topology and as many programs as fit, and again with the next ones.
std::string ProgramTables(const Results& results) {
  std::vector<Row> all = {{"kernel", "topology"}};
  for (const VerifyResult* const result : results) all.push_back({result->kernel, result->topology});
  const std::size_t labels = all.front().size();
  for (const std::string& name : ProgramNames(results)) {
    all.front().push_back(Printable(name));
    for (std::size_t i = 0; i < results.size(); ++i) all[i + 1].push_back(CellOf(*results[i], name));
  }
  std::string text;
  const std::size_t columns = all.front().size();
  for (std::size_t begin = labels; begin < columns;) {
    std::size_t width = Widest(all, 0) + Widest(all, 1) + Widest(all, begin);
    std::size_t end = begin + 1;
    while (end < columns && width + Widest(all, end) <= kTableWidth) width += Widest(all, end++);
    std::vector<Row> some;
    for (const Row& row : all) {
      Row& part = some.emplace_back(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(labels));
      part.insert(part.end(), row.begin() + static_cast<std::ptrdiff_t>(begin),
                  row.begin() + static_cast<std::ptrdiff_t>(end));
    }
    text += RenderTable(some, 0);
    begin = end;
  }
  return text;
}

std::string LogText(const RejectedProgram& program, const VerifyStyle& style) {
  std::vector<std::string> lines = style.raw ? program.log : FoldCycles(program.log);
  std::string text =
      fmt::format("  log    of {}, {} line{}{}{}\n", Printable(program.name), program.log.size(),
                  program.log.size() == 1 ? "" : "s",
                  lines.size() == program.log.size() ? "" : fmt::format(", folded to {}", lines.size()),
                  program.cut ? "; its end is missing" : "");
  std::size_t begin = 0;
  if (!style.raw && lines.size() > kLogLines) {
    begin = lines.size() - kLogLines;
    text += fmt::format("  |      [{} lines before these; --raw shows all]\n", begin);
  }
  for (std::size_t i = begin; i < lines.size(); ++i)
    text += fmt::format("  |      {}\n", style.raw ? Printable(lines[i]) : OneLine(lines[i], kTextBytes));
  return text;
}

/// What `results`, which ended for the same reason, have to tell beside the tables; the log, and what to do
/// next, of the first of them.
std::string Details(const Results& results, const VerifyStyle& style) {
  const VerifyResult& first = *results.front();
  std::string places;
  for (const VerifyResult* const result : results)
    places += fmt::format("{}{} {}", places.empty() ? "" : ", ", result->kernel, result->topology);
  std::string text = fmt::format("{} {}{}{}\n  on     {}\n", PaintedVerdict(first.verdict, style.color),
                                 Printable(first.scheduler), first.cause.empty() ? "" : ": ",
                                 OneLine(first.cause, kTextBytes), places);
  for (const std::string& note : first.notes) text += fmt::format("  also   {}\n", OneLine(note, kTextBytes));
  if (first.verdict <= Verdict::kSkip) return text;
  for (const RejectedProgram& program : first.rejected) text += LogText(program, style);
  if (!first.repeat_command.empty()) text += fmt::format("  next   {}\n", first.repeat_command);
  if (!first.directory.empty()) text += fmt::format("  files  {}\n", Printable(first.directory));
  return text;
}

/// Whatever is not told by the tables, once for all results that have it.
std::string AllDetails(const Results& results, const VerifyStyle& style) {
  std::vector<Results> alike;
  for (const VerifyResult* const result : results) {
    const auto same = [&](const Results& group) {
      return group.front()->verdict == result->verdict && group.front()->cause == result->cause &&
             group.front()->notes == result->notes;
    };
    const auto group = std::find_if(alike.begin(), alike.end(), same);
    group == alike.end() ? alike.push_back({result}) : group->push_back(result);
  }
  std::string text;
  for (const Results& group : alike)
    if (!group.front()->cause.empty() || !group.front()->notes.empty()) text += Details(group, style);
  return text;
}

std::string Heading(const VerifySubject& subject) {
  std::string places;
  for (const std::string& place : subject.places) places += (places.empty() ? "" : ", ") + Printable(place);
  return fmt::format("{}: {}  [{}]\n", Printable(subject.name), CommandOf(subject.def), places);
}

}  // namespace

std::string RenderVerifyTables(const VerifyReport& report, const VerifyStyle& style) {
  std::string text;
  for (const VerifySubject& subject : report.subjects) {
    Results own;
    for (const VerifyResult& result : report.results)
      if (result.scheduler == subject.name) own.push_back(&result);
    if (own.empty()) continue;
    text += Heading(subject) + Overview(own) + ProgramTables(own) + AllDetails(own, style) + '\n';
  }
  for (const std::string& file : report.unread)
    text += fmt::format("{} {}\n", PaintedVerdict(Verdict::kError, style.color), OneLine(file, kTextBytes));
  return text;
}

}  // namespace ktstr
