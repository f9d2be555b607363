// On the virtual clock a guest does the same thing at the same instruction in every run.
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "test/guest/guest_run.h"

namespace ktstr::test {
namespace {

/// Several kinds of workers, a payload that asks for everything a machine could tell apart, and a cgroup
/// change.
constexpr char kScenario[] =
    "clock: virtual\nseed: 7\n"
    "payloads:\n"
    "  nosy:\n    binary: sh\n    include: [date, head, od]\n"
    "    args: [-c, 'echo $$; date +%s.%N; head -c8 /dev/urandom | od -An -tx8; read l < /proc/stat; echo "
    "$l']\n"
    "backdrop:\n  cgroups:\n"
    "    - {name: still, work: [{type: SpinWait, workers: 2}, {type: FutexPingPong, workers: 2}]}\n"
    "steps:\n"
    "  - name: first\n    hold: 1s\n    ops: [{RunPayload: {payload: nosy}}, {WaitPayload: {payload: nosy, "
    "timeout: 60s}}]\n"
    "    cgroups: [{name: own, work: [{type: Bursty, workers: 2}, {type: PipeIo, workers: 2}]}]\n"
    "  - name: second\n    hold: 1s\n    ops: [{SetCpuset: {cgroup: still, cpus: \"0\"}}]\n";

/// The files of a run but for what the host alone decides: see VerdictJson.
std::map<std::string, std::string> Comparable(const GuestRun& run) {
  std::map<std::string, std::string> files;
  for (const char* name :
       {"reports.json", "stats.json", "checks.json", "payload-0-nosy.stdout", "console.txt"})
    files[name] = run.Text(name);
  // Each run has a directory of its own, which file and command name.
  Json verdict = run.File("verdict.json");
  Json result = run.result();
  for (Json* json : {&verdict, &result}) {
    for (const char* own : {"host", "file", "repeat_command"}) CHECK(json->erase(own) == 1);
  }
  files["verdict.json"] = verdict.dump();
  files["--format json"] = result.dump();
  for (Json& event : run.Events()) {
    CHECK(event.erase("host_us") == 1);
    files["events.jsonl"] += event.dump() + "\n";
  }
  return files;
}

void CheckRunsAreTheSame(const std::string& topology) {
  std::map<std::string, std::set<std::string>> seen;
  for (int i = 0; i < 10; ++i) {
    GuestRun run("topology: " + topology + "\n" + kScenario);
    run.Finish("PASS");
    for (const auto& [name, text] : Comparable(run)) seen[name].insert(text);
  }
  CHECK(seen.size() == 8);
  for (const auto& [name, texts] : seen) {
    INFO(name);
    CHECK(texts.size() == 1);
    CHECK((name == "console.txt" || !texts.begin()->empty()));
  }
}

TEST_CASE("ten runs of one CPU on the virtual clock are the same run", "[serial]") {
  CheckRunsAreTheSame("1n1l1c1t");
}

TEST_CASE("ten runs of four CPUs on the virtual clock are the same run", "[serial]") {
  CheckRunsAreTheSame("1n1l4c1t");
}

TEST_CASE("another seed is another run on the virtual clock") {
  GuestRun one(std::string("topology: 1n1l1c1t\n") + kScenario);
  GuestRun other(std::string("topology: 1n1l1c1t\n") + kScenario, {"--seed", "8"});
  one.Finish("PASS");
  other.Finish("PASS");
  CHECK(one.Text("payload-0-nosy.stdout") != other.Text("payload-0-nosy.stdout"));
}

/// A busy worker on each of so many CPUs, that must do more than any can.
std::string Impossible(int cpus) {
  std::string cgroups;
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const std::string n = std::to_string(cpu);
    cgroups += "      - {name: on" + n + ", cpuset: \"" + n + "\", work: [{type: SpinWait}]}\n";
  }
  return "topology: 1n1l" + std::to_string(cpus) +
         "c1t\nclock: virtual\ndefaults: off\nsteps:\n  - name: spin\n    cgroups:\n" + cgroups +
         "    hold: 200ms\n    checks: [{metric: iterations, cgroup: on0, min: 1000000000}]\n";
}

TEST_CASE("a QEMU that gives busy CPUs unlike turns fails nobody by time") {
  GuestRun one(Impossible(1));
  one.Finish("FAIL");
  CHECK(one.cause().starts_with("iterations of cgroup on0 in phase spin is "));
  const std::string qemu = one.result().at("machine").at("qemu");
  const bool unlike = qemu.starts_with("7.") || qemu.starts_with("8.0.");
  GuestRun several(Impossible(2));
  several.Finish(unlike ? "INCONCLUSIVE" : "FAIL");
  const std::string excuse =
      unlike
          ? "QEMU " + qemu +
                " gives CPUs that are busy at once unlike turns on the virtual clock (8.1 and later do not); "
          : "";
  CHECK(several.cause().starts_with(excuse + "iterations of cgroup on0 in phase spin is "));
}

}  // namespace
}  // namespace ktstr::test
