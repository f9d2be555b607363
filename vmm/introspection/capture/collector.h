// The tools that everything which reads a paused guest is made of: bounded copies, guards against lists that
// do not end, and the capture's time limit.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "vmm/introspection/capture/capture.h"

namespace ktstr::vmm {

/// The paused guest, and the capture that is being filled. Nothing here formats text.
class Collector {
 public:
  Collector(const KernelView& view, const KernelLayout& layout, const BtfCache& known,
            const CaptureOptions& options, RawCapture& capture);

  const KernelView& view;
  const KernelLayout& layout;
  const BtfCache& known;
  const CaptureOptions& options;
  RawCapture& out;

  /// The time limit has passed; the first one to ask after it stamps the capture.
  bool Expired();
  [[nodiscard]] std::uint32_t cpus() const { return view.cpus(); }
  /// One more pointer may be followed: there are steps left, and time.
  bool TakeStep() {
    if (steps_left_ == 0) return false;
    return --steps_left_ % 1024 != 0 || !Expired();
  }
  /// Of a per-CPU variable or allocation.
  [[nodiscard]] std::uint64_t OnCpu(std::uint64_t offset, std::uint32_t cpu) const {
    return offset + view.facts().per_cpu_offset[cpu];
  }

  [[nodiscard]] std::optional<std::uint64_t> Load(std::uint64_t address) const {
    return view.Load<std::uint64_t>(address);
  }
  /// The member of at most 8 bytes of the struct at `address`; nullopt too where the kernel has no such
  /// member.
  [[nodiscard]] std::optional<std::uint64_t> LoadField(std::uint64_t address, const Field& field) const;
  /// All of the bytes, or none when one is unreadable or the capture is full.
  Bytes Copy(std::uint64_t address, std::size_t size);
  /// Adds all of the bytes and returns true, or adds none.
  bool Append(std::uint64_t address, std::size_t size, Bytes& into);
  /// Adds what can be read from the start, and returns how much.
  std::size_t AppendSome(std::uint64_t address, std::size_t size, Bytes& into);
  /// Whether that many more bytes may be copied, given how large `into` is already.
  [[nodiscard]] bool HasRoom(std::size_t size, const Bytes& into) const;
  /// Copied from elsewhere.
  void Charge(std::size_t size) { copied_ += size; }

  /// Notes who the task at that address is.
  void NameTask(std::uint64_t task);
  /// Copies the types of a struct btf, unless they are known or were copied.
  void AddBtf(std::uint64_t address);

 private:
  /// Copies the blob at `data`; returns why not, or null.
  const char* CopyBtf(std::uint64_t data, RawBtf& btf);

  std::chrono::steady_clock::time_point start_;
  std::size_t copied_ = 0;
  std::size_t steps_left_;
};

/// Tells a walk along pointers when to give up: it came back to where it was, or it took too many steps,
/// of its own or of the capture's. A paused CPU may have been in the middle of changing any list.
class WalkGuard {
 public:
  explicit WalkGuard(Collector& c, std::size_t limit = CaptureLimits::kListNodes) : c_(c), left_(limit) {}
  /// False: do not visit `address`.
  bool Step(std::uint64_t address) {
    if (left_ == 0 || address == mark_ || !c_.TakeStep()) return false;
    --left_;
    if (++since_mark_ == distance_) {  // Brent: a cycle is found within three times its length
      mark_ = address;
      distance_ *= 2;
      since_mark_ = 0;
    }
    return true;
  }

 private:
  Collector& c_;
  std::size_t left_;
  std::uint64_t mark_ = 0;
  std::size_t since_mark_ = 0;
  std::size_t distance_ = 1;
};

/// The pointer at `offset` of a copy; 0 beyond its end.
std::uint64_t PointerAt(const Bytes& copy, std::size_t offset);

/// The objects of an IDR in the order of their ids; at most `max`. `truncated` is set when some are missing.
std::vector<std::uint64_t> WalkIdr(Collector& c, std::uint64_t idr, std::size_t max, bool& truncated);

/// The addresses of the list nodes that hang on the list_head at `head`, itself left out; at most `max`.
/// `truncated` is set when some are missing.
std::vector<std::uint64_t> WalkList(Collector& c, std::uint64_t head, std::size_t max, bool& truncated);

}  // namespace ktstr::vmm
