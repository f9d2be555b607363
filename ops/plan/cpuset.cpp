#include "ops/plan/cpuset.h"

#include <cmath>

namespace ktstr {
namespace {

std::string Have(std::uint32_t count, std::string_view thing) {
  return "the topology has " + std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

std::string ParseShort(std::string_view text, void* object) {
  CpuSet set;
  std::string fault = CpuSet::Scalar().parse(text, &set);
  if (fault.empty()) static_cast<CpusetSpec*>(object)->cpus = std::move(set);
  return fault;
}
std::string PrintShort(const void* object) {
  const auto& spec = *static_cast<const CpusetSpec*>(object);
  return spec.cpus ? FormatCpus(*spec.cpus) : std::string();
}

void SliceRules(const void* object, RuleSink& sink) {
  const auto& slice = *static_cast<const Slice*>(object);
  if (slice.index >= slice.of)
    sink.Diagnose("index", "index must be less than of (" + std::to_string(slice.of) + ")");
}
void OverlapRules(const void* object, RuleSink& sink) {
  const auto& slice = *static_cast<const OverlapSlice*>(object);
  if (slice.index >= slice.of)
    sink.Diagnose("index", "index must be less than of (" + std::to_string(slice.of) + ")");
  if (slice.share.fraction > 1) sink.Diagnose("share", "share must be at most 100%");
}
void SpecRules(const void* object, RuleSink& sink) {
  const auto& spec = *static_cast<const CpusetSpec*>(object);
  if (!spec.range) return;
  if (spec.range->size() != 2) return sink.Diagnose("range", "a range is two percentages, [start, end]");
  if ((*spec.range)[1].fraction > 1) sink.Diagnose("range/1", "the end must be at most 100%");
  if ((*spec.range)[0].fraction >= (*spec.range)[1].fraction)
    sink.Diagnose("range", "the start must be less than the end");
}

/// The [first, last) part of the usable CPUs.
CpuSet Part(const CpuSet& usable, std::size_t first, std::size_t last) {
  CpuSet part;
  for (std::size_t i = first; i < last && i < usable.size(); ++i) part.cpus.push_back(usable.cpus[i]);
  return part;
}

std::size_t Floor(double value) { return static_cast<std::size_t>(std::floor(value + 1e-9)); }

Result<CpuSet> ResolveSlice(std::uint32_t index, std::uint32_t of, double overlap, const CpuSet& usable) {
  if (of == 0 || index >= of) return InputError("there is no such part");
  if (usable.size() < of)
    return InputError("cannot cut " + std::to_string(usable.size()) + " usable CPUs into " +
                      std::to_string(of) + " parts");
  const std::size_t chunk = usable.size() / of;
  const std::size_t extra = Floor(static_cast<double>(chunk) * overlap);
  const std::size_t start = index == 0 ? 0 : index * chunk - extra;
  const std::size_t end =
      index + 1 == of ? usable.size() : std::min((index + 1) * chunk + extra, usable.size());
  return Part(usable, start, end);
}

Result<CpuSet> ResolveUnchecked(const CpusetSpec& spec, const vmm::Topology& topology) {
  const CpuSet usable = UsableCpus(topology);
  const double count = static_cast<double>(usable.size());
  if (spec.llc) {
    if (*spec.llc >= topology.llcs)
      return InputError("there is no LLC " + std::to_string(*spec.llc) + ": " + Have(topology.llcs, "LLC"));
    return vmm::CpusOfLlc(topology, *spec.llc);
  }
  if (spec.numa) {
    if (*spec.numa >= topology.numa_nodes)
      return InputError("there is no NUMA node " + std::to_string(*spec.numa) + ": " +
                        Have(topology.numa_nodes, "NUMA node"));
    return vmm::CpusOfNode(topology, *spec.numa);
  }
  if (spec.range && spec.range->size() == 2)
    return Part(usable, Floor(count * (*spec.range)[0].fraction), Floor(count * (*spec.range)[1].fraction));
  if (spec.disjoint) return ResolveSlice(spec.disjoint->index, spec.disjoint->of, 0, usable);
  if (spec.overlap)
    return ResolveSlice(spec.overlap->index, spec.overlap->of, spec.overlap->share.fraction, usable);
  if (!spec.cpus) return InputError("no CPUs are given");
  const CpuSet all = vmm::AllCpus(topology);
  for (const std::uint32_t cpu : spec.cpus->cpus)
    if (!all.Contains(cpu))
      return InputError("there is no CPU " + std::to_string(cpu) + ": " +
                        Have(static_cast<std::uint32_t>(all.size()), "CPU"));
  return *spec.cpus;
}

}  // namespace

const StructDecl& Slice::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&Slice::index>("index", "Which part, from 0."),
      Required<&Slice::of>("of", "How many parts of equal size; the last takes the remainder.", AtLeast(1)),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<Slice>("Slice", "One of several equal, disjoint parts of the usable CPUs.", kFields);
    decl.rules = &SliceRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& OverlapSlice::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&OverlapSlice::index>("index", "Which part, from 0."),
      Required<&OverlapSlice::of>("of", "How many parts.", AtLeast(1)),
      Required<&OverlapSlice::share>("share",
                                     "How far each part reaches into its neighbours, as a share of a part."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<OverlapSlice>(
        "OverlapSlice", "One of several parts of the usable CPUs that overlap.", kFields);
    decl.rules = &OverlapRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& CpusetSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&CpusetSpec::llc>("llc", "Every CPU of this last-level-cache domain, from 0."),
      Optional<&CpusetSpec::numa>("numa", "Every CPU of this NUMA node, from 0."),
      Optional<&CpusetSpec::range>(
          "range", "From a start to an end share of the usable CPUs, e.g. [0%, 50%].", {.min_items = 2}),
      Optional<&CpusetSpec::disjoint>("disjoint", "One of several equal, disjoint parts of the usable CPUs."),
      Optional<&CpusetSpec::overlap>(
          "overlap", "One of several parts of the usable CPUs that overlap their neighbours."),
      Optional<&CpusetSpec::cpus>("cpus", "Exactly these CPUs."),
  };
  static constexpr ShorthandDecl kShort{"A CPU list.",    "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$",
                                        "0-3, \"0-3,8\"", true,
                                        &ParseShort,      &PrintShort};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<CpusetSpec>("Cpuset",
                                                "CPUs, named relative to the topology. The usable CPUs are "
                                                "all but the highest one (all, on up to two CPUs).",
                                                kFields);
    decl.exactly_one = true;
    decl.shorthand = &kShort;
    decl.rules = &SpecRules;
    return decl;
  }();
  return kDecl;
}

CpuSet UsableCpus(const vmm::Topology& topology) {
  CpuSet set = vmm::AllCpus(topology);
  if (set.size() > 2) set.cpus.pop_back();
  return set;
}

Result<CpuSet> ResolveCpuset(const CpusetSpec& spec, const vmm::Topology& topology) {
  CpuSet set = TRY(ResolveUnchecked(spec, topology));
  if (set.empty())
    return InputError(DescribeCpuset(spec) + " is empty on " + vmm::FormatTopology(topology) + " (" +
                      std::to_string(UsableCpus(topology).size()) + " usable CPUs)");
  return set;
}

std::string DescribeCpuset(const CpusetSpec& spec) {
  const auto percent = [](const Percent& p) { return Percent::Scalar().print(&p); };
  const auto part = [](std::uint32_t index, std::uint32_t of) {
    return std::to_string(index) + " of " + std::to_string(of);
  };
  if (spec.llc) return "llc " + std::to_string(*spec.llc);
  if (spec.numa) return "numa " + std::to_string(*spec.numa);
  if (spec.range && spec.range->size() == 2)
    return "range " + percent((*spec.range)[0]) + "-" + percent((*spec.range)[1]);
  if (spec.disjoint) return "disjoint " + part(spec.disjoint->index, spec.disjoint->of);
  if (spec.overlap)
    return "overlap " + part(spec.overlap->index, spec.overlap->of) + " by " + percent(spec.overlap->share);
  return spec.cpus ? "cpus " + FormatCpus(*spec.cpus) : "no CPUs";
}

}  // namespace ktstr
