#include "interpreter/cli/cli_catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "interpreter/cli/cli.h"
#include "interpreter/explain/explain.h"
#include "interpreter/explain/schema.h"
#include "interpreter/fold/kernel_log.h"
#include "interpreter/fold/metrics.h"
#include "interpreter/load/explain_text.h"
#include "interpreter/report/version.h"
#include "interpreter/scenario/check_list.h"
#include "interpreter/scenario/scenario.h"
#include "ops/op.h"
#include "vmm/kernel/kernel_features.h"
#include "workloads/work_type.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

std::vector<const StructDecl*> OpDecls() {
  std::vector<const StructDecl*> decls;
  for (const OpDecl* op : AllOps()) decls.push_back(&op->args());
  return decls;
}

std::vector<const StructDecl*> WorkTypeDecls() {
  std::vector<const StructDecl*> decls;
  for (const WorkTypeDecl& work : AllWorkTypes()) decls.push_back(&work.params());
  return decls;
}

/// What a scenario consists of beside Ops and work types.
std::vector<const StructDecl*> SectionDecls() {
  std::set<const StructDecl*> listed_elsewhere;
  for (const StructDecl* decl : OpDecls()) listed_elsewhere.insert(decl);
  for (const StructDecl* decl : WorkTypeDecls()) listed_elsewhere.insert(decl);
  std::vector<const StructDecl*> sections = ReachableStructs(Scenario::Decl());
  std::erase_if(sections, [&](const StructDecl* decl) { return listed_elsewhere.contains(decl); });
  return sections;
}

std::span<const NamedForm> NamedForms(const StructDecl& decl) {
  return decl.shorthand == nullptr ? std::span<const NamedForm>() : decl.shorthand->names;
}

std::string_view EnumText(std::span<const EnumValue> values, std::uint8_t value) {
  return values[value].name;
}
std::string_view Better(const MetricDecl& metric) {
  return EnumText(kPolarities, static_cast<std::uint8_t>(metric.better));
}
std::string_view ScopeName(const MetricDecl& metric) {
  return EnumText(kScopes, static_cast<std::uint8_t>(metric.scope));
}

/// What a work type's own declaration does not say.
std::string WorkTypeFacts(const WorkTypeDecl& work) {
  std::vector<std::string> facts;
  if (!work.group_doc.empty())
    facts.push_back(fmt::format("Workers come in groups of {}.", work.group_doc));
  else if (work.group_size > 1)
    facts.push_back(fmt::format("Workers come in groups of {}.", work.group_size));
  if (!work.wake_sample.empty()) facts.push_back(fmt::format("Wake latency: {}.", work.wake_sample));
  if (!work.timer_sample.empty()) facts.push_back(fmt::format("Timer latency: {}.", work.timer_sample));
  if (!work.iteration_cost.empty()) facts.push_back(fmt::format("Iteration cost: {}.", work.iteration_cost));
  if (work.needs_disk)
    facts.push_back(
        fmt::format("The machine gets a disk for it, which is thrown away after the run; the kernel "
                    "needs the feature {}.",
                    vmm::FeatureName(vmm::KernelFeature::kVirtioBlk)));
  if (work.needs_nics)
    facts.push_back(
        fmt::format("The machine gets two network cards for it, on a wire that leads nowhere else; the "
                    "kernel needs the feature {}.",
                    vmm::FeatureName(vmm::KernelFeature::kVirtioNet)));
  if (!work.refusal.empty()) facts.push_back(fmt::format("Counted as `refusals`: {}.", work.refusal));
  return fmt::format("{}", fmt::join(facts, " "));
}

std::string ExplainMetric(const MetricDecl& metric) {
  std::string text =
      fmt::format("{} (metric)\n  {}\n\n  one number per {}", metric.name, metric.doc, ScopeName(metric));
  if (!metric.unit.empty()) text += fmt::format("; unit {}", metric.unit);
  if (metric.better != Polarity::kInfo) text += fmt::format("; {} is better", Better(metric));
  return text + fmt::format("\n\n  example: {{metric: {}, max: 1}}\n", metric.name);
}

bool SameName(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

/// For a word that is only a field's name.
std::string ExplainFieldName(std::string_view name) {
  std::string text;
  for (const StructDecl* decl : ReachableStructs(Scenario::Decl()))
    for (const FieldDecl& field : decl->fields)
      if (SameName(field.name, name))
        text += fmt::format("{} (field of {})\n  {}\n  see `explain {}`\n", field.name, decl->name, field.doc,
                            decl->name);
  return text;
}

std::string FirstSentence(std::string_view doc) {
  const std::size_t end = doc.find(". ");
  return std::string(end == std::string_view::npos ? doc : doc.substr(0, end + 1));
}

std::string OverviewPart(std::string_view title,
                         const std::vector<std::pair<std::string_view, std::string_view>>& rows) {
  std::string text = fmt::format("{}\n", title);
  for (const auto& [name, doc] : rows) text += fmt::format("  {:<28} {}\n", name, FirstSentence(doc));
  return text;
}

std::vector<std::pair<std::string_view, std::string_view>> Rows(const std::vector<const StructDecl*>& decls) {
  std::vector<std::pair<std::string_view, std::string_view>> rows;
  for (const StructDecl* decl : decls) rows.emplace_back(decl->name, decl->doc);
  return rows;
}

std::vector<std::pair<std::string_view, std::string_view>> MetricRows() {
  std::vector<std::pair<std::string_view, std::string_view>> rows;
  for (const MetricDecl& metric : AllMetrics()) rows.emplace_back(metric.name, metric.doc);
  return rows;
}

std::vector<std::pair<std::string_view, std::string_view>> CheckRows() {
  std::vector<std::pair<std::string_view, std::string_view>> rows;
  for (const FieldDecl* check : AllDefaultChecks()) rows.emplace_back(check->name, check->doc);
  return rows;
}

/// What kernel_complaints takes for a complaint.
std::string ComplaintsText() {
  std::string text = "\n  A message of the kernel itself is a complaint when it is (* is any text)\n";
  for (const ComplaintKind& kind : AllComplaintKinds())
    text += fmt::format("    {:<28} {}\n", kind.name, kind.pattern);
  text += "  and so is a bit of /proc/sys/kernel/tainted that is set while the scenario runs:\n";
  for (const TaintBit& taint : ComplaintTaints())
    text += fmt::format("    {:<28} {}\n", taint.letter, taint.doc);
  return text + "  allow some: defaults: {allowed_complaints: ['^WARNING: .* my_function']}\n";
}

/// Text inside a Markdown table.
std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

std::string ManualChapter(std::string_view title, const std::vector<const StructDecl*>& decls) {
  std::string text = fmt::format("\n## {}\n", title);
  for (const StructDecl* decl : decls) text += "\n" + ManualSection(*decl, 3);
  return text;
}

}  // namespace

std::vector<std::string_view> CatalogueNames() {
  std::vector<std::string_view> names;
  for (const auto& decls : {OpDecls(), WorkTypeDecls(), SectionDecls()})
    for (const StructDecl* decl : decls) {
      names.push_back(decl->name);
      for (const NamedForm& form : NamedForms(*decl)) names.push_back(form.name);
    }
  for (const auto& [name, doc] : MetricRows()) names.push_back(name);
  for (const auto& [name, doc] : CheckRows()) names.push_back(name);
  return names;
}

std::string ExplainName(std::string_view name) {
  std::string text;
  const auto add = [&](const std::string& page) { text += (text.empty() ? "" : "\n") + page; };
  for (const StructDecl* op : OpDecls())
    if (SameName(op->name, name)) add(ExplainStruct(*op, "Op"));
  for (const WorkTypeDecl& work : AllWorkTypes()) {
    if (!SameName(work.params().name, name)) continue;
    add(ExplainStruct(work.params(), "work type"));
    if (const std::string facts = WorkTypeFacts(work); !facts.empty()) text += "\n  " + facts + "\n";
  }
  for (const MetricDecl& metric : AllMetrics())
    if (SameName(metric.name, name)) add(ExplainMetric(metric));
  for (const FieldDecl* check : AllDefaultChecks())
    if (SameName(check->name, name))
      add(fmt::format("{} (default check)\n  {}\n\n  switch off: defaults: {{{}: off}}\n", check->name,
                      check->doc, check->name) +
          (check->name == "kernel_complaints" ? ComplaintsText() : ""));
  for (const StructDecl* section : SectionDecls())
    if (SameName(section->name, name)) add(ExplainStruct(*section, "section of a scenario"));
  for (const StructDecl* section : SectionDecls())
    for (const NamedForm& form : NamedForms(*section))
      if (form.name == name) add(fmt::format("{} (name of a {})\n  {}\n", name, section->name, form.doc));
  return text.empty() ? ExplainFieldName(name) : text;
}

std::string CatalogueOverview() {
  return OverviewPart("Ops, the entries of `ops:`", Rows(OpDecls())) + "\n" +
         OverviewPart("work types, the `type:` of a work entry", Rows(WorkTypeDecls())) + "\n" +
         OverviewPart("metrics, for checks", MetricRows()) + "\n" +
         OverviewPart("default checks", CheckRows()) + "\n" +
         OverviewPart("sections of a scenario", Rows(SectionDecls()));
}

Json CatalogueJson() {
  Json json = {{"version", kVersion}};
  json["ops"] = Json::array();
  for (const StructDecl* op : OpDecls()) json["ops"].push_back(DeclarationJson(*op));
  json["work_types"] = Json::array();
  for (const WorkTypeDecl& work : AllWorkTypes()) {
    Json item = DeclarationJson(work.params());
    item["group_size"] = GroupSize(work, AnyStruct(work.params()).data());
    item["group_doc"] = work.group_doc;
    item["wake_sample"] = work.wake_sample;
    item["timer_sample"] = work.timer_sample;
    item["iteration_cost"] = work.iteration_cost;
    item["needs_disk"] = work.needs_disk;
    item["needs_nics"] = work.needs_nics;
    item["refusal"] = work.refusal;
    json["work_types"].push_back(std::move(item));
  }
  json["metrics"] = Json::array();
  for (const MetricDecl& metric : AllMetrics())
    json["metrics"].push_back({{"name", metric.name},
                               {"doc", metric.doc},
                               {"unit", metric.unit},
                               {"better", Better(metric)},
                               {"scope", ScopeName(metric)}});
  json["default_checks"] = Json::array();
  for (const auto& [name, doc] : CheckRows())
    json["default_checks"].push_back({{"name", name}, {"doc", doc}});
  json["sections"] = Json::array();
  for (const StructDecl* section : SectionDecls()) json["sections"].push_back(DeclarationJson(*section));
  return json;
}

std::string Manual() {
  std::string text =
      "# What a scenario can say\n\n"
      "Generated from the declarations by `ktstr-interp schema --out schemas/`; do not edit.\n";
  text += ManualChapter("Ops", OpDecls());
  text += "\n## Work types\n";
  for (const WorkTypeDecl& work : AllWorkTypes()) {
    text += "\n" + ManualSection(work.params(), 3);
    if (const std::string facts = WorkTypeFacts(work); !facts.empty()) text += "\n" + facts + "\n";
  }
  text += "\n## Metrics\n\n| metric | what it is | unit | better | one per |\n|---|---|---|---|---|\n";
  for (const MetricDecl& metric : AllMetrics())
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", metric.name, Cell(metric.doc), metric.unit,
                        metric.better == Polarity::kInfo ? "" : Better(metric), ScopeName(metric));
  text += "\n## Default checks\n\n| check | what it asks for |\n|---|---|\n";
  for (const auto& [name, doc] : CheckRows()) text += fmt::format("| `{}` | {} |\n", name, Cell(doc));
  text += "\n### Complaints of the kernel\n\n| complaint | message; * is any text |\n|---|---|\n";
  for (const ComplaintKind& kind : AllComplaintKinds())
    text += fmt::format("| {} | `{}` |\n", kind.name, Cell(kind.pattern));
  for (const TaintBit& taint : ComplaintTaints())
    text += fmt::format("| {} | taint bit {} |\n", taint.doc, taint.letter);
  return text + ManualChapter("Sections of a scenario", SectionDecls());
}

}  // namespace ktstr
