// What happens during a run, told as it happens: terminal, run directory and tests are consumers of this one
// stream.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "guest-init/base/decl.h"

namespace ktstr {

enum class Stream : std::uint8_t;  // guest-init/wire/messages.h

enum class EventKind : std::uint8_t {
  kStarted,     // QEMU was built; text: kernel, accelerator, clock, topology, memory
  kReady,       // guest-init answered; text: the kernel's release
  kRequest,     // a planned request is sent; text: its label
  kReply,       // it was answered; text: empty or its error
  kPhaseBegin,  // text: the phase's name
  kPhaseEnd,
  kWorker,     // a worker's report came in; text: group, index, completed or how it ended
  kPayload,    // a payload was finalised; text: name and how it ended
  kScheduler,  // a scheduler was attached or is to be detached, or its program ended; text: name and what
  kObserved,   // a snapshot, a read, a kept fire of a watch; text: which, and what was seen in short
  kWarning,
  kFailure,  // what ends the run early; text: the cause
  kVerdict,  // the last event; text: verdict and cause
};
inline constexpr EnumValue kEventKinds[] = {{"started", 0, ""},  {"ready", 1, ""},       {"request", 2, ""},
                                            {"reply", 3, ""},    {"phase_begin", 4, ""}, {"phase_end", 5, ""},
                                            {"worker", 6, ""},   {"payload", 7, ""},     {"scheduler", 8, ""},
                                            {"observed", 9, ""}, {"warning", 10, ""},    {"failure", 11, ""},
                                            {"verdict", 12, ""}};
constexpr EnumDecl DescribeEnum(EventKind) { return {"EventKind", kEventKinds, nullptr, nullptr}; }

struct RunEvent {
  EventKind kind = EventKind::kStarted;
  std::uint64_t host_us = 0;   // since RunScenario was called
  std::uint64_t clock_ns = 0;  // guest clock where known, else 0
  std::uint32_t phase = 0;     // by index: 0 BASELINE, k the k-th step
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
  /// Whole lines of the guest kernel's log, from its boot on.
  virtual void OnKernelLog(std::string_view /*lines*/) {}
  /// What sched_ext dumped of CPUs and tasks.
  virtual void OnSchedulerDump(std::string_view /*lines*/) {}
  virtual void OnPayloadOutput(std::uint32_t /*handle*/, std::string_view /*payload*/, Stream,
                               std::string_view /*bytes*/) {}
};

}  // namespace ktstr
