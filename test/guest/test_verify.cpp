// `verify` on a real kernel: what its verifier counted, and what it said of a program that it rejects.
#include <catch2/catch.hpp>
#include <map>
#include <regex>
#include <sstream>

#include "test/guest/guest_run.h"
#include "test/guest/live_guest.h"

namespace ktstr::test {
namespace {

constexpr const char* kThree =
    "version: 1\n"
    "schedulers:\n"
    "  simple: {use: scx_simple}\n"
    "  rejected: {use: ktstr_scx, args: [--fault, reject]}\n"
    "  qmap: {use: scx_qmap}\n"
    "steps: [{hold: 1s}]\n";

CliResult Verify(const TempDir& dir, std::vector<std::string> args) {
  const std::string file = WriteFile(dir.path(), "three.yaml", kThree);
  args.insert(args.begin(), {"verify", file, "--accel", "tcg", "--out", (dir.path() / "out").string()});
  return RunCli(args, {"TMPDIR=" + dir.path().string()});
}

std::map<std::string, std::uint64_t> Counts(const Json& result) {
  std::map<std::string, std::uint64_t> counts;
  for (const Json& program : result.at("programs"))
    counts[program.at("name")] = program.at("verified_insns").get<std::uint64_t>();
  return counts;
}

/// "prog_id:\t7" and "verified_insns:\t52" of each program that a process has open.
std::map<std::uint64_t, std::uint64_t> CountsIn(const std::string& fdinfo) {
  std::map<std::uint64_t, std::uint64_t> counts;
  std::istringstream lines(fdinfo);
  std::uint64_t id = 0;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("prog_id:\\s+(\\d+)"))) id = std::stoull(match[1]);
    if (std::regex_match(line, match, std::regex("verified_insns:\\s+(\\d+)")))
      counts[id] = std::stoull(match[1]);
  }
  return counts;
}

TEST_CASE("a snapshot's counts of verified instructions are those that the kernel tells the guest") {
  if (!HaveSchedulers()) return Skip("no schedulers were built");
  GuestRun run(R"(
schedulers: {mine: {use: scx_qmap}}
scheduler: mine
payloads:
  fdinfo: {binary: sh, args: [-c, 'cat /proc/${pid:mine}/fdinfo/*'], include: [cat]}
steps:
  - name: look
    ops:
      - RunPayload: {payload: fdinfo}
      - WaitPayload: {payload: fdinfo, timeout: 20s}
      - CaptureSnapshot: {tag: programs}
)");
  run.Finish("PASS");
  std::map<std::uint64_t, std::uint64_t> seen;
  const Json snapshot = run.File("snapshots/programs.json");
  for (const Json& program : snapshot.at("prog_runtime_stats")) {
    seen[program.at("id").get<std::uint64_t>()] = program.at("verified_insns").get<std::uint64_t>();
    const std::string name = program.at("name");
    CHECK(program.at("function").get<std::string>().starts_with(name));
  }
  CHECK(seen.size() == 15);
  CHECK(seen == CountsIn(run.Text("payload-1-fdinfo.stdout")));
}

TEST_CASE("verify counts the programs of schedulers on two topologies, and one that is rejected hides none") {
  if (!HaveSchedulers()) return Skip("no schedulers were built");
  const TempDir dir;
  const CliResult run = Verify(dir, {"--topology", "smp2", "--topology", "8cpu-2llc-smt", "--json"});
  INFO(run.err);
  CHECK(run.exit_code == 1);
  const Json json = Json::parse(run.out);
  REQUIRE(json.at("results").size() == 6);
  for (const Json& result : json.at("results")) {
    INFO(result.dump(1));
    if (result.at("scheduler") == "rejected") {
      CHECK(result.at("verdict") == "FAIL");
      CHECK(result.at("cause") == "the verifier rejects ktstr_init: R1 invalid mem access 'scalar'");
      CHECK(result.at("rejected").at(0).at("error") == "Permission denied");
      CHECK(result.at("rejected").at(0).at("processed_insns") == 7);
      continue;
    }
    CHECK(result.at("verdict") == "PASS");
    CHECK(result.at("state") == "enabled");
    CHECK(result.at("ops") == result.at("scheduler"));
    CHECK(result.at("dispatch").at("workers") == 4);
    CHECK(result.at("dispatch").at("ran") >= 1);
  }
  // The same code, verified twice: topology is not known to the verifier, but through what programs set.
  const auto simple = Counts(json.at("results").at(0));
  CHECK(simple.size() == 8);
  CHECK(simple.contains("simple_select_cpu"));
  CHECK(simple == Counts(json.at("results").at(1)));
  const auto qmap = Counts(json.at("results").at(4));
  CHECK(qmap.contains("qmap_cpu_release"));  // longer than the kernel's own name for it
  CHECK(qmap.at("qmap_dispatch") > qmap.at("qmap_init_task"));
  CHECK(ProcessesWith(dir.path().string()).empty());

  // Of itself nothing grew; with less allowed than it takes it fails.
  const std::string baseline = (dir.path() / "out/latest").string();
  const CliResult same =
      Verify(dir, {"--filter", "simple", "--topology", "smp2", "--baseline", baseline, "--max-growth", "0%"});
  INFO(same.out);
  CHECK(same.exit_code == 0);
  CHECK(same.out.find(" (=)\n") != std::string::npos);
  const CliResult limited = Verify(dir, {"--filter", "simple", "--topology", "smp2", "--max-insns", "1"});
  CHECK(limited.exit_code == 1);
  CHECK(std::regex_search(limited.out,
                          std::regex("\nFAIL simple: simple_\\w+ took the verifier \\d+ instructions, "
                                     "above the limit of 1\n")));
}

}  // namespace
}  // namespace ktstr::test
