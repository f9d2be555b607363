#include "interpreter/run.h"

#include <set>

#include "interpreter/run_session.h"
#include "ops/op.h"
#include "vmm/guest_image.h"
#include "vmm/memory_size.h"

namespace ktstr {
namespace {

using std::chrono::seconds;

/// How long a guest may take beyond what a request itself says, on a machine that is busy with other things.
constexpr seconds kGrace{20};
/// After a failure: how long the guest gets to hand over what its workers measured.
constexpr seconds kSalvage{12};

seconds BootDeadline(const vmm::MachineConfig& config) {
  const std::uint32_t cpus = vmm::CpuCount(config.topology);
  return config.accel == vmm::Accel::kKvm ? seconds(20 + cpus / 8) : seconds(60 + cpus * 2);
}

/// Everything of one run that lives as long as its machine.
class ScenarioRun {
 public:
  ScenarioRun(const Scenario& scenario, const RunVariant& variant, const std::filesystem::path& dir,
              const RunEnvironment& environment, EventSink& sink)
      : scenario_(scenario), variant_(variant), dir_(dir), environment_(environment), teller_(sink) {}

  RunOutcome Run() {
    if (const Result<> ran = BootAndExecute(); !ran.ok()) Break(Verdict::kError, ran.error().message);
    Conclude();
    return std::move(outcome_);
  }

 private:
  Result<> BootAndExecute() {
    Diagnostics diagnostics;
    plan_ = MakePlan(scenario_, variant_, diagnostics);
    if (diagnostics.has_errors()) return Error{ErrorKind::kInput, diagnostics.items().front().message};
    const vmm::MachineConfig config = TRY(Configure());
    machine_ = TRY(vmm::Machine::Build(config, Hooks()));
    DescribeMachine(config);
    TRY(machine_->Resume());
    RunSession session(*machine_, scenario_, plan_, teller_, outcome_);
    TRY(AwaitGuest(session, config));
    TRY(Execute(session));
    machine_->Kill();
    return {};
  }

  vmm::MachineHooks Hooks() {
    return {.on_console =
                [this](std::string_view bytes) {
                  teller_.sink().OnConsole(bytes);
                  return true;
                },
            .on_crash =
                [this](std::string_view bytes) {
                  teller_.sink().OnCrashText(bytes);
                  return true;
                },
            .cancel_fd = environment_.cancel_fd};
  }

  /// Packs the guest's image and decides what machine runs it.
  Result<vmm::MachineConfig> Configure() {
    std::set<std::string> used;
    for (const PayloadState& payload : plan_.payloads) used.insert(payload.name);
    std::vector<vmm::PayloadSource> sources;
    for (const auto& [name, payload] : scenario_.payloads.items) {
      if (!used.contains(name)) continue;
      sources.push_back({payload.binary, dir_});
      for (const std::string& program : payload.include) sources.push_back({program, dir_});
    }
    vmm::InitramfsSpec spec;
    spec.init = vmm::GuestInitImage();
    Result<std::vector<vmm::InitramfsFile>> files = vmm::PayloadFiles(sources);
    if (!files.ok()) {
      outcome_.cause_path = PlaceOfBadPayload(used);
      return files.error();
    }
    spec.files = std::move(files).value();
    image_ = environment_.scratch / "initramfs.img";
    const vmm::InitramfsInfo info = TRY(vmm::PackInitramfs(spec, image_));

    vmm::MachineConfig config;
    config.qemu = environment_.qemu;
    config.kernel = environment_.kernel.image;
    config.initrd = image_;
    config.topology = variant_.topology.Concrete();
    config.accel = environment_.accel;
    config.clock = variant_.clock == Clock::kVirtual ? vmm::Clock::kVirtual : vmm::Clock::kWall;
    config.memory_mib = variant_.memory.bytes != 0
                            ? static_cast<std::uint32_t>(variant_.memory.bytes >> 20)
                            : vmm::AutoMemoryMib({.initramfs_bytes = info.unpacked_bytes,
                                                  .compressed_bytes = info.packed_bytes,
                                                  .cpus = vmm::CpuCount(config.topology),
                                                  .numa_nodes = config.topology.numa_nodes});
    return config;
  }

  /// The document path of the first program that cannot be packed; "" when each can be by itself.
  [[nodiscard]] std::string PlaceOfBadPayload(const std::set<std::string>& used) const {
    const auto packs = [&](const std::string& program) { return vmm::PayloadFiles({{program, dir_}}).ok(); };
    for (const auto& [name, payload] : scenario_.payloads.items) {
      if (!used.contains(name)) continue;
      const std::string at = JoinPath("payloads", name);
      if (!packs(payload.binary)) return at + "/binary";
      for (std::size_t i = 0; i < payload.include.size(); ++i)
        if (!packs(payload.include[i])) return JoinPath(at + "/include", i);
    }
    return {};
  }

  void DescribeMachine(const vmm::MachineConfig& config) {
    MachineFacts& facts = outcome_.machine;
    facts.kernel_release = environment_.kernel.version;
    facts.accel = vmm::AccelName(config.accel);
    facts.clock = kClocks[static_cast<std::size_t>(variant_.clock)].name;
    facts.topology = vmm::FormatTopology(config.topology);
    facts.memory_mib = config.memory_mib;
    for (std::uint32_t cpu = 0; cpu < vmm::CpuCount(config.topology); ++cpu)
      outcome_.record.node_of_cpu.push_back(vmm::NodeOfCpu(config.topology, cpu));
    teller_.Tell(EventKind::kStarted, "kernel " + facts.kernel_release + ", accel " + facts.accel +
                                          ", clock " + facts.clock + ", " + facts.topology + ", " +
                                          std::to_string(facts.memory_mib) + " MiB");
  }

  Result<> AwaitGuest(RunSession& session, const vmm::MachineConfig& config) {
    const seconds patience = BootDeadline(config);
    const Result<Ready> ready = session.AwaitReady(vmm::After(patience));
    if (!ready.ok() && ready.error().kind == ErrorKind::kTimeout)
      return Error{ErrorKind::kGuest, "the guest did not come up within " + std::to_string(patience.count()) +
                                          " s" + LastConsoleLine()};
    const Ready guest = TRY(ready);
    outcome_.machine.kernel_release = guest.kernel_release;
    outcome_.machine.ready_ms = teller_.ElapsedMs();
    outcome_.record.online_cpus = guest.online_cpus;
    teller_.Tell(EventKind::kReady, "kernel " + guest.kernel_release + " is up", "", 0, guest.clock_ns);
    const std::uint32_t asked = vmm::CpuCount(config.topology);
    if (guest.online_cpus == asked) return {};
    return Error{ErrorKind::kGuest, "the guest came up with " + std::to_string(guest.online_cpus) + " of " +
                                        std::to_string(asked) + " CPUs"};
  }

  [[nodiscard]] std::string LastConsoleLine() const {
    const std::string& tail = machine_->console_tail();
    const std::size_t end = tail.find_last_not_of("\r\n ");
    if (end == std::string::npos) return "; its console is empty";
    const std::size_t begin = tail.find_last_of("\r\n", end);
    return "; its last console line: " + tail.substr(begin + 1, std::min<std::size_t>(end - begin, 200));
  }

  /// Sends the plan. After a refused request only the final one is sent, so that what ran is collected.
  Result<> Execute(RunSession& session) {
    const vmm::Deadline overall = vmm::After(std::chrono::nanoseconds(scenario_.timeout.ns));
    for (const PlannedRequest& planned : plan_.requests) {
      const bool last = planned.request.Is<Finish>();
      if (broken_ && !last) continue;
      const vmm::Deadline deadline =
          broken_ ? vmm::After(kSalvage) : std::min(overall, vmm::After(Patience(planned)));
      const Result<Reply> reply = session.Call(planned, deadline);
      if (!reply.ok()) {
        if (broken_) return {};  // the first cause stands; the guest could not even be asked for what it had
        if (reply.error().kind != ErrorKind::kTimeout) {
          // When it happened helps; that the request under way is to blame is not known.
          if (reply.error().kind != ErrorKind::kCancelled) NoteTime(session);
          return reply.error();
        }
        Note(session, planned);
        Break(Verdict::kError, vmm::Passed(overall) ? OverallTimeout(planned) : Silence(planned));
        // The guest may be alive and merely busy: what its workers have so far is worth a try.
        return Salvage(session);
      }
      if (reply->error.empty()) continue;
      Note(session, planned);
      const bool waited = planned.request.Is<AwaitPayload>();
      Break(waited ? Verdict::kFail : Verdict::kError,
            waited ? reply->error : planned.label + ": " + reply->error);
    }
    return {};
  }

  Result<> Salvage(RunSession& session) {
    PlannedRequest finish = plan_.requests.back();
    finish.request = AnyStruct::Of(Finish{.at_once = true});
    finish.label = "finish at once";
    const Result<> saved = session.Drain(vmm::After(kSalvage), finish);
    (void)saved;  // best effort: the cause is known already
    return {};
  }

  [[nodiscard]] std::chrono::nanoseconds Patience(const PlannedRequest& planned) const {
    // Under the virtual clock guest time may run slower than ours when all CPUs are busy.
    const int factor = variant_.clock == Clock::kVirtual ? 4 : 1;
    return std::chrono::nanoseconds(planned.budget.ns) * factor + kGrace;
  }

  [[nodiscard]] std::string OverallTimeout(const PlannedRequest& planned) const {
    return "the scenario did not finish within its timeout of " + FormatDuration(scenario_.timeout) +
           "; it was at: " + planned.label;
  }
  [[nodiscard]] std::string Silence(const PlannedRequest& planned) const {
    const auto waited = std::chrono::duration_cast<seconds>(Patience(planned)).count();
    return "the guest stopped answering: no reply to '" + planned.label + "' within " +
           std::to_string(waited) + " s";
  }

  void Note(const RunSession& session, const PlannedRequest& planned) {
    outcome_.cause_path = planned.path;
    NoteTime(session);
  }
  void NoteTime(const RunSession& session) {
    if (session.open_phase()) outcome_.cause_phase = plan_.phases[*session.open_phase()].name;
  }

  /// The run ends early; only the first cause counts.
  void Break(Verdict verdict, std::string cause) {
    if (broken_) return;
    broken_ = true;
    outcome_.verdict = verdict;
    outcome_.cause = std::move(cause);
    teller_.Tell(EventKind::kFault, outcome_.cause, outcome_.cause_path);
  }

  void Conclude() {
    if (machine_ != nullptr) {
      if (broken_) outcome_.console_tail = machine_->console_tail();
      machine_->Kill();
    }
    std::error_code ignored;
    std::filesystem::remove(image_, ignored);
    outcome_.stats = Fold(outcome_.record);
    outcome_.checks = Judge(outcome_.record, outcome_.stats, CollectChecks(scenario_));
    if (!broken_) {
      outcome_.verdict = Overall(outcome_.checks);
      if (const CheckResult* first = FirstCause(outcome_.checks)) {
        outcome_.cause = first->message;
        outcome_.cause_path = first->path;
        outcome_.cause_phase = first->phase;
        outcome_.cause_detail = first->detail;
      }
    }
    outcome_.machine.total_ms = teller_.ElapsedMs();
    const std::string cause = outcome_.cause.empty() ? "" : ": " + outcome_.cause;
    teller_.Tell(EventKind::kVerdict, std::string(VerdictName(outcome_.verdict)) + cause,
                 outcome_.cause_path);
  }

  const Scenario& scenario_;
  const RunVariant& variant_;
  const std::filesystem::path& dir_;
  const RunEnvironment& environment_;
  EventTeller teller_;
  RunOutcome outcome_;
  RunPlan plan_;
  std::filesystem::path image_;
  std::unique_ptr<vmm::Machine> machine_;
  bool broken_ = false;
};

}  // namespace

RunOutcome RunScenario(const Scenario& scenario, const RunVariant& variant,
                       const std::filesystem::path& scenario_dir, const RunEnvironment& environment,
                       EventSink& sink) {
  return ScenarioRun(scenario, variant, scenario_dir, environment, sink).Run();
}

Result<> ProveKvm(const RunEnvironment& environment) {
  vmm::InitramfsSpec spec;
  spec.init = vmm::GuestInitImage();
  const std::filesystem::path image = environment.scratch / "prove-kvm.img";
  TRY(vmm::PackInitramfs(spec, image));
  vmm::MachineConfig config;
  config.qemu = environment.qemu;
  config.kernel = environment.kernel.image;
  config.initrd = image;
  config.accel = vmm::Accel::kKvm;
  vmm::MachineHooks hooks;
  hooks.cancel_fd = environment.cancel_fd;
  const std::unique_ptr<vmm::Machine> machine = TRY(vmm::Machine::Build(config, std::move(hooks)));
  TRY(machine->Resume());
  vmm::GuestChannel channel(*machine);
  const Result<Frame> first = channel.Receive(vmm::After(seconds(20)));
  if (!first.ok() && first.error().kind == ErrorKind::kTimeout)
    return Error{ErrorKind::kGuest, "a kernel booted with it did not reach userspace within 20 s"};
  TRY(first);
  return {};
}

}  // namespace ktstr
