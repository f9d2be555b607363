#include "vmm/introspection/kernel/kernel_target.h"

#include <fmt/format.h>

namespace ktstr::vmm {
namespace {

std::string WithField(const std::string& base, const std::string& field) {
  if (field.empty()) return base;
  const bool separated = field.starts_with("->") || field.front() == '[' || field.front() == '.';
  return base + (separated ? "" : ".") + field;
}

struct TargetText {
  std::string operator()(const SymbolTarget& t) const { return WithField(t.name, t.field); }
  std::string operator()(const DirectTarget& t) const { return fmt::format("{:#x}", t.address); }
  std::string operator()(const VirtualTarget& t) const { return fmt::format("{:#x}", t.address); }
  std::string operator()(const PerCpuTarget& t) const {
    return fmt::format("{} of CPU {}", WithField(t.symbol, t.field), t.cpu);
  }
  std::string operator()(const TaskTarget& t) const { return fmt::format("{} of task {}", t.field, t.pid); }
  std::string operator()(const BpfGlobalTarget& t) const {
    return fmt::format("{} of {}", WithField(t.variable, t.field),
                       t.map.empty() ? "a BPF program" : "BPF map " + t.map);
  }
};

}  // namespace

std::string ToText(const KernelReadValue& value) {
  std::string text;
  if (!value.bytes.empty()) {
    for (const std::byte b : value.bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  } else if (value.is_signed) {
    text = fmt::format("{}", static_cast<std::int64_t>(value.number));
  } else {
    text = fmt::format("{}", value.number);
  }
  return text;
}

std::string ToText(const KernelTarget& target) { return std::visit(TargetText{}, target); }

}  // namespace ktstr::vmm
