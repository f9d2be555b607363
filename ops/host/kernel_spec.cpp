#include "ops/host/kernel_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ktstr {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string ParseSymbol(std::string_view text, void* object) {
  static_cast<KernelTargetSpec*>(object)->symbol = std::string(text);
  return {};
}

std::string PrintSymbol(const void* object) {
  const auto& spec = *static_cast<const KernelTargetSpec*>(object);
  const bool plain = spec.symbol && spec.type.empty() && spec.field.empty() && !spec.cpu;
  return plain ? *spec.symbol : std::string();
}

void TargetRules(const void* object, RuleSink& sink) {
  const auto& spec = *static_cast<const KernelTargetSpec*>(object);
  const int ways = static_cast<int>(spec.symbol.has_value()) + static_cast<int>(spec.direct.has_value()) +
                   static_cast<int>(spec.virtual_address.has_value()) +
                   static_cast<int>(spec.task.has_value()) + static_cast<int>(spec.pid.has_value()) +
                   static_cast<int>(spec.var.has_value());
  if (ways != 1) return sink.Diagnose("", "give exactly one of symbol, direct, virtual, task, pid and var");
  const bool of_task = spec.task || spec.pid;
  if (of_task && spec.field.empty())
    sink.Diagnose("", "which field of the task? Give `field`, e.g. scx.slice");
  if (spec.cpu && !spec.symbol) sink.Diagnose("cpu", "only symbols have a copy per CPU");
  if (!spec.type.empty() && (!spec.symbol || spec.cpu))
    sink.Diagnose("type",
                  "a type goes with a symbol that is not per CPU; the kernel knows those of the others");
  if (!spec.map.empty() && !spec.var) sink.Diagnose("map", "a map goes with a variable, `var`");
  if (!spec.field.empty() && !of_task && !spec.symbol && !spec.var)
    sink.Diagnose("field", "an address has no type; read it by width");
  if (spec.symbol && !spec.cpu && !spec.field.empty() && spec.type.empty())
    sink.Diagnose(
        "field",
        "the kernel does not know what type the symbol has: give `type`, or `cpu` for a per-CPU one");
  if (spec.pid && !spec.start_time_ns)
    sink.Diagnose("pid",
                  "a pid alone may be another task by now: give start_time_ns, or the task's name as `task`");
  if (spec.start_time_ns && !spec.pid) sink.Diagnose("start_time_ns", "a start time goes with a pid");
}

std::string ParseWidth(std::string_view text, void* out) {
  auto& width = static_cast<WidthSpec*>(out)->width;
  if (text == "u32") width = vmm::KernelWidth::U32();
  if (text == "u64") width = vmm::KernelWidth::U64();
  if (text == "u32" || text == "u64") return {};
  std::uint32_t bytes = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (fault != std::errc() || std::string_view(end, text.data() + text.size()) != "B")
    return fmt::format("'{}' is not a width; write u32, u64 or 16B", text);
  if (bytes == 0 || bytes > vmm::KernelWidth::kMaxBytes) return "1 to 1048576 bytes can be read at once";
  width = vmm::KernelWidth::Bytes(bytes);
  return {};
}

std::string PrintWidth(const void* in) {
  const vmm::KernelWidth& width = static_cast<const WidthSpec*>(in)->width;
  if (width.kind == vmm::KernelWidth::Kind::kU32) return "u32";
  if (width.kind == vmm::KernelWidth::Kind::kU64) return "u64";
  return fmt::format("{}B", width.bytes);
}

constexpr ScalarDecl kWidth{"Width",
                            "u32, u64, or a number of bytes.",
                            "^(u32|u64|[0-9]{1,7}B)$",
                            "u32, u64, 16B",
                            false,
                            &ParseWidth,
                            &PrintWidth};

void ValueRules(const void* object, RuleSink& sink) {
  const auto& value = *static_cast<const KernelValueSpec*>(object);
  if (value.bytes && (value.bytes->empty() || value.bytes->size() % 2 != 0))
    sink.Diagnose("bytes", "bytes are written as two hex digits each");
  if (value.or_mask && value.or_mask->value > UINT32_MAX) sink.Diagnose("or_mask", "a mask has 32 bits");
}

}  // namespace

const ScalarDecl& WidthSpec::Scalar() { return kWidth; }

const StructDecl& KernelTargetSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&KernelTargetSpec::symbol>("symbol", "A kernel variable by name."),
      Optional<&KernelTargetSpec::type>(
          "type",
          "The symbol's type, so that `field` can be found: `task_struct`, or `scx_sched *` for a pointer."),
      Optional<&KernelTargetSpec::field>(
          "field",
          "A member path, sized and typed by the BTF of the kernel or the BPF program: "
          "`se.load.weight`, `a.b[2]`; pointers are followed."),
      Optional<&KernelTargetSpec::cpu>("cpu", "Whose copy of a per-CPU symbol, e.g. of runqueues."),
      Optional<&KernelTargetSpec::direct>("direct", "An address in the kernel's direct map of all memory."),
      Optional<&KernelTargetSpec::virtual_address>("virtual",
                                                   "A kernel address, found through the page tables."),
      Optional<&KernelTargetSpec::task>("task",
                                        "A task by name (comm); several of that name are an error. "
                                        "Writing needs a sched_ext task that sleeps."),
      Optional<&KernelTargetSpec::pid>("pid", "A task by pid, in the guest."),
      Optional<&KernelTargetSpec::start_time_ns>(
          "start_time_ns", "When that task started, so that it is no other.", Unit("ns")),
      Optional<&KernelTargetSpec::var>(
          "var", "A global variable of a BPF program that is loaded then, as a scheduler's are."),
      Optional<&KernelTargetSpec::map>(
          "map",
          "The BPF map that the variable is in (`ktstr_sc.bss`), where several have one of that name."),
  };
  static constexpr ShorthandDecl kShort{"A kernel variable by name.",
                                        "^[A-Za-z_][A-Za-z0-9_.]*$",
                                        "jiffies_64",
                                        false,
                                        &ParseSymbol,
                                        &PrintSymbol};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl =
        DeclareStruct<KernelTargetSpec>("KernelTarget", "A place in the kernel's memory.", kFields);
    decl.shorthand = &kShort;
    decl.rules = &TargetRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& KernelValueSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&KernelValueSpec::set>("set", "A number, written with the size of the field it goes to."),
      Optional<&KernelValueSpec::u32>("u32", "Four bytes, little endian."),
      Optional<&KernelValueSpec::u64>("u64", "Eight bytes, little endian."),
      Optional<&KernelValueSpec::bytes>(
          "bytes", "Bytes in hex, two digits each.",
          {.pattern = "^([0-9a-fA-F]{2})+$", .pattern_doc = "two hex digits per byte"}),
      Optional<&KernelValueSpec::or_mask>("or_mask",
                                          "32 bits to set beside those that are; WriteKernelCold only."),
  };
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<KernelValueSpec>("KernelValue", "What is written.", kFields);
    decl.exactly_one = true;
    decl.rules = &ValueRules;
    return decl;
  }();
  return kDecl;
}

const StructDecl& KernelWriteSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Required<&KernelWriteSpec::target>("target", "Where."),
      Required<&KernelWriteSpec::value>("value", "What."),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<KernelWriteSpec>("KernelWrite", "One write of a batch.", kFields);
  return kDecl;
}

KernelEntry KernelTargetSpec::Entry() const {
  KernelEntry entry;
  if (symbol && cpu) {
    entry.target = vmm::PerCpuTarget{*symbol, field, *cpu};
  } else if (symbol) {
    entry.target = vmm::SymbolTarget{*symbol, type, field};
  } else if (direct) {
    entry.target = vmm::DirectTarget{direct->value};
  } else if (virtual_address) {
    entry.target = vmm::VirtualTarget{virtual_address->value};
  } else if (var) {
    entry.target = vmm::BpfGlobalTarget{*var, map, field};
  } else {
    entry.target = vmm::TaskTarget{pid.value_or(0), start_time_ns.value_or(Word{}).value, field};
    entry.task_comm = task.value_or("");
  }
  return entry;
}

vmm::KernelValue KernelValueSpec::Value() const {
  if (set) return vmm::KernelValue::Signed(*set);
  if (u32) return vmm::KernelValue::U32(*u32);
  if (u64) return vmm::KernelValue::U64(u64->value);
  if (or_mask) return vmm::KernelValue::OrMask(static_cast<std::uint32_t>(or_mask->value));
  std::vector<std::byte> raw;
  const std::string text = bytes.value_or("");
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    raw.push_back(
        static_cast<std::byte>(std::max(0, HexDigit(text[i])) << 4 | std::max(0, HexDigit(text[i + 1]))));
  return vmm::KernelValue::Bytes(std::move(raw));
}

std::string ToText(const KernelEntry& entry) {
  if (entry.task_comm.empty()) return vmm::ToText(entry.target);
  return fmt::format("{} of task '{}'", std::get<vmm::TaskTarget>(entry.target).field, entry.task_comm);
}

}  // namespace ktstr
