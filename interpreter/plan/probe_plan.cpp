#include "interpreter/plan/probe_plan.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "vmm/kernel/schedulers.h"

namespace ktstr {
namespace {

constexpr std::size_t kMostFunctions = 32;
constexpr std::size_t kLongestName = 80;

/// They are in every stack of a kind, are called all the time, and tell nothing of a scheduler.
constexpr std::string_view kEverywhere[] = {
    "bpf_prog_run",      "do_syscall_64",     "dump_stack",
    "dump_stack_lvl",    "irq_work_run",      "kthread",
    "kthread_worker_fn", "process_one_work",  "process_scheduled_works",
    "ret_from_fork",     "ret_from_fork_asm", "schedule",
    "worker_thread",     "x64_sys_call"};

bool IsWorthIt(std::string_view name) {
  const auto is_of_name = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; };
  if (name.empty() || name.size() > kLongestName || !std::all_of(name.begin(), name.end(), is_of_name))
    return false;
  for (const std::string_view prefix : {"bpf_prog_",
                                        "bpf__",
                                        "bpf_trampoline_",
                                        "asm_",
                                        "entry_",
                                        "__x64_",
                                        "sysvec_",
                                        "__sysvec_",
                                        "hrtimer_",
                                        "__hrtimer_",
                                        "tick_",
                                        "irq_exit",
                                        "__irq_exit",
                                        "handle_softirqs",
                                        "__do_softirq",
                                        "do_idle",
                                        "default_idle",
                                        "pv_native_safe_halt",
                                        "cpu_startup_entry",
                                        "start_secondary",
                                        "rest_init",
                                        "start_kernel",
                                        "x86_64_start_",
                                        "common_startup_",
                                        "cpuidle_"})
    if (name.starts_with(prefix)) return false;
  return std::find(std::begin(kEverywhere), std::end(kEverywhere), name) == std::end(kEverywhere);
}

/// What the probe may take until it has armed the kernel's functions. On the virtual clock its work takes
/// guest time, as the attach of a scheduler does.
Duration ArmTimeout(Clock clock) { return clock == Clock::kVirtual ? Seconds(900) : Seconds(90); }
/// What it may take to write what it noted.
Duration TellTimeout(Clock clock) { return clock == Clock::kVirtual ? Seconds(300) : Seconds(30); }

}  // namespace

std::vector<std::string> FunctionsToProbe(const std::vector<std::string>& stack) {
  std::vector<std::string> functions;
  for (const std::string& frame : stack) {
    std::string name = frame.substr(0, frame.find('+'));
    name.erase(0, name.find_first_not_of(" ?"));
    if (IsWorthIt(name) && std::find(functions.begin(), functions.end(), name) == functions.end() &&
        functions.size() < kMostFunctions)
      functions.push_back(std::move(name));
  }
  return functions;
}

RunPlan WithProbe(RunPlan plan, const std::vector<std::string>& functions, std::uint32_t memory_mib) {
  const auto attach = std::find_if(plan.requests.begin(), plan.requests.end(), [](const auto& planned) {
    const auto* const start = planned.template As<StartPayload>();
    return start != nullptr && start->attach;
  });
  const Clock clock = plan.scenario.clock;
  const auto handle = static_cast<std::uint32_t>(plan.payloads.size());
  const auto ends = std::count_if(attach, plan.requests.end(), [](const auto& planned) {
    return planned.template As<StopScheduler>() != nullptr;
  });
  const std::string name(vmm::kProbeProgram);
  StartPayload start{.handle = handle,
                     .name = name,
                     .cgroup = {},
                     .argv = {name, "--ends", std::to_string(ends)},
                     .env = {},
                     .own_process_group = true,
                     .whole_output = false,
                     .ready = AwaitReadiness{"", "^armed$", static_cast<std::uint64_t>(ArmTimeout(clock).ns)},
                     .attach = {}};
  start.argv.insert(start.argv.end(), functions.begin(), functions.end());
  const Place place{attach->path, "the probing of its failure"};
  PlannedRequest started{GuestRequest{AnyStruct::Of(std::move(start))},
                         place.path,
                         "start of the probe",
                         ArmTimeout(clock),
                         attach->phase,
                         false};
  plan.payloads.push_back({handle, name, "", Slot::kBackdrop, attach->phase, place, place, false});
  plan.requests.insert(attach, std::move(started));
  const auto last = std::find_if(plan.requests.rbegin(), plan.requests.rend(), [](const auto& planned) {
    return planned.template As<StopScheduler>() != nullptr;
  });
  const PlannedRequest told{
      GuestRequest{AnyStruct::Of(AwaitPayload{handle, static_cast<std::uint64_t>(TellTimeout(clock).ns)})},
      place.path,
      "wait for the probe",
      TellTimeout(clock),
      last->phase,
      true};
  plan.requests.insert(last.base(), told);
  plan.scenario.timeout.ns += ArmTimeout(clock).ns + TellTimeout(clock).ns;
  plan.scenario.memory.bytes = std::uint64_t{memory_mib} << 20;
  plan.probed = true;
  return plan;
}

}  // namespace ktstr
