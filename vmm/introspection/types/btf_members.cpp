#include "vmm/introspection/types/btf_members.h"

#include <fmt/format.h>

namespace ktstr::vmm {
namespace {

/// Array dimensions, pointers and qualifiers in a name.
constexpr int kMaxNameParts = 64;

}  // namespace

bool IsModifier(const btf_type& type) {
  switch (btf_kind(&type)) {
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_CONST:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_TYPE_TAG:
      return true;
    default:
      return false;
  }
}

BtfMember MemberAt(const Btf& btf, const btf_type& composite, std::uint32_t index) {
  const btf_member& raw = btf_members(&composite)[index];
  BtfMember member{.name = btf.Text(raw.name_off), .type = raw.type};
  member.bits_before = btf_member_bit_offset(&composite, index);
  if (btf_kflag(&composite)) {
    member.bit_size = btf_member_bitfield_size(&composite, index);
    return member;
  }
  // The old way: an integer type of its own says which of its bits are meant.
  const btf_type& type = btf.Type(btf.Resolve(raw.type));
  if (!btf_is_int(&type)) return member;
  const std::uint32_t bits = btf_int_bits(&type);
  if (bits == type.size * 8 && member.bits_before % 8 == 0) return member;
  member.bits_before += btf_int_offset(&type);
  member.bit_size = bits;
  return member;
}

bool IsSigned(const btf_type& type) {
  if (btf_is_int(&type)) return (btf_int_encoding(&type) & BTF_INT_SIGNED) != 0;
  return btf_is_any_enum(&type) && btf_kflag(&type);
}

std::string Btf::NameOf(std::uint32_t id) const {
  std::string qualifier;  // of what is pointed to; that of the pointer itself says little
  std::string suffix;
  bool pointer = false;
  for (int links = 0; links < kMaxNameParts; ++links) {
    const btf_type& type = Type(id);
    const std::string_view name = Text(type.name_off);
    const std::string tag(name.empty() ? "(anonymous)" : name);
    std::string_view kind;
    switch (btf_kind(&type)) {
      case BTF_KIND_PTR:
        suffix.insert(0, "*");
        qualifier.clear();
        pointer = true;
        break;
      case BTF_KIND_ARRAY:
        if (pointer) suffix = " (" + suffix + ")";
        suffix += fmt::format("[{}]", btf_array(&type)->nelems);
        pointer = false;
        break;
      case BTF_KIND_CONST:
        qualifier = "const ";
        break;
      case BTF_KIND_STRUCT:
        kind = "struct ";
        break;
      case BTF_KIND_UNION:
        kind = "union ";
        break;
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
        kind = "enum ";
        break;
      case BTF_KIND_FWD:
        kind = btf_kflag(&type) ? "union " : "struct ";
        break;
      default:
        break;
    }
    const std::string space = suffix.starts_with('*') ? " " : "";
    if (!kind.empty()) return qualifier + std::string(kind) + tag + space + suffix;
    if (btf_is_func_proto(&type)) return "function" + space + suffix;
    if (btf_is_void(&type)) return qualifier + "void" + space + suffix;
    const bool through =
        btf_is_ptr(&type) || btf_is_array(&type) || (IsModifier(type) && !btf_is_typedef(&type));
    if (!through) return qualifier + tag + space + suffix;
    id = btf_is_array(&type) ? btf_array(&type)->type : type.type;
  }
  return "(a type without end)";
}

}  // namespace ktstr::vmm
