#include "vmm/introspection/types/cpu_mask_type.h"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/introspection/types/btf_members.h"

namespace ktstr::vmm {
namespace {

constexpr int kMaxWrappers = 4;
constexpr std::uint32_t kMaxWords = 1024;  // 65536 CPUs; Linux can have 8192

}  // namespace

std::optional<std::uint32_t> CpuMaskWords(const Btf& btf, const btf_type& composite, std::string_view tag) {
  if (tag.find("cpumask") == std::string_view::npos) return std::nullopt;
  const btf_type* at = &composite;
  for (int depth = 0; depth < kMaxWrappers; ++depth) {
    if (!btf_is_composite(at) || btf_vlen(at) == 0) return std::nullopt;
    if (btf_vlen(at) > 1 && !(depth == 0 && tag == "bpf_cpumask")) return std::nullopt;
    const BtfMember member = MemberAt(btf, *at, 0);
    if (member.bits_before != 0 || (member.name != "bits" && member.name != "cpumask")) return std::nullopt;
    at = &btf.Type(btf.Resolve(member.type));
    if (!btf_is_array(at)) continue;
    const btf_type& word = btf.Type(btf.Resolve(btf_array(at)->type));
    const std::uint32_t words = btf_array(at)->nelems;
    if (!btf_is_int(&word) || word.size != 8 || words == 0 || words > kMaxWords) return std::nullopt;
    return words;
  }
  return std::nullopt;
}

std::string CpuListOf(std::span<const std::byte> words, std::uint32_t cpus) {
  const std::size_t all = words.size() * 8;
  const std::size_t end = cpus == 0 ? all : std::min<std::size_t>(all, cpus);
  const auto has = [&](std::size_t cpu) {
    return cpu < end && (static_cast<unsigned>(words[cpu / 8]) >> (cpu % 8) & 1) != 0;
  };
  std::string list;
  for (std::size_t cpu = 0; cpu < end; ++cpu) {
    if (!has(cpu)) continue;
    const std::size_t first = cpu;
    while (has(cpu + 1)) ++cpu;
    if (!list.empty()) list += ',';
    list += first == cpu ? fmt::format("{}", first) : fmt::format("{}-{}", first, cpu);
  }
  return list;
}

}  // namespace ktstr::vmm
