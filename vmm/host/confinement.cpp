#include "vmm/host/confinement.h"

#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "vmm/host/byte_stream.h"
#include "vmm/host/landlock_rules.h"
#include "vmm/host/syscall_filter.h"

namespace ktstr::vmm {
namespace {

namespace fs = std::filesystem;

/// The user and group that own nothing, on every distribution.
constexpr unsigned kNobody = 65534;

/// Whether we have each of the rights that a root needs to be rid of root and still serve a process that is
/// another user's: to become it, to look into its memory, to kill it. A container's root may not.
bool MayServeAnotherUser() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  for (const unsigned needed : {CAP_SETUID, CAP_SETGID, CAP_SYS_PTRACE, CAP_KILL})
    if ((data[needed / 32].effective & (1U << (needed % 32))) == 0) return false;
  return true;
}

/// Whether a map of ids (/proc/self/uid_map: inside, outside, count) has this one.
bool HasId(const char* map, unsigned id) {
  std::ifstream lines(map);
  for (std::uint64_t inside = 0, outside = 0, count = 0; lines >> inside >> outside >> count;)
    if (id >= inside && id - inside < count) return true;
  return false;
}

/// Whether we can answer the opens of a child: Linux 5.9 and later let us give it a descriptor, and we have
/// to read in its memory what it wants to open, which a strict Yama forbids.
bool MayAnswerOpens() {
  utsname host{};
  int major = 0, minor = 0;
  if (::uname(&host) != 0 || std::sscanf(host.release, "%d.%d", &major, &minor) != 2) return false;
  if (major < 5 || (major == 5 && minor < 9)) return false;
  int scope = 0;  // also where there is no such file
  std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> scope;
  return scope < 2 || (scope == 2 && MayServeAnotherUser());
}

/// `wanted`, or the limit that we are under ourselves.
std::uint64_t FileLimit(std::uint64_t wanted) {
  rlimit ours{};
  if (::getrlimit(RLIMIT_FSIZE, &ours) != 0) return wanted;
  return std::min<std::uint64_t>(wanted, ours.rlim_max);
}

/// As in the rest of the child's way to exec, raw calls: the library's would look for other threads.
bool BecomeNobody() {
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
         ::syscall(SYS_setresgid, kNobody, kNobody, kNobody) == 0 &&
         ::syscall(SYS_setresuid, kNobody, kNobody, kNobody) == 0;
}

bool ShedCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  return ::syscall(SYS_capset, &header, none) == 0;
}

}  // namespace

bool OthersMayRun(const fs::path& path) {
  std::error_code failed;
  fs::path place = fs::canonical(path, failed);
  struct stat status {};
  if (failed || ::stat(place.c_str(), &status) != 0) return false;
  if ((status.st_mode & (S_IROTH | S_IXOTH)) != (S_IROTH | S_IXOTH)) return false;
  while (place.has_relative_path()) {
    place = place.parent_path();
    if (::stat(place.c_str(), &status) != 0 || (status.st_mode & S_IXOTH) == 0) return false;
  }
  return true;
}

void Confinement::ChooseUser(const ConfinementSpec& spec) {
  if (::geteuid() != 0) return;
  if (!brokered_) {
    why_root_ = "no other user could open its files here";
  } else if (!MayServeAnotherUser() || !HasId("/proc/self/uid_map", kNobody) ||
             !HasId("/proc/self/gid_map", kNobody)) {
    why_root_ = "this root may not start programs as another user";
  } else if (!OthersMayRun(spec.program)) {
    why_root_ = "other users may not run that QEMU";
  }
  other_user_ = why_root_.empty();
  shed_capabilities_ = !other_user_;
}

void Confinement::ChooseLandlock(const ConfinementSpec& spec) {
  landlock_abi_ = LandlockAbi();
  if (landlock_abi_ <= 0) return;
  LandlockRules rules;
  rules.program = spec.program;
  rules.read = spec.read;
  (brokered_ ? rules.read : rules.written).insert(rules.read.end(), spec.opened.begin(), spec.opened.end());
  landlock_ = MakeLandlockRuleset(landlock_abi_, rules);
}

Confinement Confinement::Prepare(const ConfinementSpec& spec, bool brokered) {
  Confinement made;
  made.brokered_ = brokered && MayAnswerOpens();
  made.max_file_bytes_ = FileLimit(spec.max_file_bytes);
  made.filter_ = MakeSyscallFilter(made.brokered_);
  made.ChooseUser(spec);
  made.ChooseLandlock(spec);
  return made;
}

bool Confinement::Enter(int report) const {
  const rlimit no_core{0, 0};
  const rlimit file{max_file_bytes_, max_file_bytes_};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0 || ::setrlimit(RLIMIT_FSIZE, &file) != 0) return false;
  if (other_user_ && !BecomeNobody()) return false;
  if (shed_capabilities_ && !ShedCapabilities()) return false;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  if (landlock_.valid() && ::syscall(SYS_landlock_restrict_self, landlock_.get(), 0) != 0) return false;
  const sock_fprog program{static_cast<unsigned short>(filter_.size()),
                           const_cast<sock_filter*>(filter_.data())};
  const unsigned flags = brokered_ ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  const auto listener = static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
  if (listener < 0) return false;
  if (!brokered_) return true;
  constexpr std::array<char, sizeof(int)> kNothing{};  // an errno of 0, as spawn.cpp reads it
  std::size_t sent = 0;
  return SendSome(report, kNothing, sent, listener) == IoState::kMoved;
}

std::string Confinement::Describe() const {
  std::string text = other_user_ ? "user nobody, " : why_root_.empty() ? "" : "no capabilities, ";
  text += "no new privileges, no core dumps, seccomp";
  if (brokered_) text += " (templates are read-only, no file is opened for writing)";
  if (landlock_.valid()) text += fmt::format(", Landlock (ABI {})", landlock_abi_);
  if (!why_root_.empty()) text += "; still root: " + why_root_;
  if (!brokered_) text += "; it could write to templates: this host does not let us open its files for it";
  if (!landlock_.valid()) text += "; without Landlock, which this kernel lacks";
  return text;
}

}  // namespace ktstr::vmm
