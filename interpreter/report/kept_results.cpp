#include "interpreter/report/kept_results.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "interpreter/load/dump_json.h"
#include "interpreter/report/report_json.h"
#include "interpreter/report/report_run.h"
#include "vmm/host/host_file.h"

namespace ktstr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kInvocationFile = "invocation.json";
constexpr std::uint64_t kMaxInvocation = std::uint64_t{1} << 20;
// As large as the statistics of a run can become, and not a file that somebody put there.
constexpr std::uint64_t kMaxResultFile = std::uint64_t{256} << 20;

std::optional<std::string> TextOf(const fs::path& file) {
  const auto bytes = vmm::ReadHostFile(file, kMaxResultFile);
  if (!bytes.ok()) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

/// Null when the file is not there, or is no JSON.
Json JsonOf(const fs::path& file) {
  const std::optional<std::string> text = TextOf(file);
  if (!text) return nullptr;
  Json json = Json::parse(*text, nullptr, false);
  return json.is_discarded() ? Json(nullptr) : json;
}

std::optional<Verdict> VerdictOf(const Json& json) {
  for (const EnumValue& verdict : kVerdicts)
    if (json == verdict.name) return static_cast<Verdict>(verdict.value);
  return std::nullopt;
}

/// As ToJson() writes them.
VariantNumbers NumbersOf(const Json& json) {
  VariantNumbers numbers{json.at("variant").get<std::string>(),
                         json.value("unusable", ""),
                         json.value("wait_pct", 0.0),
                         json.value("poor_host", false),
                         {}};
  for (const Json& one : json.value("numbers", Json::array())) {
    VariantNumber number{one.at("check").get<std::string>(),
                         one.value("cgroup", ""),
                         one.value("number", 0U),
                         {},
                         one.value("no_data", "")};
    if (const auto value = one.find("value"); value != one.end() && value->is_number())
      number.value = value->get<double>();
    numbers.numbers.push_back(std::move(number));
  }
  return numbers;
}

}  // namespace

Result<> WriteInvocation(const fs::path& results, const Invocation& invocation) {
  const Json json = {{"directory", invocation.directory.string()},
                     {"arguments", invocation.arguments},
                     {"kernel", invocation.kernel}};
  return vmm::WriteHostFile(results / kInvocationFile, DumpJson(json));
}

Result<Invocation> ReadInvocation(const fs::path& results) {
  const fs::path file = results / kInvocationFile;
  const auto bytes = TRY(vmm::ReadHostFile(file, kMaxInvocation));
  const auto* const text = reinterpret_cast<const char*>(bytes.data());
  const Json json = Json::parse(text, text + bytes.size(), nullptr, false);
  try {
    Invocation invocation;
    invocation.directory = json.at("directory").get<std::string>();
    invocation.arguments = json.at("arguments").get<std::vector<std::string>>();
    invocation.kernel = json.at("kernel").get<std::string>();
    return invocation;
  } catch (const Json::exception&) {
    return Error{ErrorKind::kInput, fmt::format("'{}' is not what `run` writes", file.string())};
  }
}

bool TakeKept(const fs::path& directory, std::string_view plan_text, FinishedRun& run) {
  // The reports are written last.
  std::error_code ignored;
  if (!fs::exists(directory / "reports.json", ignored)) return false;
  if (TextOf(directory / "plan.txt") != plan_text) return false;
  Json result = JsonOf(directory / "verdict.json");
  Json checks = JsonOf(directory / "checks.json");
  Json stats = JsonOf(directory / "stats.json");
  if (checks.is_null() || stats.is_null()) return false;
  try {
    const std::optional<Verdict> verdict = VerdictOf(result.at("verdict"));
    if (!verdict || result.value("interrupted", false) || result.value("results_lost", false)) return false;
    FinishedRun kept = run;
    kept.outcome.verdict = *verdict;
    kept.outcome.cause = result.at("cause").get<std::string>();
    kept.outcome.cause_path = result.at("path").get<std::string>();
    kept.outcome.cause_phase = result.at("phase").get<std::string>();
    kept.outcome.cause_detail = result.at("detail").get<std::string>();
    kept.outcome.warnings = result.at("warnings").get<std::vector<std::string>>();
    kept.outcome.machine.total_ms = result.at("host").at("total_ms").get<double>();
    kept.cause_place = result.at("place").get<std::string>();
    kept.repeat_command = result.at("repeat_command").get<std::string>();
    if (const auto numbers = result.find("for_others"); numbers != result.end())
      kept.outcome.for_others = NumbersOf(*numbers);
    if (const auto again = result.find("reruns"); again != result.end())
      kept.reruns = Reruns{again->at("runs").get<std::uint32_t>(), again->at("failed").get<std::uint32_t>(),
                           again->at("alike").get<std::uint32_t>(), again->at("passed").get<std::uint32_t>()};
    if (const auto probed = result.find("probed"); probed != result.end())
      kept.probed = ProbedAgain{probed->at("ran").get<bool>(), probed->at("alike").get<bool>(),
                                probed->at("lines").get<std::vector<std::string>>()};
    kept.directory = directory.string();
    result["checks"] = std::move(checks);
    result["stats"] = std::move(stats);
    if (Json observed = JsonOf(directory / "observations.json"); !observed.is_null())
      result["observed"] = std::move(observed);
    kept.kept_result = result.dump();
    run = std::move(kept);
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

Result<> SetAside(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(directory, error))) return {};
  for (int number = 1;; ++number) {
    const fs::path aside =
        directory.string() + (number == 1 ? ".unfinished" : fmt::format(".unfinished-{}", number));
    if (fs::exists(fs::symlink_status(aside, error))) continue;
    fs::rename(directory, aside, error);
    if (!error) return {};
    return Error{ErrorKind::kEnvironment,
                 fmt::format("'{}' cannot be renamed: {}", directory.string(), error.message())};
  }
}

}  // namespace ktstr
