#include "interpreter/verify/verifier_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

namespace ktstr {
namespace {

constexpr std::size_t kLeastPeriod = 5;
constexpr std::size_t kLeastRounds = 3;
constexpr int kMostPasses = 5;
/// How many later lines like a round's first are tried as the first of the next round; bounds the work on a
/// log whose lines are all alike.
constexpr std::size_t kMostTries = 200;

constexpr std::string_view kBegin = "': -- BEGIN PROG LOAD LOG --";
constexpr std::string_view kEnd = "-- END PROG LOAD LOG --";
constexpr std::string_view kFailed = "': BPF program load failed: ";

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// What stands in front of `mark` in single quotes: "libbpf: prog 'x': -- BEGIN": x. Nothing when `mark` is
/// not there.
std::optional<std::string> QuotedBefore(std::string_view line, std::string_view mark) {
  const std::size_t end = line.find(mark);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view before = line.substr(0, end);
  return std::string(before.substr(before.rfind('\'') + 1));
}

/// "processed 7 insns (limit 1000000) ...": 7.
std::optional<std::uint64_t> ProcessedIn(std::string_view line) {
  constexpr std::string_view kProcessed = "processed ";
  if (!line.starts_with(kProcessed)) return std::nullopt;
  line.remove_prefix(kProcessed.size());
  std::uint64_t count = 0;
  const auto [stop, fault] = std::from_chars(line.data(), line.data() + line.size(), count);
  if (fault != std::errc{} || !std::string_view(stop, line.data() + line.size()).starts_with(" insns"))
    return std::nullopt;
  return count;
}

void TakeReason(RejectedProgram& program) {
  for (auto line = program.log.rbegin(); line != program.log.rend(); ++line) {
    if (const auto processed = ProcessedIn(*line)) {
      program.processed = processed;
    } else if (!line->empty()) {
      program.reason = *line;
      return;
    }
  }
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// What of a line tells a round from another: not the state of registers and stack, which stands behind an
/// instruction ("12: (07) r1 += 1  ; R1_w=2"), behind its number ("12: R1=2 R10=fp0") or behind a jump ("from
/// 12 to 5: R1=2").
std::string_view WithoutState(std::string_view line) {
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return line;
  const std::string_view rest = line.substr(colon + 2);
  if (line.starts_with("from ")) return line.substr(0, colon);
  if (!std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), IsDigit)) return line;
  if (!rest.starts_with('(')) return line.substr(0, colon);
  const std::string_view instruction = line.substr(0, line.find(" ; "));
  return instruction.substr(0, instruction.find_last_not_of(' ') + 1);
}

/// Lines as numbers: the same for lines that are the same.
struct Numbered {
  std::vector<std::size_t> id;
  std::vector<std::size_t> next;  // the next line with that id, or the number of lines
};

Numbered Number(const std::vector<std::string>& lines) {
  Numbered numbered{std::vector<std::size_t>(lines.size()),
                    std::vector<std::size_t>(lines.size(), lines.size())};
  struct Seen {
    std::size_t id;
    std::size_t at;
  };
  std::unordered_map<std::string_view, Seen> seen;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto [entry, fresh] = seen.try_emplace(WithoutState(lines[i]), Seen{seen.size(), i});
    numbered.id[i] = entry->second.id;
    if (!fresh) numbered.next[std::exchange(entry->second.at, i)] = i;
  }
  return numbered;
}

bool SameRound(const std::vector<std::size_t>& id, std::size_t a, std::size_t b, std::size_t period) {
  const auto at = [&](std::size_t i) { return id.begin() + static_cast<std::ptrdiff_t>(i); };
  return b + period <= id.size() && std::equal(at(a), at(a + period), at(b));
}

struct Cycle {
  std::size_t period = 0;
  std::size_t rounds = 0;  // 0: there is none
};

/// The shortest cycle that begins at line `i`.
Cycle CycleAt(const Numbered& lines, std::size_t i) {
  std::size_t tries = 0;
  for (std::size_t j = lines.next[i]; j < lines.id.size() && tries < kMostTries; j = lines.next[j], ++tries) {
    const std::size_t period = j - i;
    if (period < kLeastPeriod) continue;
    std::size_t rounds = 1;
    while (SameRound(lines.id, i, i + rounds * period, period)) ++rounds;
    if (rounds >= kLeastRounds) return {period, rounds};
  }
  return {};
}

/// One time over all lines; false when there was nothing to fold.
bool FoldOnce(std::vector<std::string>& lines) {
  const Numbered numbered = Number(lines);
  std::vector<std::string> folded;
  bool any = false;
  for (std::size_t i = 0; i < lines.size();) {
    const Cycle cycle = CycleAt(numbered, i);
    if (cycle.rounds == 0) {
      folded.push_back(lines[i++]);
      continue;
    }
    any = true;
    folded.push_back(fmt::format("[{} rounds of {} lines; the first:]", cycle.rounds, cycle.period));
    for (std::size_t k = 0; k < cycle.period; ++k) folded.push_back(lines[i + k]);
    folded.push_back(fmt::format("[{} lines left out]", (cycle.rounds - 1) * cycle.period));
    i += cycle.rounds * cycle.period;
  }
  lines = std::move(folded);
  return any;
}

}  // namespace

std::vector<RejectedProgram> FindRejectedPrograms(std::string_view output) {
  std::vector<RejectedProgram> programs;
  std::unordered_map<std::string, std::string> errors;  // by program, until its log begins
  bool inside = false;
  for (const std::string_view line : LinesOf(output)) {
    if (inside && line.find(kEnd) != std::string_view::npos) {
      inside = programs.back().cut = false;
    } else if (const auto begun = QuotedBefore(line, kBegin)) {
      RejectedProgram& program = programs.emplace_back();
      program.name = *begun;
      program.error = errors[*begun];
      inside = program.cut = true;
    } else if (inside) {
      programs.back().log.emplace_back(line);
    } else if (const auto failed = QuotedBefore(line, kFailed)) {
      errors[*failed] = line.substr(line.find(kFailed) + kFailed.size());
    }
  }
  for (RejectedProgram& program : programs) TakeReason(program);
  return programs;
}

std::vector<std::string> FoldCycles(std::vector<std::string> lines) {
  for (int pass = 0; pass < kMostPasses && FoldOnce(lines); ++pass) {
  }
  return lines;
}

}  // namespace ktstr
