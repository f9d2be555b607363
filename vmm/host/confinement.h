// What a program that serves an untrusted guest may still do on this host: worked out before the fork,
// entered between fork and exec. Every layer is as strong as this host's kernel and our own rights allow.
//
//   user       when we are root: the user nobody, else at least no capabilities
//   seccomp    opens no file for writing, makes no sockets, changes no names or permissions, looks into no
//              other process; the files of `opened` it gets from us instead (open_broker.h)
//   Landlock   reads no file but those of the system and its own; connects to nothing; signals nobody
//   limits     no core dumps, no file larger than asked for, no new rights by exec
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "guest-init/base/fd.h"

namespace ktstr::vmm {

/// What the program is and needs.
struct ConfinementSpec {
  std::filesystem::path program;  // it may also read what lies beside it
  /// Our descriptors of files that it opens anew as /proc/self/fd/N. It gets them as they are open here: what
  /// is read-only here is so there, whatever access it asks for.
  std::vector<int> opened;
  /// The same, of files that it opens only to read.
  std::vector<int> read;
  std::uint64_t max_file_bytes = 0;  // what it may make a file as long as
  bool kvm = false;                  // it may open /dev/kvm
};

/// Whether a program in `path` would be found and could be read by a user who owns nothing. Links are
/// followed.
bool OthersMayRun(const std::filesystem::path& path);

/// One such confinement, for one process. Any thread prepares it; the child enters it.
class Confinement {
 public:
  /// `brokered` false: it opens the files by itself, for a host that lets nobody answer for the kernel. The
  /// files that it is given for reading could then be written.
  static Confinement Prepare(const ConfinementSpec& spec, bool brokered);

  /// In the child, after fork(): async-signal-safe, and for good. The socket `report` gets the descriptor
  /// from which the program's opens are answered. False, with errno: this host does not allow it.
  [[nodiscard]] bool Enter(int report) const;

  /// Whether the program will be another user than we.
  [[nodiscard]] bool other_user() const { return other_user_; }
  /// What holds, for people: "user nobody, no new privileges, ...; without Landlock, which this kernel
  /// lacks".
  [[nodiscard]] std::string Describe() const;

 private:
  void ChooseUser(const ConfinementSpec& spec);
  void ChooseLandlock(const ConfinementSpec& spec);

  bool brokered_ = false;
  bool other_user_ = false;
  bool shed_capabilities_ = false;  // root that cannot become another user
  std::uint64_t max_file_bytes_ = 0;
  std::vector<sock_filter> filter_;
  Fd landlock_;
  int landlock_abi_ = 0;
  std::string why_root_;  // when root stays root
};

}  // namespace ktstr::vmm
