// A guest that speaks the protocol and lies: what becomes of each lie, by the first line of the report. A lie
// that can be told from the truth is an ERROR, never PASS; which cannot, says SECURITY.md. None leaves a
// process or a file behind (GuestRun::Finish).
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>
#include <set>

#include "test/checkout.h"
#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"
#include "test/guest/template_cache.h"

namespace ktstr::test {
namespace {

constexpr const char* kWorkers =
    "steps:\n"
    "  - {name: one, cgroups: [{name: first, work: [{type: SpinWait}]}]}\n"
    "  - {name: two, cgroups: [{name: second, work: [{type: SpinWait}]}], hold: 100ms}\n";
constexpr const char* kPayload =
    "payloads:\n"
    "  web: {binary: sh, args: [-c, echo], output: {parse: kv}, checks: [{min: {metric: speed, value: 5}}]}\n"
    "steps: [{name: one, ops: [{RunPayload: {payload: web}}, {WaitPayload: {payload: web}}]}]\n";
/// Nothing waits for this one, and no check asks for what it printed.
constexpr const char* kLonePayload =
    "payloads: {web: {binary: sh, args: [-c, echo]}}\n"
    "steps: [{name: one, ops: [{RunPayload: {payload: web}}]}]\n";
constexpr const char* kScheduler =
    "schedulers: {mine: {binary: sh}}\npayloads: {web: {binary: sh, args: [-c, echo]}}\nscheduler: mine\n"
    "steps: [{name: one, ops: [{RunPayload: {payload: web}}, {WaitPayload: {payload: web}}], hold: 100ms}]\n";
constexpr const char* kFile =
    "steps:\n"
    "  - name: one\n"
    "    cgroups: [{name: first, work: [{type: SpinWait}]}]\n"
    "    ops: [{CaptureCgroupProcs: {tag: procs, cgroup: first}}]\n";

struct Row {
  const char* lie;
  const char* verdict;
  const char* line;  // the first one of the report, without the verdict and the file's name
};

GuestRun Start(const std::string& scenario, const std::string& lie, std::vector<std::string> more = {}) {
  std::vector<std::string> args = {"--qemu", kFakeQemu, "--no-clone"};
  args.insert(args.end(), more.begin(), more.end());
  return GuestRun(scenario, args, {"KTSTR_FAKE=" + lie});
}

void Expect(const char* scenario, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.lie);
    GuestRun run = Start(scenario, row.lie);
    run.Finish(row.verdict);
    CHECK(run.first_line() == std::string(row.verdict) + " scenario.yaml" + row.line);
  }
}

const std::vector<Row> kForm = {
    {"garbage", "ERROR", ": corrupt frame at byte 0 of the channel: it does not begin with the frame magic"},
    {"oversized", "ERROR",
     ": corrupt frame at byte 0 of the channel: it announces 1073741824 bytes, more than the limit of "
     "16777216"},
    {"no-frame-type", "ERROR", ": corrupt frame at byte 0 of the channel: unknown frame type 9"},
    {"damaged", "ERROR", ": corrupt frame at byte 0 of the channel: the payload checksum does not match"},
    {"skipped", "ERROR", ": corrupt frame at byte 0 of the channel: frame 1 arrived where frame 0 was due"},
    {"reply-before-ready", "ERROR", ": the guest's first frame is not an event"},
    {"event-before-ready", "ERROR", ": the guest sent Warning before Ready"},
    {"bad-event", "ERROR", ": an event of the guest could not be read: its length is wrong"},
    {"half-a-frame", "ERROR", ": QEMU exited with code 0"},
    {"long-string", "ERROR",
     ": an event of the guest could not be read: Warning.text: the message ends too early"},
    {"long-list", "ERROR",
     ": an event of the guest could not be read: KernelMessages.messages: the message ends too early"},
    {"long-samples", "ERROR",
     ": an event of the guest could not be read: WorkerDone.report: WorkerReport.phase_slices: "
     "PhaseSlice.wake_latencies_ns: the message ends too early"},
    {"no-such-end", "ERROR",
     ": an event of the guest could not be read: PayloadDone.end: 99 is not a value of PayloadEnd"},
    {"no-bool", "ERROR",
     ": an event of the guest could not be read: FileContent.last: a bool is neither 0 nor 1"},
    {"unknown-event", "ERROR", ": an event of the guest could not be read: unknown message 'Hello'"},
    {"request-as-event", "ERROR", ": an event of the guest could not be read: unknown message 'Hold'"},
    {"event-as-reply", "ERROR",
     ": a reply of the guest could not be read: Reply.error: the message ends too early"},
    {"bytes-left-over", "ERROR",
     ": a reply of the guest could not be read: bytes are left over after a Reply"},
    {"asks", "ERROR", ": the guest sent a request"},
    {"wrong-id", "ERROR", ": the guest answered request 21 where 14 was due"},
    {"answers-twice", "ERROR", ": the guest answered request 14 where 15 was due"},
    {"dies", "ERROR", ": QEMU exited with code 9"},
    {"ends-early", "ERROR", ": QEMU exited with code 0"},
};

const std::vector<Row> kReady = {
    {"other-build", "ERROR", ": the guest image was built from other declarations than this program"},
    {"one-cpu", "ERROR", ": the guest came up with 1 of 2 CPUs"},
    {"no-cpu", "ERROR", ": the guest came up with 0 of 2 CPUs"},
    {"many-cpus", "ERROR", ": the guest came up with 2147483648 of 2 CPUs"},
    {"build-id-is-a-path", "ERROR", ": the guest's build id is not hex"},
    {"kernel-in-user-space", "ERROR", ": the guest's kernel is not where kernels are"},
    {"release-is-an-escape", "ERROR", ": the guest's kernel release is no word"},
    {"boot-id-is-a-path", "ERROR", ": the guest's boot id is no word"},
    {"clock-at-its-end", "ERROR", ": the guest's clock went back by 18446744072708551615 ns"},
    {"ready-twice", "ERROR", ": the guest sent Ready twice"},
};

const std::vector<Row> kReplies = {
    {"holds-too-short", "ERROR", ": the guest held for 1000000 ns of 100000000 ns"},
    {"clock-goes-back", "ERROR", ": the guest's clock went back by 1012999995 ns"},
    {"unasked-mark", "ERROR", ": the guest marked a phase unasked"},
    {"no-mark", "ERROR", ": the guest marked no phase"},
    {"mark-before-request", "ERROR",
     ": the guest marked a phase at 1 ns of its clock, but was asked between 1002000000 and 1003000000 ns"},
    {"mark-after-reply", "ERROR",
     ": the guest marked a phase at 18446744073709551615 ns of its clock, but was asked between 1002000000 "
     "and 1003000000 ns"},
    {"fewer-iterations", "ERROR", ": the guest's workers had 100 iterations and now 0"},
    {"figures-of-no-cgroup", "ERROR",
     R"(: the guest sent figures of cgroup 'elsewhere ::error::x', which was never made)"},
    {"figures-of-no-phase", "ERROR",
     ": the guest sent figures of cgroup 'first' in phase 17, which there is not"},
    {"more-throttled-periods", "ERROR", ": cgroup 'first' was throttled in 4 of 3 periods"},
};

#define OF_FIRST ": the report of worker first/0 contradicts itself: "
const std::vector<Row> kReports = {
    {"lost-report", "ERROR", ": worker first/0 left no report: nothing was received from it"},
    {"two-reports", "ERROR", ": worker first/0 left two reports"},
    {"no-such-worker", "ERROR", ": worker first/7 left a report, but only 1 was started"},
    {"no-such-group", "ERROR", ": a report came from worker group 4711, which was never started"},
    {"later-group", "ERROR", ": a report came from worker group 1, which was never started"},
    {"other-cgroup", "ERROR",
     ": a report came from a worker in cgroup 'elsewhere ::error::x', whose group is in 'first'"},
    {"slices-overlap", "ERROR", OF_FIRST "its slices overlap"},
    {"slices-with-gaps", "ERROR", OF_FIRST "its slices have gaps"},
    {"slices-longer-than-life", "ERROR", OF_FIRST "its slices are not as long as its life"},
    {"no-such-phase", "ERROR", OF_FIRST "it was in phase 17 of 3"},
    {"overflowing-life", "ERROR", OF_FIRST "its times overflow"},
    {"report-from-the-future", "ERROR",
     ": the guest told of what happens 3600000000000 ns later by its own clock"},
    {"no-such-cpu", "ERROR", OF_FIRST "it ran on CPU 4294967295 of 2"},
    {"many-cpus-used", "ERROR", OF_FIRST "it ran on more CPUs than there are"},
    {"no-such-allowed-cpu", "ERROR", OF_FIRST "its cpusets have CPU 2 of 2"},
    {"no-such-cpu-outside", "ERROR", OF_FIRST "its cpusets have CPU 9 of 2"},
    {"no-such-migration", "ERROR", OF_FIRST "it went from CPU 0 to 4711 of 2"},
    {"many-migrations", "ERROR", OF_FIRST "it tells of more migrations than are kept"},
    {"more-samples-than-observations", "ERROR", OF_FIRST "it has more samples than observations"},
    {"more-iterations-than-life", "ERROR", OF_FIRST "its slices have more iterations than its life"},
};
#undef OF_FIRST

const std::vector<Row> kPayloads = {
    {"no-such-payload", "ERROR", ": the guest sent the end of payload 4711, which was never started"},
    {"output-after-end", "ERROR", ": the guest sent output of payload 'web', which has ended"},
    {"payload-ends-twice", "ERROR", ": the guest sent the end of payload 'web', which has ended"},
    {"payload-ends-before-it-starts", "ERROR", ": payload 'web' ended before it started"},
    {"payload-ends-out-of-turn", "ERROR", ": payload 'web' ended as number 3 where 0 was due"},
    {"payload-without-end", "ERROR", ": the guest did not say how payload 'web' ended"},
    {"no-number", "FAIL", ": payload web gave no metric speed: it printed none"},
};

const std::vector<Row> kSchedulers = {
    {"look-at-nobody", "ERROR", ": the guest sent the state of scheduler 4711, which was never started"},
    {"look-at-a-payload", "ERROR", ": the guest sent the state of a scheduler for payload 'web'"},
    {"attached-unasked", "ERROR",
     ": the guest said of scheduler 'mine' that it is attached when nobody had asked for that"},
    {"stopping-unasked", "ERROR",
     ": the guest said of scheduler 'mine' that it is stopping when nobody had asked for that"},
    {"attached-twice", "ERROR",
     ": the guest said of scheduler 'mine' that it is attached when nobody had asked for that"},
    {"stopping-twice", "ERROR",
     ": the guest said of scheduler 'mine' that it is stopping when nobody had asked for that"},
    {"attached-without-a-look", "ERROR", ": the guest did not say that scheduler 'mine' is attached"},
    {"stopped-without-a-look", "ERROR",
     ": the guest did not say whether scheduler 'mine' was still attached"},
    {"stopped-without-end", "ERROR", ": the guest did not say how payload 'mine' ended"},
    {"look-from-the-future", "ERROR",
     ": the guest told of what happens 3600000000000 ns later by its own clock"},
};

const std::vector<Row> kFiles = {
    {"other-file", "ERROR", ": the guest sent a piece of a file that was not asked for: '/etc/passwd'"},
    {"file-with-gaps", "ERROR",
     ": the pieces of the guest's file '/sys/fs/cgroup/ktstr/first/cgroup.procs' do not fit together"},
    {"file-in-part", "ERROR",
     ": the guest's file '/sys/fs/cgroup/ktstr/first/cgroup.procs' ends in the middle"},
    {"file-of-nonsense", "ERROR",
     ": CaptureCgroupProcs procs <- first: cgroup.procs has a line that is no pid"},
    {"file-without-end", "ERROR", ": the guest sent more than 64 MiB of files"},
};

const std::vector<Row> kLog = {
    {"taint-shrinks", "ERROR", ": the guest's kernel was tainted (0x1000) and is not any more (0x0)"},
    {"log-goes-back", "ERROR", ": message 7 of the guest's kernel came behind message 7"},
    {"early-messages-late", "ERROR",
     ": the guest sent kernel messages from before the scenario when that had begun"},
    {"no-log", "ERROR", ": the guest sent nothing of its kernel's log"},
};

const std::vector<Row> kFloods = {
    {"floods-warnings", "ERROR", ": the guest sent more than 10000 warnings"},
    {"floods-reports", "ERROR", ": worker first/1 left a report, but only 1 was started"},
    {"floods-log", "ERROR", ": the guest sent more than 256 MiB of kernel messages"},
};

TEST_CASE("lies of a guest about the form of what it says") { Expect(kWorkers, kForm); }
TEST_CASE("lies of a guest about what it is") { Expect(kWorkers, kReady); }
TEST_CASE("lies of a guest in its replies") { Expect(kWorkers, kReplies); }
TEST_CASE("lies of a guest about its workers") { Expect(kWorkers, kReports); }
TEST_CASE("lies of a guest about its payloads") {
  Expect(kPayload, kPayloads);
  Expect(kLonePayload,
         {{"payload-never-mentioned", "ERROR", ": the guest did not say how payload 'web' ended"}});
}
TEST_CASE("lies of a guest about its schedulers") {
  if (!CachedKernel("built")) return Skip("no kernel was built");
  Start(kScheduler, "good").Finish("PASS");
  Expect(kScheduler, kSchedulers);
  GuestRun given_up = Start(kScheduler, "look-at-nobody-in-the-end", {"--timeout", "1s"});
  given_up.Finish("ERROR");
  CHECK(given_up.first_line() ==
        "ERROR scenario.yaml: the scenario did not finish within its timeout of 1s; it was at: "
        "DetachScheduler mine");
}
TEST_CASE("lies of a guest about its files") { Expect(kFile, kFiles); }
TEST_CASE("lies of a guest about its kernel's log") { Expect(kWorkers, kLog); }
TEST_CASE("a guest that sends without end is ended") { Expect(kWorkers, kFloods); }

TEST_CASE("garbage in the middle of a run and after all reports is an error") {
  for (const char* lie : {"late-garbage", "garbage-after-reports"}) {
    INFO(lie);
    GuestRun run = Start(kWorkers, lie);
    run.Finish("ERROR");
    CHECK_THAT(run.first_line(),
               Catch::Matches("ERROR scenario.yaml: corrupt frame at byte [0-9]{3,4} of the channel: it does "
                              "not begin with the frame magic"));
  }
}

TEST_CASE("what came before a lie is kept") {
  for (const char* lie : {"late-garbage", "dies", "floods-warnings", "no-such-end"}) {
    INFO(lie);
    GuestRun run = Start(kWorkers, lie);
    run.Finish("ERROR");
    CHECK(run.Reports().size() == 1);
  }
}

TEST_CASE("a guest that closes the channel is an error") {
  GuestRun run = Start(kWorkers, "closes-channel");
  run.Finish("ERROR");
  // Which of the two is seen first is chance.
  CHECK_THAT(run.first_line(), Catch::Matches("ERROR scenario.yaml: QEMU (exited with code 3|closed its "
                                              "channel stream)"));
}

TEST_CASE("a guest that floods the channel or falls silent does not outlive the timeout") {
  GuestRun floods = Start(kPayload, "floods-output", {"--timeout", "2s"});
  GuestRun silent = Start(kWorkers, "falls-silent", {"--timeout", "2s"});
  floods.Finish("ERROR");
  CHECK(floods.first_line() ==
        "ERROR scenario.yaml: the scenario did not finish within its timeout of 2s; it was at: WaitPayload "
        "web");
  silent.Finish("ERROR");
  CHECK(silent.first_line() ==
        "ERROR scenario.yaml: the scenario did not finish within its timeout of 2s; it was at: hold 100ms");
}

TEST_CASE("what a guest could always say truly is no error") {
  GuestRun good = Start(kWorkers, "good");
  good.Finish("PASS");
  CHECK(good.Reports().size() == 2);
  // Programs, too, write to the kernel's log.
  Start(kWorkers, "complaint-of-a-program").Finish("PASS");
  // A kernel that accuses itself is believed; one that keeps silent is, too.
  GuestRun accuses = Start(kWorkers, "forged-complaint");
  accuses.Finish("FAIL");
  CHECK(accuses.first_line() ==
        "FAIL scenario.yaml: the kernel complained (kernel bug) at 18446744073709.550781 s of its log, after "
        "the end of two: BUG: forged");
}

TEST_CASE("a guest's words steer neither a terminal nor a CI system") {
  Expect(kWorkers, {{"hostile-error", "ERROR", R"(: hold 100ms: no\x00\xff ::error file=x::\x1b[31mred)"}});
  GuestRun warns = Start(kWorkers, "hostile-warning");
  warns.Finish("PASS");
  CHECK(warns.Warnings() == std::vector<std::string>{R"(w\x00 ::error::\x1b]0;x\x07)"});
  CHECK_THAT(warns.process().err(), Catch::Contains("\n  warn   w\\x00 ::error::\\x1b]0;x\\x07\n"));
}

TEST_CASE("a clone that is not the guest which was saved is not used") {
  const TemplateCache cache;
  const auto good = cache.Pass(kWorkers, {"--qemu", kFakeQemu}, {"KTSTR_FAKE=good"});
  CHECK_THAT(Started(*good), Catch::StartsWith("clone of "));
  for (const char* lie : {"other-guest", "earlier-guest"}) {
    INFO(lie);
    const auto run = cache.Pass(kWorkers, {"--qemu", kFakeQemu}, {std::string("KTSTR_FAKE=") + lie});
    CHECK(Started(*run) == "boot");
    const std::vector<std::string> warnings = run->Warnings();
    REQUIRE(warnings.size() == 2);
    for (const std::string& warning : warnings)
      CHECK_THAT(warning,
                 Catch::Matches("a clone of template [0-9a-f]{16} did not start \\(it is another guest "
                                "than was saved\\); the template was removed"));
  }
}

TEST_CASE("every lie of the stand-in has a row here") {
  std::set<std::string> rows = {"good",
                                "late-garbage",
                                "garbage-after-reports",
                                "closes-channel",
                                "floods-output",
                                "falls-silent",
                                "complaint-of-a-program",
                                "hostile-warning",
                                "hostile-error",
                                "forged-complaint",
                                "other-guest",
                                "earlier-guest",
                                "payload-never-mentioned",
                                "look-at-nobody-in-the-end"};
  for (const auto* table :
       {&kForm, &kReady, &kReplies, &kReports, &kPayloads, &kSchedulers, &kFiles, &kLog, &kFloods})
    for (const Row& row : *table) rows.insert(row.lie);
  std::set<std::string> lies;
  const std::unique_ptr<FILE, decltype(&pclose)> names(
      popen((std::string(kFakeQemu) + " --lies").c_str(), "r"), &pclose);
  REQUIRE(names != nullptr);
  for (std::array<char, 100> name{}; std::fgets(name.data(), name.size(), names.get()) != nullptr;)
    lies.insert(FirstLine(name.data()));
  CHECK(lies == rows);
  CHECK(lies.size() > 70);
}

TEST_CASE("QEMU refuses to start") {
  Expect(kWorkers, {{"refuses", "ERROR",
                     ": QEMU would not start: qemu-system-x86_64: cannot set up guest memory 'ram': Cannot "
                     "allocate memory"}});
}

}  // namespace
}  // namespace ktstr::test
