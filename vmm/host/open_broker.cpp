#include "vmm/host/open_broker.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

constexpr std::string_view kOwnDescriptor = "/proc/self/fd/";
constexpr std::string_view kKvmDevice = "/dev/kvm";

/// The first bytes of the string at `address` in a process that waits for us; none when it cannot be read.
/// Whatever stands there only chooses among files that the program may have.
std::string PathAt(std::uint32_t process, std::uint64_t address) {
  const Fd memory(::open(("/proc/" + std::to_string(process) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  char bytes[64];
  // A mapping may end behind the string: so not past the page.
  const std::size_t in_page = 4096 - address % 4096;
  const std::size_t first = std::min(sizeof bytes, in_page);
  ssize_t got = ::pread(memory.get(), bytes, first, static_cast<off_t>(address));
  if (got == static_cast<ssize_t>(first) && first < sizeof bytes) {
    const ssize_t more =
        ::pread(memory.get(), bytes + first, sizeof bytes - first, static_cast<off_t>(address + first));
    got += std::max<ssize_t>(more, 0);
  }
  if (got <= 0) return {};
  const std::string_view text(bytes, static_cast<std::size_t>(got));
  const std::size_t end = text.find('\0');
  return end == std::string_view::npos ? std::string() : std::string(text.substr(0, end));
}

/// The kernel may send and expect longer messages than our headers know.
template <typename T>
class Message {
 public:
  explicit Message(std::size_t kernels) : bytes_(std::max(kernels, sizeof(T))) {}
  T* Cleared() {
    std::fill(bytes_.begin(), bytes_.end(), std::byte{0});
    return reinterpret_cast<T*>(bytes_.data());
  }

 private:
  std::vector<std::byte> bytes_;  // as aligned as any object
};

}  // namespace

class OpenBroker::Server {
 public:
  Server(Fd listener, bool kvm) : listener_(std::move(listener)), kvm_(kvm) {}
  ~Server() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stop_.get(), &one, sizeof one));
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// False, with errno: a descriptor or the thread is not to be had.
  bool Begin(const std::vector<int>& opened) {
    for (const int file : opened) {
      files_[file] = Fd(::fcntl(file, F_DUPFD_CLOEXEC, 3));
      if (!files_[file].valid()) return false;
    }
    stop_ = Fd(::eventfd(0, EFD_CLOEXEC));
    if (!stop_.valid()) return false;
    // A signal for the program must not be taken by this thread.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { Serve(); });
    } catch (const std::system_error& failed) {
      errno = failed.code().value();
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread_.joinable();
  }

 private:
  void Serve() {
    seccomp_notif_sizes sizes{};
    if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) return;
    Message<seccomp_notif> requests(sizes.seccomp_notif);
    Message<seccomp_notif_resp> answers(sizes.seccomp_notif_resp);
    while (true) {
      pollfd events[] = {{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      if (::poll(events, 2, -1) < 0 && errno != EINTR) return;
      if (events[1].revents != 0) return;
      if ((events[0].revents & POLLIN) != 0) {
        seccomp_notif* const request = requests.Cleared();
        if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, request) == 0)
          Answer(*request, *answers.Cleared());
      } else if (events[0].revents != 0) {
        return;  // the last process of this filter has ended
      }
    }
  }

  void Answer(const seccomp_notif& request, seccomp_notif_resp& answer) {
    const bool at = request.data.nr == SYS_openat;
    const std::uint64_t flags = request.data.args[at ? 2 : 1];
    Fd device;
    const int file = Choose(PathAt(request.pid, request.data.args[at ? 1 : 0]), device);
    answer.id = request.id;
    answer.error = -EACCES;
    if (file >= 0) {
      seccomp_notif_addfd add{};
      add.id = request.id;
      add.srcfd = static_cast<std::uint32_t>(file);
      add.newfd_flags = (flags & O_CLOEXEC) != 0 ? O_CLOEXEC : 0;
      add.flags = SECCOMP_ADDFD_FLAG_SEND;
      if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0) return;  // answered by that
      add.flags = 0;  // before Linux 5.14 that was not one step
      const int number = ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add);
      answer.error = number < 0 ? -errno : 0;
      answer.val = number;
    }
    // Fails when the program has gone meanwhile.
    static_cast<void>(::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer));
  }

  /// Our descriptor for `path`, -1 for none. `device` holds what was opened for it.
  int Choose(std::string_view path, Fd& device) const {
    if (kvm_ && path == kKvmDevice) {
      device = Fd(::open(kKvmDevice.data(), O_RDWR | O_CLOEXEC));
      return device.get();
    }
    if (!path.starts_with(kOwnDescriptor)) return -1;
    path.remove_prefix(kOwnDescriptor.size());
    int number = -1;
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), number);
    if (error != std::errc() || end != path.data() + path.size()) return -1;
    const auto found = files_.find(number);
    return found == files_.end() ? -1 : found->second.get();
  }

  Fd listener_;
  Fd stop_;  // an eventfd
  bool kvm_;
  std::map<int, Fd> files_;  // by their numbers in the program
  std::thread thread_;
};

OpenBroker::OpenBroker(std::unique_ptr<Server> server) : server_(std::move(server)) {}
OpenBroker::~OpenBroker() = default;

Result<std::unique_ptr<OpenBroker>> OpenBroker::Start(Fd listener, const std::vector<int>& opened, bool kvm) {
  auto server = std::make_unique<Server>(std::move(listener), kvm);
  if (server->Begin(opened)) return std::unique_ptr<OpenBroker>(new OpenBroker(std::move(server)));
  return Error{ErrorKind::kEnvironment, "the files of a machine cannot be served: " + ErrnoText(errno)};
}

}  // namespace ktstr::vmm
