#include "vmm/introspection/capture/render_context.h"

#include <fmt/format.h>

#include <algorithm>

namespace ktstr::vmm {

RenderContext::RenderContext(const RawCapture& capture, const KernelFacts& kernel, const KernelLayout& where,
                             BtfCache& cache)
    : raw(capture), facts(kernel), layout(where), btfs(cache) {
  const TaskLayout& task = layout.task;
  for (const RawTask& one : raw.tasks)
    names[one.address] = {static_cast<std::int32_t>(Get(one.bytes, task.pid).value_or(0)),
                          TextAt(one.bytes, task.comm.offset, task.comm.size)};
  for (const auto& [address, name] : raw.task_names) {
    const auto comm = std::as_bytes(std::span(name.comm));
    names[address] = {name.pid, TextAt(Bytes(comm.begin(), comm.end()), 0, comm.size())};
  }
}

const TaskName* RenderContext::NameOf(std::uint64_t task) const {
  const auto found = names.find(task);
  return task == 0 || found == names.end() ? nullptr : &found->second;
}

std::string TextAt(const Bytes& copy, std::size_t offset, std::size_t size) {
  std::string text;
  for (std::size_t i = offset; i < std::min(copy.size(), offset + size); ++i) {
    const char c = static_cast<char>(copy[i]);
    if (c == '\0') break;
    text.push_back(c < ' ' || c > '~' ? '?' : c);
  }
  return text;
}

std::string SymbolAt(const KernelFacts& facts, std::uint64_t address) {
  const auto place = facts.symbols->Covering(address - facts.kaslr_offset);
  if (!place) return {};
  if (place->offset == 0) return std::string(place->name);
  return fmt::format("{}+{:#x}", place->name, place->offset);
}

std::string Hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    text.push_back(kDigits[std::to_integer<unsigned>(byte) >> 4]);
    text.push_back(kDigits[std::to_integer<unsigned>(byte) & 15]);
  }
  return text;
}

}  // namespace ktstr::vmm
