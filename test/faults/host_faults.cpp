// Loaded into ktstr-interp with LD_PRELOAD: counts its calls of the C library, class by class, and fails one.
//
//   HOST_FAULTS_LOG=FILE         a line per counted call: "CLASS NUMBER FUNCTION TARGET"
//   HOST_FAULTS_FAIL=CLASS:N:E   the Nth call of CLASS returns errno E; E "short": it moves half of its bytes
//
// Only the process that the library was loaded into is counted, not what it forks, and the variables are
// taken out of the environment, so that programs it starts never see them.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

enum Class { kWrite, kFsync, kRename, kFork, kSocket, kRead, kOpen, kClasses };
constexpr std::array<const char*, kClasses> kNames = {"write",  "fsync", "rename", "fork",
                                                      "socket", "read",  "open"};
constexpr int kShort = -1;  // in place of an errno
constexpr int kGoesOn = 0;

struct State {
  pid_t owner = -1;
  int log = -1;
  int failing_class = -1;
  unsigned long failing_number = 0;
  int failing_errno = 0;
  std::array<std::atomic<unsigned long>, kClasses> counts{};
};

void Configure(State& state) {
  state.owner = static_cast<pid_t>(::syscall(SYS_getpid));
  if (const char* log = std::getenv("HOST_FAULTS_LOG"))
    state.log = static_cast<int>(
        ::syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (const char* fail = std::getenv("HOST_FAULTS_FAIL")) {
    const std::string text = fail;
    const std::size_t first = text.find(':');
    const std::size_t second = text.find(':', first + 1);
    for (int i = 0; i < kClasses; ++i)
      if (text.substr(0, first) == kNames[static_cast<std::size_t>(i)]) state.failing_class = i;
    state.failing_number = std::strtoul(&text[first + 1], nullptr, 10);
    state.failing_errno = text.substr(second + 1) == "short" ? kShort : std::atoi(&text[second + 1]);
  }
  for (const char* name : {"LD_PRELOAD", "HOST_FAULTS_LOG", "HOST_FAULTS_FAIL"}) ::unsetenv(name);
}

State& TheState() {
  static State state;
  static const bool configured = (Configure(state), true);
  static_cast<void>(configured);
  return state;
}

/// Before main: what comes later must not see our variables.
const bool kConfigured = (TheState(), true);

std::string PathOf(int fd) {
  char link[64];
  char path[512];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long length = ::syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path);
  std::string text = length > 0 ? std::string(path, static_cast<std::size_t>(length)) : "?";
  for (const char* kind : {"socket:", "pipe:"})  // the number differs from run to run, the descriptor hardly
    if (text.starts_with(kind)) text = kind + std::to_string(fd);
  return text;
}

/// Counts a call. kGoesOn, kShort, or the errno (now set) that it fails with.
int Next(Class kind, const char* function, const std::string& target) {
  State& state = TheState();
  if (::syscall(SYS_getpid) != state.owner) return kGoesOn;
  const unsigned long number = ++state.counts[kind];
  const bool fails = state.failing_class == kind && state.failing_number == number;
  if (state.log >= 0) {
    const std::string line = std::string(fails ? "FAILED " : "") + kNames[kind] + " " +
                             std::to_string(number) + " " + function + " " + target + "\n";
    const int kept = errno;
    ::syscall(SYS_write, state.log, line.data(), line.size());
    errno = kept;
  }
  if (!fails) return kGoesOn;
  if (state.failing_errno != kShort) errno = state.failing_errno;
  return state.failing_errno;
}
int NextOn(Class kind, const char* function, int fd) {
  if (fd == TheState().log) return kGoesOn;
  return Next(kind, function, PathOf(fd));
}

/// How much is moved: all, or half where a short transfer is asked for.
std::size_t Cut(int fate, std::size_t size) { return fate == kShort && size > 1 ? size / 2 : size; }

template <typename F>
F* Real(const char* name, F* /*like*/) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

#define REAL(name) Real(#name, &::name)

extern "C" {

ssize_t write(int fd, const void* from, size_t size) {
  const int fate = NextOn(kWrite, "write", fd);
  if (fate > 0) return -1;
  static auto* const real = REAL(write);
  return real(fd, from, Cut(fate, size));
}
ssize_t writev(int fd, const iovec* from, int count) {
  const int fate = NextOn(kWrite, "writev", fd);
  if (fate > 0) return -1;
  static auto* const real = REAL(writev);
  return real(fd, from, fate == kShort ? 1 : count);
}
ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  const int fate = NextOn(kWrite, "pwrite", fd);
  if (fate > 0) return -1;
  static auto* const real = REAL(pwrite);
  return real(fd, from, Cut(fate, size), at);
}
int ftruncate(int fd, off_t size) noexcept {
  if (NextOn(kWrite, "ftruncate", fd) > 0) return -1;
  static auto* const real = REAL(ftruncate);
  return real(fd, size);
}
int mkdir(const char* path, mode_t mode) noexcept {
  if (Next(kWrite, "mkdir", path) > 0) return -1;
  static auto* const real = REAL(mkdir);
  return real(path, mode);
}
char* mkdtemp(char* pattern) noexcept {
  if (Next(kWrite, "mkdtemp", pattern) > 0) return nullptr;
  static auto* const real = REAL(mkdtemp);
  return real(pattern);
}
int symlink(const char* target, const char* path) noexcept {
  if (Next(kWrite, "symlink", path) > 0) return -1;
  static auto* const real = REAL(symlink);
  return real(target, path);
}

int fsync(int fd) {
  if (NextOn(kFsync, "fsync", fd) > 0) return -1;
  static auto* const real = REAL(fsync);
  return real(fd);
}
int rename(const char* from, const char* to) noexcept {
  if (Next(kRename, "rename", to) > 0) return -1;
  static auto* const real = REAL(rename);
  return real(from, to);
}

pid_t fork() noexcept {
  if (Next(kFork, "fork", "process") > 0) return -1;
  static auto* const real = REAL(fork);
  return real();
}
int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*begin)(void*), void* with) noexcept {
  if (const int fate = Next(kFork, "pthread_create", "thread"); fate > 0) return fate;
  static auto* const real = REAL(pthread_create);
  return real(thread, how, begin, with);
}

int socketpair(int domain, int type, int protocol, int ends[2]) noexcept {
  if (Next(kSocket, "socketpair", "new") > 0) return -1;
  static auto* const real = REAL(socketpair);
  return real(domain, type, protocol, ends);
}
ssize_t send(int fd, const void* from, size_t size, int flags) {
  const int fate = NextOn(kSocket, "send", fd);
  if (fate > 0) return -1;
  static auto* const real = REAL(send);
  return real(fd, from, Cut(fate, size), flags);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (NextOn(kSocket, "sendmsg", fd) > 0) return -1;
  static auto* const real = REAL(sendmsg);
  return real(fd, message, flags);
}
int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  if (NextOn(kSocket, "setsockopt", fd) > 0) return -1;
  static auto* const real = REAL(setsockopt);
  return real(fd, level, name, value, size);
}

ssize_t read(int fd, void* to, size_t size) {
  const int fate = NextOn(kRead, "read", fd);
  if (fate > 0) return -1;
  static auto* const real = REAL(read);
  return real(fd, to, Cut(fate, size));
}
ssize_t pread(int fd, void* to, size_t size, off_t at) {
  const int fate = NextOn(kRead, "pread", fd);
  if (fate > 0) return -1;
  static auto* const real = REAL(pread);
  return real(fd, to, Cut(fate, size), at);
}
dirent* readdir(DIR* directory) {
  if (NextOn(kRead, "readdir", ::dirfd(directory)) > 0) return nullptr;
  static auto* const real = REAL(readdir);
  return real(directory);
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  if (Next(kOpen, "open", path) > 0) return -1;
  using Open = int(const char*, int, ...);
  static Open* const real = reinterpret_cast<Open*>(::dlsym(RTLD_NEXT, "open"));
  return real(path, flags, mode);
}
FILE* fopen64(const char* path, const char* how) {
  if (Next(kOpen, "fopen", path) > 0) return nullptr;
  static auto* const real = REAL(fopen64);
  return real(path, how);
}
int mkostemp(char* pattern, int flags) {
  if (Next(kOpen, "mkostemp", pattern) > 0) return -1;
  static auto* const real = REAL(mkostemp);
  return real(pattern, flags);
}
int pipe2(int ends[2], int flags) noexcept {
  if (Next(kOpen, "pipe2", "new") > 0) return -1;
  static auto* const real = REAL(pipe2);
  return real(ends, flags);
}
int eventfd(unsigned int value, int flags) noexcept {
  if (Next(kOpen, "eventfd", "new") > 0) return -1;
  static auto* const real = REAL(eventfd);
  return real(value, flags);
}
int signalfd(int fd, const sigset_t* mask, int flags) noexcept {
  if (Next(kOpen, "signalfd", "new") > 0) return -1;
  static auto* const real = REAL(signalfd);
  return real(fd, mask, flags);
}
int memfd_create(const char* name, unsigned int flags) noexcept {
  if (Next(kOpen, "memfd_create", name) > 0) return -1;
  static auto* const real = REAL(memfd_create);
  return real(name, flags);
}

}  // extern "C"
