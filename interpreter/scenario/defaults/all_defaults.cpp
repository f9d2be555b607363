// The table of default checks, and the declaration of `defaults:` that follows from it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "interpreter/scenario/defaults/default_check.h"

namespace ktstr {

void JudgeWorkersReported(DefaultSite& site);
void JudgeWorkersSetUp(DefaultSite& site);
void JudgeProgress(DefaultSite& site);
void JudgeNoStall(DefaultSite& site);
void JudgeCpusetIsolation(DefaultSite& site);

namespace {

// In the order they are judged. A row without its file does not link.
constexpr DefaultCheck kTable[] = {
    {Optional<&DefaultChecks::workers_reported>("workers_reported",
                                                "Every worker left a report; one that did not is an ERROR."),
     &JudgeWorkersReported},
    {Optional<&DefaultChecks::workers_set_up>(
         "workers_set_up", "Every worker got the affinity and the scheduling policy asked for, else ERROR."),
     &JudgeWorkersSetUp},
    {Optional<&DefaultChecks::progress>("progress", "Every worker did some work."), &JudgeProgress},
    {Optional<&DefaultChecks::no_stall>("no_stall",
                                        "No worker stood still for longer than stall_limit: none was kept "
                                        "from a CPU, stopped or hung. Sleep "
                                        "by its own wish, a frozen cgroup and cpu.max are no standstill."),
     &JudgeNoStall},
    {Optional<&DefaultChecks::cpuset_isolation>(
         "cpuset_isolation",
         "No worker ran on a CPU outside the effective cpuset that its cgroup had at the time."),
     &JudgeCpusetIsolation},
};

constexpr FieldDecl kSettings[] = {
    Optional<&DefaultChecks::stall_limit>("stall_limit", "The longest standstill that no_stall allows."),
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
  if (static_cast<const DefaultChecks*>(object)->stall_limit != DefaultChecks{}.stall_limit) return {};
  const auto fields = AllDefaultChecks();
  const auto on = std::count_if(fields.begin(), fields.end(), [&](const FieldDecl* field) {
    return *static_cast<const bool*>(field->Member(object));
  });
  if (on == 0) return "off";
  return on == static_cast<std::ptrdiff_t>(fields.size()) ? "on" : "";
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
    for (const DefaultCheck& check : kTable) fields[at++] = check.field;
    for (const FieldDecl& setting : kSettings) fields[at++] = setting;
    return fields;
  }();
  static constexpr ShorthandDecl kShorthand{
      "on or off: all of them.", "^(on|off)$", "off", false, &ParseDefaults, &PrintDefaults};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<DefaultChecks>("DefaultChecks", "Checks that are on unless switched off.", kFields);
    decl.shorthand = &kShorthand;
    return decl;
  }();
  return kDecl;
}

}  // namespace ktstr
