#include "workloads/jemalloc/probe/calibration.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <jemalloc/jemalloc.h>
#include <link.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "workloads/jemalloc/probe/elf_tls.h"
#include "workloads/jemalloc/probe/target_process.h"

/// jemalloc's own variable in this program: libjemalloc.a names it, for its own objects.
extern "C" __attribute__((visibility("hidden"))) __thread char je_tsd_tls[1];

namespace ktstr::jemalloc {
namespace {

constexpr std::chrono::seconds kPatience{10};

using Mallctl = int(const char*, void*, size_t*, void*, size_t);

/// The address of one of the calling thread's counters; 0: this jemalloc has no such figure.
std::uint64_t CounterAddress(Mallctl* mallctl, const char* name) {
  std::uint64_t* counter = nullptr;
  size_t size = sizeof counter;
  if (mallctl(name, &counter, &size, nullptr, 0) != 0 || size != sizeof counter) return 0;
  return reinterpret_cast<std::uint64_t>(counter);
}

std::uint64_t WordAt(std::uint64_t address) {
  return *reinterpret_cast<const volatile std::uint64_t*>(address);
}

struct LoadedModule {
  std::uint64_t address_in_it = 0;
  std::uint64_t block = 0;  // the calling thread's
  std::uint64_t size = 0;
};

int FindModule(dl_phdr_info* info, size_t, void* context) {
  auto& module = *static_cast<LoadedModule*>(context);
  bool inside = false;
  std::uint64_t size = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    const std::uint64_t begin = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_TLS) size = segment.p_memsz;
    inside = inside || (segment.p_type == PT_LOAD && module.address_in_it - begin < segment.p_memsz);
  }
  if (!inside) return 0;
  module.block = reinterpret_cast<std::uint64_t>(info->dlpi_tls_data);
  module.size = size;
  return 1;
}

/// Runs in the child. It ends here or in another program.
[[noreturn]] void BecomeAnswerer(int library, int output, uid_t user, gid_t group) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  const int inherited = dup(library);
  if (geteuid() == 0 && user != 0 && (setgroups(0, nullptr) != 0 || setgid(group) != 0 || setuid(user) != 0))
    _exit(126);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::array<char, 64> preload;
  std::snprintf(preload.data(), preload.size(), "LD_PRELOAD=/proc/self/fd/%d", inherited);
  std::array<char, 32> mode;
  std::snprintf(mode.data(), mode.size(), "%s", kAnswerMode);
  std::array<char, 32> name = {"ktstr-jemalloc-probe"};
  char* const argv[] = {name.data(), mode.data(), nullptr};
  char* const environment[] = {preload.data(), nullptr};
  execve("/proc/self/exe", argv, environment);
  _exit(127);
}

/// All that the child says until it ends, or until there is no patience left; it is reaped then.
std::string Listen(const Fd& output, pid_t child, int& status) {
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd look{output.get(), POLLIN, 0};
    std::array<char, 512> bytes;
    if (left <= 0 || poll(&look, 1, static_cast<int>(left)) == 0) break;
    const ssize_t got = read(output.get(), bytes.data(), bytes.size());
    if (got <= 0 || text.size() > 4096) break;
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
  kill(child, SIGKILL);  // it has said all, or it hangs
  waitpid(child, &status, 0);
  return text;
}

}  // namespace

Result<OwnJemalloc> AskOwnJemalloc() {
  OwnJemalloc own;
  const char* version = nullptr;
  size_t size = sizeof version;
  if (mallctl("version", &version, &size, nullptr, 0) != 0)
    return Unsure("the probe's own jemalloc has no version");
  own.version = version;
  const Fd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto bytes = TRY(ReadWhole(file));
  const ElfTls tls = TRY(ReadElfTls(bytes));
  if (!tls.tsd || !tls.segment) return Unsure("the probe itself has been stripped of its symbols");
  own.tsd_size = tls.tsd->size;
  // The same way from a file to an address as for the target, where the result is known.
  const auto thread_pointer = reinterpret_cast<std::uint64_t>(__builtin_thread_pointer());
  const auto variable = reinterpret_cast<std::uint64_t>(&je_tsd_tls[0]);
  const std::uint64_t allocated = CounterAddress(&mallctl, "thread.allocatedp");
  const std::uint64_t deallocated = CounterAddress(&mallctl, "thread.deallocatedp");
  own.places = {allocated - variable, deallocated - variable};
  if (thread_pointer - tls.segment->DistanceFromThreadPointer() + tls.tsd->offset != variable ||
      own.places.allocated >= own.tsd_size || own.places.deallocated >= own.tsd_size)
    return Unsure("the probe's own counters are not where its file says");
  return own;
}

int AnswerCalibration() {
  // The library's, not our own: that of the program is not exported.
  auto* const of_library = reinterpret_cast<Mallctl*>(dlsym(RTLD_DEFAULT, "mallctl"));
  auto* const allocate = reinterpret_cast<void* (*)(size_t, int)>(dlsym(RTLD_DEFAULT, "mallocx"));
  auto* const release = reinterpret_cast<void (*)(void*, int)>(dlsym(RTLD_DEFAULT, "dallocx"));
  if (of_library == nullptr || allocate == nullptr || release == nullptr) {
    std::puts("it cannot be loaded as a library");
    return 1;
  }
  LoadedModule module{reinterpret_cast<std::uint64_t>(of_library), 0, 0};
  dl_iterate_phdr(&FindModule, &module);
  const std::uint64_t allocated = CounterAddress(of_library, "thread.allocatedp");
  const std::uint64_t deallocated = CounterAddress(of_library, "thread.deallocatedp");
  if (module.block == 0 || allocated - module.block >= module.size ||
      deallocated - module.block >= module.size) {
    std::puts("its counters are not in its thread-local storage");
    return 1;
  }
  constexpr size_t kBytes = 40960;  // a size class of its own
  const std::uint64_t allocated_before = WordAt(allocated), deallocated_before = WordAt(deallocated);
  release(allocate(kBytes, 0), 0);
  if (WordAt(allocated) - allocated_before != kBytes || WordAt(deallocated) - deallocated_before != kBytes) {
    std::puts("its counters do not count what is allocated");
    return 1;
  }
  std::printf("places %llu %llu\n", static_cast<unsigned long long>(allocated - module.block),
              static_cast<unsigned long long>(deallocated - module.block));
  std::fflush(stdout);
  return 0;
}

Result<CounterPlaces> AskLibrary(const Fd& library, pid_t target) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Unsure("cannot make a pipe");
  const Fd output(ends[0]);
  Fd input(ends[1]);
  const auto user = StatusNumber(target, "Uid"), group = StatusNumber(target, "Gid");
  if (!user || !group) return InputError("it has ended");
  const pid_t child = fork();
  if (child < 0) return Unsure("cannot start a process");
  if (child == 0)
    BecomeAnswerer(library.get(), input.get(), static_cast<uid_t>(*user), static_cast<gid_t>(*group));
  input.Reset();
  int status = 0;
  const std::string text = Listen(output, child, status);
  unsigned long long allocated = 0, deallocated = 0;
  const std::size_t at = text.find("places ");
  if (at != std::string::npos &&
      std::sscanf(text.c_str() + at, "places %llu %llu", &allocated, &deallocated) == 2)
    return CounterPlaces{allocated, deallocated};
  return Unsure("the library's counters cannot be found: " +
                (text.empty() ? "it gave no answer" : text.substr(0, text.find('\n'))));
}

}  // namespace ktstr::jemalloc
