#include "test/guest/guest_run.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <map>

namespace ktstr::test {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, int> kExitCodes = {
    {"PASS", 0}, {"SKIP", 0}, {"FAIL", 1}, {"ERROR", 2}, {"INCONCLUSIVE", 2}};

/// The usual options, but for those that `more` has too.
std::vector<std::string> Arguments(const fs::path& dir, const std::vector<std::string>& more) {
  const std::pair<std::string, std::string> usual[] = {
      {"--out", (dir / "out").string()}, {"--format", "json"}, {"--accel", "tcg"}};
  std::vector<std::string> args = {"run", (dir / "scenario.yaml").string(), "--verbose"};
  for (const auto& [option, value] : usual)
    if (std::find(more.begin(), more.end(), option) == more.end()) args.insert(args.end(), {option, value});
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

}  // namespace

GuestRun::GuestRun(const std::string& yaml, const std::vector<std::string>& args,
                   std::vector<std::string> env) {
  WriteFile(dir_.path(), "scenario.yaml", "version: 1\n" + yaml);
  fs::create_directory(dir_.path() / "tmp");
  env.push_back("TMPDIR=" + (dir_.path() / "tmp").string());
  process_ = std::make_unique<CliProcess>(Arguments(dir_.path(), args), env);
}

void GuestRun::ExpectNothingLeft() const {
  CHECK(ProcessesWith(dir_.path().string()) == std::vector<pid_t>{});
  CHECK(fs::is_empty(dir_.path() / "tmp"));
}

void GuestRun::FinishWithoutResults(int exit_code) {
  const int code = process_->Finish();
  INFO(process_->err());
  CHECK(code == exit_code);
  ExpectNothingLeft();
}

void GuestRun::Finish(const std::string& verdict) {
  const int code = process_->Finish();
  INFO(process_->err());
  const Json report = Json::parse(process_->out(), nullptr, /*allow_exceptions=*/false);
  REQUIRE(report.is_object());
  REQUIRE(report.at("results").size() == 1);
  result_ = report["results"][0];
  INFO(result_.dump(1).substr(0, 4000));
  CHECK(result_.at("verdict") == verdict);
  CHECK(code == kExitCodes.at(verdict));
  CHECK(report.at("exit_code") == code);
  run_dir_ = result_.at("host").at("directory").get<std::string>();
  ExpectNothingLeft();
  if (!run_dir_.empty() && !result_.at("host").contains("directory_fault")) CheckDirectory(verdict);
}

void GuestRun::CheckDirectory(const std::string& verdict) const {
  const Json kept = File("verdict.json");
  CHECK(kept.at("verdict") == verdict);
  CHECK(kept.at("cause") == result_.at("cause"));
  CHECK(File("checks.json") == result_.at("checks"));
  CHECK(File("stats.json") == result_.at("stats"));
  CHECK(File("reports.json").is_object());
  CHECK(fs::exists(run_dir_ / "console.txt"));
  CHECK(fs::exists(run_dir_ / "plan.txt"));
  CHECK(fs::exists(run_dir_ / "scenario.yaml"));
  const std::vector<Json> events = Events();
  REQUIRE_FALSE(events.empty());
  CHECK(events.back().at("kind") == "verdict");
  // One line, with nothing that a terminal would act on.
  const std::string cause = result_.at("cause");
  CHECK(cause.find_first_of("\n\r\x1b") == std::string::npos);
  CHECK(cause.empty() == (verdict == "PASS"));
}

std::string GuestRun::first_line() const {
  const std::string text = process_->err();
  const std::string verdict = result_.at("verdict");
  std::size_t at = text.rfind("\n" + verdict + " ");
  if (at == std::string::npos) return "no line begins with " + verdict;
  std::string line = FirstLine(text.substr(at + 1));
  const std::string where = dir_.path().string() + "/";
  at = line.find(where);
  if (at != std::string::npos) line.erase(at, where.size());
  return line;
}

Json GuestRun::File(const std::string& name) const {
  INFO(name);
  Json json = Json::parse(Text(name), nullptr, /*allow_exceptions=*/false);
  CHECK_FALSE(json.is_discarded());
  return json;
}

std::string GuestRun::Text(const std::string& name) const { return ReadFile(run_dir_ / name); }

std::vector<Json> GuestRun::Events(const std::string& kind) const {
  std::vector<Json> events;
  std::ifstream lines(run_dir_ / "events.jsonl");
  for (std::string line; std::getline(lines, line);) {
    Json event = Json::parse(line);
    if (kind.empty() || event.at("kind") == kind) events.push_back(std::move(event));
  }
  return events;
}

Json GuestRun::Payload(const std::string& name) const {
  const Json record = File("reports.json");
  for (const Json& payload : record.at("payloads"))
    if (payload.at("name") == name) return payload;
  FAIL_CHECK("the record has no payload " << name);
  return {{"done", Json::object()}, {"metrics", {{"metrics", Json::array()}}}};
}

std::string DefaultKernel() {
  const CliResult path = RunCli({"kernel", "path"});
  REQUIRE(path.exit_code == 0);
  return FirstLine(path.out);
}

void Skip(const std::string& why) { WARN("SKIPPED: " << why); }

}  // namespace ktstr::test
