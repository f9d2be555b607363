#include "vmm/introspection/types/btf.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guest-init/base/fd.h"
#include "vmm/introspection/types/btf_members.h"
#include "vmm/introspection/types/nearest_name.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kMaxBlob = 32U << 20;
constexpr std::uint32_t kMaxTypes = 1U << 20;  // the kernel's own limit
constexpr std::size_t kMaxName = 1023;
/// Typedefs, qualifiers and array dimensions on the way to a type that has a size; beyond it is a circle.
constexpr int kMaxChain = 64;

Error NotBtf(std::string why) { return Error{ErrorKind::kInput, "not BTF: " + std::move(why)}; }

Error BadType(std::uint32_t id, std::string_view why) { return NotBtf(fmt::format("type {} {}", id, why)); }

/// What libbpf 1.1 takes on trust of a header: that its length is that of its own struct, and that everything
/// is aligned. The other byte order is refused, no guest of ours has it.
Result<> CheckHeader(std::span<const std::byte> blob) {
  if (blob.size() > kMaxBlob) return NotBtf(fmt::format("{} bytes are more than 32 MiB", blob.size()));
  btf_header header;
  if (blob.size() < sizeof header) return NotBtf(fmt::format("{} bytes are less than a header", blob.size()));
  std::memcpy(&header, blob.data(), sizeof header);
  if (header.magic != BTF_MAGIC) return NotBtf(fmt::format("the magic number is {:#x}", header.magic));
  if (header.version != BTF_VERSION) return NotBtf(fmt::format("version {}", header.version));
  if (header.hdr_len < sizeof header || header.hdr_len % 4 != 0 || header.type_off % 4 != 0)
    return NotBtf("the header's length or the types' offset is wrong");
  const std::uint64_t length = header.hdr_len;
  const std::uint64_t types_end = std::uint64_t{header.type_off} + header.type_len;
  const std::uint64_t strings_end = std::uint64_t{header.str_off} + header.str_len;
  if (types_end > header.str_off || length + strings_end > blob.size())
    return NotBtf("its sections do not fit into it");
  return {};
}

/// Diagnostics about hostile blobs would go to our stderr.
void SilenceLibbpf() {
  static const bool silent = [] {
    libbpf_set_print(nullptr);
    return true;
  }();
  static_cast<void>(silent);
}

/// Null where libbpf refuses; errno says why. libbpf 1.1 does not export the function that takes a split blob
/// from memory, only the one that takes it from a file.
::btf* ParsedByLibbpf(std::span<const std::byte> blob, ::btf* base) {
  if (!base) return btf__new(blob.data(), static_cast<std::uint32_t>(blob.size()));
  const Fd file(::memfd_create("ktstr-btf", MFD_CLOEXEC));
  if (!file.valid() || ::write(file.get(), blob.data(), blob.size()) != static_cast<ssize_t>(blob.size()))
    return nullptr;
  return btf__parse_raw_split(fmt::format("/proc/self/fd/{}", file.get()).c_str(), base);
}

/// FNV-1a.
std::uint64_t HashOf(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

/// Which of several types of one name FindType gives; nothing for kinds it does not find.
std::optional<std::uint32_t> RankOf(const btf_type& type) {
  switch (btf_kind(&type)) {
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
      return 0;
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return 1;
    case BTF_KIND_INT:
    case BTF_KIND_FLOAT:
      return 2;
    case BTF_KIND_TYPEDEF:
      return 3;
    case BTF_KIND_DATASEC:
      return 4;
    default:
      return std::nullopt;
  }
}

bool LeadsToOneType(const btf_type& type) {
  switch (btf_kind(&type)) {
    case BTF_KIND_PTR:
    case BTF_KIND_FUNC:
    case BTF_KIND_FUNC_PROTO:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
      return true;
    default:
      return IsModifier(type);
  }
}

bool HasSoundSize(const btf_type& type) {
  switch (btf_kind(&type)) {
    case BTF_KIND_INT: {
      const std::uint32_t bits = btf_int_bits(&type);
      const bool power = type.size != 0 && type.size <= 16 && (type.size & (type.size - 1)) == 0;
      return power && bits != 0 && btf_int_offset(&type) + bits <= type.size * 8;
    }
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return type.size == 1 || type.size == 2 || type.size == 4 || type.size == 8;
    case BTF_KIND_FLOAT:
      return type.size >= 2 && type.size <= 16;
    default:
      return true;
  }
}

}  // namespace

Btf::Btf(Passkey, ::btf* parsed, std::shared_ptr<const Btf> base) : base_(std::move(base)), btf_(parsed) {
  if (base_) first_id_ = base_->end_id_;
  end_id_ = btf__type_cnt(btf_);
}

Btf::~Btf() { btf__free(btf_); }

Result<std::shared_ptr<const Btf>> Btf::Parse(std::span<const std::byte> blob,
                                              std::shared_ptr<const Btf> base) {
  SilenceLibbpf();
  TRY(CheckHeader(blob));
  ::btf* parsed = ParsedByLibbpf(blob, base ? base->btf_ : nullptr);
  if (!parsed) return NotBtf(fmt::format("libbpf refuses it ({})", std::strerror(errno)));
  const auto made = std::make_shared<Btf>(Passkey{}, parsed, std::move(base));
  TRY(made->Check());
  made->IndexNames();
  return std::shared_ptr<const Btf>(made);
}

Result<> Btf::Check() {
  if (end_id_ > kMaxTypes) return NotBtf(fmt::format("{} types are more than {}", end_id_, kMaxTypes));
  for (std::uint32_t id = first_id_; id < end_id_; ++id) TRY(CheckReferences(id));
  TRY(CheckSizes());
  for (std::uint32_t id = first_id_; id < end_id_; ++id)
    if (btf_is_composite(&Type(id))) TRY(CheckMembers(id));
  return {};
}

/// Names end up in messages and in JSON: they are short and can be printed. Tags are only compared.
Result<> Btf::CheckName(std::uint32_t id, std::uint32_t offset) const {
  const char* text = btf__str_by_offset(btf_, offset);
  if (!text) return BadType(id, fmt::format("has a name outside the strings, at {}", offset));
  const std::size_t length = strnlen(text, kMaxName + 1);
  if (length > kMaxName) return BadType(id, "has a name of more than 1023 bytes");
  const auto kind = btf_kind(&Type(id));
  if (kind == BTF_KIND_TYPE_TAG || kind == BTF_KIND_DECL_TAG) return {};
  const auto unprintable = [](char c) { return c < ' ' || c > '~'; };
  if (std::any_of(text, text + length, unprintable)) return BadType(id, "has a name that cannot be printed");
  return {};
}

/// Names and ids that a type mentions exist.
Result<> Btf::CheckReferences(std::uint32_t id) const {
  const btf_type& type = Type(id);
  TRY(CheckName(id, type.name_off));
  if (!HasSoundSize(type)) return BadType(id, "has an impossible size");
  const auto check = [&](std::uint32_t other) -> Result<> {
    if (other >= end_id_) return BadType(id, fmt::format("refers to type {}, which does not exist", other));
    return {};
  };
  if (LeadsToOneType(type)) TRY(check(type.type));
  const std::uint32_t count = btf_vlen(&type);
  switch (btf_kind(&type)) {
    case BTF_KIND_ARRAY:
      TRY(check(btf_array(&type)->type));
      return check(btf_array(&type)->index_type);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
      for (std::uint32_t i = 0; i < count; ++i) {
        TRY(CheckName(id, btf_members(&type)[i].name_off));
        TRY(check(btf_members(&type)[i].type));
      }
      return {};
    case BTF_KIND_ENUM:
      for (std::uint32_t i = 0; i < count; ++i) TRY(CheckName(id, btf_enum(&type)[i].name_off));
      return {};
    case BTF_KIND_ENUM64:
      for (std::uint32_t i = 0; i < count; ++i) TRY(CheckName(id, btf_enum64(&type)[i].name_off));
      return {};
    case BTF_KIND_FUNC_PROTO:
      for (std::uint32_t i = 0; i < count; ++i) {
        TRY(CheckName(id, btf_params(&type)[i].name_off));
        TRY(check(btf_params(&type)[i].type));
      }
      return {};
    case BTF_KIND_DATASEC:
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint32_t variable = btf_var_secinfos(&type)[i].type;
        TRY(check(variable));
        // The kernel's functions that an object calls (kfuncs) stand in a section, too, until it is loaded.
        if (btf_is_func(&Type(variable)) && Text(type.name_off) == ".ksyms") continue;
        if (!btf_is_var(&Type(variable)))
          return BadType(id, fmt::format("has type {} for a variable", variable));
      }
      return {};
    default:
      return {};
  }
}

/// Fills sizes_ and resolved_; no chain of types leads back into itself and no array is longer than 4 GiB.
Result<> Btf::CheckSizes() {
  sizes_.reserve(end_id_ - first_id_);
  resolved_.reserve(end_id_ - first_id_);
  for (std::uint32_t id = first_id_; id < end_id_; ++id) {
    std::uint32_t at = id;
    int links = 0;
    for (; IsModifier(Type(at)) && links < kMaxChain; ++links) at = Type(at).type;
    resolved_.push_back(at);
    std::uint64_t factor = 1;
    std::uint64_t size = 0;
    for (; links < kMaxChain; ++links) {
      const btf_type& type = Type(at);
      const auto kind = btf_kind(&type);
      if (btf_is_array(&type)) {
        factor *= btf_array(&type)->nelems;
        if (factor > UINT32_MAX) return BadType(id, "is an array of more than 4 GiB");
        at = btf_array(&type)->type;
      } else if (IsModifier(type) || kind == BTF_KIND_VAR) {
        at = type.type;
      } else {
        if (RankOf(type)) size = factor * type.size;
        if (kind == BTF_KIND_PTR) size = factor * sizeof(std::uint64_t);
        break;
      }
    }
    if (links == kMaxChain) return BadType(id, "leads back to itself");
    if (size > UINT32_MAX) return BadType(id, "is an array of more than 4 GiB");
    sizes_.push_back(static_cast<std::uint32_t>(size));
  }
  return {};
}

/// The members of a struct or union are inside it.
Result<> Btf::CheckMembers(std::uint32_t id) const {
  const btf_type& type = Type(id);
  for (std::uint32_t i = 0; i < btf_vlen(&type); ++i) {
    const BtfMember member = MemberAt(*this, type, i);
    const std::uint64_t bits =
        member.bit_size != 0 ? member.bit_size : std::uint64_t{SizeOf(member.type)} * 8;
    if (member.bits_before + bits > std::uint64_t{type.size} * 8)
      return BadType(id, fmt::format("ends before its member {}", i));
    const btf_type& its = Type(Resolve(member.type));
    const bool whole = btf_is_int(&its) || btf_is_any_enum(&its);
    if (member.bit_size == 0 ? member.bits_before % 8 != 0 : !whole)
      return BadType(id, fmt::format("has a member {} that is no bitfield and not on a byte", i));
  }
  return {};
}

void Btf::IndexNames() {
  for (std::uint32_t id = first_id_; id < end_id_; ++id) {
    const btf_type& type = Type(id);
    const std::string_view name = Text(type.name_off);
    const auto rank = RankOf(type);
    if (rank && !name.empty()) types_.push_back({HashOf(name), *rank, id});
    if (btf_is_var(&type)) variables_.push_back({HashOf(name), 0, id});
    if (!btf_is_any_enum(&type)) continue;
    for (std::uint32_t i = 0; i < btf_vlen(&type); ++i) {
      const Named entry{0, 0, id, i};
      enumerators_.push_back({HashOf(TextOf(entry, true)), 0, id, i});
    }
  }
  for (auto* names : {&types_, &variables_, &enumerators_}) std::sort(names->begin(), names->end());
}

std::string_view Btf::TextOf(const Named& entry, bool enumerator) const {
  const btf_type& type = Type(entry.id);
  if (!enumerator) return Text(type.name_off);
  return Text(btf_is_enum(&type) ? btf_enum(&type)[entry.index].name_off
                                 : btf_enum64(&type)[entry.index].name_off);
}

const Btf::Named* Btf::Find(const std::vector<Named>& sorted, std::string_view name, bool enumerator) const {
  const std::uint64_t hash = HashOf(name);
  const auto before = [](const Named& entry, std::uint64_t wanted) { return entry.hash < wanted; };
  for (auto at = std::lower_bound(sorted.begin(), sorted.end(), hash, before);
       at != sorted.end() && at->hash == hash; ++at)
    if (TextOf(*at, enumerator) == name) return &*at;
  return nullptr;
}

std::vector<std::string_view> Btf::TypeNames() const {
  std::vector<std::string_view> names;
  if (base_) names = base_->TypeNames();
  for (std::uint32_t id = first_id_; id < end_id_; ++id)
    if (RankOf(Type(id))) names.push_back(Text(Type(id).name_off));
  return names;
}

Result<std::uint32_t> Btf::FindType(std::string_view name) const {
  for (const Btf* btf = this; btf; btf = btf->base_.get())
    if (const Named* found = btf->Find(btf->types_, name, false)) return found->id;
  return Error{ErrorKind::kInput,
               fmt::format("the kernel has no type '{}'{}", name, DidYouMean(name, TypeNames()))};
}

Result<std::int64_t> Btf::FindEnumerator(std::string_view name) const {
  for (const Btf* btf = this; btf; btf = btf->base_.get()) {
    const Named* found = btf->Find(btf->enumerators_, name, true);
    if (!found) continue;
    const btf_type& type = Type(found->id);
    if (btf_is_enum64(&type))
      return static_cast<std::int64_t>(btf_enum64_value(&btf_enum64(&type)[found->index]));
    const std::int32_t value = btf_enum(&type)[found->index].val;
    return btf_kflag(&type) ? std::int64_t{value} : std::int64_t{static_cast<std::uint32_t>(value)};
  }
  return Error{ErrorKind::kInput, fmt::format("the kernel has no enumerator '{}'", name)};
}

std::optional<std::uint32_t> Btf::VariableType(std::string_view name) const {
  for (const Btf* btf = this; btf; btf = btf->base_.get())
    if (const Named* found = btf->Find(btf->variables_, name, false)) return Type(found->id).type;
  return std::nullopt;
}

const btf_type& Btf::Type(std::uint32_t id) const {
  const btf_type* type = btf__type_by_id(btf_, id);
  return type ? *type : *btf__type_by_id(btf_, 0);
}

std::string_view Btf::Text(std::uint32_t offset) const {
  const char* text = btf__str_by_offset(btf_, offset);
  return text ? std::string_view(text) : std::string_view();
}

std::uint32_t Btf::SizeOf(std::uint32_t type) const {
  if (type < first_id_) return base_ ? base_->SizeOf(type) : 0;
  return type < end_id_ ? sizes_[type - first_id_] : 0;
}

std::uint32_t Btf::Resolve(std::uint32_t type) const {
  if (type < first_id_) return base_ ? base_->Resolve(type) : 0;
  return type < end_id_ ? resolved_[type - first_id_] : 0;
}

}  // namespace ktstr::vmm
