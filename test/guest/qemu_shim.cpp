// Stands between ktstr-interp and the real QEMU where a clone must die at a chosen moment, which $KTSTR_SHIM
// names:
//   start   at once
//   never   at once, and machines that boot too, always
//   load    when it is told to load the state
//   cont    when it is told to run
// For the other two it starts QEMU, passes QMP on in both directions and kills QEMU and itself. It does so as
// often as there are bytes in the FIFO $KTSTR_SHIM_DEATHS, taking one each time: confined as QEMU is, it
// could write to no file. Otherwise, and for machines that boot, it becomes QEMU.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr const char* kQemu = "qemu-system-x86_64";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Takes a byte from the FIFO; false when none is left.
bool TakeDeath(const std::string& path) {
  const int fifo = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  char taken = 0;
  return fifo >= 0 && read(fifo, &taken, 1) == 1;
}

bool IsClone(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]) == "-incoming") return true;
  return false;
}

/// The descriptor of `-chardev socket,id=qmp,fd=<n>`.
int QmpFd(int argc, char** argv) {
  constexpr std::string_view kQmp = "socket,id=qmp,fd=";
  for (int i = 1; i < argc; ++i)
    if (std::string_view(argv[i]).starts_with(kQmp)) return std::atoi(argv[i] + kQmp.size());
  _exit(3);
}

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

[[noreturn]] void DieWith(pid_t qemu) {
  kill(qemu, SIGKILL);
  waitpid(qemu, nullptr, 0);
  kill(getpid(), SIGKILL);
  _exit(4);
}

/// Returns when either side has closed.
void Relay(int ours, int qemus, pid_t qemu, std::string_view fatal) {
  std::string seen;
  while (true) {
    pollfd polled[2] = {{ours, POLLIN, 0}, {qemus, POLLIN, 0}};
    if (poll(polled, 2, -1) < 0) return;
    for (const auto& [from, to] : {std::pair{0, qemus}, std::pair{1, ours}}) {
      if (polled[from].revents == 0) continue;
      char buffer[4096];
      const ssize_t got = read(polled[from].fd, buffer, sizeof buffer);
      if (got <= 0) return;
      const std::string_view bytes(buffer, static_cast<std::size_t>(got));
      WriteAll(to, bytes);
      if (from == 0 && (seen += bytes).find(fatal) != std::string::npos) DieWith(qemu);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string point = Environment("KTSTR_SHIM");
  if (point == "never") return 1;
  if (point.empty() || !IsClone(argc, argv) || !TakeDeath(Environment("KTSTR_SHIM_DEATHS"))) {
    execvp(kQemu, argv);
    return 3;
  }
  if (point == "start") return 1;
  const int ours = QmpFd(argc, argv);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 3;
  const int kept = dup(ours);
  const pid_t qemu = fork();
  if (qemu == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(ends[1], ours);
    close(kept);
    execvp(kQemu, argv);
    _exit(3);
  }
  close(ends[1]);
  close(ours);
  Relay(kept, ends[0], qemu, point == "load" ? "\"migrate-incoming\"" : "\"cont\"");
  DieWith(qemu);
}
