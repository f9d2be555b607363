#include "vmm/host/syscall_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace ktstr::vmm {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kFchmodat2 = 452;  // newer than the headers of Debian 12
constexpr std::uint32_t kForWriting = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);

constexpr std::uint32_t kRefused[] = {
    // sockets: those it needs are given to it
    SYS_socket, SYS_bind, SYS_connect,
    // names, links, permissions, attributes, lengths of files by their names
    SYS_creat, SYS_unlink, SYS_unlinkat, SYS_rename, SYS_renameat, SYS_renameat2, SYS_link, SYS_linkat,
    SYS_symlink, SYS_symlinkat, SYS_mkdir, SYS_mkdirat, SYS_rmdir, SYS_mknod, SYS_mknodat, SYS_chmod,
    SYS_fchmod, SYS_fchmodat, kFchmodat2, SYS_chown, SYS_fchown, SYS_lchown, SYS_fchownat, SYS_truncate,
    SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
    SYS_utime, SYS_utimes, SYS_utimensat, SYS_futimesat,
    // other processes
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_open, SYS_pidfd_getfd,
    SYS_pidfd_send_signal, SYS_perf_event_open, SYS_kcmp,
    // other worlds, and the kernel's larger surfaces
    SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount,
    SYS_fsopen, SYS_fsmount, SYS_fsconfig, SYS_fspick, SYS_open_by_handle_at, SYS_bpf, SYS_userfaultfd,
    SYS_keyctl, SYS_add_key, SYS_request_key};

/// glibc does without both of them.
constexpr std::uint32_t kUnknown[] = {SYS_openat2, SYS_io_uring_setup, SYS_io_uring_enter,
                                      SYS_io_uring_register};

constexpr std::uint32_t kLow = 0;  // little endian: a word's lower half comes first

sock_filter Load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
sock_filter Return(std::uint32_t what) { return BPF_STMT(BPF_RET | BPF_K, what); }
sock_filter Refuse(int error_number) {
  return Return(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number));
}

/// Asks, if the call is `number` and its argument `flags` asks for more than reading.
void AskAboutOpen(std::vector<sock_filter>& filter, std::uint32_t number, std::size_t flags) {
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
  filter.push_back(Load(offsetof(seccomp_data, args) + flags * sizeof(std::uint64_t) + kLow));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kForWriting, 0, 1));
  filter.push_back(Return(SECCOMP_RET_USER_NOTIF));
  filter.push_back(Return(SECCOMP_RET_ALLOW));
}

}  // namespace

std::vector<sock_filter> MakeSyscallFilter(bool brokered) {
  std::vector<sock_filter> filter;
  filter.push_back(Load(offsetof(seccomp_data, arch)));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
  filter.push_back(Refuse(ENOSYS));
  filter.push_back(Load(offsetof(seccomp_data, nr)));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 1));
  filter.push_back(Refuse(ENOSYS));
  const auto refuse = [&](std::uint32_t number, int error_number) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    filter.push_back(Refuse(error_number));
  };
  for (const std::uint32_t number : kRefused) refuse(number, EPERM);
  for (const std::uint32_t number : kUnknown) refuse(number, ENOSYS);
  if (brokered) {
    AskAboutOpen(filter, SYS_openat, 2);
    AskAboutOpen(filter, SYS_open, 1);
  }
  filter.push_back(Return(SECCOMP_RET_ALLOW));
  return filter;
}

}  // namespace ktstr::vmm
