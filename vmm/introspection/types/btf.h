// The kernel's and BPF programs' type information (BTF): finding types, resolving member paths, and turning
// bytes into values. Parsing is libbpf's; whatever bytes a guest hands us give a typed error at worst.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "guest-init/base/result.h"
#include "vmm/introspection/types/rendered_value.h"

struct btf;
struct btf_type;

namespace ktstr::vmm {

/// Where a member path leads. From the address of the object: add hops[0] and load a pointer, add hops[1] and
/// load, ...; then add `offset`. `type` is that of the member, modifiers and typedefs resolved.
struct MemberPath {
  std::vector<std::uint64_t> hops;
  std::uint64_t offset = 0;  // bytes
  std::uint32_t type = 0;
  std::uint32_t size = 0;        // bytes of the member's type; of a bitfield: those that hold it
  std::uint32_t bit_offset = 0;  // of a bitfield, in its bytes, from the lowest bit
  std::uint32_t bit_size = 0;    // 0: not a bitfield
  bool is_signed = false;        // integers and enums
};

/// Reads `into.size()` bytes of the guest at an address or returns false; how pointers are followed.
using Fetch = std::function<bool(std::uint64_t address, std::span<std::byte> into)>;

struct RenderOptions {
  Fetch fetch;                  // empty: pointers are not followed
  std::uint32_t max_depth = 1;  // how many pointers deep
  std::size_t max_values =
      20'000;              // a bound on the whole tree; beyond it values are kUnsupported with a reason
  std::uint32_t cpus = 0;  // of the guest: CPU masks show no bit at or beyond it; 0: all bits
};

/// One BTF blob, perhaps split (its ids continue those of a base). Immutable; any number of threads.
/// Every id, string, size and member offset in it was checked by Parse; functions given an id that does not
/// exist treat it as void.
class Btf {
  struct Passkey {};

 public:
  /// Error (kInput): "not BTF: ...". `blob` is copied. At most 32 MiB, 2^20 types, names of 1023 bytes.
  static Result<std::shared_ptr<const Btf>> Parse(std::span<const std::byte> blob,
                                                  std::shared_ptr<const Btf> base = nullptr);
  ~Btf();
  Btf(const Btf&) = delete;
  Btf& operator=(const Btf&) = delete;

  /// The id of a struct, union, enum, int, float, typedef or DATASEC of that name (of several: in this order,
  /// then the first); those of the base when there is none. Error (kInput): "the kernel has no type 'x'",
  /// with a suggestion.
  [[nodiscard]] Result<std::uint32_t> FindType(std::string_view name) const;
  /// The enumerator's value. Error (kInput): "the kernel has no enumerator 'X'".
  [[nodiscard]] Result<std::int64_t> FindEnumerator(std::string_view name) const;
  /// Bytes; 0 for types that have none (void, functions).
  [[nodiscard]] std::uint32_t SizeOf(std::uint32_t type) const;
  /// Without typedefs and const/volatile/restrict/type tags.
  [[nodiscard]] std::uint32_t Resolve(std::uint32_t type) const;
  /// "struct task_struct *", "u64", "int[4]".
  [[nodiscard]] std::string NameOf(std::uint32_t type) const;
  /// The id of the type of variable `name` of any DATASEC, e.g. "runqueues" -> struct rq (kernels only have
  /// the per-CPU ones).
  [[nodiscard]] std::optional<std::uint32_t> VariableType(std::string_view name) const;

  /// Resolves "scx.dsq_vtime", "comm[3]", "a->b.c" (a '.' follows pointers too, at most 16), an index on a
  /// pointer or a flexible array, members of anonymous members, and "" (the type itself), from type `type`.
  /// Errors (kInput): "struct rq has no member 'x'" with a suggestion, "index 9 is outside int[4]", "'comm'
  /// is an array; give an index" only where a member of it is asked for, "an empty component in 'a..b'",
  /// "'pid' is an int; it has no members", a path over 512 bytes or 64 components.
  [[nodiscard]] Result<MemberPath> Path(std::uint32_t type, std::string_view path) const;
  /// The same with the type's name in front: "task_struct.scx.dsq_vtime"; "rq" is the type itself.
  [[nodiscard]] Result<MemberPath> Path(std::string_view type_and_path) const;

  /// The value of `bytes` as `type`. Too few bytes give kTruncated with what could be made of them. A DATASEC
  /// is a struct of its variables named by the section (".bss").
  [[nodiscard]] RenderedValue Render(std::uint32_t type, std::span<const std::byte> bytes,
                                     const RenderOptions& options = {}) const;
  /// The value of a member that Path() found: `bytes` are the `size` bytes at its place.
  [[nodiscard]] RenderedValue RenderMember(const MemberPath& path, std::span<const std::byte> bytes,
                                           const RenderOptions& options = {}) const;

  [[nodiscard]] const ::btf* raw() const { return btf_; }
  /// The record of an id, those of the base included; void's when there is no such id. Lives as long as this.
  [[nodiscard]] const ::btf_type& Type(std::uint32_t id) const;
  /// The string at an offset; "" when there is none. Lives as long as this.
  [[nodiscard]] std::string_view Text(std::uint32_t offset) const;

  /// For Parse only, which takes `parsed` from libbpf.
  Btf(Passkey, ::btf* parsed, std::shared_ptr<const Btf> base);

 private:
  /// A name of this blob by its hash, so that sorting and finding need no look at the text.
  struct Named {
    std::uint64_t hash = 0;
    std::uint32_t rank = 0;  // the lower is found first
    std::uint32_t id = 0;
    std::uint32_t index = 0;  // of an enumerator in its enum
    auto operator<=>(const Named&) const = default;
  };
  Result<> Check();
  Result<> CheckReferences(std::uint32_t id) const;
  Result<> CheckSizes();
  Result<> CheckMembers(std::uint32_t id) const;
  Result<> CheckName(std::uint32_t id, std::uint32_t offset) const;
  void IndexNames();
  [[nodiscard]] std::string_view TextOf(const Named& entry, bool enumerator) const;
  [[nodiscard]] const Named* Find(const std::vector<Named>& sorted, std::string_view name,
                                  bool enumerator) const;
  [[nodiscard]] std::vector<std::string_view> TypeNames() const;

  std::shared_ptr<const Btf> base_;  // outlives btf_
  ::btf* btf_;
  std::uint32_t first_id_ = 1;  // of this blob
  std::uint32_t end_id_ = 1;
  std::vector<std::uint32_t> sizes_;     // by id - first_id_
  std::vector<std::uint32_t> resolved_;  // by id - first_id_
  std::vector<Named> types_;
  std::vector<Named> enumerators_;
  std::vector<Named> variables_;
};

}  // namespace ktstr::vmm
