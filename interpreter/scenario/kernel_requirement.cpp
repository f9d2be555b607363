#include "interpreter/scenario/kernel_requirement.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace ktstr {
namespace {

/// The first two numbers of `text`; `rest` is what follows them.
bool ParseVersion(std::string_view text, KernelVersion& version, std::string_view& rest) {
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return false;
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  rest = std::string_view(minor.ptr, static_cast<std::size_t>(end - minor.ptr));
  return minor.ec == std::errc{};
}

std::string PrintVersion(const KernelVersion& version) {
  return fmt::format("{}.{}", version.major, version.minor);
}

std::string ParseVersionText(std::string_view text, void* out) {
  std::string_view rest;
  if (ParseVersion(text, *static_cast<KernelVersion*>(out), rest) && rest.empty()) return {};
  return fmt::format("'{}' is not a kernel version; write e.g. 6.12", text);
}
constexpr ScalarDecl kVersion{
    "KernelVersion",
    "The first two numbers of a kernel release.",
    "^[0-9]+\\.[0-9]+$",
    "6.12",
    true,
    &ParseVersionText,
    [](const void* version) { return PrintVersion(*static_cast<const KernelVersion*>(version)); }};

std::string ParseBounds(std::string_view text, void* out) {
  auto& requirement = *static_cast<KernelRequirement*>(out);
  requirement.bounds.clear();
  const std::string whole(text);
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    KernelRequirement::Bound bound;
    for (const std::string_view op : {">=", "<=", ">", "<", "="}) {
      if (!part.starts_with(op)) continue;
      bound.op = op;
      break;
    }
    std::string_view rest;
    if (bound.op.empty() || !ParseVersion(part.substr(bound.op.size()), bound.version, rest) || !rest.empty())
      return "'" + whole + "' is not a kernel requirement; write e.g. \">=6.12\"";
    requirement.bounds.push_back(bound);
  }
  return requirement.bounds.empty() ? "a kernel requirement is empty; write e.g. \">=6.12\"" : std::string();
}

std::string PrintBounds(const void* object) {
  std::vector<std::string> parts;
  for (const auto& bound : static_cast<const KernelRequirement*>(object)->bounds)
    parts.push_back(bound.op + PrintVersion(bound.version));
  return fmt::format("{}", fmt::join(parts, " "));
}

/// Whether no version lies within all bounds. The minor number goes up in steps of one; a major one may have
/// any number of them.
bool Contradict(const std::vector<KernelRequirement::Bound>& bounds) {
  constexpr std::uint32_t kLast = std::numeric_limits<std::uint32_t>::max();
  KernelVersion lowest{0, 0};
  KernelVersion highest{kLast, kLast};
  for (const auto& [op, version] : bounds) {
    KernelVersion low = version;
    KernelVersion high = version;
    if (op == ">") low.minor = version.minor == kLast ? kLast : version.minor + 1;
    if (op == "<" && version == KernelVersion{0, 0}) return true;
    if (op == "<")
      high = version.minor > 0 ? KernelVersion{version.major, version.minor - 1}
                               : KernelVersion{version.major - 1, kLast};
    if (op.starts_with('>') || op == "=") lowest = std::max(lowest, low);
    if (op.starts_with('<') || op == "=") highest = std::min(highest, high);
  }
  return lowest > highest;
}

void RequirementRules(const void* object, RuleSink& sink) {
  const auto& requirement = *static_cast<const KernelRequirement*>(object);
  if (requirement.min && requirement.max && *requirement.min > *requirement.max)
    sink.Diagnose("max", fmt::format("no kernel is both at least {} and at most {}",
                                     PrintVersion(*requirement.min), PrintVersion(*requirement.max)));
  if (Contradict(requirement.bounds))
    sink.Diagnose("",
                  fmt::format("no kernel is {}, so the scenario would never run", PrintBounds(&requirement)));
  if (requirement.bounds.empty() && !requirement.min && !requirement.max && requirement.features.empty())
    sink.Diagnose("", "give min, max or features");
}

std::string VersionText(const KernelRequirement& requirement) {
  std::vector<std::string> parts;
  if (!requirement.bounds.empty()) parts.push_back(PrintBounds(&requirement));
  if (requirement.min) parts.push_back(">=" + PrintVersion(*requirement.min));
  if (requirement.max) parts.push_back("<=" + PrintVersion(*requirement.max));
  return fmt::format("{}", fmt::join(parts, " "));
}

}  // namespace

const ScalarDecl& KernelVersion::Scalar() { return kVersion; }

bool KernelRequirement::Allows(std::string_view release) const {
  KernelVersion version;
  std::string_view rest;
  if (!ParseVersion(release, version, rest)) return false;
  if ((min && version < *min) || (max && version > *max)) return false;
  return std::all_of(bounds.begin(), bounds.end(), [&](const Bound& bound) {
    const auto order = version <=> bound.version;
    return bound.op == ">="   ? order >= 0
           : bound.op == "<=" ? order <= 0
           : bound.op == ">"  ? order > 0
           : bound.op == "<"  ? order < 0
                              : order == 0;
  });
}

std::string KernelRequirement::Text() const {
  std::string text = VersionText(*this);
  if (features.empty()) return text;
  std::vector<std::string_view> names;
  for (const vmm::KernelFeature feature : features) names.push_back(vmm::FeatureName(feature));
  return fmt::format("{}{}with {}", text, text.empty() ? "" : " ", fmt::join(names, ", "));
}

const StructDecl& KernelRequirement::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&KernelRequirement::min>("min", "The oldest kernel, e.g. 6.12."),
      Optional<&KernelRequirement::max>("max", "The newest kernel; all patch releases of it will do."),
      Optional<&KernelRequirement::features>("features",
                                             "What must be built into it, as its configuration says; "
                                             "`ktstr-interp kernel build` has all of them."),
  };
  static constexpr ShorthandDecl kShort{"Bounds on the kernel's version, joined by a space.",
                                        "^((>=|<=|>|<|=)[0-9]+\\.[0-9]+)( (>=|<=|>|<|=)[0-9]+\\.[0-9]+)*$",
                                        "\">=6.12\", \">=6.6 <6.13\"",
                                        false,
                                        &ParseBounds,
                                        &PrintBounds};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<KernelRequirement>("KernelRequirement",
                                                       "Which kernels the scenario can run on.", kFields);
    decl.shorthand = &kShort;
    decl.rules = &RequirementRules;
    return decl;
  }();
  return kDecl;
}

std::string UnmetRequirement(const KernelRequirement& requirement, const vmm::Kernel& kernel) {
  if (!requirement.Allows(kernel.version))
    return fmt::format("needs kernel {}, this is {}", VersionText(requirement), kernel.version);
  const std::string missing = vmm::MissingFeatures(kernel, requirement.features);
  return missing.empty() ? missing : missing + "; `ktstr-interp kernel build` makes one that has it all";
}

}  // namespace ktstr
