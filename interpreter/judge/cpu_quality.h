// How good the host's CPUs were to a run. A guest that measures its own latencies on the wall clock also
// measures how long its QEMU had to wait, and cannot tell the two apart.
#pragma once

#include <cstdint>
#include <vector>

#include "interpreter/fold/stats.h"
#include "interpreter/judge/cpu_grade.h"
#include "interpreter/scenario/checks/check_result.h"
#include "vmm/host/cpu_wait.h"

namespace ktstr {

/// Share of the time QEMU wanted a CPU in which it had none, in percent, up to which a run is good, and from
/// which on it is poor. Measured on 2 CPUs under TCG with two spinning workers per guest: one guest at a time
/// 1 to 5, two 5 to 18 (the next clone is loaded meanwhile), three 26 to 46, eight 68 to 79. So one machine
/// per CPU is fair.
inline constexpr double kGoodWaitPct = 5;
inline constexpr double kPoorWaitPct = 25;
/// With less waiting than this in a whole run the share says nothing: idle guests of half a second, which
/// want a CPU for 10 ms, showed 34 to 53 % on the same host.
inline constexpr std::uint64_t kNegligibleWaitNs = 20'000'000;

double WaitPct(const vmm::CpuTimes& times);
CpuGrade GradeCpu(const vmm::CpuTimes& times);

/// Whether a check is about a latency: on a metric with IsLatency(), or no_stall.
bool IsAboutLatency(const CheckResult& result);

/// Whether it is about a latency or a throughput: a host without CPUs makes the one longer, the other less. A
/// bound that is broken the other way is the guest's own doing.
bool SuffersFromAHost(const CheckResult& result);

/// Whether a host that gave the guest no CPUs can have made it fail: it suffers from such a host and no
/// worker was stopped by a signal, or all that the kernel complains of is of time (lockups, stalls).
bool MayBeTheHosts(const CheckResult& result, const RunRecord& record);

/// On a poor host a failed check on a latency or a throughput becomes INCONCLUSIVE: "the host was
/// oversubscribed: QEMU waited 34 % of the time for a CPU; " and the message it had. A stall, and any
/// duration from a second on, stays FAIL when it is too long even without that share of it: the guest then
/// ran, and ran something else. A share of the CPU time stays, too: the guest's own clock tells it. The
/// kernel's complaints are excused when all of them are of time (lockups, stalls).
void ExcuseStarvedHost(CpuGrade grade, double wait_pct, const RunRecord& record,
                       std::vector<CheckResult>& results);

/// The same where the host let nothing run in the guest for a while (WorkerReport, machine_stopped_ns), as
/// when QEMU was stopped: when a duration would be within its bound without it, or it took a tenth of the
/// phase.
void ExcuseMachineStops(const RunRecord& record, std::vector<CheckResult>& results);

/// Both of them.
void ExcuseHost(CpuGrade grade, double wait_pct, const RunRecord& record, std::vector<CheckResult>& results);

}  // namespace ktstr
