#include "vmm/introspection/memory/registers.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "vmm/machine/machine.h"

namespace ktstr::vmm {
namespace {

constexpr std::string_view kCpu = "CPU#";

Error Wrong(std::string message) { return {ErrorKind::kMachine, std::move(message)}; }

/// The hexadecimal number at the start of `text`, which a space or the end of the line must follow.
std::optional<std::uint64_t> Hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (code != std::errc{} || end == text.data()) return std::nullopt;
  const auto used = static_cast<std::size_t>(end - text.data());
  if (used < text.size() && text[used] != ' ' && text[used] != '\r' && text[used] != '\n')
    return std::nullopt;
  return value;
}

/// What follows `label`, which begins a line or stands behind a space; `skip` fields are passed over.
std::optional<std::uint64_t> Field(std::string_view block, std::string_view label, int skip = 0) {
  for (std::size_t at = block.find(label); at != std::string_view::npos; at = block.find(label, at + 1)) {
    if (at > 0 && block[at - 1] != '\n' && block[at - 1] != ' ') continue;
    std::string_view rest = block.substr(at + label.size());
    rest = rest.substr(0, rest.find('\n'));
    for (int i = 0; i < skip; ++i) rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return Hex(rest);
  }
  return std::nullopt;
}

struct Wanted {
  std::string_view name;
  std::string_view label;
  std::string_view narrow;  // of 16- and 32-bit mode; empty: the same
  std::uint64_t CpuRegisters::*into;
  int skip = 0;
};
constexpr Wanted kWanted[] = {
    {"RIP", "RIP=", "EIP=", &CpuRegisters::rip},   {"RSP", "RSP=", "ESP=", &CpuRegisters::rsp},
    {"GS", "GS =", "", &CpuRegisters::gs_base, 1},  // after the selector
    {"IDT", "IDT=", "", &CpuRegisters::idt_base},  {"CR3", "CR3=", "", &CpuRegisters::cr3},
    {"CR4", "CR4=", "", &CpuRegisters::cr4},
};

Result<CpuRegisters> ParseCpu(std::string_view block, std::size_t cpu) {
  const auto missing = [cpu](std::string_view name) {
    return Wrong(fmt::format("QEMU's registers of CPU {} have no {}", cpu, name));
  };
  CpuRegisters registers;
  for (const Wanted& wanted : kWanted) {
    auto value = Field(block, wanted.label, wanted.skip);
    if (!value && !wanted.narrow.empty()) value = Field(block, wanted.narrow, wanted.skip);
    if (!value) return missing(wanted.name);
    registers.*wanted.into = *value;
  }
  const auto level = Field(block, "CPL=");
  if (!level || *level > 3) return missing("CPL");
  registers.cpl = static_cast<std::uint32_t>(*level);
  const auto halted = Field(block, "HLT=");
  if (!halted || *halted > 1) return missing("HLT");
  registers.halted = *halted == 1;
  return registers;
}

}  // namespace

Result<std::vector<CpuRegisters>> ParseRegisters(std::string_view text) {
  std::vector<CpuRegisters> all;
  for (std::size_t at = text.find(kCpu); at != std::string_view::npos;) {
    const std::size_t next = text.find(kCpu, at + 1);
    const std::string_view block = text.substr(at, next - at);
    std::size_t number = 0;
    const auto [end, code] = std::from_chars(block.data() + kCpu.size(), block.data() + block.size(), number);
    if (code != std::errc{} || number != all.size())
      return Wrong(fmt::format("QEMU's registers tell of {} after {} others",
                               code == std::errc{} ? fmt::format("CPU {}", number) : "no CPU", all.size()));
    all.push_back(TRY(ParseCpu(block, number)));
    at = next;
  }
  if (all.empty()) return Wrong("QEMU's registers have no CPU");
  return all;
}

Result<std::vector<CpuRegisters>> ReadRegisters(Machine& machine, Deadline deadline) {
  const nlohmann::json answer =
      TRY(machine.Command("human-monitor-command", {{"command-line", "info registers -a"}}, deadline));
  if (!answer.is_string()) return Wrong("QEMU's registers are not a text");
  return ParseRegisters(answer.get_ref<const std::string&>());
}

}  // namespace ktstr::vmm
