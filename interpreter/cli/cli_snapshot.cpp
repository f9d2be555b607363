#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>

#include "guest-init/base/printable.h"
#include "interpreter/cli/cli_commands.h"
#include "interpreter/load/dump_json.h"
#include "interpreter/report/snapshot_diff.h"
#include "interpreter/report/snapshot_files.h"
#include "interpreter/report/snapshot_text.h"
#include "ops/plan/suggest.h"
#include "vmm/introspection/snapshot/snapshot_json.h"
#include "vmm/introspection/snapshot/snapshot_view.h"

namespace ktstr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// What a command ends with when it has nothing more to say.
struct Refusal {
  int code = kExitUsage;
};
template <typename T>
using Outcome = std::variant<T, Refusal>;

/// "there are a, b and 3 more".
std::string ThereAre(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 12;
  if (names.empty()) return {};
  const std::size_t shown = std::min(names.size(), kShown);
  std::string text =
      fmt::format("there {} {}", names.size() == 1 ? "is" : "are",
                  fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

Refusal Refuse(Console& io, const vmm::SnapshotError& error) {
  return {UsageError(io, error.message, ThereAre(error.suggestions))};
}

SnapshotTextStyle StyleOf(const CliOptions& options) {
  SnapshotTextStyle style;
  if (options.all) style.max_rows = 0;
  return style;
}

void Print(Console& io, const nlohmann::json& json) { io.out << DumpJson(Json(json)); }

// ---- finding and reading

/// As JSON a snapshot is shown with the texts that the guest gave it; DumpJson() escapes them.
Outcome<SnapshotFile> Read(const fs::path& file, const CliOptions& options, Console& io) {
  Result<SnapshotFile> snapshot = ReadSnapshotFile(file);
  if (snapshot.ok() && !options.json) snapshot = PrintableSnapshot(*snapshot);
  if (!snapshot.ok()) return Refusal{CommandError(io, snapshot.error().message)};
  return *std::move(snapshot);
}

/// The tags of a run; a file that cannot be read counts under its name.
std::vector<std::string> TagsOf(const fs::path& run) {
  std::vector<std::string> tags;
  for (const fs::path& file : ListSnapshotFiles(run)) {
    const Result<SnapshotFile> snapshot = ReadSnapshotFile(file);
    tags.push_back(snapshot.ok() ? snapshot->tag : file.stem().string());
  }
  return tags;
}

/// The snapshot `tag` of the run, or of the only one of an invocation's runs that has it.
Outcome<SnapshotFile> ReadTag(const std::string& place, const std::string& tag, const CliOptions& options,
                              Console& io) {
  const auto runs = FindSnapshotRuns(place);
  if (!runs.ok()) return Refusal{UsageError(io, runs.error().message)};
  std::vector<fs::path> files;
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::path& run : *runs) {
    const fs::path file = run / "snapshots" / SnapshotFileName(tag);
    if (!fs::exists(file, ignored)) continue;
    files.push_back(file);
    names.push_back(run.string());
  }
  if (files.size() == 1) return Read(files.front(), options, io);
  if (files.size() > 1)
    return Refusal{
        UsageError(io, fmt::format("'{}' has several runs with a snapshot '{}'; say which", place, tag),
                   ThereAre(names))};
  std::vector<std::string> tags;
  for (const fs::path& run : *runs)
    for (std::string& known : TagsOf(run)) tags.push_back(std::move(known));
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  const std::string guess = DidYouMean(tag, tags);
  return Refusal{UsageError(io, fmt::format("'{}' has no snapshot '{}'", place, tag),
                            guess.empty() ? ThereAre(tags) : guess)};
}

/// "RUN:TAG", split where what is in front exists, or a file.
Outcome<SnapshotFile> ReadSide(const std::string& word, const CliOptions& options, Console& io) {
  std::error_code ignored;
  if (fs::is_regular_file(word, ignored)) return Read(word, options, io);
  for (std::size_t at = word.find(':'); at != std::string::npos; at = word.find(':', at + 1))
    if (fs::is_directory(word.substr(0, at), ignored))
      return ReadTag(word.substr(0, at), word.substr(at + 1), options, io);
  if (fs::is_directory(word, ignored))
    return Refusal{UsageError(io, fmt::format("'{}' is a run; say which snapshot: {}:TAG", word, word))};
  return Refusal{UsageError(io, fmt::format("'{}' is neither a file nor RUN:TAG", word))};
}

// ---- list

int ListTags(const std::string& place, const CliOptions& options, Console& io) {
  const auto runs = FindSnapshotRuns(place);
  if (!runs.ok()) return UsageError(io, runs.error().message);
  Json json = Json::array();
  std::vector<std::vector<std::string>> rows = {{"tag", "phase", "ms", "maps", "tasks", ""}};
  int code = 0;
  for (const fs::path& run : *runs) {
    std::vector<SnapshotFile> snapshots;
    for (const fs::path& file : ListSnapshotFiles(run)) {
      Outcome<SnapshotFile> snapshot = Read(file, options, io);
      if (auto* one = std::get_if<SnapshotFile>(&snapshot))
        snapshots.push_back(std::move(*one));
      else
        code = kExitError;
    }
    std::stable_sort(snapshots.begin(), snapshots.end(), [](const SnapshotFile& a, const SnapshotFile& b) {
      return a.elapsed_ms.value_or(0) < b.elapsed_ms.value_or(0);
    });
    if (!options.json && runs->size() > 1) io.out << Printable(run.string()) << '\n';
    rows.resize(1);
    for (const SnapshotFile& one : snapshots) {
      const vmm::SnapshotReport& report = one.report;
      rows.push_back({one.tag, one.phase, one.elapsed_ms ? fmt::format("{}", *one.elapsed_ms) : "",
                      fmt::format("{}", report.maps.size()), fmt::format("{}", report.tasks.size()),
                      report.is_placeholder ? "failed: " + report.maps_unavailable : ""});
      json.push_back({{"run", run.string()}, {"tag", one.tag}, {"phase", one.phase}});
      if (one.elapsed_ms) json.back()["elapsed_ms"] = *one.elapsed_ms;
      json.back()["maps"] = report.maps.size();
      json.back()["tasks"] = report.tasks.size();
      json.back()["placeholder"] = report.is_placeholder;
    }
    if (!options.json) io.out << RenderTable(rows, 0);
  }
  if (options.json) io.out << DumpJson(json);
  return code;
}

// ---- show

int ShowValue(const vmm::SnapshotOutcome<vmm::SnapshotValue>& value, const CliOptions& options, Console& io) {
  if (!value.ok()) return Refuse(io, value.error()).code;
  if (options.json)
    Print(io, vmm::ToJson(value->rendered()));
  else
    io.out << vmm::FormatRendered(value->rendered()) << '\n';
  return 0;
}

vmm::SnapshotOutcome<vmm::SnapshotValue> FindInMap(vmm::SnapshotMap map, const CliOptions& options) {
  if (options.cpu) map = TRY(map.Cpu(*options.cpu));
  if (!options.key) return map.Get(options.field.value_or(""));
  const vmm::SnapshotMapEntry entry = TRY(map.Find(*options.key));
  return entry.Get(options.field.value_or(""));
}

int ShowMap(const vmm::SnapshotReport& report, const CliOptions& options, Console& io) {
  const auto map = vmm::SnapshotView(report).Map(*options.map);
  if (!map.ok()) return Refuse(io, map.error()).code;
  if (options.key || options.field || options.cpu) return ShowValue(FindInMap(*map, options), options, io);
  if (!options.json) {
    io.out << RenderMap(map->record(), StyleOf(options));
    return 0;
  }
  const nlohmann::json maps = vmm::ToJson(report)["maps"];
  for (std::size_t i = 0; i < report.maps.size(); ++i)
    if (&report.maps[i] == &map->record()) Print(io, maps[i]);
  return 0;
}

int ShowVar(const vmm::SnapshotReport& report, const CliOptions& options, Console& io) {
  const auto find = [&]() -> vmm::SnapshotOutcome<vmm::SnapshotValue> {
    const vmm::SnapshotValue variable = TRY(vmm::SnapshotView(report).Var(*options.var));
    return variable.Get(options.field.value_or(""));
  };
  return ShowValue(find(), options, io);
}

int ShowPath(const vmm::SnapshotReport& report, const std::string& path, const CliOptions& options,
             Console& io) {
  const auto part = vmm::SnapshotPathJson(report, path);
  if (!part.ok()) return Refuse(io, part.error()).code;
  if (options.json) {
    Print(io, *part);
  } else if (path == "tasks") {
    io.out << RenderTasks(report, StyleOf(options));
  } else if (path == "maps") {
    for (const vmm::MapRecord& map : report.maps) io.out << RenderMap(map, StyleOf(options));
  } else {
    io.out << RenderSnapshotJson(*part, StyleOf(options));
  }
  return 0;
}

int ShowSnapshot(const SnapshotFile& snapshot, const std::optional<std::string>& path,
                 const CliOptions& options, Console& io) {
  const int ways = (options.map ? 1 : 0) + (options.var ? 1 : 0) + (path ? 1 : 0);
  if (ways > 1) return UsageError(io, "of --map, --var and PATH only one can be shown");
  if (!options.map && (options.key || options.cpu)) return UsageError(io, "--key and --cpu belong to --map");
  if (!options.map && !options.var && options.field)
    return UsageError(io, "--field belongs to --map or --var");
  if (options.map) return ShowMap(snapshot.report, options, io);
  if (options.var) return ShowVar(snapshot.report, options, io);
  if (path) return ShowPath(snapshot.report, *path, options, io);
  if (options.json)
    Print(io, vmm::ToJson(snapshot.report));
  else
    io.out << RenderSnapshot(snapshot, StyleOf(options));
  return 0;
}

int Show(const CliOptions& options, Console& io) {
  const std::vector<std::string>& words = options.words;
  std::error_code ignored;
  const bool is_file = !words.empty() && fs::is_regular_file(words[0], ignored);
  const std::size_t fixed = is_file ? 1 : 2;  // FILE, or RUN TAG
  if (words.empty() || words.size() > fixed + 1)
    return UsageError(io, "show what? RUN lists its snapshots, RUN TAG [PATH] or FILE [PATH] shows one");
  if (!is_file && words.size() == 1) return ListTags(words[0], options, io);
  const Outcome<SnapshotFile> snapshot =
      is_file ? Read(words[0], options, io) : ReadTag(words[0], words[1], options, io);
  if (const auto* refusal = std::get_if<Refusal>(&snapshot)) return refusal->code;
  const std::optional<std::string> path = words.size() > fixed ? std::optional(words[fixed]) : std::nullopt;
  return ShowSnapshot(std::get<SnapshotFile>(snapshot), path, options, io);
}

// ---- diff

int Diff(const CliOptions& options, Console& io) {
  if (options.words.size() != 2)
    return UsageError(io, "diff compares two snapshots: RUN:TAG or a file, each");
  const Outcome<SnapshotFile> before = ReadSide(options.words[0], options, io);
  if (const auto* refusal = std::get_if<Refusal>(&before)) return refusal->code;
  const Outcome<SnapshotFile> after = ReadSide(options.words[1], options, io);
  if (const auto* refusal = std::get_if<Refusal>(&after)) return refusal->code;
  const auto diff =
      DiffSnapshots(std::get<SnapshotFile>(before).report, std::get<SnapshotFile>(after).report);
  if (options.json)
    Print(io, SnapshotDiffJson(diff));
  else
    io.out << RenderSnapshotDiff(diff, StyleOf(options));
  return diff.empty() ? 0 : 1;
}

struct SnapshotAction {
  std::string_view name;
  int (*run)(const CliOptions& options, Console& io);
};
constexpr SnapshotAction kSnapshotActions[] = {{"show", &Show}, {"diff", &Diff}};

}  // namespace

int SnapshotCommand(const CliOptions& options, Console& io) {
  std::vector<std::string_view> names;
  for (const SnapshotAction& action : kSnapshotActions) {
    if (action.name == options.topic) return action.run(options, io);
    names.push_back(action.name);
  }
  return UsageError(io, fmt::format("'{}' is nothing to do with snapshots; use show or diff", options.topic),
                    DidYouMean(options.topic, names));
}

}  // namespace ktstr
