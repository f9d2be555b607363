#include "interpreter/report/snapshot_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/printable.h"
#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ktstr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kDirectory = "snapshots";
constexpr const char* kSuffix = ".json";

Json StampedJson(const StoredSnapshot& snapshot, std::string_view phase) {
  Json json = vmm::ToJson(snapshot.report);
  json["tag"] = snapshot.tag;
  json["phase"] = phase;
  json["phase_index"] = snapshot.phase;
  json["elapsed_ms"] = snapshot.elapsed_ms;
  if (snapshot.boundary_offset_ms) json["boundary_offset_ms"] = *snapshot.boundary_offset_ms;
  return json;
}

int Sync(int fd) { return ::fsync(fd) == 0 ? 0 : errno; }

/// Through a hidden file beside it that takes its name when all of it is on the disk. 0 or an errno value.
int WriteDurably(const fs::path& path, std::string_view bytes) {
  std::string temporary = (path.parent_path() / ".snapshot-XXXXXX").string();
  const Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return errno;
  int failure = WriteAll(file.get(), bytes);
  if (failure == 0 && ::fchmod(file.get(), 0644) != 0) failure = errno;
  if (failure == 0) failure = Sync(file.get());
  if (failure == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) failure = errno;
  if (failure != 0) {
    ::unlink(temporary.c_str());
    return failure;
  }
  const Fd directory(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.valid() ? Sync(directory.get()) : errno;
}

template <typename T>
std::optional<T> Unsigned(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_number_unsigned()) return std::nullopt;
  return at->get<T>();
}
std::string Text(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

/// Makes all strings Printable(). Keys are the declarations' own, but for the counters of events.
Json PrintableTexts(const Json& json) {
  if (json.is_string()) return Printable(json.get<std::string>());
  if (!json.is_structured()) return json;
  Json shown = json.is_object() ? Json::object() : Json::array();
  for (const auto& [key, value] : json.items()) {
    if (json.is_object())
      shown[Printable(key)] = PrintableTexts(value);
    else
      shown.push_back(PrintableTexts(value));
  }
  return shown;
}

bool HasSnapshots(const fs::path& run) {
  std::error_code ignored;
  return fs::is_directory(run / kDirectory, ignored);
}

}  // namespace

std::string SnapshotFileName(std::string_view tag) {
  constexpr std::size_t kLongest = 200;
  std::string name;
  for (const char c : tag) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) != 0 || c == '_' || c == '-' || c == '+' ||
                                       c == '@' || (c == '.' && !name.empty()));
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  if (name.empty()) name = "%";
  if (name.size() > kLongest)
    name = fmt::format("{}-{:016x}", name.substr(0, kLongest), XXH3_64bits(tag.data(), tag.size()));
  return name + kSuffix;
}

Result<> WriteSnapshotFile(const fs::path& run, const StoredSnapshot& snapshot, std::string_view phase) {
  const fs::path path = run / kDirectory / SnapshotFileName(snapshot.tag);
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const std::string text =
      StampedJson(snapshot, phase).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const int failure = error ? error.value() : WriteDurably(path, text);
  if (failure == 0) return {};
  return Error{ErrorKind::kEnvironment,
               fmt::format("'{}' cannot be written: {}", path.string(), vmm::ErrnoText(failure))};
}

namespace {

// Beyond what any capture is rendered to. A value takes up to 100 bytes of memory, and two of text: "0,".
constexpr std::uint64_t kMaxSnapshotFile = std::uint64_t{512} << 20;
constexpr std::size_t kMaxSnapshotValues = 16'000'000;
constexpr int kMaxSnapshotNesting = 2000;

/// `text` as JSON of bounded size. Error: "is not JSON", "has more than 16000000 values".
Result<Json> ParseBounded(std::string_view text) {
  struct TooLarge {
    std::string why;
  };
  std::size_t values = 0;
  const auto look = [&](int depth, Json::parse_event_t, const Json&) {
    if (depth > kMaxSnapshotNesting)
      throw TooLarge{fmt::format("is nested more than {} deep", kMaxSnapshotNesting)};
    if (++values > kMaxSnapshotValues)
      throw TooLarge{fmt::format("has more than {} values", kMaxSnapshotValues)};
    return true;
  };
  try {
    Json json = Json::parse(text, look, false);
    if (!json.is_discarded()) return json;
    return Error{ErrorKind::kInput, "is not JSON"};
  } catch (const TooLarge& too_large) {
    return Error{ErrorKind::kInput, too_large.why};
  }
}

}  // namespace

Result<SnapshotFile> ReadSnapshotFile(const fs::path& file) {
  const std::vector<std::byte> bytes = TRY(vmm::ReadHostFile(file, kMaxSnapshotFile));
  const Result<Json> parsed = ParseBounded({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!parsed.ok())
    return Error{ErrorKind::kInput, fmt::format("'{}' {}", file.string(), parsed.error().message)};
  const Json& json = *parsed;
  Result<vmm::SnapshotReport> report = vmm::ReportFromJson(json);
  if (!report.ok()) return report.error().Within(file.string());
  SnapshotFile snapshot;
  snapshot.tag = Text(json, "tag");
  if (snapshot.tag.empty()) snapshot.tag = file.stem().string();
  snapshot.phase = Text(json, "phase");
  snapshot.elapsed_ms = Unsigned<std::uint64_t>(json, "elapsed_ms");
  snapshot.boundary_offset_ms = Unsigned<std::uint64_t>(json, "boundary_offset_ms");
  snapshot.phase_index = Unsigned<std::uint32_t>(json, "phase_index");
  snapshot.report = *std::move(report);
  return snapshot;
}

Result<SnapshotFile> PrintableSnapshot(SnapshotFile snapshot) {
  snapshot.report = TRY(vmm::ReportFromJson(PrintableTexts(vmm::ToJson(snapshot.report))));
  snapshot.tag = Printable(snapshot.tag);
  snapshot.phase = Printable(snapshot.phase);
  return snapshot;
}

Result<std::vector<fs::path>> FindSnapshotRuns(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error))
    return Error{ErrorKind::kInput, fmt::format("'{}' does not exist", path.string())};
  if (HasSnapshots(path)) return std::vector<fs::path>{path};
  std::vector<fs::path> runs;
  for (const fs::directory_entry& entry : vmm::DirectoryEntries(path))
    if (HasSnapshots(entry.path()) && !entry.is_symlink(error)) runs.push_back(entry.path());
  std::sort(runs.begin(), runs.end());
  if (runs.empty()) return Error{ErrorKind::kInput, fmt::format("'{}' has no snapshots", path.string())};
  return runs;
}

std::vector<fs::path> ListSnapshotFiles(const fs::path& run) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : vmm::DirectoryEntries(run / kDirectory)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kSuffix) && !name.starts_with('.')) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace ktstr
