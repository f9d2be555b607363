// Bytes as values of their BTF type.
#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "vmm/introspection/types/btf.h"
#include "vmm/introspection/types/btf_members.h"
#include "vmm/introspection/types/cpu_mask_type.h"

namespace ktstr::vmm {
namespace {

using Kind = RenderedValue::Kind;
using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kMaxRenderNesting = 64;   // values inside one another, pointers included
constexpr std::size_t kMaxPointee = 64 << 10;     // bytes of one thing pointed to
constexpr std::size_t kMaxFetched = 4 << 20;      // bytes of everything pointed to
constexpr std::size_t kMaxString = 256;           // of what a char pointer leads to
constexpr std::size_t kMaxEnumLooks = 4'000'000;  // enumerators compared; a hostile enum may have 65535

RenderedValue Unsupported(std::string reason) {
  RenderedValue value;
  value.kind = Kind::kUnsupported;
  value.reason = std::move(reason);
  return value;
}

RenderedValue Number(Kind kind, std::uint32_t bits, std::uint64_t number) {
  RenderedValue value;
  value.kind = kind;
  value.bits = bits;
  value.number = number;
  return value;
}

RenderedValue Truncated(std::size_t needed, std::size_t had) {
  RenderedValue value;
  value.kind = Kind::kTruncated;
  value.needed = needed;
  value.had = had;
  return value;
}

RenderedValue Hex(Bytes bytes) {
  RenderedValue value;
  value.kind = Kind::kBytes;
  for (const std::byte byte : bytes) value.text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return value;
}

/// The bytes [offset, offset + size) as far as there are any.
Bytes Slice(Bytes bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset >= bytes.size()) return {};
  return bytes.subspan(offset, std::min<std::uint64_t>(size, bytes.size() - offset));
}

/// REQUIRES: bit_size <= 64, bytes hold all of it.
std::uint64_t ExtractBits(Bytes bytes, std::uint32_t bit_offset, std::uint32_t bit_size) {
  std::uint64_t number = 0;
  for (std::uint32_t i = 0; i < bit_size; ++i) {
    const std::uint32_t at = bit_offset + i;
    const std::uint64_t bit = static_cast<std::uint64_t>(bytes[at / 8]) >> (at % 8) & 1;
    number |= bit << i;
  }
  return number;
}

std::uint64_t Mask(std::uint32_t bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

std::uint64_t SignExtended(std::uint64_t number, std::uint32_t bits) {
  const bool negative = bits < 64 && (number >> (bits - 1) & 1) != 0;
  return negative ? number | ~Mask(bits) : number;
}

bool IsChar(const Btf& btf, const btf_type& type) {
  if (!btf_is_int(&type) || type.size != 1) return false;
  return (btf_int_encoding(&type) & BTF_INT_CHAR) != 0 || btf.Text(type.name_off) == "char";
}

/// One rendering; its bounds are for the whole tree.
class Renderer {
 public:
  Renderer(const Btf& btf, const RenderOptions& options)
      : btf_(btf), options_(options), values_left_(options.max_values) {}

  RenderedValue Value(std::uint32_t declared, Bytes bytes, std::uint32_t nesting) {
    if (values_left_ == 0) return OutOfValues();
    --values_left_;
    if (nesting > kMaxRenderNesting)
      return Unsupported(fmt::format("nested more than {} deep", kMaxRenderNesting));
    std::uint32_t id = btf_.Resolve(declared);
    if (btf_is_var(&btf_.Type(id))) id = btf_.Resolve(declared = btf_.Type(id).type);
    const btf_type& type = btf_.Type(id);
    const std::uint32_t size = btf_.SizeOf(id);
    const bool whole = bytes.size() >= size;
    const Bytes its = Slice(bytes, 0, size);
    const bool aggregate = btf_is_composite(&type) || btf_is_datasec(&type) || btf_is_array(&type);
    if (!aggregate) return whole ? Scalar(id, its, nesting) : Truncated(size, its.size());
    RenderedValue value;
    if (whole || !its.empty()) value = Aggregate(declared, id, its, nesting);
    if (whole) return value;
    RenderedValue truncated = Truncated(size, its.size());
    if (!its.empty()) truncated.members.push_back({"", std::move(value)});
    return truncated;
  }

  /// A number of `bits` bits that stand alone in `raw`.
  RenderedValue Numeric(const btf_type& type, std::uint64_t raw, std::uint32_t bits) {
    const std::uint64_t number = IsSigned(type) ? SignExtended(raw, bits) : raw;
    if (btf_is_any_enum(&type)) {
      RenderedValue value = Number(Kind::kEnum, bits, number);
      value.text = EnumeratorOf(type, raw, bits);
      return value;
    }
    if ((btf_int_encoding(&type) & BTF_INT_BOOL) != 0) return Number(Kind::kBool, 0, raw != 0 ? 1 : 0);
    if (IsChar(btf_, type) && bits == 8) return Number(Kind::kChar, 0, raw);
    return Number(IsSigned(type) ? Kind::kInt : Kind::kUint, bits, number);
  }

  RenderedValue Bitfield(std::uint32_t type, Bytes bytes, std::uint32_t bit_offset, std::uint32_t bit_size) {
    if (values_left_ == 0) return OutOfValues();
    --values_left_;
    const std::uint32_t needed = BytesOfBits(bit_offset, bit_size);
    if (bytes.size() < needed) return Truncated(needed, bytes.size());
    const btf_type& its = btf_.Type(btf_.Resolve(type));
    if (bit_size > 64 || !(btf_is_int(&its) || btf_is_any_enum(&its)))
      return Unsupported(fmt::format("a bitfield of {} bits", bit_size));
    return Numeric(its, ExtractBits(bytes, bit_offset, bit_size), bit_size);
  }

 private:
  RenderedValue OutOfValues() const {
    return Unsupported(fmt::format("the limit of {} values is reached", options_.max_values));
  }

  RenderedValue Scalar(std::uint32_t id, Bytes bytes, std::uint32_t nesting) {
    const btf_type& type = btf_.Type(id);
    std::uint64_t raw = 0;
    if (!bytes.empty() && bytes.size() <= sizeof raw) std::memcpy(&raw, bytes.data(), bytes.size());
    switch (btf_kind(&type)) {
      case BTF_KIND_INT:
        // The other bits of an integer type that does not fill its bytes belong to others.
        if (bytes.size() > sizeof raw) return Hex(bytes);
        return Numeric(type, raw >> btf_int_offset(&type) & Mask(btf_int_bits(&type)), btf_int_bits(&type));
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
        return Numeric(type, raw, type.size * 8);
      case BTF_KIND_FLOAT:
        return Float(bytes, raw);
      case BTF_KIND_PTR: {
        RenderedValue value = Number(Kind::kPtr, 0, raw);
        Follow(type.type, value, nesting);
        return value;
      }
      case BTF_KIND_FWD:
        return Unsupported(btf_.NameOf(id) + " is only declared");
      case BTF_KIND_UNKN:
        return Unsupported("void has no value");
      default:
        return Unsupported("a function has no value");
    }
  }

  static RenderedValue Float(Bytes bytes, std::uint64_t raw) {
    if (bytes.size() != sizeof(float) && bytes.size() != sizeof(double)) return Hex(bytes);
    RenderedValue value = Number(Kind::kFloat, static_cast<std::uint32_t>(bytes.size() * 8), 0);
    value.real = bytes.size() == sizeof(float)
                     ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(raw)))
                     : std::bit_cast<double>(raw);
    return value;
  }

  RenderedValue Aggregate(std::uint32_t declared, std::uint32_t id, Bytes bytes, std::uint32_t nesting) {
    const btf_type& type = btf_.Type(id);
    if (btf_is_array(&type)) return Array(*btf_array(&type), bytes, nesting);
    if (btf_is_datasec(&type)) return Section(type, bytes, nesting);
    const std::string_view tag = TagOf(declared);
    if (const auto words = CpuMaskWords(btf_, type, tag)) {
      RenderedValue value;
      value.kind = Kind::kCpuList;
      value.text = CpuListOf(Slice(bytes, 0, std::uint64_t{*words} * 8), options_.cpus);
      return value;
    }
    RenderedValue value;
    value.kind = Kind::kStruct;
    value.text = tag;
    for (std::uint32_t i = 0; i < btf_vlen(&type); ++i) {
      const BtfMember member = MemberAt(btf_, type, i);
      if (member.bit_size != 0 && member.name.empty()) continue;  // padding
      const bool last = values_left_ == 0;
      value.members.push_back({std::string(member.name), Member(member, bytes, nesting)});
      if (last) break;
    }
    return value;
  }

  RenderedValue Member(const BtfMember& member, Bytes bytes, std::uint32_t nesting) {
    const std::uint64_t offset = member.bits_before / 8;
    const auto bit_offset = static_cast<std::uint32_t>(member.bits_before % 8);
    if (member.bit_size == 0)
      return Value(member.type, Slice(bytes, offset, btf_.SizeOf(member.type)), nesting + 1);
    const Bytes its = Slice(bytes, offset, BytesOfBits(bit_offset, member.bit_size));
    return Bitfield(member.type, its, bit_offset, member.bit_size);
  }

  RenderedValue Section(const btf_type& section, Bytes bytes, std::uint32_t nesting) {
    RenderedValue value;
    value.kind = Kind::kStruct;
    value.text = btf_.Text(section.name_off);
    for (std::uint32_t i = 0; i < btf_vlen(&section); ++i) {
      const btf_var_secinfo& place = btf_var_secinfos(&section)[i];
      const btf_type& variable = btf_.Type(place.type);
      const bool last = values_left_ == 0;
      value.members.push_back(
          {std::string(btf_.Text(variable.name_off)),
           Value(variable.type, Slice(bytes, place.offset, btf_.SizeOf(variable.type)), nesting + 1)});
      if (last) break;
    }
    return value;
  }

  RenderedValue Array(const struct btf_array& array, Bytes bytes, std::uint32_t nesting) {
    RenderedValue value;
    value.kind = Kind::kArray;
    value.length = array.nelems;
    const std::uint64_t size = btf_.SizeOf(array.type);
    const std::uint64_t shown = std::min<std::uint64_t>(array.nelems, RenderedValue::kMaxElements);
    for (std::uint64_t i = 0; i < shown; ++i) {
      // One element says why there are no more: too few bytes, or too many values.
      const bool last = values_left_ == 0 || (i + 1) * size > bytes.size();
      value.members.push_back({"", Value(array.type, Slice(bytes, i * size, size), nesting + 1)});
      if (last) break;
    }
    return value;
  }

  /// The name of a struct or union, or of the typedef that an anonymous one is known by.
  [[nodiscard]] std::string_view TagOf(std::uint32_t declared) const {
    const std::uint32_t id = btf_.Resolve(declared);
    std::string_view tag = btf_.Text(btf_.Type(id).name_off);
    for (std::uint32_t at = declared; tag.empty() && at != id; at = btf_.Type(at).type)
      if (btf_is_typedef(&btf_.Type(at))) tag = btf_.Text(btf_.Type(at).name_off);
    return tag;
  }

  std::string EnumeratorOf(const btf_type& type, std::uint64_t raw, std::uint32_t bits) {
    for (std::uint32_t i = 0; i < btf_vlen(&type) && enum_looks_left_ > 0; ++i, --enum_looks_left_) {
      const bool wide = btf_is_enum64(&type);
      const std::uint64_t number =
          wide ? btf_enum64_value(&btf_enum64(&type)[i]) : static_cast<std::uint32_t>(btf_enum(&type)[i].val);
      if ((number & Mask(bits)) != raw) continue;
      return std::string(btf_.Text(wide ? btf_enum64(&type)[i].name_off : btf_enum(&type)[i].name_off));
    }
    return "";
  }

  /// Adds to a pointer what it points to, or why not.
  void Follow(std::uint32_t declared, RenderedValue& pointer, std::uint32_t nesting) {
    if (pointer.number == 0 || !options_.fetch || chain_.size() >= options_.max_depth) return;
    const std::uint32_t target = btf_.Resolve(declared);
    pointer.reason = WhyNotFollowed(declared, target, pointer.number);
    if (!pointer.reason.empty()) return;
    if (IsChar(btf_, btf_.Type(target))) return FollowString(pointer);
    std::vector<std::byte> bytes(btf_.SizeOf(target));
    fetched_ += bytes.size();
    if (!options_.fetch(pointer.number, bytes)) {
      pointer.reason = "cannot be read";
      return;
    }
    chain_.emplace_back(pointer.number, target);
    pointer.members.push_back({"", Value(declared, bytes, nesting + 1)});
    chain_.pop_back();
  }

  [[nodiscard]] std::string WhyNotFollowed(std::uint32_t declared, std::uint32_t target,
                                           std::uint64_t address) const {
    for (std::uint32_t at = declared; at != target; at = btf_.Type(at).type) {
      const btf_type& type = btf_.Type(at);
      if (btf_kind(&type) != BTF_KIND_TYPE_TAG) continue;
      if (btf_.Text(type.name_off) == "percpu") return "a per-CPU pointer";
      if (btf_.Text(type.name_off) == "user") return "points to user space";
    }
    const btf_type& type = btf_.Type(target);
    const std::size_t size = btf_.SizeOf(target);
    if (btf_is_void(&type)) return "points to void";
    if (btf_is_func(&type) || btf_is_func_proto(&type)) return "points to a function";
    if (btf_is_fwd(&type)) return fmt::format("points to {}, which is only declared", btf_.NameOf(target));
    if (size == 0) return "points to a type without a size";
    if (size > kMaxPointee) return fmt::format("points to {} bytes; {} are the limit", size, kMaxPointee);
    if (fetched_ + size > kMaxFetched) return fmt::format("the limit of {} bytes is reached", kMaxFetched);
    if (values_left_ == 0) return fmt::format("the limit of {} values is reached", options_.max_values);
    if (std::find(chain_.begin(), chain_.end(), std::pair(address, target)) != chain_.end()) return "[cycle]";
    return "";
  }

  /// A char pointer leads to text until a NUL. Pieces are aligned: none reaches into a page that may not be
  /// there.
  void FollowString(RenderedValue& pointer) {
    RenderedValue text;
    text.kind = Kind::kArray;
    std::array<std::byte, 64> piece{};
    bool ended = false;
    while (!ended && text.members.size() < kMaxString && values_left_ > 0) {
      const std::uint64_t address = pointer.number + text.members.size();
      const std::span into = std::span(piece).first(piece.size() - address % piece.size());
      fetched_ += into.size();
      if (!options_.fetch(address, into)) break;
      for (std::size_t i = 0; i < into.size() && !ended && values_left_ > 0; ++i) {
        ended = into[i] == std::byte{0};
        if (ended) continue;
        --values_left_;
        text.members.push_back({"", Number(Kind::kChar, 0, static_cast<std::uint64_t>(into[i]))});
      }
    }
    if (!ended && text.members.empty()) {
      pointer.reason = "cannot be read";
      return;
    }
    text.length = text.members.size();
    pointer.members.push_back({"", std::move(text)});
  }

  const Btf& btf_;
  const RenderOptions& options_;
  std::size_t values_left_;
  std::size_t fetched_ = 0;
  std::size_t enum_looks_left_ = kMaxEnumLooks;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> chain_;  // address and type of what is being followed
};

}  // namespace

RenderedValue Btf::Render(std::uint32_t type, Bytes bytes, const RenderOptions& options) const {
  return Renderer(*this, options).Value(type, bytes, 0);
}

RenderedValue Btf::RenderMember(const MemberPath& path, Bytes bytes, const RenderOptions& options) const {
  Renderer renderer(*this, options);
  if (path.bit_size != 0) return renderer.Bitfield(path.type, bytes, path.bit_offset, path.bit_size);
  return renderer.Value(path.type, bytes, 0);
}

}  // namespace ktstr::vmm
