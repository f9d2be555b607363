// Payloads that do not behave.
#include <catch2/catch.hpp>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

/// One payload `p`, a shell script, with more keys of its declaration, and the ops it is used by.
std::string Script(const std::string& script, const std::string& keys, const std::string& ops) {
  return "payloads:\n  p:\n    binary: sh\n    args: [-c, '" + script + "']\n" + keys +
         "steps:\n  - name: only\n    cgroups: [{name: box}]\n    ops:\n" + ops;
}
constexpr const char* kExitsWell = "    checks: [{exit_code: 0}]\n";
constexpr const char* kRunAndWait =
    "      - RunPayload: {payload: p, cgroup: box}\n      - WaitPayload: {payload: p, timeout: 60s}\n";

TEST_CASE("a payload that never ends fails its step") {
  GuestRun run(Script("echo begun; while :; do :; done", kExitsWell,
                      "      - RunPayload: {payload: p, cgroup: box}\n"
                      "      - WaitPayload: {payload: p, timeout: 5s}\n"));
  run.Finish("FAIL");
  CHECK(run.first_line() == "FAIL scenario.yaml: payload 'p' was still running after 5s");
  const Json done = run.Payload("p").at("done");
  CHECK(done.at("end") == "timed_out");
  CHECK(done.at("signal") == 9);
  CHECK(run.Text("payload-0-p.stdout") == "begun\n");
}

TEST_CASE("a payload that prints 10 MB is read to its end") {
  GuestRun run(Script("head -c 10000000 /dev/zero; echo end >&2",
                      std::string("    include: [head]\n") + kExitsWell, kRunAndWait));
  run.Finish("PASS");
  const Json done = run.Payload("p").at("done");
  CHECK(done.at("stdout_bytes") == 10'000'000);
  CHECK(done.at("stderr_bytes") == 4);
  CHECK(run.Text("payload-0-p.stdout") == std::string(10'000'000, '\0'));
  CHECK(run.Text("payload-0-p.stderr") == "end\n");
}

TEST_CASE("of a payload that prints 40 MB 16 MiB are kept and all is counted") {
  GuestRun run(
      Script("head -c 40000000 /dev/zero", std::string("    include: [head]\n") + kExitsWell, kRunAndWait));
  run.Finish("PASS");
  CHECK(run.Payload("p").at("done").at("stdout_bytes") == 40'000'000);
  CHECK(run.Text("payload-0-p.stdout").size() == 16U << 20);
  CHECK(run.Warnings() ==
        std::vector<std::string>{
            "of the 40000000 bytes that payload 'p' wrote to stdout the first 16777216 are kept"});
}

TEST_CASE("numbers behind more output than is kept are judged") {
  // The last line that matches counts, and it comes after 20 MB.
  GuestRun run(Script("echo n is 1; head -c 20000000 /dev/zero; echo; echo n is 100",
                      "    include: [head]\n    output: {parse: regex, regex: {n: \"n is ([0-9]+)\"}}\n"
                      "    checks: [{max: {metric: n, value: 50}}]\n",
                      kRunAndWait));
  run.Finish("FAIL");
  CHECK(run.first_line() ==
        "FAIL scenario.yaml: n of payload p in cgroup box is 100, above the maximum of 50");
  CHECK(run.Text("payload-0-p.stdout").size() == 16U << 20);
  CHECK(run.Warnings() ==
        std::vector<std::string>{
            "of the 20000017 bytes that payload 'p' wrote to stdout the first 16777216 are kept"});
}

TEST_CASE("JSON that is too long to be read decides nothing") {
  GuestRun run(
      Script("printf \"{\\\"a\\\": 1, \\\"b\\\": \\\"\"; head -c 17000000 /dev/zero | tr \"\\\\0\" x; "
             "printf \"\\\"}\"",
             "    include: [head, tr]\n    output: {parse: json}\n"
             "    checks: [{min: {metric: a, value: 1}}]\n",
             kRunAndWait));
  run.Finish("INCONCLUSIVE");
  CHECK(
      run.first_line() ==
      "INCONCLUSIVE scenario.yaml: payload p in cgroup box gave no metric a: it printed 17000017 bytes, and "
      "JSON of at most 16 MiB is read");
}

TEST_CASE("a descendant in the payload's group does not keep it alive") {
  GuestRun run(
      Script("sleep 1000 & echo done", std::string("    include: [sleep]\n") + kExitsWell, kRunAndWait));
  run.Finish("PASS");
  CHECK(run.Payload("p").at("done").at("end") == "exited");
  CHECK(run.Text("payload-0-p.stdout") == "done\n");
}

TEST_CASE("a descendant that left the group and holds the pipes does not either") {
  GuestRun run(Script("setsid sleep 1000 & echo done",
                      std::string("    include: [sleep, setsid]\n") + kExitsWell, kRunAndWait));
  run.Finish("PASS");  // its cgroup could be removed too
  CHECK(run.Payload("p").at("done").at("end") == "exited");
  CHECK(run.Text("payload-0-p.stdout") == "done\n");
}

TEST_CASE("a payload that dies by signal is said to have") {
  GuestRun run(Script("echo last words >&2; kill -ABRT $$", kExitsWell, kRunAndWait));
  run.Finish("FAIL");
  CHECK(run.first_line() ==
        "FAIL scenario.yaml: payload p in cgroup box was killed by SIGABRT, wanted exit code 0; "
        "stderr ends: last words");
  CHECK(run.Payload("p").at("done").at("signal") == 6);
}

TEST_CASE("killing a payload that has ended is no failure") {
  // The other one ends once nobody is left in the first one's cgroup.
  GuestRun run(
      "payloads:\n"
      "  p: {binary: sh, args: [-c, 'exit 0'], checks: [{exit_code: 0}]}\n"
      "  other: {binary: sh, args: [-c, 'while read pid < /sys/fs/cgroup/ktstr/box/cgroup.procs; do :; "
      "done']}\n"
      "steps:\n"
      "  - cgroups: [{name: box}]\n"
      "    ops:\n"
      "      - RunPayload: {payload: p, cgroup: box}\n"
      "      - RunPayload: {payload: other}\n"
      "      - WaitPayload: {payload: other, timeout: 60s}\n"
      "      - KillPayload: {payload: p}\n");
  run.Finish("PASS");
  CHECK(run.Payload("p").at("done").at("end") == "exited");
  CHECK(run.Payload("p").at("done").at("exit_code") == 0);
}

TEST_CASE("a failing check of a payload with gate false is shown and does not count") {
  GuestRun run(Script("exit 3", "    gate: false\n    checks: [{exit_code: 0}]\n", kRunAndWait));
  run.Finish("PASS");
  bool shown = false;
  for (const Json& check : run.result().at("checks")) {
    if (check.at("verdict") != "FAIL") continue;
    shown = true;
    CHECK(check.at("counts") == false);
    CHECK(check.at("message") == "payload p in cgroup box exited with code 3, wanted exit code 0");
  }
  CHECK(shown);
}

TEST_CASE("a payload nobody waits for is killed at the end of its step with a warning") {
  GuestRun run(Script("while :; do :; done", "", "      - RunPayload: {payload: p, cgroup: box}\n"));
  run.Finish("PASS");
  CHECK(run.Warnings() ==
        std::vector<std::string>{"payload 'p' was still running at the end of step 'only'; it was killed"});
}

TEST_CASE("payloads run and are waited for in nested cgroups") {
  GuestRun run(
      "payloads: {where: {binary: sh, args: [-c, 'read line < /proc/self/cgroup; echo $line'],\n"
      "                   checks: [{exit_code: 0}]}}\n"
      "steps:\n  - cgroups: [{name: a}, {name: a/b}, {name: a/b/c}]\n    ops:\n"
      "      - RunPayload: {payload: where, cgroup: a/b/c}\n"
      "      - RunPayload: {payload: where, cgroup: a}\n"
      "      - WaitPayload: {payload: where, cgroup: a/b/c}\n"
      "      - WaitPayload: {payload: where, cgroup: a}\n");
  run.Finish("PASS");
  CHECK(run.Text("payload-0-where.stdout") == "0::/ktstr/a/b/c\n");
  CHECK(run.Text("payload-1-where.stdout") == "0::/ktstr/a\n");
}

TEST_CASE("a payload meant by a name that several have is an error before any boot") {
  GuestRun run(
      "payloads: {p: {binary: sh}}\nsteps:\n  - cgroups: [{name: a}, {name: b}]\n    ops:\n"
      "      - RunPayload: {payload: p, cgroup: a}\n"
      "      - RunPayload: {payload: p, cgroup: b}\n"
      "      - WaitPayload: {payload: p}\n");
  run.Finish("ERROR");
  CHECK(run.cause() == "bad scenario: payload 'p' runs in several cgroups: 'a', 'b'");
  CHECK_THAT(
      run.process().err(),
      Catch::Contains("scenario.yaml:8:32: error[ambiguous-name]: payload 'p' runs in several cgroups"));
}

}  // namespace
}  // namespace ktstr::test
