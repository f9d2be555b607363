#include "interpreter/scenario/observe_spec.h"

namespace ktstr {

const StructDecl& SnapshotsSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&SnapshotsSpec::periodic>("periodic",
                                         "How many: spread evenly over the middle 80 % of the time "
                                         "the steps hold, tagged periodic_000 and "
                                         "so on. At least 100ms of it must lie between two.",
                                         Between(0, 64)),
  };
  static constexpr StructDecl kDecl =
      DeclareStruct<SnapshotsSpec>("Snapshots", "Snapshots that no Op asks for.", kFields);
  return kDecl;
}

namespace {

std::string ParseSwitch(std::string_view text, void* object) {
  auto& monitor = *static_cast<MonitorSpec*>(object);
  monitor = {};
  monitor.on = text == "on";
  return text == "on" || text == "off" ? "" : "'" + std::string(text) + "' is neither on nor off";
}

std::string PrintSwitch(const void* object) {
  return static_cast<const MonitorSpec*>(object)->on ? "" : "off";
}

void MonitorRules(const void* object, RuleSink& sink) {
  const auto& monitor = *static_cast<const MonitorSpec*>(object);
  if (monitor.interval < Milliseconds(10)) sink.Diagnose("interval", "the interval must be at least 10ms");
}

}  // namespace

const StructDecl& MonitorSpec::Decl() {
  static constexpr FieldDecl kFields[] = {
      Optional<&MonitorSpec::on>("on", "Whether there is one."),
      Optional<&MonitorSpec::interval>("interval", "Time between two samples of all run queues; host time."),
      Optional<&MonitorSpec::imbalance>(
          "imbalance", "The most that the longest run queue may be of the shortest (counted as at least 1).",
          AtLeast(1, "x")),
      Optional<&MonitorSpec::local_dsq_depth>("local_dsq_depth",
                                              "The most tasks that may wait in a CPU's local dispatch queue.",
                                              AtLeast(1, "tasks")),
      Optional<&MonitorSpec::rq_clock_stuck>(
          "rq_clock_stuck",
          "Whether a busy run queue whose clock does not move, on a vCPU that ran, breaks a threshold."),
      Optional<&MonitorSpec::fallback_rate>(
          "fallback_rate", "The most sched_ext select_cpu fallbacks per second.", AtLeast(0, "1/s")),
      Optional<&MonitorSpec::keep_last_rate>(
          "keep_last_rate", "The most times per second sched_ext may keep the last task running.",
          AtLeast(0, "1/s")),
      Optional<&MonitorSpec::sustained>("sustained", "This many samples in a row must be beyond a threshold.",
                                        Between(1, 1000, "samples")),
      Optional<&MonitorSpec::enforce>("enforce",
                                      "Whether a broken threshold fails the scenario, or is only reported."),
  };
  static constexpr ShorthandDecl kShort{"on or off.", "^(on|off)$", "on", false, &ParseSwitch, &PrintSwitch};
  static constexpr StructDecl kDecl = [] {
    StructDecl decl = DeclareStruct<MonitorSpec>(
        "Monitor",
        "Samples every CPU's run queue from outside, without pausing the guest, and judges what it saw. "
        "Torn samples "
        "are dropped; a CPU that does nothing because its vCPU had no host CPU is not blamed.",
        kFields);
    decl.shorthand = &kShort;
    decl.rules = &MonitorRules;
    return decl;
  }();
  return kDecl;
}

}  // namespace ktstr
