#include "workloads/jemalloc/probe/counters.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "workloads/jemalloc/probe/elf_tls.h"
#include "workloads/jemalloc/probe/target_process.h"
#include "workloads/jemalloc/probe/thread_stop.h"

namespace ktstr::jemalloc {
namespace {

/// Every jemalloc has it, with symbols or without: its messages begin so.
constexpr std::string_view kAnyJemalloc = "<jemalloc>: ";

std::string ProgramPath(pid_t pid) {
  std::array<char, 4096> path;
  const ssize_t length =
      readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), path.data(), path.size());
  return length < 0 ? "" : std::string(path.data(), static_cast<std::size_t>(length));
}

/// jemalloc within the program: its symbol says where, our own jemalloc of the same build what is in it.
Result<CounterMap> StaticMap(const std::vector<std::byte>& bytes, const ElfTls& tls) {
  if (!tls.tsd || !tls.segment)
    return Unsure(
        "jemalloc is linked into its program, but the symbol of jemalloc's counters has been stripped");
  const OwnJemalloc own = TRY(AskOwnJemalloc());
  if (!Holds(bytes, own.version + '\0') || tls.tsd->size != own.tsd_size)
    return Unsure("its jemalloc is not of the version and configuration that the probe knows, " +
                  own.version);
  if (tls.tsd->offset > tls.segment->size || tls.segment->size - tls.tsd->offset < tls.tsd->size)
    return InputError("a damaged ELF file");
  CounterMap map;
  map.places = {own.places.allocated + tls.tsd->offset, own.places.deallocated + tls.tsd->offset};
  map.distance = tls.segment->DistanceFromThreadPointer();
  return map;
}

/// jemalloc as a library: the loader has written into the library's memory where its blocks are.
Result<CounterMap> SharedMap(pid_t pid, const MappedFile& mapped, const Fd& file, const ElfTls& tls) {
  if (!tls.segment) return Unsure(mapped.path + " has no thread-local storage");
  CounterMap map;
  map.linkage = CounterMap::Linkage::kShared;
  map.file = mapped.path;
  const std::uint64_t moved = mapped.start - tls.first_page;
  if (mapped.offset != tls.first_offset) return Unsure(mapped.path + " is not mapped from its beginning");
  for (const TlsRelocation& relocation : tls.relocations) {
    const std::optional<std::uint64_t> word = ReadWord(pid, moved + relocation.address);
    if (!word) return Unsure("its memory cannot be read; run the probe as its user or as root");
    if (relocation.kind == TlsRelocation::Kind::kModule) {
      map.module = *word;
      continue;
    }
    const std::uint64_t distance = relocation.addend - *word;
    if (map.distance.value_or(distance) != distance) return Unsure(mapped.path + " has two TLS blocks");
    map.distance = distance;
  }
  constexpr std::uint64_t kFar = std::uint64_t{1} << 24;  // all static TLS of a process is far smaller
  if (map.distance ? *map.distance < tls.segment->size || *map.distance > kFar
                   : map.module == 0 || map.module > kFar)
    return Unsure("the loader has not said where the thread-local storage of " + mapped.path + " is");
  map.places = TRY(AskLibrary(file, pid));
  if (std::max(map.places.allocated, map.places.deallocated) + 8 > tls.segment->size)
    return Unsure("the counters of " + mapped.path + " are outside its thread-local storage");
  return map;
}

struct Block {
  std::optional<std::uint64_t> address;
  bool unused = false;
};

/// Through glibc's vector of a thread's blocks: its length stands before it, each module has two words.
Block ModuleBlock(pid_t tid, std::uint64_t thread_pointer, std::uint64_t module) {
  const auto vector = ReadWord(tid, thread_pointer + 8);
  const auto length = vector ? ReadWord(tid, *vector - 16) : std::nullopt;
  if (!length) return {};
  if (module > *length) return {std::nullopt, true};
  const auto block = ReadWord(tid, *vector + 16 * module);
  constexpr std::uint64_t kNone = ~std::uint64_t{0};
  if (block && (*block == kNone || *block == 0)) return {std::nullopt, true};
  return {block, false};
}

/// Everything that needs the thread to stand still.
void ReadStopped(const ThreadStop& stop, const CounterMap& map, ThreadReading& reading) {
  const auto thread_pointer = stop.ThreadPointer();
  if (!thread_pointer) {
    reading.ended = true;
    return;
  }
  const Block block = map.distance ? Block{*thread_pointer - *map.distance, false}
                                   : ModuleBlock(reading.tid, *thread_pointer, map.module);
  reading.unused = block.unused;
  if (block.unused) return;
  const auto word = [&](std::uint64_t place) {
    return block.address ? ReadWord(reading.tid, *block.address + place) : std::nullopt;
  };
  const auto allocated = word(map.places.allocated), deallocated = word(map.places.deallocated);
  if (allocated && deallocated) {
    reading.allocated = *allocated;
    reading.deallocated = *deallocated;
  } else {
    reading.error = "its counters cannot be read";
  }
}

ThreadReading ReadThread(pid_t pid, pid_t tid, const CounterMap& map) {
  ThreadReading reading;
  reading.tid = tid;
  const auto before = IdentityOf(pid, tid);
  if (before && before->state != 'Z') {
    reading.comm = before->comm;
    reading.start_time = before->start_time;
    const ThreadStop stop(tid);
    reading.error = stop.error();
    reading.ended = stop.ended();
    if (stop.stopped()) ReadStopped(stop, map, reading);
  } else {
    reading.ended = true;
  }
  // What cannot be read of a thread that has ended, or of another one with its id, is no error.
  const auto after = IdentityOf(pid, tid);
  if (!after || !before || after->start_time != before->start_time) {
    reading.ended = true;
    reading.unused = false;
    reading.error.clear();
  }
  return reading;
}

}  // namespace

Result<CounterMap> FindCounters(pid_t pid) {
  const Fd program = TRY(OpenProgram(pid));
  const auto bytes = TRY(ReadWhole(program));
  const ElfTls program_tls = TRY(ReadElfTls(bytes));
  struct stat program_status = {};
  fstat(program.get(), &program_status);
  std::vector<CounterMap> maps;
  // The words that a library such as ours is known by; a program that only uses one does not hold them.
  if (program_tls.tsd || Holds(bytes, kAnyJemalloc)) {
    maps.push_back(TRY(StaticMap(bytes, program_tls)));
    maps.back().file = ProgramPath(pid);
  }
  for (const MappedFile& mapped : TRY(MappedFilesOf(pid))) {
    if (!mapped.executable || mapped.inode == program_status.st_ino) continue;
    const Fd file = TRY(OpenMapped(pid, mapped));
    const auto content = TRY(ReadWhole(file));
    const Result<ElfTls> tls = ReadElfTls(content);
    if (!tls.ok()) continue;  // it is mapped, but no library
    if (tls->exports_mallctl) {
      maps.push_back(TRY(SharedMap(pid, mapped, file, *tls)));
    } else if (Holds(content, kAnyJemalloc)) {
      return Unsure("jemalloc is hidden in the library " + mapped.path +
                    ", where its counters cannot be found");
    }
  }
  if (maps.empty()) return InputError("it has no jemalloc");
  if (maps.size() > 1) return Unsure("it has two jemallocs, in " + maps[0].file + " and in " + maps[1].file);
  return std::move(maps.front());
}

std::vector<ThreadReading> ReadThreads(pid_t pid, const CounterMap& map) {
  std::vector<ThreadReading> readings;
  for (const pid_t tid : ThreadsOf(pid)) readings.push_back(ReadThread(pid, tid, map));
  return readings;
}

}  // namespace ktstr::jemalloc
