#include "guest-init/cgroup_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <optional>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/base/words.h"
#include "guest-init/system_error.h"
#include "workloads/worker/churn_cgroups.h"

namespace ktstr::guest {
namespace {

constexpr const char* kAlways = "cpu";

Result<> CheckName(const std::string& cgroup) {
  std::string_view rest = cgroup;
  while (true) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (part.empty() || part.front() == '.' || part.find('\0') != std::string_view::npos)
      return Error{ErrorKind::kGuest, "'" + cgroup + "' is not a name for a cgroup"};
    if (part.size() == rest.size()) return {};
    rest.remove_prefix(part.size() + 1);
  }
}

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

}  // namespace

Result<> CgroupTree::Create() {
  if (mkdir(parent_.c_str(), 0755) != 0 && errno != EEXIST)
    return SystemError("making the cgroup " + parent_);
  const std::vector<std::string> available = AvailableControllers();
  if (std::find(available.begin(), available.end(), kAlways) == available.end()) return {};
  return EnableOnTop({kAlways});
}

Result<> CgroupTree::EnableOnTop(const std::set<std::string>& controllers) {
  std::set<std::string> missing;
  std::set_difference(controllers.begin(), controllers.end(), enabled_on_top_.begin(), enabled_on_top_.end(),
                      std::inserter(missing, missing.end()));
  TRY(EnableIn(root_, missing));
  TRY(EnableIn(parent_, missing));
  enabled_on_top_.merge(missing);
  return {};
}

std::vector<std::string> CgroupTree::AvailableControllers() const {
  return SplitWords(ReadSmallFile((root_ + "/cgroup.controllers").c_str()));
}

Result<> CgroupTree::EnableIn(const std::string& directory, const std::set<std::string>& controllers) const {
  for (const std::string& controller : controllers) {
    const int code = WriteOnce(directory + "/cgroup.subtree_control", "+" + controller);
    if (code == 0) continue;
    return SystemError("enabling the " + controller + " controller below " + directory +
                           Hint("cgroup.subtree_control", code),
                       code);
  }
  return {};
}

Result<> CgroupTree::EnableControllers(const std::vector<std::string>& controllers, bool nested) {
  const std::vector<std::string> available = AvailableControllers();
  const std::set<std::string> wanted(controllers.begin(), controllers.end());
  for (const std::string& controller : wanted) {
    if (std::find(available.begin(), available.end(), controller) != available.end()) continue;
    return Error{ErrorKind::kGuest, "this kernel offers no '" + controller +
                                        "' controller (available: " + Join(available) + ")"};
  }
  TRY(EnableOnTop(wanted));
  if (!nested) return {};
  for (const std::string& cgroup : intermediates_) TRY(EnableIn(Path(cgroup), wanted));
  enabled_.insert(wanted.begin(), wanted.end());
  return {};
}

Result<> CgroupTree::CreateCgroup(const std::string& cgroup) {
  TRY(CheckName(cgroup));
  for (std::size_t slash = cgroup.find('/'); slash != std::string::npos;
       slash = cgroup.find('/', slash + 1)) {
    const std::string above = cgroup.substr(0, slash);
    if (mkdir(Path(above).c_str(), 0755) != 0 && errno != EEXIST)
      return SystemError("making the cgroup '" + above + "'");
    TRY(EnableIn(Path(above), enabled_));
    intermediates_.insert(above);
  }
  // One that only exists because of those below it becomes a cgroup of its own right.
  const bool implicit = intermediates_.contains(cgroup) && !created_.contains(cgroup);
  if (mkdir(Path(cgroup).c_str(), 0755) != 0 && !(errno == EEXIST && implicit))
    return SystemError("making the cgroup '" + cgroup + "'");
  created_.insert(cgroup);
  return {};
}

std::string CgroupTree::Hint(std::string_view file, int code) {
  const std::string controller(file.substr(0, file.find('.')));
  switch (code) {
    case ENOENT:
      return controller == "cgroup" ? "" : " (the " + controller + " controller is not enabled here)";
    case EBUSY:
      if (file == "cgroup.procs") return " (a cgroup with controllers for its children holds no processes)";
      if (file == "cgroup.subtree_control") return " (there are processes in this cgroup itself)";
      return " (tasks in the cgroup are using what would be taken away)";
    case EINVAL:
    case ERANGE:
      return " (the kernel does not take this value for this file)";
    case ENOSPC:
      return " (nothing would be left for the tasks in the cgroup)";
    case EOPNOTSUPP:
      return " (the cgroup is of a type that does not allow this)";
    default:
      return "";
  }
}

Result<> CgroupTree::CheckExists(const std::string& cgroup) const {
  if (cgroup.empty()) return {};
  TRY(CheckName(cgroup));
  if (access(Path(cgroup).c_str(), F_OK) == 0) return {};
  return Error{ErrorKind::kGuest, "there is no cgroup '" + cgroup + "'"};
}

Result<> CgroupTree::WriteFile(const std::string& cgroup, const std::string& file,
                               const std::string& value) const {
  TRY(CheckName(cgroup));
  TRY(CheckExists(cgroup));
  if (file.empty() || file.find('/') != std::string::npos)
    return Error{ErrorKind::kGuest, "'" + file + "' is not a file of a cgroup"};
  // With a newline, because a write of no bytes never reaches the kernel: that is how a cpuset is cleared.
  const int code = WriteOnce(Path(cgroup) + "/" + file, value + "\n");
  if (code == 0) return {};
  return Error{ErrorKind::kGuest, "writing '" + value + "' to " + file + " of cgroup '" + cgroup +
                                      "': " + std::strerror(code) + Hint(file, code)};
}

Result<> CgroupTree::Place(pid_t pid, const std::string& cgroup) const {
  if (cgroup.empty()) return {};
  TRY(CheckExists(cgroup));
  const int code = WriteOnce(Path(cgroup) + "/cgroup.procs", std::to_string(pid));
  if (code == 0) return {};
  return Error{ErrorKind::kGuest, "moving process " + std::to_string(pid) + " into cgroup '" + cgroup +
                                      "': " + std::strerror(code) + Hint("cgroup.procs", code)};
}

Result<> CgroupTree::CheckPids(const std::string& cgroup) const {
  const auto number = [this](const std::string& of, const char* file) {
    const std::string text = ReadSmallFile((Path(of) + "/" + file).c_str());
    std::uint64_t value = 0;
    const bool read = std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
    return read ? std::optional(value) : std::nullopt;  // "max", or no pids controller
  };
  for (std::string above = cgroup; !above.empty();) {
    const std::optional<std::uint64_t> max = number(above, "pids.max");
    const std::optional<std::uint64_t> tasks = max ? number(above, "pids.current") : std::nullopt;
    if (tasks && *tasks > *max)
      return Error{ErrorKind::kGuest, "cgroup '" + above + "' has " + std::to_string(*tasks) +
                                          " tasks; its pids.max is " + std::to_string(*max)};
    const std::size_t slash = above.rfind('/');
    above.resize(slash == std::string::npos ? 0 : slash);
  }
  return {};
}

Result<> CgroupTree::SetFrozen(const std::string& cgroup, bool frozen) {
  // Its account has the time in which we kept it from running, the way into it and out of it included.
  const std::uint64_t now_ns = MonotonicNs();
  TRY(WriteFile(cgroup, "cgroup.freeze", frozen ? "1" : "0"));
  if (frozen) {
    frozen_times_.Begin(cgroup, now_ns);
  } else {
    frozen_times_.End(cgroup, MonotonicNs());
  }
  return {};
}

bool CgroupTree::Frozen(const std::string& cgroup) const {
  return ReadSmallFile((Path(cgroup) + "/cgroup.events").c_str()).find("frozen 1") != std::string::npos;
}

void CgroupTree::Thaw(const std::string& cgroup) {
  for (std::string name = cgroup; !name.empty();) {
    WriteOnce(Path(name) + "/cgroup.freeze", "0");
    frozen_times_.End(name, MonotonicNs());
    const std::size_t slash = name.rfind('/');
    name.resize(slash == std::string::npos ? 0 : slash);
  }
}

void CgroupTree::KillAll(const std::string& cgroup) {
  Thaw(cgroup);
  // cgroup.kill leaves no gap for a fork, but takes everything below along; and it is new in Linux 5.14.
  if (FindChild(cgroup).empty() && WriteOnce(Path(cgroup) + "/cgroup.kill", "1") == 0) return;
  for (const pid_t pid : Processes(cgroup))
    if (pid > 1) kill(pid, SIGKILL);
}

std::vector<pid_t> CgroupTree::TasksIn(const std::string& cgroup, const char* file) const {
  std::vector<pid_t> tasks;
  const std::string directory = cgroup.empty() ? root_ : Path(cgroup);
  for (const std::string& word : SplitWords(ReadSmallFile((directory + "/" + file).c_str()))) {
    pid_t task = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), task).ec == std::errc{})
      tasks.push_back(task);
  }
  return tasks;
}

std::string CgroupTree::FindChild(const std::string& cgroup) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(Path(cgroup).c_str()), &closedir);
  if (!directory) return {};
  while (const dirent* entry = readdir(directory.get()))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && !MadeByWorker(cgroup, entry->d_name))
      return entry->d_name;
  return {};
}

bool CgroupTree::Populated(const std::string& cgroup) const {
  return ReadSmallFile((Path(cgroup) + "/cgroup.events").c_str()).find("populated 1") != std::string::npos;
}

bool CgroupTree::MadeByWorker(const std::string& cgroup, std::string_view child) const {
  const std::string name = cgroup + "/" + std::string(child);
  return child.starts_with(kChurnCgroup) && !created_.contains(name) && !intermediates_.contains(name);
}

void CgroupTree::RemoveMadeByWorkers(const std::string& cgroup) const {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(Path(cgroup).c_str()), &closedir);
  if (!directory) return;
  std::vector<std::string> children;
  while (const dirent* entry = readdir(directory.get()))
    if (MadeByWorker(cgroup, entry->d_name)) children.emplace_back(entry->d_name);
  for (const std::string& child : children) rmdir((Path(cgroup) + "/" + child).c_str());
}

Result<> CgroupTree::Remove(const std::string& cgroup) {
  TRY(CheckName(cgroup));
  RemoveMadeByWorkers(cgroup);
  if (rmdir(Path(cgroup).c_str()) == 0 || errno == ENOENT) {
    intermediates_.erase(cgroup);
    created_.erase(cgroup);
    return {};
  }
  const int code = errno;
  Error error = SystemError("removing the cgroup '" + cgroup + "'", code);
  if (code != EBUSY && code != ENOTEMPTY) return error;
  if (const std::string child = FindChild(cgroup); !child.empty()) {
    error.message += " (it still has the cgroup '" + child + "' below it)";
    return error;
  }
  error.message += " (there are still processes in it)";
  return error;
}

}  // namespace ktstr::guest
