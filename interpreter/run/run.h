// One variant of one scenario on one machine: boot, send the plan, collect, fold, judge. Everything that
// happens is told to an EventSink as it happens; terminal, run directory and tests are consumers of that.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/fold/fold.h"
#include "interpreter/fold/observations.h"
#include "interpreter/judge/cpu_quality.h"
#include "interpreter/judge/judge.h"
#include "interpreter/plan/plan.h"
#include "vmm/image/initramfs.h"
#include "vmm/kernel/kernels.h"
#include "vmm/machine/accel.h"
#include "vmm/machine/machine_config.h"
#include "vmm/template/machine_pool.h"

namespace ktstr {

enum class EventKind : std::uint8_t {
  kStarted,     // QEMU was built; text: kernel, accelerator, clock, topology, memory
  kReady,       // guest-init answered; text: the kernel's release
  kRequest,     // a planned request is sent; text: its label
  kReply,       // it was answered; text: empty or its error
  kPhaseBegin,  // text: the phase's name
  kPhaseEnd,
  kWorker,    // a worker's report came in; text: group, index, completed or how it ended
  kPayload,   // a payload was finalised; text: name and how it ended
  kObserved,  // a snapshot, a read, a kept fire of a watch; text: which, and what was seen in short
  kWarning,
  kFault,    // what ends the run early; text: the cause
  kVerdict,  // the last event; text: verdict and cause
};
inline constexpr EnumValue kEventKinds[] = {{"started", 0, ""}, {"ready", 1, ""},       {"request", 2, ""},
                                            {"reply", 3, ""},   {"phase_begin", 4, ""}, {"phase_end", 5, ""},
                                            {"worker", 6, ""},  {"payload", 7, ""},     {"observed", 8, ""},
                                            {"warning", 9, ""}, {"fault", 10, ""},      {"verdict", 11, ""}};
constexpr EnumDecl DescribeEnum(EventKind) { return {"EventKind", kEventKinds, nullptr, nullptr}; }

struct RunEvent {
  EventKind kind = EventKind::kStarted;
  std::uint64_t host_us = 0;   // since RunScenario was called
  std::uint64_t clock_ns = 0;  // guest clock where known, else 0
  std::uint32_t epoch = 0;     // phase
  std::string path;            // document path it belongs to, "" for none
  std::string text;
  static const StructDecl& Decl();
};

/// Called on the thread that runs the scenario, in the order in which things happen. May not throw; an
/// implementation that cannot write any more (a full disk) keeps that to itself and says so at the end.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void OnEvent(const RunEvent& event) = 0;
  virtual void OnConsole(std::string_view /*bytes*/) {}
  virtual void OnCrashText(std::string_view /*bytes*/) {}
  virtual void OnPayloadOutput(std::uint32_t /*handle*/, std::string_view /*payload*/, Stream,
                               std::string_view /*bytes*/) {}
};

class ObserverCache;  // guest_observer.h

/// What a run needs of the host; the same for all scenarios of one invocation.
struct RunEnvironment {
  vmm::Kernel kernel;
  vmm::Accel accel = vmm::Accel::kTcg;
  std::string qemu = "qemu-system-x86_64";
  std::filesystem::path scratch;     // a private directory; exists
  int cancel_fd = -1;                // readable once SIGINT or SIGTERM came
  vmm::MachinePool* pool = nullptr;  // of the thread that runs; not null
  bool clone = true;                 // false: boot each machine
  /// Called once the machine of the run is under way: the time to make the next one ready. May be empty.
  std::function<void()> after_take = {};
  ObserverCache* observers = nullptr;  // shared by all threads; not null
  bool fixed_entropy = false;          // the guest's randomness comes from the scenario's seed on any clock
};

/// What QEMU and the guest were, for reports.
struct MachineFacts {
  std::string kernel_release;
  std::string accel;
  std::string clock;
  std::string topology;
  std::uint32_t memory_mib = 0;
  std::string started;           // "clone of 0123456789abcdef" or "boot"
  bool prepared = false;         // the clone had been made ready before the run began
  std::uint64_t file_bytes = 0;  // payload files that were sent to the guest after its start
  double ready_ms = 0;           // host time from the start of the run to guest-init's first frame
  double files_ms = 0;           // host time until those files were in place, beyond ready_ms
  double total_ms = 0;           // host time of the whole run
  CpuGrade cpu_quality = CpuGrade::kNotMeasured;  // of this host, while the plan was carried out
  double cpu_wait_pct = 0;                        // share of the time QEMU wanted a CPU in which it had none
  double guest_ms = 0;                            // guest time from its first answer to its last
  static const StructDecl& Decl();
};

/// "clone of 0123456789abcdef in 43 ms, prepared". REQUIRES: the guest has answered.
std::string StartedText(const MachineFacts& machine);

struct RunOutcome {
  Verdict verdict = Verdict::kError;
  std::string cause;         // one line; empty for PASS
  std::string cause_path;    // document path of what it is about (a check, an Op); "" for none
  std::string cause_phase;   // name of the phase; "" for none
  std::string cause_detail;  // more lines for people; usually empty
  MachineFacts machine;
  RunRecord record;
  Observations observed;
  Stats stats;
  std::vector<CheckResult> checks;
  std::vector<std::string> warnings;
  std::string console_tail;  // the last lines of the guest's console, kept when something broke
};

/// Carries a plan out. `scenario_dir` is where relative payload paths start. Never fails as such: whatever
/// goes wrong becomes the outcome's verdict and cause, and what was finished before is in its record. On
/// return the machine and all its processes are gone. REQUIRES: PlanRuns found no error.
RunOutcome RunScenario(const RunPlan& plan, const std::filesystem::path& scenario_dir,
                       const RunEnvironment& environment, EventSink& sink);

/// Boots `kernel` under KVM until guest-init answers, for vmm::ResolveAccel.
Result<> ProveKvm(const RunEnvironment& environment);

}  // namespace ktstr
