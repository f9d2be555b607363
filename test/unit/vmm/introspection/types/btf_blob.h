// Small BTF blobs for tests, put together with libbpf's own writer - which checks next to nothing, so wrong
// ones too.
#pragma once

#include <bpf/btf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vmm/introspection/types/btf.h"

namespace ktstr::vmm::test {

/// Each function adds a type and gives its id: 1, 2, ...
class BtfBlob {
 public:
  struct Member {
    const char* name;  // null: anonymous
    int type;
    std::uint32_t bit_offset;
    std::uint32_t bit_size = 0;
  };
  struct Place {
    int variable;
    std::uint32_t offset;
    std::uint32_t size;
  };

  BtfBlob() : btf_(btf__new_empty(), btf__free) {}
  /// A split one, over `base`.
  explicit BtfBlob(const BtfBlob& base) : btf_(btf__new_empty_split(base.btf_.get()), btf__free) {}

  int Int(const char* name, std::size_t size, int encoding = 0) {
    return btf__add_int(btf_.get(), name, size, encoding);
  }
  /// The old way of bitfields: an integer of fewer bits than its bytes have.
  int OddInt(const char* name, std::size_t size, std::uint32_t bits, std::uint32_t offset) {
    const int id = Int(name, size);
    Raw(id)[3] = offset << 16 | bits;
    return id;
  }
  int Float(const char* name, std::size_t size) { return btf__add_float(btf_.get(), name, size); }
  int Ptr(int to) { return btf__add_ptr(btf_.get(), to); }
  int Array(int element, std::uint32_t length) { return btf__add_array(btf_.get(), 1, element, length); }
  int Typedef(const char* name, int type) { return btf__add_typedef(btf_.get(), name, type); }
  int Const(int type) { return btf__add_const(btf_.get(), type); }
  int Volatile(int type) { return btf__add_volatile(btf_.get(), type); }
  int TypeTag(const char* tag, int type) { return btf__add_type_tag(btf_.get(), tag, type); }
  int DeclTag(const char* tag, int type) { return btf__add_decl_tag(btf_.get(), tag, type, -1); }
  int Fwd(const char* name) { return btf__add_fwd(btf_.get(), name, BTF_FWD_STRUCT); }
  int Func(const char* name, int proto) { return btf__add_func(btf_.get(), name, BTF_FUNC_EXTERN, proto); }
  int FuncProto(int result) { return btf__add_func_proto(btf_.get(), result); }
  int Struct(const char* name, std::uint32_t size, const std::vector<Member>& members) {
    return WithMembers(btf__add_struct(btf_.get(), name, size), members);
  }
  int Union(const char* name, std::uint32_t size, const std::vector<Member>& members) {
    return WithMembers(btf__add_union(btf_.get(), name, size), members);
  }
  /// Signed when a value is negative.
  int Enum(const char* name, std::uint32_t size,
           const std::vector<std::pair<const char*, std::int64_t>>& values) {
    const int id = btf__add_enum(btf_.get(), name, size);
    for (const auto& [text, value] : values) btf__add_enum_value(btf_.get(), text, value);
    return id;
  }
  int Enum64(const char* name, bool is_signed,
             const std::vector<std::pair<const char*, std::uint64_t>>& values) {
    const int id = btf__add_enum64(btf_.get(), name, 8, is_signed);
    for (const auto& [text, value] : values) btf__add_enum64_value(btf_.get(), text, value);
    return id;
  }
  int Var(const char* name, int type) {
    return btf__add_var(btf_.get(), name, BTF_VAR_GLOBAL_ALLOCATED, type);
  }
  int Section(const char* name, std::uint32_t size, const std::vector<Place>& places) {
    const int id = btf__add_datasec(btf_.get(), name, size);
    for (const Place& place : places)
      btf__add_datasec_var_info(btf_.get(), place.variable, place.offset, place.size);
    return id;
  }

  /// The record of a type as 32-bit words: name, info, size or type, and what is behind.
  std::uint32_t* Raw(int id) {
    return const_cast<std::uint32_t*>(  // libbpf has no other way to change a type
        reinterpret_cast<const std::uint32_t*>(btf__type_by_id(btf_.get(), static_cast<std::uint32_t>(id))));
  }

  [[nodiscard]] std::vector<std::byte> Bytes() const {
    std::uint32_t size = 0;
    const auto* data = static_cast<const std::byte*>(btf__raw_data(btf_.get(), &size));
    return {data, data + size};
  }
  [[nodiscard]] Result<std::shared_ptr<const Btf>> Parse(std::shared_ptr<const Btf> base = nullptr) const {
    return Btf::Parse(Bytes(), std::move(base));
  }

 private:
  int WithMembers(int id, const std::vector<Member>& members) {
    for (const Member& member : members)
      btf__add_field(btf_.get(), member.name, member.type, member.bit_offset, member.bit_size);
    return id;
  }
  std::unique_ptr<btf, void (*)(btf*)> btf_;
};

/// Types with one of everything; see the source for the offsets that tests expect.
struct SmallWorld {
  static constexpr int kTask = 21;
  BtfBlob blob;
  int int_type = blob.Int("int", 4, BTF_INT_SIGNED);
  int char_type = blob.Int("char", 1, BTF_INT_SIGNED);
  int u8_type = blob.Int("unsigned char", 1);
  int u32_type = blob.Int("unsigned int", 4);
  int u64_type = blob.Typedef("u64", blob.Int("long long unsigned int", 8));
  int bool_type = blob.Int("_Bool", 1, BTF_INT_BOOL);
  int double_type = blob.Float("double", 8);
  int pid_type = blob.Typedef("pid_t", int_type);
  int comm_type = blob.Array(char_type, 16);
  int state_type = blob.Enum("state", 4, {{"STATE_IDLE", 0}, {"STATE_BUSY", 1}, {"STATE_TOP", 0xffffffff}});
  int level_type = blob.Enum("level", 4, {{"LEVEL_LOW", -1}, {"LEVEL_HIGH", 1}});
  int wide_type = blob.Enum64("wide", false, {{"WIDE_ONE", 1}, {"WIDE_BIG", 1ULL << 40}});
  int task_pointer = blob.Ptr(kTask);
  int bytes_type = blob.Struct(nullptr, 2, {{"lo", u8_type, 0}, {"hi", u8_type, 8}});
  int either_type = blob.Union(nullptr, 4, {{"word", u32_type, 0}, {nullptr, bytes_type, 0}});
  int row_type = blob.Array(u32_type, 3);
  int grid_type = blob.Array(row_type, 2);
  int flexible_type = blob.Array(u64_type, 0);
  int void_pointer = blob.Ptr(0);
  // struct task: pid at 0, comm at 4, either at 20, grid at 24, bitfields at 48, parent at 56, stack at
  // 64, state at 72, tail at 80.
  int task_type = blob.Struct("task", 80,
                              {{"pid", pid_type, 0},
                               {"comm", comm_type, 32},
                               {nullptr, either_type, 160},
                               {"grid", grid_type, 192},
                               {"flag", u32_type, 384, 1},
                               {"prio", int_type, 385, 7},
                               {"cookie", u32_type, 396, 20},
                               {"parent", task_pointer, 448},
                               {"stack", void_pointer, 512},
                               {"state", state_type, 576},
                               {"tail", flexible_type, 640}});
};

}  // namespace ktstr::vmm::test
