// The kind `console`.
#include "interpreter/scenario/checks/console_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-init/base/one_line.h"
#include "interpreter/scenario/checks/check_kind.h"
#include "vmm/host/line_pattern_fault.h"

namespace ktstr {
namespace {

void Rules(const void* object, RuleSink& sink) {
  const auto& text = *static_cast<const ConsoleText*>(object);
  if (!text.present && !text.absent) sink.Diagnose("", "say what is searched for: present, absent, or both");
  const auto check = [&](const char* field, const std::optional<std::string>& pattern) {
    if (!pattern) return;
    std::string fault =
        pattern->empty() ? "an empty pattern is found in every message" : LinePatternFault(*pattern);
    if (!fault.empty()) sink.Diagnose(field, std::move(fault));
  };
  check("present", text.present);
  check("absent", text.absent);
}

void Resolve(const ConsoleCheck& check, CheckSite& site) {
  site.Known("phase", Refers::kPhase, "phase", check.phase, site.names().phases);
  if (check.phase == kBaselinePhase)
    site.Bad("phase", fmt::format("the log is searched from the first step on, not in {}", kBaselinePhase));
}

/// What was found of one pattern in the phase, or in the whole run.
struct Found {
  const LogFind* first = nullptr;
  std::uint64_t count = 0;
};

Found Find(const std::string& pattern, const std::optional<std::string_view>& phase,
           const RunRecord& record) {
  Found found;
  for (const LogFind& find : record.kernel_log.finds) {
    if (find.pattern != pattern) continue;
    if (phase && (find.after_phase || PhaseName(record, find.phase) != *phase)) continue;
    if (found.first == nullptr) found.first = &find;
    found.count += find.count;
  }
  return found;
}

/// Why what was not found may have been there all the same; "" when it was not.
std::string Missing(const KernelLogRecord& log) {
  if (!log.fault.empty()) return "it could not be read: " + OneLine(log.fault);
  if (!log.begun || !log.ended) return "it was not read to its end";
  if (log.lost > 0) return fmt::format("{} messages were overwritten before they could be read", log.lost);
  return {};
}

std::string Where(const Found& found, const RunRecord& record) {
  std::string text =
      fmt::format("{}{} at {:.6f} s of the log: {}", found.first->after_phase ? "after phase " : "in phase ",
                  PhaseName(record, found.first->phase), static_cast<double>(found.first->at_us) / 1e6,
                  OneLine(found.first->text));
  if (found.count > 1) text += fmt::format("; {} times in all", found.count);
  return text;
}

CheckResult Judge(const ConsoleCheck& check, const RunFacts& run) {
  const auto phase = PhaseOf(check.phase, run.step);
  const std::string in = phase ? fmt::format(" in phase {}", *phase) : "";
  CheckResult result;
  result.check = "console";
  result.phase = phase.value_or("");
  const auto add = [&](Verdict verdict, const std::string& message) {
    if (verdict < result.verdict || (verdict == result.verdict && !result.message.empty())) return;
    result.verdict = verdict;
    result.message = message;
  };
  const std::string missing = Missing(run.record.kernel_log);
  const auto judge = [&](const std::optional<std::string>& pattern, bool wanted) {
    if (!pattern) return;
    const Found found = Find(*pattern, phase, run.record);
    const std::string name = OneLine(*pattern);
    if (found.first != nullptr) {
      if (!wanted) result.at_ns = found.first->at_us * 1000;
      add(wanted ? Verdict::kPass : Verdict::kFail,
          fmt::format("the kernel's log has /{}/ {}", name, Where(found, run.record)));
    } else if (!missing.empty()) {
      add(Verdict::kInconclusive,
          fmt::format("the kernel's log was not seen to have /{}/{}, but {}", name, in, missing));
    } else {
      add(wanted ? Verdict::kFail : Verdict::kPass, fmt::format("the kernel's log has no /{}/{}", name, in));
    }
  };
  judge(check.console.present, true);
  judge(check.console.absent, false);
  return result;
}

}  // namespace

const StructDecl& ConsoleText::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&ConsoleText::present>("present",
                                      "An ECMA regular expression that must be found in a message."),
      Optional<&ConsoleText::absent>("absent", "One that must not be found in any message."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<ConsoleText>(
        "ConsoleText", "What the kernel's log must say, and what it must not.", kFields);
    decl.rules = &Rules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& ConsoleCheck::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&ConsoleCheck::console>("console", "What must be found in the kernel's log, or must not."),
      Optional<&ConsoleCheck::phase>(
          "phase",
          "The step in which it is searched; without one the step the check stands in, else the whole run.",
          {}, Refers::kPhase),
  };
  static constexpr StructDecl kDecl = DeclareStruct<ConsoleCheck>(
      "console", "The kernel's log (what dmesg shows) says something while the scenario runs, or does not.",
      kFields);
  return kDecl;
}

extern const CheckKind check_console;
const CheckKind check_console = DeclareCheck<ConsoleCheck, &Resolve, &Judge>();

}  // namespace ktstr
