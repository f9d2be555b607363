// Each class of the host's calls, failed once in a directory run of three scenarios: what the program says
// and leaves behind is right whichever call it was. The suite takes a sample of each class, one call of each
// kind first; KTSTR_FAULT_WALK=1 takes three of every function and
// target. $KTSTR_FAULT_ROWS is a file that gets a row per fault.
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "test/checkout.h"
#include "test/guest/template_cache.h"

namespace ktstr::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames[] = {"a", "b", "c"};
constexpr const char* kScenarios[] = {
    "steps: [{hold: 1ms}]\n",
    "steps: [{ops: [{CaptureSnapshot: {tag: s}}], hold: 1ms}]\n",
    "payloads: {p: {binary: 'true'}}\n"
    "steps: [{ops: [{RunPayload: {payload: p}}, {WaitPayload: {payload: p}}]}]\n",
};

/// One call of the program, as the library tells of it.
struct Call {
  std::string kind;  // "write", "fsync", ...
  unsigned number = 0;
  std::string function;
  std::string target;
};

struct Fault {
  std::string kind;
  int error_number = 0;  // 0: a short transfer
  unsigned sample = 0;   // in the suite
};

/// The target without what differs from run to run: digits (process ids, times) and a temporary file's
/// suffix.
std::string Alike(const std::string& target) {
  std::string alike;
  std::string name = fs::path(target).filename().string();
  if (name.size() > 7 && name[name.size() - 7] == '.') name.resize(name.size() - 7);
  for (const char c : name) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) alike += c;
  }
  const std::size_t dot = alike.rfind(".json.");
  if (dot != std::string::npos) alike.resize(dot + 5);
  return alike.starts_with("socket:") || alike.starts_with("pipe:") ? target : alike;
}

/// Whether the cache holds the template when a run begins; without it each run makes one.
enum class Template { kThere, kMissing };

class FaultyRun {
 public:
  explicit FaultyRun(Template at_first = Template::kThere)
      : cache_(at_first == Template::kThere ? TemplateCache::WithTemplate() : TemplateCache()),
        at_first_(at_first) {}

  /// The calls of a run in which nothing fails, in order.
  std::vector<Call> Calls() {
    Start("");
    INFO(FirstCause() << err_);
    REQUIRE(code_ == 0);
    return Logged();
  }

  /// Fails one call, and checks what must hold whichever it was. The row of the table.
  std::string Inject(const Fault& fault, const Call& call) {
    const std::string what = fault.error_number == 0 ? "short" : std::to_string(fault.error_number);
    Start(call.kind + ":" + std::to_string(call.number) + ":" + what);
    const Call failed = Failed();
    const std::string error = fault.error_number == 0 ? "short" : std::strerror(fault.error_number);
    const std::string first = FirstCause();
    std::string row = call.kind + " " + std::to_string(call.number) + " " + error + " | " + failed.function +
                      " " + Shortened(failed.target) + " | " + std::to_string(code_) + " | " + first;
    INFO(row << "\n" << out_.substr(0, 3000) << "\n" << err_.substr(0, 3000));
    CHECK((code_ == 0 || code_ == 2));
    if (failed.function.empty()) CHECK(code_ == 0);  // it made fewer calls than the run before
    CHECK(ProcessesWith(dir_->path().string()) == std::vector<pid_t>{});
    CHECK(fs::is_empty(dir_->path() / "tmp"));
    ExpectWholeFiles();
    if (code_ == 0) ExpectAllPassed();
    if (code_ == 2) ExpectErrorNames(error, first);
    if (code_ == 2) ExpectResumes();
    if (at_first_ == Template::kMissing) ExpectUsableCache();
    return row;
  }

 private:
  std::string Shortened(std::string text) const {
    for (const fs::path& place : {dir_->path(), cache_.home()})
      if (const std::size_t at = text.find(place.string()); at != std::string::npos)
        text.replace(at, place.string().size(), place == cache_.home() ? "CACHE" : "DIR");
    return text;
  }

  std::vector<std::string> Environment() const {
    return {"TMPDIR=" + (dir_->path() / "tmp").string(), "XDG_CACHE_HOME=" + cache_.home().string(),
            "KTSTR_KERNEL=" + Kernel()};
  }
  static const std::string& Kernel() {
    static const std::string kernel = DefaultKernel();
    return kernel;
  }

  void Start(const std::string& fail) {
    dir_ = std::make_unique<TempDir>();
    if (at_first_ == Template::kMissing) {
      cache_ = TemplateCache();
    } else if (cache_.Names() != names_) {  // the fault cost it the template
      cache_ = TemplateCache::WithTemplate();
      names_ = cache_.Names();
    }
    fs::create_directory(dir_->path() / "s");
    fs::create_directory(dir_->path() / "tmp");
    for (std::size_t i = 0; i < std::size(kNames); ++i)
      WriteFile(dir_->path() / "s", std::string(kNames[i]) + ".yaml",
                std::string("version: 1\nname: ") + kNames[i] + "\ntopology: 1n1l1c1t\n" + kScenarios[i]);
    std::vector<std::string> env = Environment();
    env.push_back(std::string("LD_PRELOAD=") + kHostFaults);
    env.push_back("HOST_FAULTS_LOG=" + (dir_->path() / "calls").string());
    if (!fail.empty()) env.push_back("HOST_FAULTS_FAIL=" + fail);
    const CliResult result = RunCli({"run", (dir_->path() / "s").string(), "--out", Out().string(),
                                     "--format", "json", "--accel", "tcg", "-j1"},
                                    env);
    code_ = result.exit_code;
    out_ = result.out;
    err_ = result.err;
    report_ = Json::parse(out_, nullptr, /*allow_exceptions=*/false);
  }
  [[nodiscard]] fs::path Out() const { return dir_->path() / "out"; }

  [[nodiscard]] std::vector<Call> Logged() const {
    std::vector<Call> calls;
    std::ifstream lines(dir_->path() / "calls");
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      Call call;
      words >> call.kind >> call.number >> call.function >> call.target;
      calls.push_back(std::move(call));
    }
    return calls;
  }
  [[nodiscard]] Call Failed() const {
    std::ifstream lines(dir_->path() / "calls");
    Call call;
    for (std::string line, mark; std::getline(lines, line);) {
      std::istringstream words(line);
      if (line.starts_with("FAILED "))
        words >> mark >> call.kind >> call.number >> call.function >> call.target;
    }
    return call;
  }

  /// The first line that says why: of a result, else of what went to standard error.
  [[nodiscard]] std::string FirstCause() const {
    if (report_.is_object())
      for (const Json& result : report_.at("results"))
        if (result.at("verdict") != "PASS")
          return Shortened(result.at("verdict").get<std::string>() + " " +
                           result.at("cause").get<std::string>());
    std::istringstream lines(err_);
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("ktstr-interp: ")) return Shortened(line);
    return code_ == 0 ? "PASS" : "(nothing)";
  }

  void ExpectWholeFiles() const {
    if (!fs::exists(Out())) return;
    for (const auto& entry : fs::recursive_directory_iterator(Out())) {
      const std::string name = entry.path().filename().string();
      INFO(name);
      CHECK(name.find(".json.") == std::string::npos);  // what a file is written through
      CHECK_FALSE(name.starts_with(".snapshot-"));
      if (entry.path().extension() == ".json")
        CHECK_FALSE(Json::parse(ReadFile(entry.path()), nullptr, false).is_discarded());
    }
  }

  void ExpectAllPassed() const {
    REQUIRE(report_.is_object());
    REQUIRE(report_.at("results").size() == std::size(kNames));
    for (const Json& result : report_.at("results")) {
      CHECK(result.at("verdict") == "PASS");
      const fs::path run = result.at("host").at("directory").get<std::string>();
      for (const char* file : {"verdict.json", "checks.json", "stats.json", "reports.json"}) {
        INFO(run / file);
        CHECK(fs::exists(run / file));
      }
      if (result.at("name") == "b") CHECK(ReadFile(run / "snapshots" / "s.json").size() > 100);
    }
  }

  void ExpectErrorNames(const std::string& error, const std::string& first) const {
    // A reset is how a socket says that QEMU closed it.
    const bool closed = first.starts_with("ERROR QEMU closed its ") && first.ends_with(" stream");
    if (error != std::strerror(ECONNRESET) || !closed) CHECK_THAT(first, Catch::Contains(error));
    CHECK_THAT(first, Catch::StartsWith("ERROR ") || Catch::StartsWith("ktstr-interp: "));
    if (!report_.is_object()) return;
    for (const Json& result : report_.at("results")) {
      INFO(result.at("name"));
      CHECK((result.at("verdict") == "PASS" || result.at("verdict") == "ERROR"));
      const fs::path kept = fs::path(result.at("host").at("directory").get<std::string>()) / "verdict.json";
      if (fs::exists(kept)) CHECK(Json::parse(ReadFile(kept)).at("verdict") == result.at("verdict"));
      if (result.at("verdict") == "PASS") CHECK(fs::exists(kept));
    }
  }

  /// What was not finished is, once nothing fails any more.
  void ExpectResumes() const {
    if (!fs::exists(Out() / "latest" / "invocation.json")) return;
    const fs::path results = Out() / fs::read_symlink(Out() / "latest");
    const CliResult resumed = RunCli({"run", "--resume", results.string()}, Environment());
    INFO("resumed: " << resumed.out.substr(0, 2000) << resumed.err);
    for (const char* name : kNames) {
      const std::string verdict = ReadFile(results / name / "verdict.json");
      INFO(name);
      REQUIRE_FALSE(verdict.empty());
      CHECK(fs::exists(results / name / "reports.json"));
      // An ERROR that was kept whole stays what it is.
      CHECK((Json::parse(verdict).at("verdict") == "PASS" || resumed.exit_code == 2));
    }
  }

  /// What the fault left in the cache serves the next run, or is not there: with it all pass, and afterwards
  /// there is one template and nothing half made.
  void ExpectUsableCache() const {
    const std::vector<std::string> left = cache_.Names();
    const auto run = cache_.Pass();
    CHECK(run->Warnings().empty());
    CHECK(cache_.Names().size() == 1);
    if (left.size() == 1 && !left[0].ends_with(".new")) {
      CHECK(cache_.Names() == left);
      CHECK(TemplatesMade(*run) == 0);
    }
    CHECK(Started(*run) == "clone of " + cache_.Names().at(0));
  }

  TemplateCache cache_;
  Template at_first_;
  std::vector<std::string> names_ =
      at_first_ == Template::kThere ? cache_.Names() : std::vector<std::string>();
  std::unique_ptr<TempDir> dir_;
  int code_ = 0;
  std::string out_;
  std::string err_;
  Json report_;
};

/// The calls of `kind` to fail: one of each function and target before a second of any, from first to last.
std::vector<Call> Sample(const std::vector<Call>& calls, const Fault& fault, std::size_t most,
                         std::size_t of_each) {
  std::map<std::string, std::size_t> taken;
  std::vector<Call> kinds;
  for (const Call& call : calls)
    if (call.kind == fault.kind && taken[call.function + " " + Alike(call.target)]++ < of_each)
      kinds.push_back(call);
  if (kinds.size() <= most) return kinds;
  std::vector<Call> spread;
  for (std::size_t i = 0; i < most; ++i) spread.push_back(kinds[i * (kinds.size() - 1) / (most - 1)]);
  return spread;
}

void Walk(const Fault& fault) {
  const bool all = std::getenv("KTSTR_FAULT_WALK") != nullptr;
  const char* const rows = std::getenv("KTSTR_FAULT_ROWS");
  FaultyRun run;
  const std::vector<Call> sample = Sample(run.Calls(), fault, all ? 1000 : fault.sample, all ? 3 : 1);
  REQUIRE_FALSE(sample.empty());
  for (const Call& call : sample) {
    const std::string row = run.Inject(fault, call);
    if (rows != nullptr) std::ofstream(rows, std::ios::app) << row << "\n";
  }
}

/// The calls that a run makes only when it has to make its template, up to where that has its name; one of
/// each function and target.
std::vector<Call> CallsOfMaking(const std::vector<Call>& making, const std::vector<Call>& cloning) {
  std::set<std::string> known;
  const auto is_new = [&known](const Call& call) {
    return known.insert(call.kind + " " + call.function + " " + Alike(call.target)).second;
  };
  for (const Call& call : cloning) is_new(call);
  std::vector<Call> only;
  const auto named = std::find_if(making.rbegin(), making.rend(), [](const Call& call) {
    return call.function == "rename" && call.target.find("/templates/") != std::string::npos;
  });
  std::copy_if(making.begin(), named.base(), std::back_inserter(only), is_new);
  return only;
}

/// A fault while a template is made: the right verdict, and no broken template is kept. Eight calls in
/// the suite, spread over the making; all of them with KTSTR_FAULT_WALK.
TEST_CASE("a fault while a template is made") {
  const std::map<std::string, int> errors = {{"write", ENOSPC}, {"fsync", EIO},         {"rename", EXDEV},
                                             {"fork", EAGAIN},  {"socket", ECONNRESET}, {"read", EIO},
                                             {"open", EMFILE}};
  const char* const rows = std::getenv("KTSTR_FAULT_ROWS");
  const std::size_t most = std::getenv("KTSTR_FAULT_WALK") != nullptr ? 1000 : 8;
  FaultyRun run(Template::kMissing);
  const std::vector<Call> making = run.Calls();
  const std::vector<Call> calls = CallsOfMaking(making, FaultyRun().Calls());
  REQUIRE(calls.size() > most / 2);
  const std::size_t count = std::min(most, calls.size());
  for (std::size_t i = 0; i < count; ++i) {
    const Call& call = calls[i * (calls.size() - 1) / std::max<std::size_t>(count - 1, 1)];
    const std::string row = run.Inject({call.kind, errors.at(call.kind), 0}, call);
    if (rows != nullptr) std::ofstream(rows, std::ios::app) << "making: " << row << "\n";
  }
}

/// A directory run that is killed somewhere in its course: nothing of it runs on, no file is half a file,
/// what was finished stays, and --resume does the rest. Six moments in the suite, $KTSTR_KILLS for more.
TEST_CASE("a program that is killed at any moment") {
  const char* const more = std::getenv("KTSTR_KILLS");
  const int kills = more != nullptr ? std::atoi(more) : 6;
  std::mt19937 random(20260131);
  std::map<std::size_t, int> finished_when_killed;
  const TempDir dir;
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    WriteFile(dir.path(), std::string(kNames[i]) + ".yaml",
              std::string("version: 1\nname: ") + kNames[i] + "\ntopology: 1n1l1c1t\n" + kScenarios[i]);
  for (int kill = 0; kill < kills; ++kill) {
    const auto after = std::chrono::milliseconds(std::uniform_int_distribution<int>(0, 1200)(random));
    const fs::path place = dir.path() / std::to_string(kill);
    fs::create_directories(place / "tmp");
    const std::vector<std::string> env = {"TMPDIR=" + (place / "tmp").string()};
    CliProcess run({"run", dir.path().string() + "/a.yaml", dir.path().string() + "/b.yaml",
                    dir.path().string() + "/c.yaml", "--out", (place / "out").string(), "--accel", "tcg"},
                   env);
    std::this_thread::sleep_for(after);
    run.Signal(SIGKILL);
    run.Finish();
    INFO("killed after " << after.count() << " ms");
    const auto killed = std::chrono::steady_clock::now();
    CHECK(WaitUntil([&] { return ProcessesWith(place.string()).empty(); }));
    if (more != nullptr) CHECK(std::chrono::steady_clock::now() - killed < std::chrono::seconds(2));
    if (!fs::exists(place / "out" / "latest" / "invocation.json")) {
      ++finished_when_killed[0];
      continue;
    }
    const fs::path results = place / "out" / fs::read_symlink(place / "out" / "latest");
    std::map<std::string, std::string> finished;
    for (const char* name : kNames)
      if (fs::exists(results / name / "reports.json"))
        finished[name] = ReadFile(results / name / "verdict.json");
    ++finished_when_killed[finished.size()];
    for (const auto& entry : fs::recursive_directory_iterator(results))
      if (entry.path().extension() == ".json")
        CHECK_FALSE(Json::parse(ReadFile(entry.path()), nullptr, false).is_discarded());
    const CliResult resumed = RunCli({"run", "--resume", results.string()}, env);
    INFO(resumed.out << resumed.err);
    CHECK(resumed.exit_code == 0);
    for (const auto& [name, verdict] : finished) CHECK(ReadFile(results / name / "verdict.json") == verdict);
    CHECK(fs::is_empty(place / "tmp"));
  }
  for (const auto& [count, times] : finished_when_killed)
    if (more != nullptr) WARN(times << " times " << count << " of 3 scenarios were finished");
}

TEST_CASE("a write that finds no room") { Walk({"write", ENOSPC, 9}); }
TEST_CASE("a write that moves only half") { Walk({"write", 0, 4}); }
TEST_CASE("an fsync that fails") { Walk({"fsync", EIO, 2}); }
TEST_CASE("a rename that fails") { Walk({"rename", EXDEV, 6}); }
TEST_CASE("a process or a thread that cannot be made") { Walk({"fork", EAGAIN, 3}); }
TEST_CASE("a socket that fails") { Walk({"socket", ECONNRESET, 6}); }
TEST_CASE("a read that fails") { Walk({"read", EIO, 8}); }
TEST_CASE("a file that cannot be opened") { Walk({"open", EMFILE, 6}); }

}  // namespace
}  // namespace ktstr::test
