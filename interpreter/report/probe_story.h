// What a probe noted, stitched per task and in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "interpreter/fold/probe_log.h"

namespace ktstr {

struct RunRecord;  // stats.h

/// Whether probes could tell more of this run: a scheduler was ejected, or asked for its own end, or a task
/// waited for longer than a second under it.
bool WorthProbing(const RunRecord& record);

/// The task that a failure is about: the one that the kernel's words for a scheduler's end name, else the one
/// that waited for longest in sched_ext's dumps. Nothing: neither is known.
std::optional<std::int32_t> NamedTask(const RunRecord& record);

/// "lost[53]"; "task 53" when nothing was noted of it.
std::string TaskText(const ProbeLog& log, std::int32_t pid);

/// "ops.select_cpu(prev_cpu=0, wake_flags=SCX_WAKE_FORK) -> 1": arguments as the kernel's types have them,
/// without the task itself. REQUIRES: `event` is one of the log.
std::string CallText(const ProbeLog& log, const ProbeLog::Task& task, const ProbeLog::Event& event);

/// "-4.453 s": a moment, relative to the end that the log knows. REQUIRES: it knows one.
std::string WhenText(const ProbeLog& log, std::uint64_t at_ns, int digits);

/// "The kernel ejected the scheduler (SCX_EXIT_ERROR_STALL).", or why there is nothing to say.
std::string EndText(const ProbeLog& log);

/// What happened to the task last: "lost[53]: ops.enqueue(enq_flags=0x8) on CPU 0 at -4.453 s, never
/// dispatched". It claims only what it saw, and that nothing happened only where all that could have was
/// probed.
std::string LastOf(const ProbeLog& log, std::int32_t pid);

}  // namespace ktstr
