#include "guest-init/mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <memory>

#include "guest-init/base/clock.h"
#include "guest-init/base/fd.h"
#include "guest-init/base/file_io.h"
#include "guest-init/system_error.h"

namespace ktstr::guest {
namespace {

struct Mount {
  const char* type;
  const char* at;
  const char* options;
  bool needed;
};
// In this order: later ones are inside earlier ones.
constexpr Mount kMounts[] = {
    {"devtmpfs", "/dev", "mode=0755", true},
    {"proc", "/proc", "", true},
    {"sysfs", "/sys", "", true},
    // favordynmods: moving a task does not wait for an RCU grace period, which is 10 ms and more per task.
    {"cgroup2", "/sys/fs/cgroup", "favordynmods", true},
    {"debugfs", "/sys/kernel/debug", "", false},
    {"tracefs", "/sys/kernel/tracing", "", false},
    {"bpf", "/sys/fs/bpf", "", false},
    {"tmpfs", "/tmp", "mode=1777", false},
    {"tmpfs", "/run", "mode=0755", false},
    {"tmpfs", "/dev/shm", "mode=1777", false},
    {"devpts", "/dev/pts", "", false},
};

bool MountOne(const Mount& mount_point) {
  mkdir(mount_point.at, 0755);
  const auto attempt = [&](const char* options) {
    return mount(mount_point.type, mount_point.at, mount_point.type, 0, options) == 0 || errno == EBUSY;
  };
  return attempt(mount_point.options) || (errno == EINVAL && attempt(""));
}

void BringUpLoopback() {
  const Fd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd.valid()) return;
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  ioctl(socket_fd.get(), SIOCSIFFLAGS, &request);
}

/// "/dev/vport0p1" for the port whose sysfs `name` is `name`; empty when there is none yet.
std::string FindPort(const std::string& name) {
  constexpr const char* kPorts = "/sys/class/virtio-ports";
  const std::unique_ptr<DIR, int (*)(DIR*)> ports(opendir(kPorts), &closedir);
  if (!ports) return {};
  while (const dirent* entry = readdir(ports.get())) {
    const std::string port = entry->d_name;
    if (ReadSmallFile((std::string(kPorts) + "/" + port + "/name").c_str()) == name + "\n")
      return "/dev/" + port;
  }
  return {};
}

/// A socket on which the kernel announces devices.
Fd OpenUevents() {
  Fd socket_fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;
  if (socket_fd.valid() && bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    socket_fd.Reset();
  return socket_fd;
}

}  // namespace

Result<> MountAll() {
  for (const Mount& mount_point : kMounts) {
    if (MountOne(mount_point) || !mount_point.needed) continue;
    return SystemError("mounting " + std::string(mount_point.type) + " on " + mount_point.at);
  }
  return {};
}

void SetUpSystem() {
  // Descriptors 0 to 2 must be taken before anything else opens a file; children inherit them.
  const int console = open("/dev/console", O_RDWR | O_NOCTTY);
  for (int fd = 0; fd < 3 && console >= 0; ++fd) dup2(console, fd);
  if (console > 2) close(console);
  umask(022);
  [[maybe_unused]] const int changed = chdir("/");
  constexpr std::array<std::array<const char*, 2>, 4> kLinks = {{{"/proc/self/fd", "/dev/fd"},
                                                                 {"/proc/self/fd/0", "/dev/stdin"},
                                                                 {"/proc/self/fd/1", "/dev/stdout"},
                                                                 {"/proc/self/fd/2", "/dev/stderr"}}};
  for (const auto& [target, link] : kLinks) [[maybe_unused]] const int linked = symlink(target, link);
  constexpr std::string_view kHostName = "ktstr";
  sethostname(kHostName.data(), kHostName.size());
  BringUpLoopback();
  const rlimit files{1 << 20, 1 << 20};
  setrlimit(RLIMIT_NOFILE, &files);
  // The executor must not depend on the scheduler under test. Its children start as normal tasks.
  sched_param priority{};
  priority.sched_priority = 99;
  sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority);
}

Result<Fd> OpenPort(const char* name, int timeout_ms) {
  const Fd uevents = OpenUevents();  // before the first look, so that no announcement is missed
  const std::uint64_t deadline = MonotonicNs() + static_cast<std::uint64_t>(timeout_ms) * 1'000'000;
  for (;;) {
    if (const std::string path = FindPort(name); !path.empty()) {
      Fd port(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
      if (!port.valid()) return SystemError("opening " + path);
      return port;
    }
    const std::uint64_t now = MonotonicNs();
    if (now >= deadline)
      return Error{ErrorKind::kGuest, "no virtio-serial port is called " + std::string(name) + " after " +
                                          std::to_string(timeout_ms / 1000) + " s"};
    // The limit covers an announcement lost to a full socket buffer.
    pollfd announced{uevents.get(), POLLIN, 0};
    poll(&announced, 1, static_cast<int>(std::min<std::uint64_t>(500, (deadline - now) / 1'000'000 + 1)));
    std::array<char, 8192> ignored;
    while (uevents.valid() && recv(uevents.get(), ignored.data(), ignored.size(), 0) > 0) {
    }
  }
}

}  // namespace ktstr::guest
