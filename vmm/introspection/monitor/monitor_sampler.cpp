#include "vmm/introspection/monitor/monitor_sampler.h"

#include <bpf/btf.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace ktstr::vmm {
namespace {

using Field = RqFields::Field;

std::chrono::nanoseconds ThreadCpuTime() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// A number in the struct itself, not behind a pointer; size 0 if there is none of that name.
Field FindField(const Btf& btf, std::uint32_t type, std::string_view path) {
  const auto found = btf.Path(type, path);
  if (!found || !found->hops.empty() || found->bit_size != 0 || found->size > sizeof(std::uint64_t))
    return {};
  // A guest's BTF is its own business; what we copy is not.
  if (found->offset + found->size > btf.SizeOf(type)) return {};
  return {found->offset, found->size};
}

Result<RqFields> FindRqFields(const Btf& btf) {
  RqFields fields;
  const std::uint32_t rq = TRY(btf.FindType("rq"));
  std::vector<const Field*> all;
  const auto find = [&](Field& field, std::string_view path) {
    field = FindField(btf, rq, path);
    if (field.size != 0) all.push_back(&field);
  };
  TRY(btf.Path(rq, "nr_running"));
  TRY(btf.Path(rq, "clock"));
  TRY(btf.Path(rq, "nr_switches"));
  find(fields.nr_running, "nr_running");
  find(fields.clock, "clock");
  find(fields.nr_switches, "nr_switches");
  find(fields.scx_nr_running, "scx.nr_running");
  find(fields.scx_flags, "scx.flags");
  find(fields.local_dsq_depth, "scx.local_dsq.nr");
  find(fields.run_delay, "rq_sched_info.run_delay");
  find(fields.pcount, "rq_sched_info.pcount");
  find(fields.yld_count, "yld_count");
  find(fields.sched_count, "sched_count");
  find(fields.sched_goidle, "sched_goidle");
  find(fields.ttwu_count, "ttwu_count");
  find(fields.ttwu_local, "ttwu_local");
  fields.begin = UINT64_MAX;
  for (const Field* field : all) {
    fields.begin = std::min(fields.begin, field->offset);
    fields.end = std::max(fields.end, field->offset + field->size);
  }
  return fields;
}

std::uint64_t Number(std::span<const std::byte> bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), bytes.size());
  return number;
}

bool PlausibleReading(const CpuSample& sample) {
  return sample.nr_running <= kMaxPlausibleRunning &&
         sample.scx_nr_running.value_or(0) <= kMaxPlausibleRunning &&
         sample.local_dsq_depth.value_or(0) <= kMaxPlausibleDsqDepth;
}

/// Two readings of one run queue, the second after the first, can be of one state of it.
bool Consistent(const CpuSample& first, const CpuSample& second) {
  constexpr std::uint64_t kLongestGapNs = 10'000'000'000;  // we may have been off the CPU in between
  return first.nr_running == second.nr_running && first.scx_nr_running == second.scx_nr_running &&
         first.local_dsq_depth == second.local_dsq_depth && first.scx_flags == second.scx_flags &&
         first.rq_clock <= second.rq_clock && second.rq_clock - first.rq_clock <= kLongestGapNs &&
         first.nr_switches <= second.nr_switches;
}

}  // namespace

Result<MonitorSampler> MonitorSampler::Create(const KernelView& view, pid_t qemu,
                                              const std::filesystem::path& proc) {
  MonitorSampler sampler(view, VcpuTimes(qemu, view.cpus(), proc));
  sampler.fields_ = TRY(FindRqFields(view.btf()));
  for (std::uint32_t cpu = 0; cpu < view.cpus(); ++cpu)
    sampler.rq_addresses_.push_back(TRY(view.PerCpu("runqueues", cpu)));
  sampler.first_.resize(sampler.fields_.end - sampler.fields_.begin);
  sampler.second_.resize(sampler.first_.size());
  sampler.FindEvents();
  sampler.series_.cpus = view.cpus();
  sampler.series_.shared_vcpu_thread = sampler.times_.shared();
  return sampler;
}

void MonitorSampler::FindEvents() {
  const Btf& btf = view_.btf();
  const auto stats = btf.FindType("scx_event_stats");
  if (!stats) return;
  EventSource source;
  source.bytes = btf.SizeOf(*stats);
  const auto variable = view_.facts().symbols->Find("event_stats_cpu");
  const auto root = view_.Symbol("scx_root");
  if (variable && variable->per_cpu) {
    source.symbol = variable->address;
  } else if (const auto direct = btf.Path("scx_sched.event_stats_cpu"); root && direct) {
    source.root = *root;
    source.pointer = direct->offset;
  } else if (const auto outer = btf.Path("scx_sched.pcpu"); root && outer) {
    const auto inner = btf.Path("scx_sched_pcpu.event_stats");
    if (!inner) return;
    source.root = *root;
    source.pointer = outer->offset;
    source.inner = inner->offset;
  } else {
    return;
  }
  const btf_type* type = ::btf__type_by_id(btf.raw(), btf.Resolve(*stats));
  if (type == nullptr || !::btf_is_struct(type)) return;
  for (std::uint32_t i = 0; i < ::btf_vlen(type); ++i) {
    const btf_member* member = ::btf_members(type) + i;
    const std::string name = ::btf__name_by_offset(btf.raw(), member->name_off);
    const Field field = FindField(btf, *stats, name);
    if (field.size == 0) continue;
    source.counters.push_back(field);
    series_.event_names.push_back(name);
  }
  event_source_ = std::move(source);
}

std::optional<std::uint64_t> MonitorSampler::EventBase() const {
  if (event_source_.symbol) return event_source_.symbol;
  if (!event_source_.root) return std::nullopt;
  const auto sched = view_.Load<std::uint64_t>(*event_source_.root);
  if (!sched || *sched == 0) return std::nullopt;  // no scheduler is attached
  const auto per_cpu = view_.Load<std::uint64_t>(*sched + event_source_.pointer);
  if (!per_cpu || *per_cpu == 0) return std::nullopt;
  return *per_cpu + event_source_.inner;
}

std::vector<std::int64_t> MonitorSampler::ReadEvents(std::uint64_t base, std::uint32_t cpu) const {
  std::vector<std::byte> copy(event_source_.bytes);
  if (!view_.memory().Read(base + view_.facts().per_cpu_offset[cpu], copy)) return {};
  std::vector<std::int64_t> events;
  for (const Field& counter : event_source_.counters)
    events.push_back(
        static_cast<std::int64_t>(Number(std::span(copy).subspan(counter.offset, counter.size))));
  return events;
}

CpuSample MonitorSampler::Decode(std::span<const std::byte> copy) const {
  const auto get = [&](const Field& field) -> std::uint64_t {
    return field.size == 0 ? 0 : Number(copy.subspan(field.offset - fields_.begin, field.size));
  };
  const auto get_if = [&](const Field& field) -> std::optional<std::uint32_t> {
    if (field.size == 0) return std::nullopt;
    return static_cast<std::uint32_t>(get(field));
  };
  CpuSample sample;
  sample.nr_running = static_cast<std::uint32_t>(get(fields_.nr_running));
  sample.rq_clock = get(fields_.clock);
  sample.nr_switches = get(fields_.nr_switches);
  sample.scx_nr_running = get_if(fields_.scx_nr_running);
  sample.local_dsq_depth = get_if(fields_.local_dsq_depth);
  sample.scx_flags = get_if(fields_.scx_flags);
  if (fields_.ttwu_count.size != 0)
    sample.schedstats = SchedStats{.run_delay = get(fields_.run_delay),
                                   .pcount = get(fields_.pcount),
                                   .yld_count = get(fields_.yld_count),
                                   .sched_count = get(fields_.sched_count),
                                   .sched_goidle = get(fields_.sched_goidle),
                                   .ttwu_count = get(fields_.ttwu_count),
                                   .ttwu_local = get(fields_.ttwu_local)};
  return sample;
}

std::optional<CpuSample> MonitorSampler::ReadPair(std::uint32_t cpu) {
  const std::uint64_t address = rq_addresses_[cpu] + fields_.begin;
  if (!view_.memory().Read(address, first_) || !view_.memory().Read(address, second_)) return std::nullopt;
  const CpuSample first = Decode(first_);
  CpuSample second = Decode(second_);
  if (!Consistent(first, second) || !PlausibleReading(second)) return std::nullopt;
  second.cpu = cpu;
  return second;
}

std::optional<CpuSample> MonitorSampler::ReadCpu(std::uint32_t cpu) {
  std::optional<CpuSample> sample;
  for (int i = 0; i < kTries && !sample; ++i) sample = ReadPair(cpu);
  return sample;
}

const MonitorSample& MonitorSampler::Sample(std::size_t max_readings) {
  if (readings_ >= max_readings && !series_.samples.empty()) {
    series_.full = true;
    return series_.samples.back();
  }
  const auto before = ThreadCpuTime();
  MonitorSample sample;
  sample.elapsed_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_)
          .count());
  const std::optional<std::uint64_t> events = EventBase();
  const auto times = times_.Read();
  for (std::uint32_t cpu = 0; cpu < view_.cpus(); ++cpu) {
    std::optional<CpuSample> read = ReadCpu(cpu);
    if (!read) {
      ++sample.dropped;
      continue;
    }
    read->vcpu_ns = times[cpu];
    if (events) read->events = ReadEvents(*events, cpu);
    sample.cpus.push_back(std::move(*read));
  }
  readings_ += view_.cpus();
  series_.samples.push_back(std::move(sample));
  cost_ += ThreadCpuTime() - before;
  return series_.samples.back();
}

}  // namespace ktstr::vmm
