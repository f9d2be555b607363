#include "interpreter/run/guest_budget.h"

#include <fmt/format.h>

#include <limits>

#include "guest-init/wire/messages.h"

namespace ktstr {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kWarnings = 10'000;
constexpr std::uint64_t kPerReport = 64 * kKiB;  // some 4 KiB, and 200 bytes more for each phase

}  // namespace

GuestBudget::GuestBudget(std::uint64_t workers, std::uint64_t payloads) {
  const auto add = [&](const StructDecl& type, std::string_view what, std::uint64_t events,
                       std::uint64_t bytes) {
    kinds_.push_back({&type, what, events, bytes, events, bytes});
  };
  add(CgroupFigures::Decl(), "figures of cgroups", kAny, 64 * kMiB);
  add(WorkerDone::Decl(), "reports of workers", workers, 16 * kMiB + workers * kPerReport);
  add(PayloadDone::Decl(), "results of payloads", payloads, kMiB + payloads * kPerReport);
  add(SchedulerLook::Decl(), "states of schedulers", 2 * payloads, kMiB + payloads * kKiB);
  add(SchedulerDump::Decl(), "dumps of schedulers", kAny, 16 * kMiB);
  add(Warning::Decl(), "warnings", kWarnings, 16 * kMiB);
  add(KernelMessages::Decl(), "kernel messages", kAny, 256 * kMiB);
  add(FileContent::Decl(), "files", kAny, 64 * kMiB);
}

Result<> GuestBudget::Spend(const AnyStruct& event, std::size_t bytes) {
  for (Kind& kind : kinds_) {
    if (kind.type != event.decl()) continue;
    if (kind.events == 0)
      return Error{ErrorKind::kGuest,
                   fmt::format("the guest sent more than {} {}", kind.all_events, kind.what)};
    if (kind.bytes < bytes)
      return Error{ErrorKind::kGuest,
                   fmt::format("the guest sent more than {} MiB of {}", kind.all_bytes / kMiB, kind.what)};
    --kind.events;
    kind.bytes -= bytes;
  }
  return {};
}

}  // namespace ktstr
