#include "interpreter/report/report_terminal.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/one_line.h"
#include "guest-init/base/printable.h"
#include "interpreter/fold/metrics.h"
#include "interpreter/judge/pauses.h"
#include "ops/plan/quantity.h"

namespace ktstr {
namespace {

using Lines = std::vector<std::string>;

constexpr std::size_t kWhereRows = 2;
constexpr std::size_t kAlsoRows = 2;
constexpr std::size_t kDetailRows = 2;
constexpr std::size_t kConsoleRows = 3;
constexpr std::size_t kRowBytes = 200;
/// What is worth a glance about any cgroup, as far as there is data.
constexpr std::string_view kWhereMetrics[] = {"max_gap_ms", "iterations", "migrations", "off_cpu_spread_pct",
                                              "p99_wake_latency_us"};

std::string_view VerdictColor(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "\x1b[32m";
    case Verdict::kSkip:
      return "\x1b[36m";
    case Verdict::kInconclusive:
      return "\x1b[33m";
    case Verdict::kError:
      return "\x1b[35m";
    case Verdict::kFail:
      return "\x1b[31m";
  }
  return "";
}

/// A row without a label continues the one above it; no row begins with foreign text.
std::string RowText(std::string_view label, std::string_view text) {
  return fmt::format("  {:<6} {}", label.empty() ? "|" : label, OneLine(text, kRowBytes));
}

/// The last `count` lines that say something.
Lines LastLines(std::string_view text, std::size_t count) {
  Lines lines;
  while (!text.empty() && lines.size() < count) {
    const std::size_t end = text.find_last_not_of("\r\n \t");
    if (end == std::string_view::npos) break;
    text = text.substr(0, end + 1);
    const std::size_t begin = text.find_last_of("\r\n");
    lines.emplace_back(begin == std::string_view::npos ? text : text.substr(begin + 1));
    text = text.substr(0, begin == std::string_view::npos ? 0 : begin);
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

/// "virtual clock: 20.0 s of guest time in 0.4 s"; "" for the wall clock.
std::string ClockText(const MachineFacts& machine) {
  if (machine.clock != "virtual") return {};
  if (machine.guest_ms <= 0) return "virtual clock";
  return fmt::format("virtual clock: {:.1f} s of guest time in {:.1f} s", machine.guest_ms / 1000,
                     std::max(0.0, machine.total_ms - machine.ready_ms) / 1000);
}

std::string MachineText(const FinishedRun& run) {
  std::string text = run.kernel;
  const auto add = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : ", ") + part;
  };
  add(run.topology);
  if (run.outcome.verdict != Verdict::kPass) add(run.outcome.machine.accel);
  add(ClockText(run.outcome.machine));
  add(PausesText(run.outcome.observed));
  const CpuGrade grade = run.outcome.machine.cpu_quality;
  if (grade == CpuGrade::kFair || grade == CpuGrade::kPoor)
    add(fmt::format("host CPU contention: {} ({:.0f} % waiting)",
                    kCpuGrades[static_cast<std::size_t>(grade)].name, run.outcome.machine.cpu_wait_pct));
  return text;
}

/// The check the first line is about, or nullptr when it is about no check.
const CheckResult* CauseCheck(const RunOutcome& outcome) {
  const auto at = std::find_if(outcome.checks.begin(), outcome.checks.end(), [&](const CheckResult& check) {
    return check.verdict == outcome.verdict && check.message == outcome.cause;
  });
  return at == outcome.checks.end() ? nullptr : &*at;
}

std::string WhyText(const FinishedRun& run) {
  const CheckResult* check = CauseCheck(run.outcome);
  std::string text = run.cause_place;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : "  ") + part; };
  // A default check mostly stands nowhere in the file; then its name is all there is to say.
  if (!run.cause_source.empty() && (check == nullptr || !check->path.empty())) {
    add(run.cause_source);
  } else if (check != nullptr) {
    add("check " + check->check);
  }
  return text;
}

std::string WhenText(const RunOutcome& outcome) {
  if (outcome.cause_phase.empty()) return {};
  if (outcome.cause_phase == kBaselinePhase) return "before the first step (BASELINE)";
  for (const PhaseWindow& window : outcome.record.phases) {
    if (window.name != outcome.cause_phase) continue;
    std::string text = fmt::format("step {} '{}'", window.index, window.name);
    if (window.started && window.ended && window.end_ns >= window.start_ns)
      text += fmt::format(", which lasted {}",
                          FormatElapsed(static_cast<double>(window.end_ns - window.start_ns) / 1e6));
    return text;
  }
  return fmt::format("step '{}'", outcome.cause_phase);
}

std::string WhereText(const CgroupStats& row) {
  std::string text = fmt::format("cgroup {}: {} worker{}", row.cgroup.empty() ? "(runner's own)" : row.cgroup,
                                 row.num_workers, row.num_workers == 1 ? "" : "s");
  if (row.missing_workers > 0) text += fmt::format(" and {} missing", row.missing_workers);
  if (!row.cpus_used.empty()) text += fmt::format(" on CPUs {}", FormatCpus(row.cpus_used));
  for (const std::string_view name : kWhereMetrics) {
    const MetricDecl* metric = FindMetric(name);
    const double* value = row.metrics.Find(name);
    if (metric == nullptr || value == nullptr) continue;
    text += fmt::format(", {} {}", name, FormatAmount(*value, metric->unit));
  }
  return text;
}

/// The cgroups' numbers in the phase of the cause, the cgroup of the cause first.
Lines WhereLines(const RunOutcome& outcome) {
  const PhaseBucket* phase = outcome.stats.FindPhase(outcome.cause_phase);
  std::vector<CgroupStats> rows = phase == nullptr ? outcome.stats.cgroups : phase->per_cgroup;
  if (const CheckResult* check = CauseCheck(outcome); check != nullptr)
    std::stable_partition(rows.begin(), rows.end(),
                          [&](const CgroupStats& row) { return row.cgroup == check->cgroup; });
  Lines lines;
  for (const CgroupStats& row : rows) {
    if (lines.size() == kWhereRows) break;
    if (row.num_workers + row.missing_workers == 0) continue;
    lines.push_back(RowText(lines.empty() ? "where" : "", WhereText(row)));
  }
  return lines;
}

/// What else was found, beside the cause.
Lines AlsoLines(const RunOutcome& outcome) {
  const CheckResult* cause = CauseCheck(outcome);
  Lines lines;
  std::size_t more = 0;
  for (const CheckResult& check : outcome.checks) {
    if (check.verdict == Verdict::kPass || !check.counts || &check == cause) continue;
    if (lines.size() < kAlsoRows) {
      lines.push_back(RowText(lines.empty() ? "also" : "",
                              fmt::format("{} {}", VerdictName(check.verdict), check.message)));
    } else {
      ++more;
    }
  }
  if (more > 0) lines.back() += fmt::format(" (and {} more)", more);
  return lines;
}

void Append(Lines& to, Lines from) { std::move(from.begin(), from.end(), std::back_inserter(to)); }

/// What failed, and had to.
Lines ExpectedLines(const RunOutcome& outcome) {
  Lines lines;
  std::size_t more = 0;
  for (const CheckResult& check : outcome.checks) {
    if (!check.as_expected) continue;
    if (lines.size() < kAlsoRows)
      lines.push_back(RowText(lines.empty() ? "expect" : "", check.message));
    else
      ++more;
  }
  if (more > 0) lines.back() += fmt::format(" (and {} more)", more);
  return lines;
}

/// Lines of the guest or of a payload, verbatim but harmless.
Lines Quoted(std::string_view label, std::string_view text, std::size_t count) {
  Lines lines;
  for (const std::string& line : LastLines(text, count))
    lines.push_back(RowText(lines.empty() ? label : "", line));
  return lines;
}

std::string DirectoryFaultLine(const FinishedRun& run) {
  return fmt::format("  warning: run directory incomplete: {}", OneLine(run.directory_fault));
}

/// "  again  failed 3 of 4 times, 2 of them for this cause; 1 could not be decided".
std::string RerunsLine(const Reruns& reruns) {
  std::string text = fmt::format("failed {} of {} times", reruns.failed, reruns.runs);
  if (reruns.failed > reruns.alike) text += fmt::format(", {} of them for this cause", reruns.alike);
  if (const std::uint32_t undecided = reruns.runs - reruns.failed - reruns.passed; undecided > 0)
    text += fmt::format("; {} could not be decided", undecided);
  return "  again  " + text;
}

Lines FooterLines(const FinishedRun& run) {
  Lines lines;
  if (run.reruns && run.reruns->runs > 0) lines.push_back(RerunsLine(*run.reruns));
  if (run.probed)
    for (const std::string& line : run.probed->lines)
      lines.push_back(RowText(&line == run.probed->lines.data() ? "probe" : "", line));
  // Never cut: it is to be copied.
  if (!run.repeat_command.empty()) lines.push_back("  next   " + run.repeat_command);
  if (!run.directory.empty()) lines.push_back("  files  " + Printable(run.directory));
  if (!run.directory_fault.empty()) lines.push_back(DirectoryFaultLine(run));
  return lines;
}

Lines FailureLines(const FinishedRun& run) {
  const RunOutcome& outcome = run.outcome;
  Lines lines;
  const std::string machine = MachineText(run);
  if (!machine.empty() && outcome.machine.total_ms > 0)
    lines.push_back(RowText("on", fmt::format("{}  {}", machine, FormatElapsed(outcome.machine.total_ms))));
  if (const std::string why = WhyText(run); !why.empty()) lines.push_back(RowText("why", why));
  if (const std::string when = WhenText(outcome); !when.empty()) lines.push_back(RowText("when", when));
  if (!run.interrupted) {  // else the cause is no riddle, and half a run's numbers only distract
    Append(lines, WhereLines(outcome));
    Append(lines, AlsoLines(outcome));
    Append(lines, Quoted("output", outcome.cause_detail, kDetailRows));
    if (outcome.verdict == Verdict::kError)  // else the guest is well, and its boot messages tell nothing
      Append(lines, Quoted("guest", outcome.console_tail, kConsoleRows));
  }
  const Lines footer = FooterLines(run);
  lines.resize(std::min(lines.size(), kMaxReportLines - 1 - footer.size()));
  for (const std::string& warning : outcome.warnings)
    if (lines.size() + footer.size() + 1 < kMaxReportLines) lines.push_back(RowText("warn", warning));
  Append(lines, footer);
  return lines;
}

/// As many of a bad scenario's diagnostics as fit, errors first.
Lines DiagnosticLines(const FinishedRun& run, std::string_view program, bool color) {
  std::vector<LocatedDiagnostic> diagnostics = run.diagnostics;
  std::stable_partition(diagnostics.begin(), diagnostics.end(), [](const LocatedDiagnostic& diagnostic) {
    return diagnostic.severity == Severity::kError;
  });
  Lines lines;
  for (std::size_t i = 0; i < diagnostics.size(); ++i) {
    std::string text = RenderPretty({&diagnostics[i], 1}, color);
    if (text.ends_with('\n')) text.pop_back();
    const auto height = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n') + 1);
    std::size_t used = 2;  // the first line, and the one about what is left out
    for (const std::string& line : lines)
      used += static_cast<std::size_t>(std::count(line.begin(), line.end(), '\n') + 1);
    if (used + height > kMaxReportLines) {
      lines.push_back(fmt::format("  and {} more: {} lint {}", diagnostics.size() - i, ShellWord(program),
                                  ShellWord(run.file)));
      break;
    }
    lines.push_back(std::move(text));
  }
  return lines;
}

std::string Joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

std::string TitleOf(const FinishedRun& run) {
  std::string title = run.file;
  if (!run.variant.empty()) title += "#" + run.variant;
  if (run.repeat > 0) title += fmt::format(" ({} of {})", run.repeat, run.repeats);
  return title;
}

Verdict WorstOf(const RunSummary& summary) {
  Verdict worst = summary.interrupted_by.empty() ? Verdict::kPass : Verdict::kError;
  for (const FinishedRun& run : summary.runs) worst = Worse(worst, run.outcome.verdict);
  return worst;
}

std::string FormatElapsed(double ms) {
  if (ms < 1000) return fmt::format("{:.0f} ms", ms);
  return ms < 20'000 ? fmt::format("{:.1f} s", ms / 1000) : fmt::format("{:.0f} s", ms / 1000);
}

std::string RenderRun(const FinishedRun& run, std::string_view program, bool color) {
  const Verdict verdict = run.outcome.verdict;
  const std::string head = PaintedVerdict(verdict, color) + " " + OneLine(TitleOf(run), kTextBytes);
  if (verdict == Verdict::kPass) {
    Lines lines = {fmt::format("{}  [{}]  {}", head, run.kept_result.empty() ? MachineText(run) : "kept",
                               FormatElapsed(run.outcome.machine.total_ms))};
    Append(lines, ExpectedLines(run.outcome));
    for (std::size_t i = 0; i < std::min<std::size_t>(2, run.outcome.warnings.size()); ++i)
      lines.push_back(RowText("warn", run.outcome.warnings[i]));
    if (!run.directory_fault.empty()) lines.push_back(DirectoryFaultLine(run));
    return Joined(lines);
  }
  Lines lines = {head + ": " + OneLine(run.outcome.cause, kTextBytes)};
  if (!run.diagnostics.empty()) {
    Append(lines, DiagnosticLines(run, program, color));
  } else if (verdict != Verdict::kSkip) {
    Append(lines, FailureLines(run));
  }
  return Joined(lines);
}

std::string PaintedVerdict(Verdict verdict, bool color) {
  const std::string name(VerdictName(verdict));
  return color ? fmt::format("\x1b[1m{}{}\x1b[0m", VerdictColor(verdict), name) : name;
}

std::string RenderTotals(const RunSummary& summary) {
  std::size_t counts[std::size(kVerdicts)] = {};
  for (const FinishedRun& run : summary.runs) ++counts[static_cast<std::size_t>(run.outcome.verdict)];
  std::string text;
  const auto add = [&](std::size_t count, std::string_view one, std::string_view many) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, count == 1 ? one : many);
  };
  const auto of = [&](Verdict verdict) { return counts[static_cast<std::size_t>(verdict)]; };
  add(of(Verdict::kPass), "passed", "passed");
  add(of(Verdict::kFail), "failed", "failed");
  add(of(Verdict::kError), "error", "errors");
  add(of(Verdict::kInconclusive), "inconclusive", "inconclusive");
  add(of(Verdict::kSkip), "skipped", "skipped");
  add(summary.not_run.size(), "not run", "not run");
  if (text.empty()) text = "nothing to run";
  text += fmt::format(" in {}", FormatElapsed(summary.elapsed_ms));
  if (!summary.interrupted_by.empty()) text += fmt::format(", interrupted by {}", summary.interrupted_by);
  if (!summary.directory.empty()) text += fmt::format("; results in {}", Printable(summary.directory));
  return text + "\n";
}

}  // namespace ktstr
