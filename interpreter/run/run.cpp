#include "interpreter/run/run.h"

#include "interpreter/fold/fold.h"
#include "interpreter/judge/cpu_quality.h"
#include "interpreter/judge/judge.h"
#include "interpreter/judge/pauses.h"
#include "interpreter/run/event_teller.h"
#include "interpreter/run/for_others.h"
#include "interpreter/run/guest_observer.h"
#include "interpreter/run/late_loops.h"
#include "interpreter/run/run_environment.h"
#include "interpreter/run/run_guest.h"
#include "interpreter/run/run_outcome.h"
#include "interpreter/run/run_session.h"
#include "interpreter/run/unlike_turns.h"
#include "ops/op.h"
#include "vmm/image/guest_image.h"
#include "vmm/machine/boot_deadline.h"
#include "vmm/machine/throwaway_disk.h"
#include "vmm/template/machine_pool.h"

namespace ktstr {
namespace {

using std::chrono::seconds;

/// How long a guest may take beyond what a request itself says, on a machine that is busy with other things.
constexpr seconds kGrace{20};
/// After a failure: how long the guest gets to hand over what its workers measured.
constexpr seconds kSalvage{12};

/// Everything of one run that lives as long as its machine.
class ScenarioRun {
 public:
  ScenarioRun(const RunPlan& plan, const std::filesystem::path& dir, const RunEnvironment& environment,
              EventSink& sink)
      : plan_(plan), scenario_(plan.scenario), dir_(dir), environment_(environment), teller_(sink) {}

  RunOutcome Run() {
    if (const Result<> ran = BootAndExecute(); !ran.ok()) Break(Verdict::kError, ran.error().message);
    Conclude();
    return std::move(outcome_);
  }

 private:
  Result<> BootAndExecute() {
    for (const PlannedPhase& phase : plan_.phases) {
      PhaseWindow window;
      window.index = phase.index;
      window.name = phase.name;
      outcome_.record.phases.push_back(std::move(window));
    }
    TRY(CheckObservable(plan_, environment_.kernel, environment_.accel, *environment_.observers,
                        outcome_.cause_path));
    needs_ = TRY(NeedsOf(plan_, dir_, environment_, outcome_.cause_path));
    DescribeMachine(needs_.shape.machine);
    TRY(StartGuest());
    TRY(Execute(*session_));
    NoteCpuQuality();
    return {};
  }

  /// A clone that ends before its guest has answered was damaged: the template is made once more, and if its
  /// clone fares no better, the guest is booted.
  Result<> StartGuest() {
    for (int clones = environment_.clone ? 2 : 0;; --clones) {
      cloned_from_.reset();
      Result<> started = StartMachine(clones > 0);
      if (started.ok() || !cloned_from_ || ready_ || !BlamesMachine(started.error())) return started;
      Warn("a clone of template " + cloned_from_->facts().key + " did not start (" + started.error().message +
           "); the template was removed");
      environment_.pool->Discard(*cloned_from_);
      observer_.reset();
      session_.reset();
      channel_.reset();
      machine_.reset();
    }
  }

  /// A file of the host that cannot be read, say, is not the template's fault.
  static bool BlamesMachine(const Error& error) {
    return error.kind != ErrorKind::kCancelled && error.kind != ErrorKind::kInput &&
           error.kind != ErrorKind::kEnvironment;
  }

  Result<> StartMachine(bool clone) {
    vmm::PooledMachine pooled = TRY(environment_.pool->Take(needs_.shape, clone, ConsoleSink(), CrashSink()));
    machine_ = std::move(pooled.machine);
    channel_ = std::move(pooled.channel);
    cloned_from_ = std::move(pooled.cloned_from);
    if (!pooled.why_booted.empty()) Warn("no template: " + pooled.why_booted);
    outcome_.machine.started = cloned_from_ ? "clone of " + cloned_from_->facts().key : "boot";
    outcome_.machine.prepared = pooled.was_ready;
    outcome_.machine.confinement = machine_->confinement();
    TRY(machine_->AwaitBuilt());
    outcome_.machine.qemu = machine_->qemu_version();
    session_.emplace(*channel_, pooled.requests_sent, plan_, teller_, outcome_);
    if (machine_->disk() >= 0) session_->SetDiskBacking(vmm::BackingOf(machine_->disk()).Describe());
    // What is handed over before the guest runs reaches it at the same moment of its time in each run.
    if (needs_.files.empty()) TRY(session_->SendPlan());
    TRY(machine_->Resume());
    if (environment_.after_take) environment_.after_take();
    return AwaitGuest();
  }

  void Warn(std::string text, const std::string& path = "", std::uint32_t phase = 0) {
    outcome_.warnings.push_back(std::move(text));
    teller_.Tell(EventKind::kWarning, outcome_.warnings.back(), path, phase);
  }

  vmm::ByteSink ConsoleSink() {
    return [this](std::string_view bytes) {
      teller_.sink().OnConsole(bytes);
      return true;
    };
  }
  vmm::ByteSink CrashSink() {
    return [this](std::string_view bytes) {
      teller_.sink().OnCrashText(bytes);
      return true;
    };
  }

  void DescribeMachine(const vmm::MachineConfig& config) {
    MachineFacts& facts = outcome_.machine;
    facts.kernel_release = environment_.kernel.version;
    facts.accel = vmm::AccelName(config.accel);
    facts.clock = kClocks[static_cast<std::size_t>(scenario_.clock)].name;
    facts.topology = vmm::FormatTopology(config.topology);
    facts.memory_mib = config.memory_mib;
    for (std::uint32_t cpu = 0; cpu < vmm::CpuCount(config.topology); ++cpu)
      outcome_.record.node_of_cpu.push_back(vmm::NodeOfCpu(config.topology, cpu));
    teller_.Tell(EventKind::kStarted, "kernel " + facts.kernel_release + ", accel " + facts.accel +
                                          ", clock " + facts.clock + ", " + facts.topology + ", " +
                                          std::to_string(facts.memory_mib) + " MiB");
  }

  Result<> AwaitGuest() {
    const vmm::MachineConfig& config = needs_.shape.machine;
    const seconds patience = vmm::BootDeadline(config);
    const vmm::Deadline deadline = vmm::After(patience);
    if (!needs_.files.empty()) {
      outcome_.machine.file_bytes = TRY(InTime(session_->SendFiles(needs_.files, deadline), patience));
      TRY(session_->SendPlan());
    }
    const Ready guest = TRY(InTime(session_->AwaitReady(deadline), patience));
    outcome_.machine.kernel_release = guest.kernel_release;
    outcome_.machine.ready_ms = teller_.ElapsedMs();
    outcome_.record.online_cpus = guest.online_cpus;
    TRY(CheckGuest(guest, config));
    ready_ = true;
    TRY(InTime(session_->AwaitProvided(deadline), patience));
    if (!needs_.files.empty()) outcome_.machine.files_ms = teller_.ElapsedMs() - outcome_.machine.ready_ms;
    cpu_meter_.emplace(machine_->pid());
    ready_ns_ = guest.clock_ns;
    observer_.emplace(GuestObserver::Parts{
        *machine_, environment_.kernel, config.accel, scenario_.clock, guest, *environment_.observers,
        teller_, plan_.payloads.empty() ? vmm::Learned::kForAll : vmm::Learned::kForThisRun,
        [this] { return session_->Fetch("/proc/kallsyms", kGrace); },
        [this](std::string text, const std::string& path, std::uint32_t phase) {
          Warn(std::move(text), path, phase);
        }});
    session_->SetMeanwhile(&*observer_);
    // How long it took is the host's affair and in the verdict: see VerdictJson.
    teller_.Tell(EventKind::kReady,
                 "kernel " + guest.kernel_release + " is up; started: " + outcome_.machine.started, "", 0,
                 guest.clock_ns);
    return {};
  }

  /// Once the plan has been carried out, or as far as it got.
  void NoteCpuQuality() {
    MachineFacts& facts = outcome_.machine;
    const auto times = cpu_meter_ && !machine_->failure() ? cpu_meter_->SoFar() : std::nullopt;
    cpu_meter_.reset();
    if (!times) return;
    facts.cpu_wait_pct = WaitPct(*times);
    facts.cpu_quality = scenario_.clock == Clock::kVirtual ? CpuGrade::kNotApplicable : GradeCpu(*times);
  }

  template <typename T>
  Result<T> InTime(Result<T> result, seconds patience) const {
    if (result.ok() || result.error().kind != ErrorKind::kTimeout) return result;
    return Error{ErrorKind::kGuest, "the guest did not come up within " + std::to_string(patience.count()) +
                                        " s" + machine_->LastConsoleLine()};
  }

  [[nodiscard]] Result<> CheckGuest(const Ready& guest, const vmm::MachineConfig& config) const {
    // A clone goes on where its template was parked: same boot, later.
    if (cloned_from_ &&
        (guest.boot_id != cloned_from_->facts().boot_id || guest.clock_ns < cloned_from_->facts().parked_ns))
      return Error{ErrorKind::kMachine, "it is another guest than was saved"};
    const std::uint32_t asked = vmm::CpuCount(config.topology);
    if (guest.online_cpus == asked) return {};
    return Error{ErrorKind::kGuest, "the guest came up with " + std::to_string(guest.online_cpus) + " of " +
                                        std::to_string(asked) + " CPUs"};
  }

  /// Goes through the plan. After a refused request only the final one is sent, so that what ran is
  /// collected.
  Result<> Execute(RunSession& session) {
    started_ = vmm::After(std::chrono::nanoseconds(0));
    for (std::size_t at = 0; at < plan_.requests.size(); ++at) {
      const PlannedRequest& planned = plan_.requests[at];
      observer_->Enter(planned);
      if (planned.host() != nullptr) {
        if (broken_)
          session.PassHostOp();  // what comes behind it is still to be sent
        else if (!RunOnHost(session, planned))
          return gone_ ? *gone_ : Salvage(session);
        continue;
      }
      if (planned.As<PauseMachine>() != nullptr && !broken_) {
        TRY(session.AwaitPaused(*machine_, DeadlineOf(planned)));
        for (; at + 1 < plan_.requests.size() && plan_.requests[at + 1].host() != nullptr; ++at)
          if (!RunOnHost(session, plan_.requests[at + 1])) break;
        // What comes next is with the guest before it goes on.
        if (gone_) return *gone_;
        if (!broken_) TRY(session.SendPlan());
        TRY(machine_->Resume());
        if (broken_) return Salvage(session);
      }
      if (!AwaitPlanned(session, planned)) return Salvage(session);
      if (gone_) return *gone_;
    }
    return {};
  }

  /// False when the run cannot go on and the guest should be asked for what it has.
  bool AwaitPlanned(RunSession& session, const PlannedRequest& planned) {
    const Result<Reply> reply = session.Await(planned, DeadlineOf(planned));
    if (!reply.ok()) {
      if (broken_) {
        gone_.emplace();  // the first cause stands; the guest could not even be asked for what it had
        return true;
      }
      if (reply.error().kind != ErrorKind::kTimeout) {
        // When it happened helps; that the request under way is to blame is not known.
        if (reply.error().kind != ErrorKind::kCancelled) NoteTime(session);
        gone_.emplace(reply.error());
        return true;
      }
      Note(session, planned);
      Break(Verdict::kError, vmm::Passed(OverallDeadline()) ? OverallTimeout(planned) : Silence(planned));
      // The guest may be alive and merely busy: what its workers have so far is worth a try.
      return false;
    }
    observer_->NoteClock(reply->clock_ns);
    outcome_.machine.guest_ms = static_cast<double>(reply->clock_ns - ready_ns_) / 1e6;
    if (broken_) return true;
    if (reply->error.empty()) {
      if (const Result<> received = HandOver(session, *planned.guest()); !received.ok()) {
        Note(session, planned);
        Break(Verdict::kError, planned.label + ": " + received.error().message);
      }
      return true;
    }
    Note(session, planned);
    outcome_.waited_in_vain = reply->of_payload && planned.As<AwaitPayload>() != nullptr;
    Break(reply->of_payload ? Verdict::kFail : Verdict::kError,
          reply->of_payload ? reply->error : planned.label + ": " + reply->error);
    return true;
  }

  /// A file that was read goes to the Op that asked for it.
  Result<> HandOver(RunSession& session, const GuestRequest& request) {
    if (request.receiver.decl() == nullptr) return {};
    const std::string content = session.TakeFile(request.message.As<ReadFile>().path);
    return OpOf(request.receiver).receive(request.receiver.data(), content, observer_->host());
  }

  /// False once the run is broken.
  bool RunOnHost(RunSession& session, const PlannedRequest& planned) {
    teller_.Tell(EventKind::kRequest, planned.label, planned.path, planned.phase);
    observer_->Enter(planned);
    const Result<> done = CarryOut(planned);
    session.PassHostOp();
    teller_.Tell(EventKind::kReply, done.ok() ? "" : done.error().message, planned.path, planned.phase);
    if (done.ok()) return true;
    if (done.error().kind == ErrorKind::kCancelled || machine_->failure()) {
      gone_.emplace(done.error());
      return false;
    }
    Note(session, planned);
    Break(Verdict::kError, planned.label + ": " + done.error().message);
    return false;
  }

  Result<> CarryOut(const PlannedRequest& planned) {
    if (planned.As<StartMonitor>() != nullptr) return observer_->StartMonitor(*scenario_.monitor);
    if (const auto* capture = planned.As<PeriodicCapture>()) {
      observer_->CapturePeriodic(*capture);
      return {};
    }
    const AnyStruct& args = planned.host()->args;
    return OpOf(args).run(args.data(), observer_->host());
  }

  /// The time the guest was paused is not held against it.
  [[nodiscard]] vmm::Deadline OverallDeadline() const {
    return started_ + std::chrono::nanoseconds(scenario_.timeout.ns) + observer_->paused_time();
  }
  [[nodiscard]] vmm::Deadline DeadlineOf(const PlannedRequest& planned) const {
    return broken_ ? vmm::After(kSalvage) : std::min(OverallDeadline(), vmm::After(Patience(planned)));
  }

  Result<> Salvage(RunSession& session) {
    PlannedRequest finish = plan_.requests.back();
    finish.what = GuestRequest{AnyStruct::Of(Finish{.at_once = true})};
    finish.label = "finish at once";
    const Result<> saved = session.Drain(vmm::After(kSalvage), finish);
    (void)saved;  // best effort: the cause is known already
    return {};
  }

  [[nodiscard]] std::chrono::nanoseconds Patience(const PlannedRequest& planned) const {
    // Under the virtual clock guest time may run slower than ours when all CPUs are busy.
    const int factor = scenario_.clock == Clock::kVirtual ? 4 : 1;
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
    teller_.Tell(EventKind::kFailure, outcome_.cause, outcome_.cause_path);
  }

  void Conclude() {
    if (observer_) outcome_.observed = observer_->Finish(scenario_.snapshots.periodic);
    if (session_) session_->SetMeanwhile(nullptr);
    observer_.reset();
    if (machine_ != nullptr) {
      if (broken_) outcome_.console_tail = machine_->console_tail();
      NoteCpuQuality();
      machine_->Kill();
    }
    outcome_.stats = Fold(outcome_.record);
    outcome_.checks = Judge(outcome_.record, outcome_.stats, plan_.checks, outcome_.observed,
                            {environment_.compared, ComparedWaitPct(outcome_.machine)});
    ExcusePaused(outcome_.record, outcome_.observed, outcome_.checks);
    ExcuseUnlikeTurns(outcome_);  // first: a CPU without turns looks to PID 1 like a machine that was stopped
    ExcuseHost(outcome_.machine.cpu_quality, outcome_.machine.cpu_wait_pct, outcome_.record, outcome_.checks);
    if (!broken_) DecideByChecks(scenario_.expect, outcome_);
    outcome_.for_others = ForOthers(plan_, outcome_);
    outcome_.machine.total_ms = teller_.ElapsedMs();
    const std::string cause = outcome_.cause.empty() ? "" : ": " + outcome_.cause;
    teller_.Tell(EventKind::kVerdict, std::string(VerdictName(outcome_.verdict)) + cause,
                 outcome_.cause_path);
  }

  const RunPlan& plan_;
  const Scenario& scenario_;  // of the plan
  const std::filesystem::path& dir_;
  const RunEnvironment& environment_;
  EventTeller teller_;
  RunOutcome outcome_;
  GuestNeeds needs_;
  std::unique_ptr<vmm::Machine> machine_;
  std::unique_ptr<vmm::GuestChannel> channel_;  // to machine_
  std::shared_ptr<const vmm::Template> cloned_from_;
  std::optional<RunSession> session_;      // on channel_
  std::optional<GuestObserver> observer_;  // of machine_
  std::optional<vmm::CpuWaitMeter> cpu_meter_;
  vmm::Deadline started_;         // when the plan was begun
  std::optional<Result<>> gone_;  // the guest is; with the error, unless one is known already
  std::uint64_t ready_ns_ = 0;    // the guest's clock at its first answer
  bool ready_ = false;            // the guest has answered and is what was asked for
  bool broken_ = false;
};

}  // namespace

RunOutcome RunScenario(const RunPlan& plan, const std::filesystem::path& scenario_dir,
                       const RunEnvironment& environment, EventSink& sink) {
  return WithLateLoops(plan.scenario, ScenarioRun(plan, scenario_dir, environment, sink).Run());
}

}  // namespace ktstr
