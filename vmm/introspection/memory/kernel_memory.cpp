#include "vmm/introspection/memory/kernel_memory.h"

#include <fmt/format.h>

#include <algorithm>

namespace ktstr::vmm {

Result<std::uint64_t> KernelView::Symbol(std::string_view name) const {
  const auto symbol = facts_->symbols->Find(name);
  if (!symbol) {
    const auto similar = facts_->symbols->Similar(name);
    const std::string hint = similar.empty() ? "" : fmt::format("; did you mean '{}'?", similar.front());
    return Error{ErrorKind::kInput, fmt::format("no kernel symbol '{}'{}", name, hint)};
  }
  if (symbol->per_cpu)
    return Error{ErrorKind::kInput, fmt::format("'{}' is a per-CPU variable; say of which CPU", name)};
  return symbol->address + facts_->kaslr_offset;
}

Result<std::uint64_t> KernelView::PerCpu(std::string_view name, std::uint32_t cpu) const {
  const auto symbol = facts_->symbols->Find(name);
  if (!symbol) TRY(Symbol(name));
  if (!symbol->per_cpu) return Error{ErrorKind::kInput, fmt::format("'{}' is not a per-CPU variable", name)};
  if (cpu >= cpus())
    return Error{ErrorKind::kInput, fmt::format("CPU {} does not exist; the guest has {}", cpu, cpus())};
  return symbol->address + facts_->per_cpu_offset[cpu];
}

std::string KernelView::Symbolize(std::uint64_t address) const {
  const auto place = facts_->symbols->Covering(address - facts_->kaslr_offset);
  if (!place) return fmt::format("{:#x}", address);
  if (place->offset == 0) return std::string(place->name);
  return fmt::format("{}+{:#x}", place->name, place->offset);
}

std::optional<std::uint64_t> KernelView::AddressOf(std::uint64_t address, const MemberPath& path) const {
  for (const std::uint64_t hop : path.hops) {
    const auto next = Load<std::uint64_t>(address + hop);
    if (!next || *next == 0) return std::nullopt;
    address = *next;
  }
  return address + path.offset;
}

std::optional<std::uint64_t> KernelView::LoadField(std::uint64_t address, const MemberPath& path) const {
  const auto at = AddressOf(address, path);
  if (!at || path.size == 0 || path.size > sizeof(std::uint64_t)) return std::nullopt;
  std::uint64_t raw = 0;
  if (!memory_->Read(*at, std::as_writable_bytes(std::span(&raw, 1)).first(path.size))) return std::nullopt;
  const std::uint32_t width = path.bit_size != 0 ? path.bit_size : path.size * 8;
  raw >>= path.bit_offset;
  if (width >= 64) return raw;
  raw &= (std::uint64_t{1} << width) - 1;
  if (path.is_signed && (raw >> (width - 1) & 1) != 0) raw |= ~std::uint64_t{0} << width;
  return raw;
}

std::string KernelView::LoadString(std::uint64_t address, std::size_t max) const {
  std::string text(max, '\0');
  text.resize(memory_->ReadSome(address, std::as_writable_bytes(std::span(text))));
  text.resize(std::min(text.size(), text.find('\0')));
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

}  // namespace ktstr::vmm
