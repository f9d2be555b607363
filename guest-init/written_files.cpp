#include "guest-init/written_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/one_line.h"
#include "guest-init/base/words.h"
#include "guest-init/cgroup_tree.h"

namespace ktstr::guest {
namespace {

// Files that are larger hold no setting.
constexpr std::size_t kMostKept = std::size_t{64} << 10;

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

bool Has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// 0, or the errno of what failed.
int ReadAll(const std::string& path, std::string& content) {
  content.clear();
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return errno;
  std::array<char, 4096> chunk{};
  ssize_t got = 0;
  while ((got = read(file.get(), chunk.data(), chunk.size())) > 0) {
    content.append(chunk.data(), static_cast<std::size_t>(got));
    if (content.size() > kMostKept) return EFBIG;
  }
  return got < 0 ? errno : 0;
}

std::string NameOf(int code) {
  const char* const name = strerrorname_np(code);
  return name != nullptr ? name : "errno " + std::to_string(code);
}

Error WriteError(const std::string& value, const std::string& path, const std::string& how) {
  return {ErrorKind::kGuest, "writing '" + OneLine(value) + "' to " + path + how};
}

/// What a write that failed may have failed by; of files of cgroups only.
std::string HintOf(const std::string& path, int code) {
  return path.starts_with("/sys/fs/cgroup/") ? CgroupTree::Hint(path.substr(path.rfind('/') + 1), code) : "";
}

}  // namespace

std::string TextToPutBack(std::string_view old, std::string_view written) {
  const std::vector<std::string> had = SplitWords(old);
  std::string chosen;
  std::size_t choices = 0;
  for (const std::string& word : had) {
    if (word.size() < 3 || word.front() != '[' || word.back() != ']') continue;
    chosen = word.substr(1, word.size() - 2);
    ++choices;
  }
  if (choices == 1 && had.size() > 1) return chosen;
  std::string opposites;
  for (const std::string& word : SplitWords(written)) {
    if (word.size() < 2 || (word.front() != '+' && word.front() != '-')) break;
    const std::string_view name = std::string_view(word).substr(1);
    opposites += (opposites.empty() ? "" : " ") + std::string(Has(had, name) ? "+" : "-") + std::string(name);
  }
  if (!opposites.empty()) return opposites;
  constexpr std::string_view kNot = "NO_";
  const std::string_view word = Trimmed(written);
  std::string plain(word.starts_with(kNot) ? word.substr(kNot.size()) : word);
  if (had.size() > 1 && Has(had, plain)) return plain;
  if (had.size() > 1 && Has(had, std::string(kNot) + plain)) return std::string(kNot) + plain;
  return std::string(old);
}

Result<> WrittenFiles::Write(const WriteGuestFile& request) {
  Saved saved{request.path, {}, request.value};
  if (request.save) {
    const int code = ReadAll(request.path, saved.content);
    if (code == ENOENT && request.expected_errno == 0)
      return WriteError(request.value, request.path, std::string(": ") + std::strerror(code));
    if (code != 0 && request.expected_errno == 0)
      return Error{ErrorKind::kGuest, "what " + request.path + " holds cannot be read (" +
                                          std::strerror(code) +
                                          "), so it cannot be put back: write it with `keep: true`"};
  }
  const int code = WriteOnce(request.path, request.value);
  if (code == 0 && request.save) saved_[*request.save] = std::move(saved);
  if (code == request.expected_errno) return {};
  if (request.expected_errno == 0)
    return WriteError(request.value, request.path,
                      std::string(": ") + std::strerror(code) + HintOf(request.path, code));
  return WriteError(request.value, request.path,
                    (code == 0 ? std::string(" succeeded") : " failed by " + NameOf(code)) + ", and " +
                        NameOf(request.expected_errno) + " was expected");
}

Result<std::string> WrittenFiles::PutBack(std::uint32_t number) {
  const auto found = saved_.find(number);
  if (found == saved_.end()) return std::string();  // the write that was to be undone had failed as expected
  const Saved saved = std::move(found->second);
  saved_.erase(found);
  const std::string text = TextToPutBack(saved.content, saved.written);
  const int code = WriteOnce(saved.path, text);
  if (code != 0)
    return WriteError(std::string(Trimmed(text)), saved.path,
                      " to put it back: " + std::string(std::strerror(code)) + HintOf(saved.path, code));
  std::string now;
  if (ReadAll(saved.path, now) == 0 && Trimmed(now) != Trimmed(saved.content))
    return saved.path + " was put back to '" + OneLine(Trimmed(saved.content)) + "' and holds '" +
           OneLine(Trimmed(now)) + "'";
  return std::string();
}

}  // namespace ktstr::guest
