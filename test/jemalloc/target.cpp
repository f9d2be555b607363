// jemalloc_target THREADS: allocates and frees differently in each of its threads and says what jemalloc
// itself says of each: a line "TID ALLOCATED DEALLOCATED" per thread, then "ready". Then it prints a line for
// each signal that it gets, SIGUSR1 and SIGRTMIN, until it is killed.
#include <jemalloc/jemalloc.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int kMost = 16;

struct Told {
  long tid = 0;
  std::uint64_t allocated = 0;
  std::uint64_t deallocated = 0;
};

std::array<Told, kMost> told;
std::array<pthread_t, kMost> threads;
pthread_barrier_t all_told;

std::uint64_t* Counter(const char* name) {
  std::uint64_t* counter = nullptr;
  size_t size = sizeof counter;
  return mallctl(name, &counter, &size, nullptr, 0) == 0 ? counter : nullptr;
}

/// Nothing is allocated behind it in this thread.
void AllocateAndTell(std::size_t number) {
  void* const kept = mallocx(100'000 * (number + 1), 0);
  dallocx(mallocx(7'000 * (number + 1), 0), 0);
  if (kept == nullptr) std::abort();
  told[number] = {syscall(SYS_gettid), *Counter("thread.allocatedp"), *Counter("thread.deallocatedp")};
}

void* Thread(void* number) {
  AllocateAndTell(reinterpret_cast<std::size_t>(number));
  pthread_barrier_wait(&all_told);
  for (;;) pause();
}

void OnSignal(int number) {
  const char* const line = number == SIGUSR1 ? "SIGUSR1\n" : "SIGRTMIN\n";
  if (write(STDOUT_FILENO, line, number == SIGUSR1 ? 8 : 9) < 0) std::abort();
}

}  // namespace

int main(int, char** argv) {
  const auto count = static_cast<std::size_t>(std::atoi(argv[1]));
  signal(SIGUSR1, OnSignal);
  signal(SIGRTMIN, OnSignal);
  pthread_barrier_init(&all_told, nullptr, static_cast<unsigned>(count));
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGRTMIN);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // they are the first thread's
  for (std::size_t i = 1; i < count; ++i)
    pthread_create(&threads[i], nullptr, Thread, reinterpret_cast<void*>(i));
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  AllocateAndTell(0);
  pthread_barrier_wait(&all_told);
  for (std::size_t i = 0; i < count; ++i) {
    std::array<char, 96> line;
    const int length = std::snprintf(line.data(), line.size(), "%ld %llu %llu\n", told[i].tid,
                                     static_cast<unsigned long long>(told[i].allocated),
                                     static_cast<unsigned long long>(told[i].deallocated));
    if (write(STDOUT_FILENO, line.data(), static_cast<std::size_t>(length)) != length) std::abort();
  }
  if (write(STDOUT_FILENO, "ready\n", 6) != 6) std::abort();
  for (;;) pause();
}
