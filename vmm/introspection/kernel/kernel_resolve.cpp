// From a target to an address and a type.
#include <bpf/btf.h>
#include <fmt/format.h>

#include <array>

#include "vmm/introspection/kernel/bpf_global.h"
#include "vmm/introspection/kernel/kernel_access.h"
#include "vmm/introspection/kernel/task_field.h"
#include "vmm/introspection/memory/guest_memory.h"

namespace ktstr::vmm {
namespace {

constexpr std::uint64_t kKernelHalf =
    0xff00000000000000;  // of 5-level page tables; 4-level ones begin higher

/// libbpf's description of a type without modifiers; nullptr for ids that do not exist.
const btf_type* TypeById(const Btf& btf, std::uint32_t type) {
  return ::btf__type_by_id(btf.raw(), btf.Resolve(type));
}

bool IsPointer(const Btf& btf, std::uint32_t type) {
  const btf_type* t = TypeById(btf, type);
  return t != nullptr && ::btf_is_ptr(t);
}

PlaceType DescribeMember(const Btf& btf, const MemberPath& path) {
  const btf_type* t = TypeById(btf, path.type);
  const bool number = t != nullptr && (::btf_is_int(t) || ::btf_is_any_enum(t) || ::btf_is_ptr(t));
  return {.size = path.size,
          .bit_offset = path.bit_offset,
          .bit_size = path.bit_size,
          .is_number = number && path.size > 0 && path.size <= sizeof(std::uint64_t),
          .is_signed = path.is_signed,
          .type_name = btf.NameOf(path.type)};
}

Result<std::uint64_t> Follow(const KernelView& view, std::uint64_t pointer_at, const std::string& name) {
  const auto target = view.Load<std::uint64_t>(pointer_at);
  if (!target)
    return Error{
        ErrorKind::kGuest,
        fmt::format("{}: a pointer on the way cannot be read ({:#x} is not mapped)", name, pointer_at)};
  if (*target == 0) return Error{ErrorKind::kGuest, fmt::format("{}: a pointer on the way is null", name)};
  return *target;
}

/// The member `field` of the object of type `type` at `address`; of a pointer, of what it points to.
Result<ResolvedPlace> Member(const KernelView& view, const Btf& btf, std::uint64_t address,
                             std::uint32_t type, std::string_view field, std::string name) {
  if (!field.empty() && IsPointer(btf, type)) {
    address = TRY(Follow(view, address, name));
    type = TypeById(btf, type)->type;
  }
  const MemberPath path = TRY(btf.Path(type, field));
  for (const std::uint64_t hop : path.hops) address = TRY(Follow(view, address + hop, name));
  ResolvedPlace place;
  place.address = address + path.offset;
  place.type = DescribeMember(btf, path);
  place.name = std::move(name);
  return place;
}

/// A type as authors write it: "struct rq" or "rq" or "rq *".
struct WrittenType {
  std::string name;
  bool pointer = false;
};
Result<WrittenType> ParseType(std::string_view text) {
  const auto trim = [&text] {
    while (text.ends_with(' ')) text.remove_suffix(1);
    while (text.starts_with(' ')) text.remove_prefix(1);
  };
  const std::string whole(text);
  WrittenType type;
  trim();
  if (text.ends_with('*')) {
    type.pointer = true;
    text.remove_suffix(1);
    trim();
  }
  for (const std::string_view keyword : {"struct ", "union ", "enum "})
    if (text.starts_with(keyword)) text.remove_prefix(keyword.size());
  trim();
  if (text.empty() || text.find('*') != std::string_view::npos)
    return InputError(fmt::format("'{}' is not a type's name, with one '*' at most", whole));
  type.name = text;
  return type;
}

Result<ResolvedPlace> ResolveSymbol(const KernelView& view, const SymbolTarget& target, std::string name) {
  std::uint64_t address = TRY(view.Symbol(target.name));
  if (target.type.empty()) {
    if (!target.field.empty())
      return InputError(fmt::format("'{}' has no known type; say `type:` to use the field '{}'", target.name,
                                    target.field));
    ResolvedPlace place;
    place.address = address;
    place.name = std::move(name);
    return place;
  }
  const WrittenType written = TRY(ParseType(target.type));
  const std::uint32_t type = TRY(view.btf().FindType(written.name));
  std::string_view field = target.field;
  const bool arrow = field.starts_with("->");
  if (arrow) field.remove_prefix(2);
  if (arrow || (written.pointer && !field.empty())) {
    address = TRY(Follow(view, address, name));
  } else if (written.pointer) {
    ResolvedPlace place;
    place.address = address;
    place.type = PlaceType{.size = 8, .is_number = true, .type_name = written.name + " *"};
    place.name = std::move(name);
    return place;
  }
  return Member(view, view.btf(), address, type, field, std::move(name));
}

Result<ResolvedPlace> ResolveDirect(const KernelView& view, const DirectTarget& target, std::string name) {
  const std::array<std::uint64_t, 1> ram = {view.facts().ram_bytes};
  const std::vector<RamRange> ranges = LayOutRam(ram);
  const std::uint64_t begin = view.facts().page_offset;
  const std::uint64_t end = begin + (ranges.empty() ? 0 : ranges.back().address + ranges.back().bytes);
  if (target.address < begin || target.address >= end)
    return InputError(fmt::format("{} is not in the direct map ({:#x} to {:#x})", name, begin, end - 1));
  ResolvedPlace place;
  place.address = target.address;
  place.end = end;
  place.authored = true;
  place.name = std::move(name);
  return place;
}

Result<ResolvedPlace> ResolveVirtual(const VirtualTarget& target, std::string name) {
  if (target.address < kKernelHalf)
    return InputError(fmt::format("{} is not a kernel address (those begin at {:#x})", name, kKernelHalf));
  ResolvedPlace place;
  place.address = target.address;
  place.authored = true;
  place.name = std::move(name);
  return place;
}

/// The variables whose type is known whatever BTF holds (some kernels' has no variables at all).
std::string_view KnownPerCpuType(std::string_view symbol) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kKnown = {{
      {"runqueues", "rq"},
      {"kernel_cpustat", "kernel_cpustat"},
      {"kstat", "kernel_stat"},
      {"tick_cpu_sched", "tick_sched"},
  }};
  for (const auto& [name, type] : kKnown)
    if (name == symbol) return type;
  return {};
}

Result<ResolvedPlace> ResolvePerCpu(const KernelView& view, const PerCpuTarget& target, std::string name) {
  const std::uint64_t address = TRY(view.PerCpu(target.symbol, target.cpu));
  std::optional<std::uint32_t> type = view.btf().VariableType(target.symbol);
  if (!type) {
    const std::string_view known = KnownPerCpuType(target.symbol);
    if (known.empty())
      return InputError(fmt::format("the kernel's BTF does not know the type of '{}'", target.symbol));
    type = TRY(view.btf().FindType(known));
  }
  return Member(view, view.btf(), address, *type, target.field, std::move(name));
}

Result<ResolvedPlace> ResolveTask(const KernelView& view, const TaskTarget& target, KernelIntent intent,
                                  std::string name) {
  const std::uint32_t type = TRY(view.btf().FindType("task_struct"));
  // The path first: a mistake in it is the same whatever the task does.
  TRY(view.btf().Path(type, target.field));
  const std::uint64_t task = TRY(FindTask(view, target, intent));
  return Member(view, view.btf(), task, type, target.field, std::move(name));
}

Result<ResolvedPlace> ResolveBpfGlobal(const KernelView& view, const BpfGlobalTarget& target,
                                       KernelIntent intent, std::string name) {
  const BpfGlobal global = TRY(FindBpfGlobal(view, target.map, target.variable));
  if (global.constant && intent == KernelIntent::kWrite)
    return InputError(
        fmt::format("{} is a constant of its program: the verifier has built its value into the code", name));
  return Member(view, *global.types, global.address, global.type, target.field, std::move(name));
}

}  // namespace

Result<ResolvedPlace> Resolve(const KernelView& view, const KernelTarget& target, KernelIntent intent) {
  std::string name = ToText(target);
  if (const auto* symbol = std::get_if<SymbolTarget>(&target))
    return ResolveSymbol(view, *symbol, std::move(name));
  if (const auto* direct = std::get_if<DirectTarget>(&target))
    return ResolveDirect(view, *direct, std::move(name));
  if (const auto* any = std::get_if<VirtualTarget>(&target)) return ResolveVirtual(*any, std::move(name));
  if (const auto* per_cpu = std::get_if<PerCpuTarget>(&target))
    return ResolvePerCpu(view, *per_cpu, std::move(name));
  if (const auto* global = std::get_if<BpfGlobalTarget>(&target))
    return ResolveBpfGlobal(view, *global, intent, std::move(name));
  return ResolveTask(view, std::get<TaskTarget>(target), intent, std::move(name));
}

}  // namespace ktstr::vmm
