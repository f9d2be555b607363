// The machine-readable form of verify_report.h, and its reading.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "interpreter/load/dump_json.h"
#include "interpreter/report/version.h"
#include "interpreter/verify/verify_report.h"

namespace ktstr {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<std::uint64_t>& value) { return value ? Json(*value) : Json(nullptr); }

Json ProgramJson(const VerifiedProgram& program, bool compared) {
  Json json = {{"name", program.name}, {"type", program.type}, {"verified_insns", OrNull(program.insns)}};
  if (compared) json["baseline"] = OrNull(program.baseline);
  return json;
}

Json RejectedJson(const RejectedProgram& program, bool raw) {
  return {{"name", program.name},
          {"error", program.error},
          {"reason", program.reason},
          {"processed_insns", OrNull(program.processed)},
          {"cut", program.cut},
          {"log_lines", program.log.size()},
          {"log", raw ? program.log : FoldCycles(program.log)}};
}

Json ResultJson(const VerifyResult& result, bool raw) {
  Json json = {{"scheduler", result.scheduler},
               {"kernel", result.kernel},
               {"topology", result.topology},
               {"verdict", VerdictName(result.verdict)},
               {"cause", result.cause},
               {"state", result.state},
               {"ops", result.ops},
               {"dispatch",
                {{"workers", result.dispatch.workers},
                 {"ran", result.dispatch.ran},
                 {"ran_ns", result.dispatch.ran_ns}}},
               {"verified_insns", OrNull(TotalInsns(result.programs))},
               {"in_baseline", result.in_baseline}};
  json["programs"] = Json::array();
  for (const VerifiedProgram& program : result.programs)
    json["programs"].push_back(ProgramJson(program, result.compared));
  json["rejected"] = Json::array();
  for (const RejectedProgram& program : result.rejected)
    json["rejected"].push_back(RejectedJson(program, raw));
  json["notes"] = result.notes;
  json["directory"] = result.directory;
  json["repeat_command"] = result.repeat_command;
  return json;
}

/// Throws what nlohmann throws when a member is missing or of another type.
VerifyResult ReadResult(const Json& json) {
  VerifyResult result;
  result.scheduler = json.at("scheduler").get<std::string>();
  result.kernel = json.at("kernel").get<std::string>();
  result.topology = json.at("topology").get<std::string>();
  for (const Json& program : json.at("programs")) {
    VerifiedProgram& read = result.programs.emplace_back();
    read.name = program.at("name").get<std::string>();
    read.type = program.at("type").get<std::string>();
    const Json& insns = program.at("verified_insns");
    if (!insns.is_null()) read.insns = insns.get<std::uint64_t>();
  }
  return result;
}

}  // namespace

Verdict WorstOf(const VerifyReport& report) {
  const bool whole = report.unread.empty() && report.interrupted_by.empty();
  Verdict worst = whole ? Verdict::kPass : Verdict::kError;
  for (const VerifyResult& result : report.results) worst = Worse(worst, result.verdict);
  return worst;
}

std::string VerifyJson(const VerifyReport& report, bool raw) {
  const Verdict worst = WorstOf(report);
  Json json = {{"version", kVersion}, {"verdict", VerdictName(worst)}, {"exit_code", ExitCode(worst)}};
  json["schedulers"] = Json::array();
  for (const VerifySubject& subject : report.subjects)
    json["schedulers"].push_back(
        {{"name", subject.name}, {"command", CommandOf(subject.def)}, {"places", subject.places}});
  json["results"] = Json::array();
  for (const VerifyResult& result : report.results) json["results"].push_back(ResultJson(result, raw));
  json["unread"] = report.unread;
  json["interrupted_by"] = report.interrupted_by;
  return DumpJson(json);
}

Result<std::vector<VerifyResult>> ReadBaseline(const std::filesystem::path& place) {
  std::error_code ignored;
  const std::filesystem::path path =
      std::filesystem::is_directory(place, ignored) ? place / kVerifyFile : place;
  std::ifstream file(path);
  if (!file)
    return Error{ErrorKind::kInput, fmt::format("the baseline '{}' cannot be read: {}", path.string(),
                                                std::generic_category().message(errno))};
  std::vector<VerifyResult> results;
  try {
    const Json json = Json::parse(file);
    for (const Json& result : json.at("results")) results.push_back(ReadResult(result));
  } catch (const Json::exception&) {
    return Error{ErrorKind::kInput, fmt::format("'{}' is not what `verify` writes", path.string())};
  }
  return results;
}

}  // namespace ktstr
