// The RAM of a running machine, reached from the host without asking QEMU: through an own mapping of the
// files that a booted machine shares with us, through QEMU's memory where a clone keeps what it wrote to
// itself.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "guest-init/base/fd.h"
#include "guest-init/base/result.h"
#include "vmm/introspection/memory/physical_memory.h"

namespace ktstr::vmm {

class Machine;

/// A stretch of guest-physical addresses and where its bytes are.
struct RamRange {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint32_t file = 0;    // index of the RAM file
  std::uint64_t offset = 0;  // in that file

  friend bool operator==(const RamRange&, const RamRange&) = default;
};

/// Where QEMU's q35 puts RAM files of these sizes, in address order: one after the other from 0 on; of 2.75
/// GiB (0xb0000000) or more, all behind the first 2 GiB begins at 4 GiB.
std::vector<RamRange> LayOutRam(std::span<const std::uint64_t> file_bytes);

/// The start and permissions of the one mapping of a whole file in the text of /proc/<pid>/maps.
struct FileMapping {
  std::uint64_t start = 0;
  bool shared = false;  // the file's own pages; otherwise a private copy
};
/// Which file to look for: as stat() and readlink() of a descriptor say. Either device or path must fit,
/// since some file systems show another device in maps.
struct MappedFile {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string path;
  std::uint64_t bytes = 0;
};
/// Neighbouring mappings of neighbouring parts count as one. Errors (kEnvironment): "QEMU does not map its
/// RAM file X", "QEMU maps only N of the M bytes of its RAM file X".
Result<FileMapping> FindMapping(std::string_view maps, const MappedFile& file);

/// One thread at a time. Writes are seen by the guest at once, except as code: QEMU keeps what it translated.
class GuestMemory final : public PhysicalMemory {
 public:
  /// `machine` has been built and outlives this. Errors (kEnvironment): those of FindMapping(); "/proc/12/mem
  /// cannot be opened: Permission denied"; a file that cannot be mapped.
  static Result<std::unique_ptr<GuestMemory>> Open(const Machine& machine);
  /// The same of any process that maps `ram_files` as QEMU does. The descriptors are not needed later.
  static Result<std::unique_ptr<GuestMemory>> OpenProcess(pid_t pid, std::span<const int> ram_files);

  ~GuestMemory() override;
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  /// Naturally aligned accesses of 4 and 8 bytes to an own mapping are single loads and stores.
  bool Read(std::uint64_t address, std::span<std::byte> into) override;
  bool Write(std::uint64_t address, std::span<const std::byte> from) override;
  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }
  /// Whether all of it is an own mapping.
  [[nodiscard]] bool mapped() const;

 private:
  struct Backing {
    std::byte* own = nullptr;        // our mapping, or
    std::uint64_t remote_start = 0;  // where QEMU maps the file
    std::uint64_t bytes = 0;
  };

  GuestMemory() = default;
  [[nodiscard]] const RamRange* RangeOf(std::uint64_t address) const;
  [[nodiscard]] bool Covers(std::uint64_t address, std::uint64_t count) const;
  [[nodiscard]] bool Gone() const;
  bool ReadPart(const RamRange& range, std::uint64_t skip, std::span<std::byte> into) const;
  bool WritePart(const RamRange& range, std::uint64_t skip, std::span<const std::byte> from) const;

  const Machine* machine_ = nullptr;  // asked whether it has ended; null: nobody to ask
  Fd process_;                        // /proc/<pid>/mem: of that process for good, whoever gets its pid later
  std::vector<Backing> backings_;
  std::vector<RamRange> ranges_;
  std::uint64_t bytes_ = 0;
};

}  // namespace ktstr::vmm
