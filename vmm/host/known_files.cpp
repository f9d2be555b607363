#include "vmm/host/known_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "vmm/host/cache_dir.h"
#include "vmm/host/directory_entries.h"
#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "ktstr-interp known file 1";
constexpr std::uint64_t kMaxEntryBytes = 4 << 20;
constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::int64_t kSettled = 2 * kNanoseconds;  // no file system counts time in coarser steps

std::int64_t Nanoseconds(const timespec& time) { return time.tv_sec * kNanoseconds + time.tv_nsec; }

/// What a file is, as far as that can be told without reading it. Empty: it is not there.
struct Identity {
  std::string text;
  std::int64_t changed_ns = 0;  // the later of its two times
};

Identity IdentityOf(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {};
  const std::int64_t content = Nanoseconds(status.st_mtim);
  const std::int64_t inode = Nanoseconds(status.st_ctim);
  return {fmt::format("{} {} {} {} {}", status.st_dev, status.st_ino, status.st_size, content, inode),
          std::max(content, inode)};
}

std::int64_t WallNs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

std::string Checksum(std::string_view text) {
  return fmt::format("{:016x}\n", XXH64(text.data(), text.size(), 0));
}

/// The first three lines of an entry; the value follows, then the checksum of all of it.
std::string HeadOf(std::string_view name, const Identity& identity) {
  return fmt::format("{}\n{}\n{}\n", kFormat, name, identity.text);
}

/// Whether only this user could have written it.
bool IsPrivate(const fs::path& entry) {
  struct stat status {};
  return ::lstat(entry.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::optional<std::string> Recall(const fs::path& entry, const std::string& head) {
  if (!IsPrivate(entry)) return std::nullopt;
  const auto bytes = ReadHostFile(entry, kMaxEntryBytes);
  if (!bytes.ok()) return std::nullopt;
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  constexpr std::size_t kChecksum = 17;
  if (text.size() < head.size() + kChecksum || !text.starts_with(head)) return std::nullopt;
  const std::string_view checked = text.substr(0, text.size() - kChecksum);
  if (text.substr(checked.size()) != Checksum(checked)) return std::nullopt;
  return std::string(checked.substr(head.size()));
}

}  // namespace

KnownFiles KnownFiles::InCache() {
  const Result<fs::path> cache = CacheDir();
  return cache.ok() ? KnownFiles(*cache / "known-files") : KnownFiles();
}

Result<std::string> KnownFiles::FactBy(const fs::path& file, std::string_view name,
                                       const std::function<Result<std::string>()>& work_out) const {
  const Identity identity = IdentityOf(file);
  const std::string head = HeadOf(name, identity);
  // Named by the path: what is known of a file that was replaced goes with its successor's entry.
  const std::string path = fs::absolute(file).lexically_normal().string();
  const fs::path entry = directory_ / fmt::format("{:016x}-{}", XXH64(path.data(), path.size(), 0), name);
  if (!directory_.empty() && !identity.text.empty())
    if (std::optional<std::string> known = Recall(entry, head)) return *std::move(known);
  std::string value = TRY(work_out());
  const bool settled = WallNs() - identity.changed_ns > kSettled;
  // One that was replaced while it was read may be a mixture of both.
  if (!directory_.empty() && settled && IdentityOf(file).text == identity.text && !identity.text.empty())
    Keep(entry, head + value);
  return value;
}

void KnownFiles::Keep(const fs::path& entry, std::string_view content) const {
  if (content.size() > kMaxEntryBytes / 2) return;
  std::error_code ignored;
  if (::mkdir(directory_.c_str(), 0700) == 0 || fs::is_directory(directory_, ignored))
    static_cast<void>(WriteHostFile(entry, std::string(content) + Checksum(content), 0600));
  std::vector<std::pair<fs::file_time_type, fs::path>> entries;
  for (const fs::directory_entry& each : DirectoryEntries(directory_)) {
    std::error_code gone;
    const fs::file_time_type time = each.last_write_time(gone);
    if (!gone) entries.emplace_back(time, each.path());
  }
  if (entries.size() <= kMaxEntries) return;
  std::sort(entries.begin(), entries.end());
  entries.resize(entries.size() - kMaxEntries);
  for (const auto& [time, path] : entries) fs::remove(path, ignored);
}

Result<std::uint64_t> KnownFiles::Hash(const fs::path& file) const {
  const auto digits = [&]() -> Result<std::string> {
    return fmt::format("{:016x}", TRY(HashHostFile(file)));
  };
  const std::string text = TRY(FactBy(file, "xxh64", digits));
  std::uint64_t hash = 0;
  std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  return hash;
}

Result<std::string> KnownFiles::Fact(
    const fs::path& file, std::string_view name,
    const std::function<std::string(std::span<const std::byte>)>& derive) const {
  return FactBy(file, name, [&]() -> Result<std::string> { return derive(TRY(ReadHostFile(file))); });
}

}  // namespace ktstr::vmm
