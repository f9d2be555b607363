#include "vmm/introspection/capture/walk_progs.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "vmm/introspection/capture/map_reader.h"

namespace ktstr::vmm {
namespace {

constexpr std::uint32_t kStructOpsProgram = 27;  // BPF_PROG_TYPE_STRUCT_OPS
constexpr std::uint64_t kMostUsedMaps = 64;      // the kernel's own limit

void CollectStats(Collector& c, RawProg& prog) {
  const ProgStatsLayout& layout = c.layout.prog_stats;
  const std::uint64_t stats = Get(prog.head, c.layout.prog.stats).value_or(0);
  prog.stats = layout.ok() && stats != 0;
  for (std::uint32_t cpu = 0; cpu < c.cpus() && prog.stats; ++cpu) {
    const Bytes one = c.Copy(c.OnCpu(stats, cpu), layout.extent);
    prog.stats = !one.empty();
    prog.cnt += Get(one, layout.cnt).value_or(0);
    prog.nsecs += Get(one, layout.nsecs).value_or(0);
    prog.misses += Get(one, layout.misses).value_or(0);
  }
}

/// The first struct bpf_func_info is of the program itself, those behind it of what it calls.
void CollectFunction(Collector& c, RawProg& prog) {
  const std::uint64_t info = Get(prog.aux, c.layout.prog_aux.func_info).value_or(0);
  prog.btf = Get(prog.aux, c.layout.prog_aux.btf).value_or(0);
  if (info == 0 || prog.btf == 0) return;
  const auto instruction_and_type = c.Load(info);
  if (!instruction_and_type) return;
  prog.function = static_cast<std::uint32_t>(*instruction_and_type >> 32);
  c.AddBtf(prog.btf);
}

void CollectProgram(Collector& c, RawProg& prog) {
  const KernelLayout& layout = c.layout;
  prog.head = c.Copy(prog.address, layout.prog.extent);
  const std::uint64_t aux = Get(prog.head, layout.prog.aux).value_or(0);
  if (aux != 0) prog.aux = c.Copy(aux, layout.prog_aux.extent);
  CollectStats(c, prog);
  CollectFunction(c, prog);
  if (Get(prog.head, layout.prog.type) != kStructOpsProgram) return;
  const std::uint64_t list = Get(prog.aux, layout.prog_aux.used_maps).value_or(0);
  const std::uint64_t count = Get(prog.aux, layout.prog_aux.used_map_cnt).value_or(0);
  for (std::uint64_t i = 0; i < std::min(count, kMostUsedMaps); ++i)
    if (const auto map = c.Load(list + i * 8); map && *map != 0) prog.used_maps.push_back(*map);
}

std::string ProgramType(std::uint32_t type) {
  if (type == 32) return "netfilter";  // younger than the libbpf of our hosts
  const char* name = libbpf_bpf_prog_type_str(static_cast<bpf_prog_type>(type));
  return name != nullptr ? name : fmt::format("type {}", type);
}

/// The whole name of its function, of which the kernel's own name for it is the beginning; "" when unknown.
std::string FunctionOf(const RenderContext& context, const RawProg& prog, const std::string& name) {
  const auto& btfs = context.raw.btfs;
  const auto raw =
      std::find_if(btfs.begin(), btfs.end(), [&](const RawBtf& btf) { return btf.address == prog.btf; });
  std::string why;
  const auto btf =
      prog.function == 0 || raw == btfs.end() ? nullptr : context.btfs.Get(*raw, context.facts.btf, why);
  if (btf == nullptr) return {};
  const std::string_view function = btf->Text(btf->Type(prog.function).name_off);
  return function.starts_with(name) ? std::string(function) : std::string();
}

/// The struct_ops map whose functions the kernel schedules with; null when it cannot be found.
const RawMap* ActiveMap(const RenderContext& context) {
  const KernelLayout& layout = context.layout;
  const Bytes& ops = context.raw.scx.ops;
  const std::size_t functions = layout.scx_ops_name.offset;  // the pointers all come before the name
  if (!layout.has_sched_ext || functions == 0 || ops.size() < functions) return nullptr;
  const std::size_t data = layout.struct_ops_map.kvalue_data.offset - layout.struct_ops_map.kvalue.offset;
  for (const RawMap& map : context.raw.maps) {
    if (map.content != RawContent::kValue || map.bytes.size() < data + layout.scx_ops_size) continue;
    if (Get(map.head, layout.map.type) != static_cast<std::uint64_t>(MapType::kStructOps)) continue;
    const auto from = map.bytes.begin() + static_cast<std::ptrdiff_t>(data);
    if (std::equal(from, from + static_cast<std::ptrdiff_t>(functions), ops.begin())) return &map;
  }
  return nullptr;
}

/// Which object's maps these are: libbpf names the maps of global variables "<object>.<section>".
std::string ObjectOf(const std::vector<MapRecord>& maps, const std::set<std::uint64_t>& used) {
  std::string object;
  for (const MapRecord& map : maps) {
    const std::size_t dot = map.name.find('.');
    if (!used.contains(map.map_kva) || dot == std::string::npos || dot == 0) continue;
    const std::string prefix = map.name.substr(0, dot);
    if (!object.empty() && object != prefix) return {};
    object = prefix;
  }
  return object;
}

void NameActiveScheduler(const RenderContext& context, SnapshotReport& report) {
  const KernelLayout& layout = context.layout;
  if (!report.scx_sched_state) return;
  const RawMap* active = ActiveMap(context);
  std::set<std::uint64_t> used;
  for (const RawProg& prog : context.raw.progs) {
    if (Get(prog.head, layout.prog.type) != kStructOpsProgram) continue;
    if (Get(prog.aux, layout.prog_aux.attach_btf_id) != layout.scx_ops_type) continue;
    // Of several schedulers that are loaded, only one runs; older kernels' maps do not name their programs.
    const bool known = active != nullptr && !active->programs.empty();
    if (known && std::count(active->programs.begin(), active->programs.end(), prog.address) == 0) continue;
    used.insert(prog.used_maps.begin(), prog.used_maps.end());
  }
  report.active_map_kvas.assign(used.begin(), used.end());
  report.active_obj_name = ObjectOf(report.maps, used);
}

}  // namespace

void CollectPrograms(Collector& c) {
  RawCapture& out = c.out;
  for (const StructLayout* needed :
       {static_cast<const StructLayout*>(&c.layout.idr), static_cast<const StructLayout*>(&c.layout.xa_node),
        static_cast<const StructLayout*>(&c.layout.prog),
        static_cast<const StructLayout*>(&c.layout.prog_aux)})
    if (!needed->ok() && out.progs_reason.empty()) out.progs_reason = needed->missing;
  if (!c.layout.at.prog_idr) out.progs_reason = "the kernel has no symbol prog_idr";
  if (!out.progs_reason.empty()) return;
  for (const std::uint64_t address :
       WalkIdr(c, *c.layout.at.prog_idr, c.options.max_programs, out.progs_truncated)) {
    if (c.Expired()) {
      out.progs_truncated = true;
      return;
    }
    RawProg& prog = out.progs.emplace_back();
    prog.address = address;
    CollectProgram(c, prog);
  }
}

void RenderPrograms(const RenderContext& context, SnapshotReport& report) {
  const KernelLayout& layout = context.layout;
  for (const RawProg& raw : context.raw.progs) {
    if (raw.head.empty() || raw.aux.empty()) continue;
    ProgStats& prog = report.prog_runtime_stats.emplace_back();
    prog.name = TextAt(raw.aux, layout.prog_aux.name.offset, layout.prog_aux.name.size);
    prog.id = static_cast<std::uint32_t>(Get(raw.aux, layout.prog_aux.id).value_or(0));
    prog.type = ProgramType(static_cast<std::uint32_t>(Get(raw.head, layout.prog.type).value_or(0)));
    prog.cnt = raw.cnt;
    prog.nsecs = raw.nsecs;
    prog.misses = raw.misses;
    prog.function = FunctionOf(context, raw, prog.name);
    prog.verified_insns = Get(raw.aux, layout.prog_aux.verified_insns);
  }
  if (!context.raw.progs_reason.empty())
    report.prog_runtime_stats_unavailable = fmt::format("{}: {}", kNoProgAccessor, context.raw.progs_reason);
  else if (context.raw.progs_truncated)
    report.prog_runtime_stats_unavailable =
        fmt::format("only the first {} programs were read", context.raw.progs.size());
  else if (report.prog_runtime_stats.empty())
    report.prog_runtime_stats_unavailable = kNoStructOps;
  NameActiveScheduler(context, report);
}

}  // namespace ktstr::vmm
