// Lies in well-formed messages: what the guest is, did and saw.
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "test/guest/lies.h"

namespace ktstr::test {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

/// Changes what is sent, and lets it be sent.
template <void (*Change)(WorkerDone&)>
bool Reports(FakeGuest&, WorkerDone& done) {
  Change(done);
  return false;
}
/// The first half of the only slice, once more.
void SplitSlice(WorkerDone& done) {
  std::vector<PhaseSlice>& slices = done.report.phase_slices;
  slices.push_back(slices.front());
  slices[0].wall_ns /= 2;
  slices[1].wall_ns -= slices[0].wall_ns;
  slices[0].iterations = slices[1].iterations = 2;
  slices[1].begin_ns += slices[0].wall_ns;
}
void Overlap(WorkerDone& done) {
  SplitSlice(done);
  done.report.phase_slices[1].begin_ns -= 1;
}
void Gap(WorkerDone& done) {
  SplitSlice(done);
  done.report.phase_slices[1].begin_ns += 1;
}
void LongerThanLife(WorkerDone& done) { done.report.phase_slices[0].wall_ns += 1; }
void NoSuchPhase(WorkerDone& done) { done.report.phase_slices[0].phase = 17; }
void OverflowingLife(WorkerDone& done) { done.report.wall_ns = kMost; }
void FromTheFuture(WorkerDone& done) {
  done.report.wall_ns += 3'600'000'000'000;
  done.report.phase_slices[0].wall_ns = done.report.wall_ns;
}
void NoSuchCpu(WorkerDone& done) { done.report.cpus_used = {0, 0xffffffff}; }
void ManyCpus(WorkerDone& done) { done.report.cpus_used.assign(1 << 20, 1); }
void NoSuchAllowedCpu(WorkerDone& done) { done.report.phase_slices[0].cpus_allowed = {1, 2}; }
void NoSuchOutside(WorkerDone& done) { done.report.phase_slices[0].cpus_outside = {9}; }
void NoSuchMove(WorkerDone& done) { done.report.migrations = {{5, 0, 4711}}; }
void ManyMoves(WorkerDone& done) { done.report.migrations.assign(1 << 16, {5, 0, 1}); }
void MoreSamples(WorkerDone& done) {
  done.report.wake_latencies_ns = {1, 2, 3};
  done.report.wake_sample_total = 2;
}
void MoreIterations(WorkerDone& done) { done.report.phase_slices[0].iterations = 5; }
void NoSuchWorker(WorkerDone& done) { done.report.index = 7; }
void NoSuchGroup(WorkerDone& done) { done.group = 4711; }
void LaterGroup(WorkerDone& done) { done.group = 1; }
void OtherCgroup(WorkerDone& done) { done.cgroup = "elsewhere\n::error::x"; }

bool Untrue(FakeGuest& guest, const AnyStruct& request, Reply& reply) {
  if (!request.Is<Hold>()) return false;
  guest.SendReply(reply);  // at once
  return true;
}

template <void (*Change)(Reply&)>
void AtMark(const AnyStruct& request, Reply& reply) {
  if (request.Is<MarkPhase>() && request.As<MarkPhase>().end) Change(reply);
}
template <void (*Change)(Reply&)>
void OnHold(const AnyStruct& request, Reply& reply) {
  if (request.Is<Hold>()) Change(reply);
}
void ClockBack(Reply& reply) { reply.clock_ns = 5; }
void NoMark(Reply& reply) { reply.mark.reset(); }
void EarlyMark(Reply& reply) { reply.mark->clock_ns = 1; }
void LateMark(Reply& reply) { reply.mark->clock_ns = kMost; }
void FewerIterations(Reply& reply) { reply.mark->total_iterations = 0; }
void UnaskedMark(Reply& reply) { reply.mark = PhaseMark{reply.clock_ns, 1, 1}; }
void HostileError(Reply& reply) { reply.error = std::string("no\0\xff\n::error file=x::\x1b[31mred", 29); }

std::vector<Lie> LiesOfReplies() {
  return {{.name = "holds-too-short", .request = &Untrue},
          {.name = "clock-goes-back", .reply = &OnHold<ClockBack>},
          {.name = "unasked-mark", .reply = &OnHold<UnaskedMark>},
          {.name = "hostile-error", .reply = &OnHold<HostileError>},
          {.name = "no-mark", .reply = &AtMark<NoMark>},
          {.name = "mark-before-request", .reply = &AtMark<EarlyMark>},
          {.name = "mark-after-reply", .reply = &AtMark<LateMark>},
          {.name = "fewer-iterations", .reply = &AtMark<FewerIterations>},
          {.name = "hostile-warning", .request = [](FakeGuest& guest, const AnyStruct& request, Reply&) {
             if (request.Is<Hold>()) guest.Send(Warning{std::string("w\0\n::error::\x1b]0;x\x07", 18)});
             return false;
           }}};
}

template <void (*Change)(CgroupFigures&)>
bool FiguresOnHold(FakeGuest& guest, const AnyStruct& request, Reply&) {
  CgroupFigures figures;
  figures.cgroup = "first";
  figures.phase = 1;
  Change(figures);
  if (request.Is<Hold>()) guest.Send(figures);
  return false;
}
void OfNoCgroup(CgroupFigures& figures) { figures.cgroup = "elsewhere\n::error::x"; }
void OfNoPhase(CgroupFigures& figures) { figures.phase = 17; }
void MoreThrottled(CgroupFigures& figures) {
  figures.periods = 3;
  figures.throttled_periods = 4;
}

std::vector<Lie> LiesOfFigures() {
  return {{.name = "figures-of-no-cgroup", .request = &FiguresOnHold<OfNoCgroup>},
          {.name = "figures-of-no-phase", .request = &FiguresOnHold<OfNoPhase>},
          {.name = "more-throttled-periods", .request = &FiguresOnHold<MoreThrottled>}};
}

std::vector<Lie> LiesOfReports() {
  return {{.name = "lost-report", .report = [](FakeGuest&, WorkerDone&) { return true; }},
          {.name = "two-reports",
           .report =
               [](FakeGuest& guest, WorkerDone& done) {
                 guest.Send(done);
                 return false;
               }},
          {.name = "no-such-worker", .report = &Reports<NoSuchWorker>},
          {.name = "no-such-group", .report = &Reports<NoSuchGroup>},
          {.name = "later-group", .report = &Reports<LaterGroup>},
          {.name = "other-cgroup", .report = &Reports<OtherCgroup>},
          {.name = "slices-overlap", .report = &Reports<Overlap>},
          {.name = "slices-with-gaps", .report = &Reports<Gap>},
          {.name = "slices-longer-than-life", .report = &Reports<LongerThanLife>},
          {.name = "no-such-phase", .report = &Reports<NoSuchPhase>},
          {.name = "overflowing-life", .report = &Reports<OverflowingLife>},
          {.name = "report-from-the-future", .report = &Reports<FromTheFuture>},
          {.name = "no-such-cpu", .report = &Reports<NoSuchCpu>},
          {.name = "many-cpus-used", .report = &Reports<ManyCpus>},
          {.name = "no-such-allowed-cpu", .report = &Reports<NoSuchAllowedCpu>},
          {.name = "no-such-cpu-outside", .report = &Reports<NoSuchOutside>},
          {.name = "no-such-migration", .report = &Reports<NoSuchMove>},
          {.name = "many-migrations", .report = &Reports<ManyMoves>},
          {.name = "more-samples-than-observations", .report = &Reports<MoreSamples>},
          {.name = "more-iterations-than-life", .report = &Reports<MoreIterations>}};
}

std::vector<Lie> LiesOfPayloads() {
  return {{.name = "no-such-payload",
           .ended =
               [](FakeGuest&, PayloadDone& done) {
                 done.handle = 4711;
                 return false;
               }},
          {.name = "output-after-end",
           .ended =
               [](FakeGuest& guest, PayloadDone& done) {
                 guest.Send(done);
                 guest.Send(PayloadOutput{done.handle, Stream::kStdout, "speed=8\n"});
                 return true;
               }},
          {.name = "payload-ends-twice",
           .ended =
               [](FakeGuest& guest, PayloadDone& done) {
                 guest.Send(done);
                 return false;
               }},
          {.name = "payload-ends-before-it-starts",
           .ended =
               [](FakeGuest&, PayloadDone& done) {
                 done.started_ns = done.ended_ns + 1;
                 return false;
               }},
          {.name = "payload-ends-out-of-turn",
           .ended =
               [](FakeGuest&, PayloadDone& done) {
                 done.payload_index = 3;
                 return false;
               }},
          {.name = "payload-without-end", .ended = [](FakeGuest&, PayloadDone&) { return true; }},
          {.name = "payload-never-mentioned",
           .request =
               [](FakeGuest& guest, const AnyStruct& request, Reply& reply) {
                 if (!request.Is<StartPayload>()) return false;
                 guest.SendReply(reply);  // and nothing is started
                 return true;
               }},
          {.name = "no-number",
           .output = [](PayloadOutput& output) { output.bytes = "speed=nan\nspeed=inf\n"; }}};
}

/// Says of a scheduler, when a request of type T comes, what nobody has asked for.
template <typename T, std::uint32_t kHandle, SchedulerMoment kMoment>
bool Looks(FakeGuest& guest, const AnyStruct& request, Reply&) {
  if (request.Is<T>()) guest.Send(SchedulerLook{kHandle, kMoment, "disabled", "", 1, guest.clock_ns()});
  return false;
}
template <SchedulerMoment kMoment>
bool Silent(FakeGuest&, SchedulerLook& look) {
  return look.moment == kMoment;
}
template <SchedulerMoment kMoment>
bool Twice(FakeGuest& guest, SchedulerLook& look) {
  if (look.moment == kMoment) guest.Send(look);
  return false;
}

/// Scheduler 0 is attached, payload 1 is none.
std::vector<Lie> LiesOfSchedulers() {
  constexpr auto kAttached = SchedulerMoment::kAttached, kStopping = SchedulerMoment::kStopping;
  return {{.name = "look-at-nobody", .request = &Looks<Hold, 4711, kStopping>},
          {.name = "look-at-a-payload", .request = &Looks<Hold, 1, kAttached>},
          {.name = "attached-unasked", .request = &Looks<Hold, 0, kAttached>},
          {.name = "stopping-unasked", .request = &Looks<Hold, 0, kStopping>},
          {.name = "attached-twice", .look = &Twice<kAttached>},
          {.name = "stopping-twice", .look = &Twice<kStopping>},
          {.name = "attached-without-a-look", .look = &Silent<kAttached>},
          {.name = "stopped-without-a-look", .look = &Silent<kStopping>},
          {.name = "stopped-without-end",
           .ended = [](FakeGuest&, PayloadDone& done) { return done.handle == 0; }},
          {.name = "look-from-the-future",
           .look =
               [](FakeGuest&, SchedulerLook& look) {
                 look.clock_ns += 3'600'000'000'000;
                 return false;
               }},
          {.name = "look-at-nobody-in-the-end",
           .request = [](FakeGuest& guest, const AnyStruct& request, Reply& reply) {
             if (request.Is<Finish>() && request.As<Finish>().at_once)
               return Looks<Finish, 4711, kStopping>(guest, request, reply);
             return request.Is<StopScheduler>() || request.Is<Finish>();  // never answered: it is given up
           }}};
}

std::vector<Lie> LiesOfFiles() {
  return {{.name = "other-file",
           .piece =
               [](FakeGuest&, FileContent& piece) {
                 piece.path = "/etc/passwd";
                 return false;
               }},
          {.name = "file-with-gaps",
           .piece =
               [](FakeGuest&, FileContent& piece) {
                 piece.offset = 5;
                 return false;
               }},
          {.name = "file-in-part",
           .piece =
               [](FakeGuest&, FileContent& piece) {
                 piece.last = false;
                 return false;
               }},
          {.name = "file-of-nonsense", .piece = [](FakeGuest&, FileContent& piece) {
             piece.bytes = "99999999999999999999\n";
             return false;
           }}};
}

std::vector<Lie> LiesOfTheLog() {
  return {{.name = "taint-shrinks",
           .log =
               [](FakeGuest&, KernelMessages& messages) {
                 if (messages.early) messages.taint = 4096;
                 return false;
               }},
          {.name = "log-goes-back",
           .log =
               [](FakeGuest&, KernelMessages& messages) {
                 messages.messages.front().sequence = 7;
                 return false;
               }},
          {.name = "early-messages-late",
           .log =
               [](FakeGuest&, KernelMessages& messages) {
                 messages.early = true;
                 return false;
               }},
          {.name = "no-log", .log = [](FakeGuest&, KernelMessages&) { return true; }},
          {.name = "forged-complaint",
           .log =
               [](FakeGuest&, KernelMessages& messages) {
                 if (messages.early) return false;
                 messages.messages.front().text = "BUG: forged";
                 messages.messages.front().at_us = kMost;
                 return false;
               }},
          {.name = "complaint-of-a-program", .log = [](FakeGuest&, KernelMessages& messages) {
             messages.messages.front().text = "BUG: not by the kernel";
             messages.messages.front().priority = 8;  // facility 1: user
             return false;
           }}};
}

template <typename... Lists>
std::vector<Lie> Together(const Lists&... lists) {
  std::vector<Lie> all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}

}  // namespace

std::vector<Lie> LiesOfReady() {
  return {{.name = "other-build", .ready = [](Ready& ready) { ready.decl_hash = 1; }},
          {.name = "one-cpu", .ready = [](Ready& ready) { ready.online_cpus = 1; }},
          {.name = "no-cpu", .ready = [](Ready& ready) { ready.online_cpus = 0; }},
          {.name = "many-cpus", .ready = [](Ready& ready) { ready.online_cpus = 1U << 31; }},
          {.name = "build-id-is-a-path",
           .ready = [](Ready& ready) { ready.kernel_build_id = std::string("../../../../tmp/mine\0", 21); }},
          {.name = "kernel-in-user-space", .ready = [](Ready& ready) { ready.kernel_text = 0x400000; }},
          {.name = "release-is-an-escape",
           .ready = [](Ready& ready) { ready.kernel_release = "6.12\x1b[2J\n::error::x"; }},
          {.name = "boot-id-is-a-path", .ready = [](Ready& ready) { ready.boot_id = std::string(200, '/'); }},
          {.name = "clock-at-its-end", .ready = [](Ready& ready) { ready.clock_ns = kMost; }},
          // Another one in each process, so that a clone is not the guest that was saved.
          {.name = "other-guest", .ready = [](Ready& ready) { ready.boot_id = std::to_string(getpid()); }},
          {.name = "earlier-guest",
           .ready = [](Ready& ready) { ready.clock_ns = std::min<std::uint64_t>(ready.clock_ns, 1); }},
          {.name = "ready-twice", .request = [](FakeGuest& guest, const AnyStruct& request, Reply&) {
             if (request.Is<Hold>()) guest.Send(Ready{});
             return false;
           }}};
}

std::vector<Lie> LiesOfContent() {
  return Together(LiesOfReplies(), LiesOfFigures(), LiesOfReports(), LiesOfPayloads(), LiesOfSchedulers(),
                  LiesOfFiles(), LiesOfTheLog());
}

std::vector<Lie> Floods() {
  return {{.name = "floods-warnings",
           .request =
               [](FakeGuest& guest, const AnyStruct& request, Reply&) {
                 while (request.Is<Hold>()) guest.Send(Warning{"more"});
                 return false;
               }},
          {.name = "floods-reports",
           .report =
               [](FakeGuest& guest, WorkerDone& done) {
                 for (;; ++done.report.index) guest.Send(done);
                 return true;
               }},
          {.name = "floods-log",
           .log =
               [](FakeGuest& guest, KernelMessages& messages) {
                 messages.messages.front().text.assign(1 << 20, 'x');
                 for (;; ++messages.messages.front().sequence) guest.Send(messages);
                 return true;
               }},
          {.name = "file-without-end",
           .piece =
               [](FakeGuest& guest, FileContent& piece) {
                 piece.bytes.assign(kMaxFileContent, 'x');
                 piece.last = false;
                 for (;; piece.offset += piece.bytes.size()) guest.Send(piece);
                 return true;
               }},
          {.name = "floods-output", .ended = [](FakeGuest& guest, PayloadDone& done) {
             const PayloadOutput output{done.handle, Stream::kStdout, std::string(1 << 10, 'x')};
             while (true) guest.Send(output);
             return true;
           }}};
}

std::vector<Lie> AllLies() {
  return Together(std::vector<Lie>{{.name = "good"}}, LiesOfForm(), LiesOfReady(), LiesOfContent(), Floods());
}

}  // namespace ktstr::test
