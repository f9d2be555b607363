// Member paths: "scx.dsq_vtime", "ancestors[2]->id", members of anonymous members.
#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>

#include "vmm/introspection/types/btf.h"
#include "vmm/introspection/types/btf_members.h"
#include "vmm/introspection/types/nearest_name.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kMaxPathBytes = 512;
constexpr std::size_t kMaxComponents = 64;
constexpr std::size_t kMaxHops = 16;
constexpr std::uint64_t kMaxReach = std::uint64_t{1} << 40;  // of one index, in bytes
/// How many members are examined per component, so that a hostile struct of anonymous structs ends, too.
constexpr std::size_t kMaxLooks = 100'000;

/// Paths are quoted in messages of one line.
Result<> CheckText(std::string_view path) {
  if (path.size() > kMaxPathBytes)
    return InputError(fmt::format("a path of {} bytes; {} are the limit", path.size(), kMaxPathBytes));
  const auto unprintable = [](char c) { return c < ' ' || c > '~'; };
  if (std::any_of(path.begin(), path.end(), unprintable))
    return InputError("a path has a byte that cannot be printed");
  return {};
}

/// All members of a struct that can be named, anonymous ones gone into depth-first.
class MemberSearch {
 public:
  explicit MemberSearch(const Btf& btf) : btf_(btf) {}

  std::optional<BtfMember> Find(const btf_type& composite, std::string_view name, std::uint32_t depth = 0) {
    for (std::uint32_t i = 0; i < btf_vlen(&composite) && looks_ < kMaxLooks; ++i, ++looks_) {
      const BtfMember member = MemberAt(btf_, composite, i);
      if (!member.name.empty()) {
        if (member.name == name) return member;
        names_.push_back(member.name);
        continue;
      }
      const btf_type& inner = btf_.Type(btf_.Resolve(member.type));
      if (!btf_is_composite(&inner) || depth == kMaxAnonymousDepth) continue;
      auto found = Find(inner, name, depth + 1);
      if (!found) continue;
      found->bits_before += member.bits_before;
      return found;
    }
    return std::nullopt;
  }
  /// The names that were seen in vain.
  [[nodiscard]] const std::vector<std::string_view>& names() const { return names_; }

 private:
  const Btf& btf_;
  std::size_t looks_ = 0;
  std::vector<std::string_view> names_;
};

/// What a type is, for "'pid' is an int".
std::string_view Phrase(const btf_type& type) {
  switch (btf_kind(&type)) {
    case BTF_KIND_INT:
      return "an int";
    case BTF_KIND_FLOAT:
      return "a float";
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return "an enum";
    case BTF_KIND_PTR:
      return "a pointer";
    case BTF_KIND_ARRAY:
      return "an array";
    case BTF_KIND_STRUCT:
      return "a struct";
    case BTF_KIND_UNION:
      return "a union";
    case BTF_KIND_FWD:
      return "a type only declared";
    case BTF_KIND_FUNC:
    case BTF_KIND_FUNC_PROTO:
      return "a function";
    case BTF_KIND_UNKN:
      return "void";
    default:
      return "no value";
  }
}

/// One walk along one path. `whole` is the path as its author wrote it.
class PathWalk {
 public:
  PathWalk(const Btf& btf, std::uint32_t type, std::string_view whole)
      : btf_(btf), whole_(whole), type_(type), last_(btf.NameOf(type)) {}

  Result<MemberPath> Walk(std::string_view rest) {
    for (bool first = true; first || !rest.empty(); first = false) {
      const std::size_t end = std::min({rest.find('.'), rest.find('['), rest.find("->"), rest.size()});
      const std::string_view name = rest.substr(0, end);
      // Only an index may stand alone: that of the type itself.
      const bool alone = first && (rest.empty() || rest.starts_with('['));
      if (name.empty() && !alone) return Empty();
      if (!name.empty()) TRY(Enter(name));
      rest.remove_prefix(end);
      while (rest.starts_with('[')) TRY(TakeIndex(rest));
      if (rest.empty()) break;
      const std::size_t separator = rest.starts_with('.') ? 1 : rest.starts_with("->") ? 2 : 0;
      if (separator == 0) return InputError(fmt::format("'{}' follows a ']' in '{}'", rest, whole_));
      rest.remove_prefix(separator);
      if (rest.empty()) return Empty();
    }
    return Finish();
  }

 private:
  Error Empty() const { return InputError(fmt::format("an empty component in '{}'", whole_)); }

  Result<> Count() {
    if (++components_ > kMaxComponents)
      return InputError(fmt::format("'{}' has more than {} components", whole_, kMaxComponents));
    return {};
  }

  [[nodiscard]] const btf_type& Here() const { return btf_.Type(btf_.Resolve(type_)); }

  Result<> Hop() {
    if (path_.hops.size() == kMaxHops)
      return InputError(fmt::format("'{}' follows more than {} pointers", whole_, kMaxHops));
    path_.hops.push_back(path_.offset);
    path_.offset = 0;
    type_ = Here().type;
    return {};
  }

  Result<> Enter(std::string_view name) {
    TRY(Count());
    const bool pointer = btf_is_ptr(&Here());
    while (btf_is_ptr(&Here())) TRY(Hop());
    const btf_type& here = Here();
    if (btf_is_array(&here)) return InputError(fmt::format("'{}' is an array; give an index", last_));
    if (!btf_is_composite(&here)) {
      const std::string_view how = pointer ? "points to" : "is";
      return InputError(fmt::format("'{}' {} {}; it has no members", last_, how, Phrase(here)));
    }
    MemberSearch search(btf_);
    const auto member = search.Find(here, name);
    if (!member) {
      return InputError(fmt::format("{} has no member '{}'{}", btf_.NameOf(btf_.Resolve(type_)), name,
                                    DidYouMean(name, search.names())));
    }
    path_.offset += member->bits_before / 8;
    path_.bit_offset = static_cast<std::uint32_t>(member->bits_before % 8);
    path_.bit_size = member->bit_size;
    type_ = member->type;
    last_ = name;
    return {};
  }

  /// Takes one "[3]" from the front of `rest`.
  Result<> TakeIndex(std::string_view& rest) {
    TRY(Count());
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos)
      return InputError(fmt::format("'{}' lacks its ']' in '{}'", rest, whole_));
    const std::string_view digits = rest.substr(1, end - 1);
    std::uint64_t index = 0;
    bool number = !digits.empty() && digits.size() <= 10;
    for (const char c : digits) {
      number = number && c >= '0' && c <= '9';
      index = index * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (!number) return InputError(fmt::format("'[{}]' in '{}' is not an index", digits, whole_));
    rest.remove_prefix(end + 1);
    return Index(index);
  }

  Result<> Index(std::uint64_t index) {
    const btf_type& here = Here();
    if (btf_is_array(&here)) {
      const std::uint32_t length = btf_array(&here)->nelems;
      // Flexible arrays say 0; only the kernel knows how many elements there are.
      if (length != 0 && index >= length)
        return InputError(fmt::format("index {} is outside {}", index, btf_.NameOf(btf_.Resolve(type_))));
      type_ = btf_array(&here)->type;
    } else if (btf_is_ptr(&here)) {
      TRY(Hop());
      if (btf_.SizeOf(type_) == 0)
        return InputError(fmt::format("'{}' points to {}; it has no elements", last_, Phrase(Here())));
    } else {
      return InputError(fmt::format("'{}' is {}; it has no elements", last_, Phrase(here)));
    }
    const std::uint64_t reach = index * btf_.SizeOf(type_);
    if (reach > kMaxReach) return InputError(fmt::format("index {} in '{}' is too large", index, whole_));
    path_.offset += reach;
    last_ += fmt::format("[{}]", index);
    return {};
  }

  Result<MemberPath> Finish() {
    path_.type = btf_.Resolve(type_);
    path_.size = btf_.SizeOf(type_);
    if (path_.bit_size != 0) path_.size = BytesOfBits(path_.bit_offset, path_.bit_size);
    path_.is_signed = IsSigned(Here());
    return std::move(path_);
  }

  const Btf& btf_;
  std::string_view whole_;
  std::uint32_t type_;  // of what path_ leads to so far, as declared
  std::string last_;    // its name for messages
  std::size_t components_ = 0;
  MemberPath path_;
};

}  // namespace

Result<MemberPath> Btf::Path(std::uint32_t type, std::string_view path) const {
  TRY(CheckText(path));
  return PathWalk(*this, type, path).Walk(path);
}

Result<MemberPath> Btf::Path(std::string_view text) const {
  TRY(CheckText(text));
  const std::size_t end = std::min({text.find('.'), text.find('['), text.find("->"), text.size()});
  const std::uint32_t type = TRY(FindType(text.substr(0, end)));
  std::string_view rest = text.substr(end);
  if (!rest.empty() && !rest.starts_with('[')) {
    rest.remove_prefix(rest.starts_with('.') ? 1 : 2);
    if (rest.empty() || rest.starts_with('['))
      return InputError(fmt::format("an empty component in '{}'", text));
  }
  return PathWalk(*this, type, text).Walk(rest);
}

}  // namespace ktstr::vmm
