#include "vmm/introspection/memory/guest_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

#include "vmm/host/host_file.h"
#include "vmm/machine/machine.h"

namespace ktstr::vmm {
namespace {

/// QEMU 7.2, hw/i386/pc_q35.c: from that much RAM on a gigabyte more is left to devices.
constexpr std::uint64_t kMostBelowHole = 0xb0000000;
constexpr std::uint64_t kBelowHole = 0x80000000;
constexpr std::uint64_t kAboveHole = std::uint64_t{1} << 32;

Error Failed(std::string message) { return {ErrorKind::kEnvironment, std::move(message)}; }

struct MapsLine {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t offset = 0;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool shared = false;
  std::string_view path;
};

/// Takes what comes before `stop` off `text`, as a number; nullopt when it is none.
std::optional<std::uint64_t> TakeNumber(std::string_view& text, char stop, int base) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  const auto used = static_cast<std::size_t>(end - text.data());
  if (code != std::errc{} || used >= text.size() || text[used] != stop) return std::nullopt;
  text.remove_prefix(used + 1);
  return value;
}

/// "7f00-7f10 rw-s 00001000 00:01 1234     /memfd:x (deleted)"
std::optional<MapsLine> ParseLine(std::string_view text) {
  MapsLine line;
  const auto begin = TakeNumber(text, '-', 16);
  const auto end = begin ? TakeNumber(text, ' ', 16) : std::nullopt;
  if (!end || text.size() < 5) return std::nullopt;
  line.shared = text[3] == 's';
  text.remove_prefix(5);
  const auto offset = TakeNumber(text, ' ', 16);
  const auto major = offset ? TakeNumber(text, ':', 16) : std::nullopt;
  const auto minor = major ? TakeNumber(text, ' ', 16) : std::nullopt;
  const auto inode = minor ? TakeNumber(text, ' ', 10) : std::nullopt;
  if (!inode) return std::nullopt;
  line.begin = *begin;
  line.end = *end;
  line.offset = *offset;
  line.device = makedev(static_cast<unsigned>(*major), static_cast<unsigned>(*minor));
  line.inode = *inode;
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  line.path = text;
  return line;
}

Result<MappedFile> Identify(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) return Failed("a RAM file cannot be looked at: " + ErrnoText(errno));
  MappedFile identity{status.st_dev, status.st_ino, "", static_cast<std::uint64_t>(status.st_size)};
  char path[PATH_MAX];
  const ssize_t length = ::readlink(fmt::format("/proc/self/fd/{}", file).c_str(), path, sizeof path);
  if (length > 0) identity.path.assign(path, static_cast<std::size_t>(length));
  return identity;
}

Result<std::byte*> MapOwn(int file, std::uint64_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
  if (at == MAP_FAILED) return Failed("the guest's RAM cannot be mapped: " + ErrnoText(errno));
  return static_cast<std::byte*>(at);
}

/// memcpy() but for accesses that the guest must see, or we must see, whole.
template <typename T>
bool CopyWhole(std::byte* to, const std::byte* from, std::size_t count, const std::byte* shared) {
  if (count != sizeof(T) || reinterpret_cast<std::uintptr_t>(shared) % sizeof(T) != 0) return false;
  T value;
  if (shared == from) {
    value = __atomic_load_n(reinterpret_cast<const T*>(from), __ATOMIC_ACQUIRE);
    std::memcpy(to, &value, sizeof value);
  } else {
    std::memcpy(&value, from, sizeof value);
    __atomic_store_n(reinterpret_cast<T*>(to), value, __ATOMIC_RELEASE);
  }
  return true;
}

void CopyShared(std::byte* to, const std::byte* from, std::size_t count, const std::byte* shared) {
  if (CopyWhole<std::uint64_t>(to, from, count, shared)) return;
  if (CopyWhole<std::uint32_t>(to, from, count, shared)) return;
  std::memcpy(to, from, count);
}

}  // namespace

std::vector<RamRange> LayOutRam(std::span<const std::uint64_t> file_bytes) {
  std::uint64_t all = 0;
  for (const std::uint64_t bytes : file_bytes) all += bytes;
  const std::uint64_t below = all >= kMostBelowHole ? kBelowHole : all;
  std::vector<RamRange> ranges;
  std::uint64_t linear = 0;  // as if there were no hole
  for (std::uint32_t file = 0; file < file_bytes.size(); ++file) {
    const std::uint64_t begin = linear;
    const std::uint64_t end = linear + file_bytes[file];
    if (begin < below) ranges.push_back({begin, std::min(end, below) - begin, file, 0});
    if (end > below) {
      const std::uint64_t from = std::max(begin, below);
      ranges.push_back({kAboveHole + from - below, end - from, file, from - begin});
    }
    linear = end;
  }
  return ranges;
}

Result<FileMapping> FindMapping(std::string_view maps, const MappedFile& file) {
  std::optional<FileMapping> found;
  std::uint64_t mapped = 0;
  while (!maps.empty() && mapped < file.bytes) {
    const std::size_t end = std::min(maps.find('\n'), maps.size());
    const auto line = ParseLine(maps.substr(0, end));
    maps.remove_prefix(std::min(end + 1, maps.size()));
    if (!line || line->inode != file.inode) continue;
    if (line->device != file.device && (file.path.empty() || line->path != file.path)) continue;
    if (line->offset == 0) {
      found = FileMapping{line->begin, line->shared};
      mapped = line->end - line->begin;
    } else if (found && line->offset == mapped && line->begin == found->start + mapped &&
               line->shared == found->shared) {
      mapped += line->end - line->begin;
    }
  }
  if (!found) return Failed(fmt::format("QEMU does not map its RAM file {}", file.path));
  if (mapped < file.bytes)
    return Failed(
        fmt::format("QEMU maps only {} of the {} bytes of its RAM file {}", mapped, file.bytes, file.path));
  return *found;
}

Result<std::unique_ptr<GuestMemory>> GuestMemory::Open(const Machine& machine) {
  std::vector<int> files;
  for (const Fd& file : machine.ram()) files.push_back(file.get());
  std::unique_ptr<GuestMemory> memory = TRY(OpenProcess(machine.pid(), files));
  memory->machine_ = &machine;
  return memory;
}

Result<std::unique_ptr<GuestMemory>> GuestMemory::OpenProcess(pid_t pid, std::span<const int> ram_files) {
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  if (!maps) return Failed(fmt::format("/proc/{}/maps cannot be opened: {}", pid, ErrnoText(errno)));
  std::stringstream text;
  text << maps.rdbuf();
  std::unique_ptr<GuestMemory> memory(new GuestMemory);
  std::vector<std::uint64_t> sizes;
  for (const int file : ram_files) {
    const MappedFile identity = TRY(Identify(file));
    const FileMapping mapping = TRY(FindMapping(text.view(), identity));
    Backing backing{nullptr, mapping.start, identity.bytes};
    if (mapping.shared) backing.own = TRY(MapOwn(file, identity.bytes));
    memory->backings_.push_back(backing);
    sizes.push_back(identity.bytes);
    memory->bytes_ += identity.bytes;
  }
  if (!memory->mapped()) {
    const std::string path = fmt::format("/proc/{}/mem", pid);
    memory->process_ = Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!memory->process_.valid())
      return Failed(fmt::format("{} cannot be opened: {}", path, ErrnoText(errno)));
  }
  memory->ranges_ = LayOutRam(sizes);
  return memory;
}

GuestMemory::~GuestMemory() {
  for (const Backing& backing : backings_)
    if (backing.own != nullptr) ::munmap(backing.own, backing.bytes);
}

bool GuestMemory::mapped() const {
  return std::all_of(backings_.begin(), backings_.end(), [](const Backing& b) { return b.own != nullptr; });
}

bool GuestMemory::Gone() const { return machine_ != nullptr && machine_->failure().has_value(); }

const RamRange* GuestMemory::RangeOf(std::uint64_t address) const {
  for (const RamRange& range : ranges_)
    if (address - range.address < range.bytes) return &range;
  return nullptr;
}

bool GuestMemory::Covers(std::uint64_t address, std::uint64_t count) const {
  while (count > 0) {
    const RamRange* range = RangeOf(address);
    if (range == nullptr) return false;
    const std::uint64_t part = std::min(count, range->bytes - (address - range->address));
    address += part;
    count -= part;
  }
  return true;
}

bool GuestMemory::ReadPart(const RamRange& range, std::uint64_t skip, std::span<std::byte> into) const {
  const Backing& backing = backings_[range.file];
  const std::uint64_t at = range.offset + skip;
  if (backing.own != nullptr) {
    CopyShared(into.data(), backing.own + at, into.size(), backing.own + at);
    return true;
  }
  const ssize_t got =
      ::pread(process_.get(), into.data(), into.size(), static_cast<off_t>(backing.remote_start + at));
  return got == static_cast<ssize_t>(into.size());
}

bool GuestMemory::WritePart(const RamRange& range, std::uint64_t skip,
                            std::span<const std::byte> from) const {
  const Backing& backing = backings_[range.file];
  const std::uint64_t at = range.offset + skip;
  if (backing.own != nullptr) {
    CopyShared(backing.own + at, from.data(), from.size(), backing.own + at);
    return true;
  }
  const ssize_t put =
      ::pwrite(process_.get(), from.data(), from.size(), static_cast<off_t>(backing.remote_start + at));
  return put == static_cast<ssize_t>(from.size());
}

bool GuestMemory::Read(std::uint64_t address, std::span<std::byte> into) {
  if (Gone()) return false;
  while (!into.empty()) {
    const RamRange* range = RangeOf(address);
    if (range == nullptr) return false;
    const std::uint64_t skip = address - range->address;
    const std::size_t part = std::min<std::uint64_t>(into.size(), range->bytes - skip);
    if (!ReadPart(*range, skip, into.first(part))) return false;
    address += part;
    into = into.subspan(part);
  }
  return true;
}

bool GuestMemory::Write(std::uint64_t address, std::span<const std::byte> from) {
  if (Gone() || !Covers(address, from.size())) return false;
  while (!from.empty()) {
    const RamRange* range = RangeOf(address);
    const std::uint64_t skip = address - range->address;
    const std::size_t part = std::min<std::uint64_t>(from.size(), range->bytes - skip);
    if (!WritePart(*range, skip, from.first(part))) return false;
    address += part;
    from = from.subspan(part);
  }
  return true;
}

}  // namespace ktstr::vmm
