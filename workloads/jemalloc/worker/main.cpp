// ktstr-jemalloc-alloc-worker [--churn] BYTES: allocates that much through jemalloc, says that it is ready
// and stays, so that somebody can look at its counters from outside. Until then it starts no thread and
// allocates nothing else: no stream, no string, no directory of the C library.
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "workloads/jemalloc/ready_marker.h"

namespace {

using namespace ktstr::jemalloc;

/// Writes the line "jemalloc-alloc-worker: <what><detail>" to standard error and ends the process.
[[noreturn]] void Fail(WorkerExit code, const char* what, const char* detail = "") {
  std::array<char, 512> line;
  const int length =
      std::snprintf(line.data(), line.size(), "%.*s%s%s\n", static_cast<int>(kDiagnosticPrefix.size()),
                    kDiagnosticPrefix.data(), what, detail);
  const auto end =
      static_cast<std::size_t>(length) < line.size() ? static_cast<std::size_t>(length) : line.size() - 1;
  // Nobody is left to be told that this failed.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), end);
  _exit(code);
}

struct Options {
  bool churn = false;
  std::size_t bytes = 0;
};

Options OptionsOf(int argc, char** argv) {
  Options options;
  const char* number = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--churn") == 0)
      options.churn = true;
    else if (number == nullptr)
      number = argv[i];
    else
      Fail(kExitUsage, "one number of bytes is expected, and then found ", argv[i]);
  }
  if (number == nullptr) Fail(kExitUsage, "usage: ktstr-jemalloc-alloc-worker [--churn] BYTES");
  const char* const end = number + std::strlen(number);
  const auto parsed = std::from_chars(number, end, options.bytes);
  if (parsed.ec != std::errc{} || parsed.ptr != end)
    Fail(kExitUsage, "the number of bytes is not a decimal number: ", number);
  if (options.bytes == 0) Fail(kExitZeroBytes, "the number of bytes is zero: there is nothing to allocate");
  return options;
}

/// A thread that is there already would make this thread one of several, and its counters a part of the
/// whole.
void RequireOneThread() {
  const int directory = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) Fail(kExitProc, "cannot read /proc/self/task: ", std::strerror(errno));
  alignas(dirent64) std::array<char, 4096> entries;
  int threads = 0;
  for (;;) {
    const long length = syscall(SYS_getdents64, directory, entries.data(), entries.size());
    if (length < 0) Fail(kExitProc, "cannot read /proc/self/task: ", std::strerror(errno));
    if (length == 0) break;
    for (long at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      if (entry->d_name[0] != '.') ++threads;
      at += entry->d_reclen;
    }
  }
  close(directory);
  if (threads == 1) return;
  std::array<char, 16> number = {};
  std::to_chars(number.data(), number.data() + number.size() - 1, threads);
  std::array<char, 160> detail;
  std::snprintf(detail.data(), detail.size(),
                "%s threads, 1 expected; MALLOC_CONF must not set background_thread:true", number.data());
  Fail(kExitThreads, "/proc/self/task has ", detail.data());
}

/// Under another name first, so that nobody ever sees a marker that is empty; and never through a link.
void WriteMarker(const char* path) {
  std::array<char, 4096> other;
  const int length = std::snprintf(other.data(), other.size(), "%s.new", path);
  if (static_cast<std::size_t>(length) >= other.size())
    Fail(kExitMarker, "failed to write ready marker: ", std::strerror(ENAMETOOLONG));
  unlink(other.data());  // of a worker of the same id that was killed in between
  const int file = open(other.data(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  const auto wanted = static_cast<ssize_t>(kReadyMarkerText.size());
  if (file < 0 || write(file, kReadyMarkerText.data(), kReadyMarkerText.size()) != wanted ||
      close(file) != 0 || rename(other.data(), path) != 0) {
    std::array<char, 256> detail;
    std::snprintf(detail.data(), detail.size(), "%.180s: %s", path, std::strerror(errno));
    Fail(kExitMarker, "failed to write ready marker ", detail.data());
  }
}

void SayReady(std::size_t bytes) {
  std::array<char, 128> line;
  const int length = std::snprintf(
      line.data(), line.size(), "%.*s%d%.*s%zu\n", static_cast<int>(kReadyLine.size()), kReadyLine.data(),
      static_cast<int>(getpid()), static_cast<int>(kReadyLineBytes.size()), kReadyLineBytes.data(), bytes);
  if (write(STDOUT_FILENO, line.data(), static_cast<std::size_t>(length)) != length)
    Fail(kExitOutput, "cannot write to standard output: ", std::strerror(errno));
}

void* SleepShortly(void*) {
  usleep(100);
  return nullptr;
}

/// One thread after the other, forever: at most two are there at a time.
[[noreturn]] void Churn() {
  for (;;) {
    pthread_t thread;
    const int error = pthread_create(&thread, nullptr, SleepShortly, nullptr);
    if (error != 0) Fail(kExitThreadStart, "cannot start a thread: ", std::strerror(error));
    pthread_join(thread, nullptr);
  }
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // a closed pipe has an exit code of its own
  const Options options = OptionsOf(argc, argv);
  if (!options.churn) RequireOneThread();
  const char* path = std::getenv(kReadyMarkerVariable);
  const MarkerPath own = ReadyMarkerPath(getpid());
  if (path == nullptr || *path == '\0') path = own.c_str();
  unlink(path);  // one that was left behind by another process of the same id says nothing of this one

  auto* const memory = static_cast<volatile unsigned char*>(std::calloc(1, options.bytes));
  if (memory == nullptr) Fail(kExitNoMemory, "jemalloc has no memory of that size");
  const long page = sysconf(_SC_PAGESIZE);
  for (std::size_t at = 0; at < options.bytes; at += static_cast<std::size_t>(page)) memory[at] = 1;

  WriteMarker(path);
  SayReady(options.bytes);
  if (options.churn) Churn();
  for (;;) pause();
}
