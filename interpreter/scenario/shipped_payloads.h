// Payloads that a scenario names by `use:`: programs of the host's distribution and those that are built with
// ktstr-interp and lie beside it, with what their output means.
#pragma once

#include <cstdint>

#include "guest-init/base/decl.h"

namespace ktstr {

struct Scenario;

/// What is here is what bootstrap installs for the catalogue; another program is a `binary` with an `output`
/// of its own. The texts below are what editors, `explain` and schemas/ops.md show. They are sorted
/// by name, so that a message lists them in that order.
enum class ShippedPayload : std::uint8_t {
  // Of the host's distribution.
  kCyclictest,
  kHackbench,
  // Of ours: workloads/jemalloc. Found on PATH, or beside ktstr-interp.
  kJemallocProbe,
  kJemallocWorker,
  kJemallocWorkerShared,
  // Of the host's distribution.
  kStressNg,
};
inline constexpr EnumValue kShippedPayloads[] = {
    {"cyclictest", 0,
     "Timer latencies (rt-tests): `thread.N.min`, `thread.N.avg`, `thread.N.max` in us, of each thread. "
     "Without `args`: one "
     "thread, 1000 times 1 ms."},
    {"hackbench", 1,
     "Messages between many tasks (rt-tests): `seconds`. Without `args`: one group of 40 processes, 50 "
     "messages, through "
     "pipes."},
    {"jemalloc-probe", 2,
     "What each thread of a process has allocated and freed through jemalloc, read from outside: "
     "`main.allocated_bytes` and `main.deallocated_bytes` of its first thread, `threads.N.` of each, "
     "`threads_read`, `threads_ended`. `args` is the process id, such as `[\"${pid:worker}\"]`."},
    {"jemalloc-worker", 3,
     "Allocates `args` bytes through a jemalloc that is linked into it, makes the file "
     "`/tmp/ktstr-worker-ready-PID` (or that of the variable `KTSTR_WORKER_READY_MARKER_OVERRIDE`), says "
     "'jemalloc-alloc-worker ready' and stays; after `--churn` it starts and joins threads. Without `args`: "
     "16 MiB."},
    {"jemalloc-worker-shared", 4, "The same with jemalloc as a shared library."},
    {"stress-ng", 5,
     "Load of many kinds: `bogo_ops` and `bogo_ops_per_sec` (of real time), of one stressor. Without `args`: "
     "one `cpu` for 1 s."}};
constexpr EnumDecl DescribeEnum(ShippedPayload) {
  return {"ShippedPayload", kShippedPayloads, nullptr, nullptr};
}

/// Once, after decoding: no `use` is left then.
/// Puts what is shipped in the place of each `use:`: the program, what it must be told before the author's
/// `args` (or those it has without), how its output is read, and what its metrics are, those of the author
/// first.
void PutShippedPayloads(Scenario& scenario);

}  // namespace ktstr
