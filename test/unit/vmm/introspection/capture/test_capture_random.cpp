// Memory that is no kernel: whatever it answers, a capture ends and keeps to its bounds.
#include <optional>
#include <set>

#include "test/unit/vmm/introspection/capture/capture_kernel.h"

namespace ktstr::vmm {
namespace {

/// Answers every address, the same each time within a run.
class RandomMemory final : public KernelMemory {
 public:
  enum class Kind { kNoise, kPointers, kFlaky, kMaps };
  RandomMemory(std::uint32_t seed, Kind kind) : seed_(seed), kind_(kind) {}

  bool Read(std::uint64_t address, std::span<std::byte> into) override {
    if (kind_ == Kind::kFlaky && Mix(address / 4096) % 8 == 0) return false;
    for (std::size_t done = 0; done < into.size();) {
      const std::uint64_t word = Word((address + done) / 8);
      const std::size_t skip = (address + done) % 8;
      const std::size_t take = std::min(8 - skip, into.size() - done);
      std::memcpy(into.data() + done, reinterpret_cast<const std::byte*>(&word) + skip, take);
      done += take;
    }
    return true;
  }
  std::size_t ReadSome(std::uint64_t address, std::span<std::byte> into) override {
    const std::size_t some = kind_ == Kind::kFlaky ? into.size() / 2 : into.size();
    return Read(address, into.first(some)) ? some : 0;
  }
  bool Write(std::uint64_t, std::span<const std::byte>) override { return false; }

 private:
  std::uint64_t Mix(std::uint64_t x) const {
    x += (seed_ + 1) * 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
  }
  std::uint64_t Word(std::uint64_t index) const {
    const std::uint64_t noise = Mix(index);
    if (kind_ == Kind::kMaps)
      if (const auto shaped = Shaped(index * 8, noise)) return *shaped;
    if (kind_ == Kind::kNoise) return noise;
    // What kernels are full of: few numbers, and pointers that lead back into the same few places.
    switch (noise % 8) {
      case 0:
        return 0;
      case 1:
        return noise >> 8 & 63;
      case 2:
        return (noise >> 8 & 31) << 32 | (noise >> 16 & 31);
      case 3:
        return 0xffff888000000002 + (noise >> 8 & 255) * 576;  // a node of an xarray
      default:
        return 0xffff888000000000 + (noise >> 8 & 1023) * 64;
    }
  }

  /// A table of ids with a map of each type, whose sizes are likely ones.
  static std::optional<std::uint64_t> Shaped(std::uint64_t address, std::uint64_t noise) {
    constexpr std::uint64_t kNode = 0xffff900000000000;
    constexpr std::uint64_t kMaps = 0xffff910000000000;
    constexpr std::uint64_t kApart = 1 << 20;
    if (address == CaptureKernel::kMapIdr + 8) return kNode | 2;
    if (address == kNode) return 0;
    if (address >= kNode + 40 && address < kNode + 40 + 8 * 36)
      return kMaps + (address - kNode - 40) / 8 * kApart;
    if (address < kMaps || address >= kMaps + 36 * kApart) return std::nullopt;
    switch ((address - kMaps) % kApart) {
      case 24:
        return (address - kMaps) / kApart | (noise & 15) << 32;  // type, key_size
      case 32:
        return (noise & 63) | (std::uint64_t{1} << (noise >> 8 & 15)) << 32;  // value_size, max_entries
      default:
        return std::nullopt;
    }
  }

  std::uint32_t seed_;
  Kind kind_;
};

void ExpectBounds(const SnapshotReport& report, const CaptureOptions& options) {
  REQUIRE(report.maps.size() <= options.max_maps);
  REQUIRE(report.tasks.size() <= CaptureLimits::kTasks);
  REQUIRE(report.prog_runtime_stats.size() <= options.max_programs);
  for (const MapRecord& map : report.maps) {
    if (map.entries) REQUIRE(map.entries->size() <= CaptureLimits::kMapEntries);
    if (map.percpu_entries) REQUIRE(map.percpu_entries->size() <= CaptureLimits::kPerCpuKeys);
    if (map.arena) REQUIRE(map.arena->pages.size() <= CaptureLimits::kArenaPages);
    if (map.fd_array) REQUIRE(map.fd_array->indices.size() <= CaptureLimits::kFdIndices);
  }
}

TEST_CASE("captures of random memory end and keep to their bounds") {
  CaptureOptions options;
  options.max_maps = 64;
  options.max_programs = 64;
  options.max_map_bytes = 1 << 16;
  options.max_bytes = 1 << 20;
  options.max_steps = 1'000;
  options.time_limit = std::chrono::hours(1);  // not what ends them
  std::size_t maps = 0;
  std::size_t tasks = 0;
  std::set<std::uint32_t> types;
  for (const bool recent : {false, true}) {
    CaptureKernel kernel(recent);
    for (std::uint32_t seed = 0; seed < 500; ++seed) {
      RandomMemory memory(seed, static_cast<RandomMemory::Kind>(seed % 4));
      const SnapshotReport report = kernel.Capture(memory, options);
      ExpectBounds(report, options);
      maps += report.maps.size();
      tasks += report.tasks.size();
      for (const MapRecord& map : report.maps) types.insert(map.map_type);
    }
  }
  // Enough of it was taken for a kernel to mean something.
  CHECK(maps > 1000);
  CHECK(tasks > 1000);
  CHECK(types.size() > 30);
}

}  // namespace
}  // namespace ktstr::vmm
