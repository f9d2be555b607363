// The BTF blobs of one guest's BPF programs and modules, parsed once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "vmm/introspection/capture/raw_capture.h"
#include "vmm/introspection/types/btf.h"

namespace ktstr::vmm {

/// Parsed BTF by where the kernel keeps it (struct btf's address) together with its id and size, because the
/// kernel uses addresses again. One thread; one guest.
class BtfCache {
 public:
  /// How many blobs are kept, and how long they are together; more than any real guest has at a time.
  static constexpr std::size_t kMax = 256;
  static constexpr std::size_t kMaxBytes = std::size_t{128} << 20;

  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] bool Has(const RawBtf& raw) const { return parsed_.contains(KeyOf(raw)); }
  /// The types of a struct btf of this capture: the kernel's own, what was parsed before, or its blob parsed
  /// now, split over the kernel's where it says so. Null with the reason in `why` when there is none.
  std::shared_ptr<const Btf> Get(const RawBtf& raw, const std::shared_ptr<const Btf>& kernel,
                                 std::string& why);

 private:
  using Key = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>;
  static Key KeyOf(const RawBtf& raw) { return {raw.address, raw.id, raw.size}; }
  struct Entry {
    std::shared_ptr<const Btf> btf;
    std::string why;  // it could not be parsed
  };
  std::map<Key, Entry> parsed_;
  std::size_t bytes_ = 0;  // of the blobs of parsed_
};

}  // namespace ktstr::vmm
