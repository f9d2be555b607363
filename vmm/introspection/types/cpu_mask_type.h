// CPU masks among the kernel's and BPF programs' structs: they are shown as "0-2,5", not as words.
#pragma once

#include <bpf/btf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vmm/introspection/types/btf.h"

namespace ktstr::vmm {

/// How many 64-bit words of mask a struct begins with when it is a CPU mask: its name `tag` has "cpumask" in
/// it, and all it stores is an array of unsigned longs called bits or cpumask, perhaps inside another such
/// struct; only bpf_cpumask has its reference count behind.
std::optional<std::uint32_t> CpuMaskWords(const Btf& btf, const btf_type& composite, std::string_view tag);

/// "0-2,5"; "" of an empty mask. Bits at or beyond `cpus` are left out unless that is 0.
std::string CpuListOf(std::span<const std::byte> words, std::uint32_t cpus);

}  // namespace ktstr::vmm
