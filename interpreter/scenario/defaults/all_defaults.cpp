// The table of default checks, and the declaration of `defaults:` that follows from it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "interpreter/scenario/defaults/default_check.h"
#include "vmm/host/line_pattern_fault.h"

namespace ktstr {

void JudgeKernelComplaints(DefaultSite& site);
void JudgePayloadExits(DefaultSite& site);
void JudgeSchedulerAttached(DefaultSite& site);
void JudgeWorkersReported(DefaultSite& site);
void JudgeWorkersSetUp(DefaultSite& site);
void JudgeProgress(DefaultSite& site);
void JudgeNoStall(DefaultSite& site);
void JudgeCpusetIsolation(DefaultSite& site);

namespace {

// In the order they are judged. A row without its file does not link.
constexpr DefaultCheck kTable[] = {
    {Optional<&DefaultChecks::kernel_complaints>(
         "kernel_complaints",
         "The kernel complained of nothing while the scenario ran: neither in its log (warnings, oopses, "
         "lockups, hung tasks, RCU stalls; `explain kernel_complaints` lists them) nor by its taint mask."),
     &JudgeKernelComplaints},
    {Optional<&DefaultChecks::payload_exits>(
         "payload_exits",
         "Every payload exited with code 0, unless the scenario ended it or checks its exit code itself. Of "
         "one with `gate: false` it is only reported."),
     &JudgePayloadExits},
    {Optional<&DefaultChecks::scheduler_attached>(
         "scheduler_attached",
         "Every scheduler that was attached stayed so until the scenario detached it: the kernel did not "
         "eject it, and its program did not end. One that a `scheduler` check is about is left out."),
     &JudgeSchedulerAttached},
    {Optional<&DefaultChecks::workers_reported>("workers_reported",
                                                "Every worker left a report; one that did not is an ERROR."),
     &JudgeWorkersReported},
    {Optional<&DefaultChecks::workers_set_up>(
         "workers_set_up",
         "Every worker got the affinity, scheduling policy, nice value and ids asked for, and no call that "
         "its work is made of failed, else ERROR."),
     &JudgeWorkersSetUp},
    {Optional<&DefaultChecks::progress>("progress", "Every worker did some work."), &JudgeProgress},
    {Optional<&DefaultChecks::no_stall>(
         "no_stall",
         "No worker stood still for longer than stall_limit: none was kept "
         "from a CPU, stopped or hung; and no task of a payload waited that long "
         "for a CPU. Sleep by its own wish, a frozen cgroup and cpu.max are no "
         "stall."),
     &JudgeNoStall},
    {Optional<&DefaultChecks::cpuset_isolation>(
         "cpuset_isolation",
         "No worker ran on a CPU outside the effective cpuset that its cgroup had at the time."),
     &JudgeCpusetIsolation},
};

constexpr FieldDecl kSettings[] = {
    Optional<&DefaultChecks::stall_limit>(
        "stall_limit",
        "The longest stall that no_stall allows. Of payloads, waits under half "
        "a second are not known."),
    Optional<&DefaultChecks::allowed_complaints>("allowed_complaints",
                                                 "ECMA regular expressions: a complaint of the kernel in "
                                                 "whose line one of them is found is no fault of "
                                                 "kernel_complaints."),
};

std::string ParseDefaults(std::string_view text, void* object) {
  auto& defaults = *static_cast<DefaultChecks*>(object);
  defaults = {};
  if (text == "on") return {};
  if (text != "off") return fmt::format("'{}' is neither on nor off", text);
  for (const FieldDecl* field : AllDefaultChecks()) *static_cast<bool*>(field->member(object)) = false;
  return {};
}

std::string PrintDefaults(const void* object) {
  const auto& defaults = *static_cast<const DefaultChecks*>(object);
  if (defaults.stall_limit != DefaultChecks{}.stall_limit || !defaults.allowed_complaints.empty()) return {};
  const auto fields = AllDefaultChecks();
  const auto on = std::count_if(fields.begin(), fields.end(), [&](const FieldDecl* field) {
    return *static_cast<const bool*>(field->Member(object));
  });
  if (on == 0) return "off";
  return on == static_cast<std::ptrdiff_t>(fields.size()) ? "on" : "";
}

void DefaultsRules(const void* object, RuleSink& sink) {
  const auto& allowed = static_cast<const DefaultChecks*>(object)->allowed_complaints;
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    std::string fault = allowed[i].empty() ? "it would allow every complaint; use `kernel_complaints: off`"
                                           : LinePatternFault(allowed[i]);
    if (!fault.empty()) sink.Diagnose("allowed_complaints/" + std::to_string(i), std::move(fault));
  }
}

}  // namespace

std::span<const DefaultCheck> DefaultCheckTable() { return kTable; }

std::vector<const FieldDecl*> AllDefaultChecks() {
  std::vector<const FieldDecl*> fields;
  for (const DefaultCheck& check : kTable) fields.push_back(&check.field);
  return fields;
}

const StructDecl& DefaultChecks::Decl() {
  static constexpr auto kFields = [] {
    std::array<FieldDecl, std::size(kTable) + std::size(kSettings)> fields{};
    std::size_t at = 0;
    for (const DefaultCheck& check : kTable) {
      fields[at] = check.field;
      fields[at++].limits.on_off = true;
    }
    for (const FieldDecl& setting : kSettings) fields[at++] = setting;
    return fields;
  }();
  static constexpr ShorthandDecl kShorthand{
      "on or off: all of them.", "^(on|off)$", "off", false, &ParseDefaults, &PrintDefaults};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<DefaultChecks>("DefaultChecks", "Checks that are on unless switched off.", kFields);
    decl.shorthand = &kShorthand;
    decl.rules = &DefaultsRules;
    return decl;
  }();
  return kDecl;
}

}  // namespace ktstr
