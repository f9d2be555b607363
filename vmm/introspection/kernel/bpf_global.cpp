#include "vmm/introspection/kernel/bpf_global.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "vmm/introspection/types/btf.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kMostMaps = 4096;
constexpr int kMostLevels = 12;  // of the table, 6 bits of an id each
constexpr std::uint64_t kMostTypes = std::uint64_t{32} << 20;
constexpr std::uint64_t kArrayMap = 2;          // BPF_MAP_TYPE_ARRAY
constexpr std::uint64_t kReadOnlyMap = 1 << 7;  // BPF_F_RDONLY_PROG
constexpr std::size_t kNameLength = 15;
constexpr std::size_t kMostListed = 40;

/// What this kernel calls the parts of its maps.
struct MapMembers {
  MemberPath table_head, node_slots;
  MemberPath type, flags, name, types, value_type, data, data_size;
  std::uint64_t value = 0;  // offset of an array's first element

  static Result<MapMembers> Of(const Btf& btf) {
    MapMembers members;
    members.table_head = TRY(btf.Path("idr.idr_rt.xa_head"));
    members.node_slots = TRY(btf.Path("xa_node.slots"));
    members.type = TRY(btf.Path("bpf_map.map_type"));
    members.flags = TRY(btf.Path("bpf_map.map_flags"));
    members.name = TRY(btf.Path("bpf_map.name"));
    members.types = TRY(btf.Path("bpf_map.btf"));
    members.value_type = TRY(btf.Path("bpf_map.btf_value_type_id"));
    members.data = TRY(btf.Path("btf.data"));
    members.data_size = TRY(btf.Path("btf.data_size"));
    members.value = TRY(btf.Path("bpf_array.value")).offset;
    return members;
  }
};

/// The kernel's maps by their ids. An entry is a node of the table when its lowest bits are 10.
class MapTable {
 public:
  MapTable(const KernelView& view, const MapMembers& members) : view_(view), members_(members) {}

  Result<std::vector<std::uint64_t>> Read() {
    const std::uint64_t table = TRY(view_.Symbol("map_idr"));
    const auto head = view_.LoadField(table, members_.table_head);
    if (!head) return Error{ErrorKind::kGuest, "the kernel's table of BPF maps cannot be read"};
    Enter(*head, 0);
    return maps_;
  }

 private:
  void Enter(std::uint64_t entry, int level) {
    if (entry == 0 || maps_.size() >= kMostMaps || level > kMostLevels) return;
    if ((entry & 3) == 0) return maps_.push_back(entry);
    if ((entry & 3) != 2 || entry < 4096) return;
    const std::uint64_t slots = entry - 2 + members_.node_slots.offset;
    for (std::uint64_t i = 0; i < members_.node_slots.size / sizeof(std::uint64_t); ++i)
      if (const auto next = view_.Load<std::uint64_t>(slots + i * sizeof(std::uint64_t)))
        Enter(*next, level + 1);
  }

  const KernelView& view_;
  const MapMembers& members_;
  std::vector<std::uint64_t> maps_;
};

/// The types of a map, which describe its element as a section of variables; null where there are none.
std::shared_ptr<const Btf> TypesOf(const KernelView& view, const MapMembers& members, std::uint64_t map) {
  const auto types = view.LoadField(map, members.types);
  if (!types || *types == 0) return nullptr;
  const auto data = view.LoadField(*types, members.data), size = view.LoadField(*types, members.data_size);
  if (!data || !size || *size == 0 || *size > kMostTypes) return nullptr;
  std::vector<std::byte> blob(*size);
  if (!view.memory().Read(*data, blob)) return nullptr;
  auto parsed = Btf::Parse(blob);
  return parsed.ok() ? *parsed : nullptr;
}

struct Found {
  std::string map;
  BpfGlobal global;
};

class Search {
 public:
  Search(const KernelView& view, const MapMembers& members, std::string_view variable)
      : view_(view), members_(members), variable_(variable) {}

  void Look(std::uint64_t map, const std::string& name) {
    const auto types = TypesOf(view_, members_, map);
    const auto type = view_.LoadField(map, members_.value_type);
    if (!types || !type) return;
    const btf_type& section = types->Type(static_cast<std::uint32_t>(*type));
    if (!btf_is_datasec(&section)) return;
    const bool constant = (view_.LoadField(map, members_.flags).value_or(0) & kReadOnlyMap) != 0;
    for (unsigned i = 0; i < btf_vlen(&section); ++i) {
      const btf_var_secinfo& its = btf_var_secinfos(&section)[i];
      const btf_type& variable = types->Type(its.type);
      const std::string_view called = types->Text(variable.name_off);
      if (names_.size() < kMostListed) names_.emplace_back(called);
      if (called == variable_)
        found_.push_back({name, {map + members_.value + its.offset, variable.type, types, constant}});
    }
  }

  Result<BpfGlobal> Outcome() {
    if (found_.size() == 1) return std::move(found_.front().global);
    std::string all;
    if (found_.empty()) {
      for (const std::string& name : names_) all += (all.empty() ? "" : ", ") + name;
      return InputError(fmt::format("no BPF map has a variable '{}'; there {}", variable_,
                                    all.empty() ? "are no variables" : "are: " + all));
    }
    for (const Found& found : found_) all += (all.empty() ? "" : ", ") + found.map;
    return InputError(
        fmt::format("several BPF maps have a variable '{}': {}; say which with `map:`", variable_, all));
  }

 private:
  const KernelView& view_;
  const MapMembers& members_;
  std::string variable_;
  std::vector<Found> found_;
  std::vector<std::string> names_;
};

}  // namespace

Result<BpfGlobal> FindBpfGlobal(const KernelView& view, std::string_view map, std::string_view variable) {
  const MapMembers members = TRY(MapMembers::Of(view.btf()));
  Search search(view, members, variable);
  for (const std::uint64_t address : TRY(MapTable(view, members).Read())) {
    if (view.LoadField(address, members.type) != kArrayMap) continue;
    const std::string name = view.LoadString(address + members.name.offset, members.name.size);
    if (map.empty() || name == map.substr(0, kNameLength)) search.Look(address, name);
  }
  return search.Outcome();
}

}  // namespace ktstr::vmm
