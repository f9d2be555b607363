// Members of structs and unions as path resolution and rendering need them, whichever way BTF encodes
// bitfields.
#pragma once

#include <bpf/btf.h>

#include <cstdint>
#include <string_view>

#include "vmm/introspection/types/btf.h"

namespace ktstr::vmm {

/// One member and where it is.
struct BtfMember {
  std::string_view name;  // empty: anonymous
  std::uint32_t type = 0;
  std::uint64_t bits_before = 0;  // from the start of the struct; a multiple of 8 unless a bitfield
  std::uint32_t bit_size = 0;     // 0: not a bitfield
};

/// How many anonymous structs may be inside one another; C code has two or three.
inline constexpr std::uint32_t kMaxAnonymousDepth = 16;

/// The member of a struct or union. REQUIRES: index < its btf_vlen().
BtfMember MemberAt(const Btf& btf, const btf_type& composite, std::uint32_t index);

/// Whether a type only stands for another: typedefs, const, volatile, restrict and type tags.
bool IsModifier(const btf_type& type);

/// Whether integers or enums of this (resolved) type are signed.
bool IsSigned(const btf_type& type);

/// The bytes that hold a bitfield which begins `bit_offset` (< 8) bits into the first of them.
constexpr std::uint32_t BytesOfBits(std::uint32_t bit_offset, std::uint32_t bit_size) {
  return (bit_offset + bit_size + 7) / 8;
}

}  // namespace ktstr::vmm
