#include "vmm/machine/guest_ram.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "vmm/host/host_file.h"

namespace ktstr::vmm {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kChunk = std::size_t{1} << 20;

Error Failed(const char* what) {
  return {ErrorKind::kEnvironment, fmt::format("{}: {}", what, ErrnoText(errno))};
}

/// Comparing a page with itself, moved by one word, runs at the speed of memory.
bool IsZero(const std::byte* page, std::size_t size) {
  std::uint64_t first = 0;
  if (size <= sizeof first)
    return std::all_of(page, page + size, [](std::byte b) { return b == std::byte{0}; });
  std::memcpy(&first, page, sizeof first);
  return first == 0 && std::memcmp(page, page + sizeof first, size - sizeof first) == 0;
}

class PageHash {
 public:
  void Add(std::uint64_t offset, std::span<const std::byte> bytes) {
    // One page number, then the page: the same pages elsewhere are another hash.
    hash_ = XXH3_64bits_withSeed(bytes.data(), bytes.size(), hash_ ^ (offset * 0x9E3779B97F4A7C15ULL));
  }
  /// A file that ends elsewhere is another one, even if only zeros are missing.
  [[nodiscard]] std::uint64_t Of(std::uint64_t file_size) const {
    return XXH3_64bits_withSeed(&file_size, sizeof file_size, hash_);
  }

 private:
  std::uint64_t hash_ = 0;
};

/// Fills `bytes` unless the file ends before; whole pages stay whole, however little one call reads.
Result<std::size_t> ReadAt(int file, std::uint64_t offset, std::span<std::byte> bytes) {
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got =
        ::pread(file, &bytes[filled], bytes.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("reading");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

/// Calls `visit` with each chunk of `file` that may hold data, in order.
template <typename Visit>
Result<std::uint64_t> ForEachChunk(int file, Visit visit) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return Failed("reading the size");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::vector<std::byte> buffer(kChunk);
  for (std::uint64_t at = 0; at < size;) {
    const off_t data = ::lseek(file, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole is left
    if (data < 0) return Failed("looking for data");
    at = std::max(at, static_cast<std::uint64_t>(data) / kPage * kPage);
    const std::size_t got =
        TRY(ReadAt(file, at, std::span(buffer).first(std::min<std::uint64_t>(kChunk, size - at))));
    if (got == 0) break;  // it became shorter
    TRY(visit(at, std::span(buffer).first(got)));
    at += got;
  }
  return size;
}

Result<> WriteAt(int file, std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Failed("writing");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::size_t>(put);
  }
  return {};
}

/// Calls `use` with each run of non-zero pages of a chunk, and adds them to `hash` page by page.
template <typename Use>
Result<> TakePages(PageHash& hash, std::uint64_t at, std::span<const std::byte> chunk, Use use) {
  std::size_t run = 0;  // where the run under way began
  for (std::size_t page = 0; page < chunk.size(); page += kPage) {
    const std::span<const std::byte> bytes = chunk.subspan(page, std::min(kPage, chunk.size() - page));
    if (!IsZero(bytes.data(), bytes.size())) {
      hash.Add(at + page, bytes);
      continue;
    }
    if (page > run) TRY(use(at + run, chunk.subspan(run, page - run)));
    run = page + kPage;
  }
  if (run < chunk.size()) TRY(use(at + run, chunk.subspan(run)));
  return {};
}

}  // namespace

std::uint32_t NodeMib(const MachineConfig& config, std::uint32_t node) {
  const std::uint32_t nodes = config.topology.numa_nodes;
  const std::uint32_t share = config.memory_mib / nodes;
  return node + 1 == nodes ? config.memory_mib - share * (nodes - 1) : share;
}

Result<MachineFiles> MakeBootFiles(const MachineConfig& config) {
  MachineFiles files;
  for (std::uint32_t node = 0; node < config.topology.numa_nodes; ++node) {
    Fd file(::memfd_create("ktstr-guest-ram", MFD_CLOEXEC));
    if (!file.valid()) return Failed("making guest memory");
    if (::ftruncate(file.get(), static_cast<off_t>(NodeMib(config, node)) << 20) != 0)
      return Failed("sizing guest memory");
    files.ram.push_back(std::move(file));
  }
  return files;
}

Result<std::uint64_t> HashPages(int file) {
  PageHash hash;
  const std::uint64_t size = TRY(ForEachChunk(file, [&](std::uint64_t at, std::span<const std::byte> chunk) {
    return TakePages(hash, at, chunk, [](std::uint64_t, std::span<const std::byte>) { return Result<>(); });
  }));
  return hash.Of(size);
}

Result<std::uint64_t> CopyPages(int from, int to) {
  PageHash hash;
  const std::uint64_t size = TRY(ForEachChunk(from, [&](std::uint64_t at, std::span<const std::byte> chunk) {
    return TakePages(hash, at, chunk, [to](std::uint64_t offset, std::span<const std::byte> bytes) {
      return WriteAt(to, offset, bytes);
    });
  }));
  if (::ftruncate(to, static_cast<off_t>(size)) != 0) return Failed("sizing the copy");
  return hash.Of(size);
}

}  // namespace ktstr::vmm
