// The part of RunSession that keeps what payloads and schedulers print, and how they end.
#include <algorithm>

#include "guest-init/base/one_line.h"
#include "interpreter/fold/payload_metrics.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/event_teller.h"
#include "interpreter/run/run_outcome.h"
#include "interpreter/run/run_session.h"

namespace ktstr {
namespace {

std::string HowItEnded(const PayloadDone& done) {
  const std::string_view why = kPayloadEnds[static_cast<std::size_t>(done.end)].name;
  const std::string how = done.signal != 0 ? "signal " + std::to_string(done.signal)
                                           : "exit code " + std::to_string(done.exit_code);
  return std::string(why) + ", " + how;
}

/// Of each stream. A scheduler's output may be a verifier's log, of which the end tells most: the kernel's
/// longest is far below this.
std::uint64_t MostOutput(const PayloadState& program) {
  return program.scheduler ? 16 * kMaxPayloadOutput : kMaxPayloadOutput;
}

}  // namespace

RunSession::Output& RunSession::OutputOf(std::uint32_t handle) {
  const auto [at, fresh] = outputs_.try_emplace(handle);
  const PayloadState& payload = plan_.payloads[handle];
  const Payload* const declared = payload.scheduler ? nullptr : plan_.scenario.payloads.Find(payload.name);
  if (fresh && declared != nullptr)
    at->second.metrics.emplace(declared->output, declared->metrics, output_memory_);
  return at->second;
}

void RunSession::Keep(const PayloadOutput& output) {
  if (output.handle >= plan_.payloads.size()) return;
  Output& known = OutputOf(output.handle);
  if (known.metrics) known.metrics->Feed(output.stream, output.bytes);
  if (output.stream == Stream::kStderr) {
    known.stderr_end += output.bytes;
    known.stderr_end.erase(0, known.stderr_end.size() - std::min(known.stderr_end.size(), kKeptStderr));
  }
  std::uint64_t& kept = known.kept[static_cast<std::size_t>(output.stream)];
  const std::uint64_t most = MostOutput(plan_.payloads[output.handle]);
  const std::string_view bytes = std::string_view(output.bytes).substr(0, most - kept);
  kept += bytes.size();
  if (!bytes.empty())
    teller_.sink().OnPayloadOutput(output.handle, plan_.payloads[output.handle].name, output.stream, bytes);
}

void RunSession::WarnOfCut(const PayloadState& payload, const PayloadDone& done) {
  for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
    const std::uint64_t bytes = stream == Stream::kStdout ? done.stdout_bytes : done.stderr_bytes;
    if (bytes <= MostOutput(payload)) continue;
    outcome_.warnings.push_back("of the " + std::to_string(bytes) + " bytes that " +
                                (payload.scheduler ? "scheduler" : "payload") + " '" + payload.name +
                                "' wrote to " + std::string(kStreams[static_cast<std::size_t>(stream)].name) +
                                " the first " + std::to_string(MostOutput(payload)) + " are kept");
    teller_.Tell(EventKind::kWarning, outcome_.warnings.back(), payload.made.path, phase_);
  }
}

void RunSession::Keep(const PayloadDone& done) {
  if (done.handle >= plan_.payloads.size()) return;
  const PayloadState& payload = plan_.payloads[done.handle];
  Output& known = OutputOf(done.handle);
  if (payload.scheduler) {
    teller_.Tell(EventKind::kScheduler, payload.name + ": its program: " + HowItEnded(done),
                 payload.made.path, payload.phase, done.ended_ns);
    WarnOfCut(payload, done);
    schedulers_.Take(done, std::move(known.stderr_end));
    outputs_.erase(done.handle);
    return;
  }
  PayloadResult result{payload.name, payload.cgroup, payload.phase, done, std::move(known.stderr_end), {}};
  if (cleanup_ && result.done.end == PayloadEnd::kKilled) {
    result.done.end = PayloadEnd::kCollected;
    outcome_.warnings.push_back("payload '" + payload.name + "' was still running at the end of " +
                                payload.made.where + "; it was killed");
    teller_.Tell(EventKind::kWarning, outcome_.warnings.back(), payload.made.path, phase_);
  }
  WarnOfCut(payload, done);
  if (known.metrics) result.metrics = known.metrics->Take();
  outputs_.erase(done.handle);
  for (const std::string& note : result.metrics.notes)
    outcome_.warnings.push_back("payload '" + payload.name + "': " + note);
  teller_.Tell(EventKind::kPayload,
               payload.name + ": " + HowItEnded(result.done) + ", pid " + std::to_string(done.pid),
               payload.made.path, payload.phase, done.ended_ns);
  outcome_.record.payloads.push_back(std::move(result));
}

void RunSession::Keep(const SchedulerLook& look) {
  if (look.handle >= plan_.payloads.size()) return;
  const PayloadState& scheduler = plan_.payloads[look.handle];
  schedulers_.Take(look, scheduler.name, Position());
  const std::string ops = look.ops.empty() ? "" : ", ops " + OneLine(look.ops, kMostForeignText);
  teller_.Tell(EventKind::kScheduler,
               scheduler.name + ": " +
                   std::string(kSchedulerMoments[static_cast<std::size_t>(look.moment)].name) + ", " +
                   OneLine(look.state, kMostForeignText) + ops,
               scheduler.made.path, phase_, look.clock_ns);
}

}  // namespace ktstr
