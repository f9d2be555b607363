// How much a guest may send of its own accord in one run. What it sends is kept, in memory or in the run
// directory, so a guest that sends without end would take all of this host's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "guest-init/base/decl.h"
#include "guest-init/base/result.h"

namespace ktstr {

/// For each kind of event a number and a sum of bytes; what no run of this size needs. Payload output has
/// none here: it is cut where it is kept (kMaxPayloadOutput). One thread.
class GuestBudget {
 public:
  /// `workers` and `payloads`: how many the plan starts; each is reported on once.
  GuestBudget(std::uint64_t workers, std::uint64_t payloads);

  /// Takes off what one event costs; `bytes` is its length on the wire. Error (kGuest): "the guest sent more
  /// than 10000 warnings", "the guest sent more than 256 MiB of kernel messages".
  Result<> Spend(const AnyStruct& event, std::size_t bytes);

 private:
  struct Kind {
    const StructDecl* type;
    std::string_view what;
    std::uint64_t events;  // how many more
    std::uint64_t bytes;
    std::uint64_t all_events;
    std::uint64_t all_bytes;
  };
  std::vector<Kind> kinds_;
};

}  // namespace ktstr
