// Where a run gets its machine from: a clone of a template where possible, else a boot; the next one is made
// ready while the present one runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "vmm/machine/guest_channel.h"
#include "vmm/machine/machine.h"
#include "vmm/template/open_templates.h"

namespace ktstr::vmm {

/// A machine that was launched and may not be built yet: Machine::AwaitBuilt(), then Machine::Resume().
struct PooledMachine {
  std::unique_ptr<Machine> machine;
  std::unique_ptr<GuestChannel> channel;        // to it
  std::uint32_t requests_sent = 0;              // with the ids 1, 2, ...; their replies are yet to come
  std::shared_ptr<const Template> cloned_from;  // null: it will boot
  bool was_ready = false;                       // it had been prepared
  std::string why_booted;  // one line, when a clone was wanted and could not be had; else empty
};

/// One a thread, which must outlive it (see Process).
class MachinePool {
 public:
  /// `templates` null: every machine boots. `scratch`: an existing private directory for boot images and
  /// disks.
  MachinePool(OpenTemplates* templates, std::filesystem::path scratch, int cancel_fd)
      : templates_(templates), scratch_(std::move(scratch)), cancel_fd_(cancel_fd) {}

  /// Starts a clone of `from`, the template of `spec`, for the next Take() of the same spec, in place of one
  /// prepared before, and returns at once. On the wall clock the clone goes on until it has nothing to do, so
  /// that what it runs is translated already; on the virtual clock it stays where it was saved.
  void Prepare(const TemplateSpec& spec, std::shared_ptr<const Template> from);
  /// Drops what Prepare() has made.
  void Release() { prepared_.reset(); }

  /// A machine for `spec`; its template is made when it is missing. `clone` false: a boot.
  /// Errors: those of Machine::Build and, kCancelled, of TemplateCache::Obtain.
  Result<PooledMachine> Take(const TemplateSpec& spec, bool clone, ByteSink on_console, ByteSink on_crash);

  /// For a clone whose QEMU ended before the guest answered.
  void Discard(const Template& damaged);

 private:
  struct Prepared {
    std::optional<std::uint64_t> rng_seed;
    PooledMachine pooled;
  };

  Result<PooledMachine> Launch(const TemplateSpec& spec, std::shared_ptr<const Template> from,
                               bool autostart);
  Result<PooledMachine> Boot(const TemplateSpec& spec);
  Result<PooledMachine> Clone(const TemplateSpec& spec);
  Result<PooledMachine> CloneOf(const TemplateSpec& spec, std::shared_ptr<const Template> from);

  OpenTemplates* templates_;
  std::filesystem::path scratch_;
  int cancel_fd_;
  std::optional<Prepared> prepared_;
};

}  // namespace ktstr::vmm
