#include "vmm/template/machine_pool.h"

#include <sys/random.h>

#include <chrono>
#include <utility>

#include "guest-init/base/xorshift.h"
#include "guest-init/wire/messages.h"
#include "vmm/image/guest_image.h"
#include "vmm/image/initramfs.h"

namespace ktstr::vmm {
namespace {

std::int64_t WallNs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

/// What makes a clone another machine than its siblings. With a seed it is the same machine each time; with
/// the virtual clock it lives in its own time.
SetIdentity MakeIdentity(const MachineConfig& machine) {
  SetIdentity identity;
  if (machine.clock == Clock::kWall) identity.wall_ns = WallNs();
  identity.entropy.resize(32);
  if (machine.rng_seed) {
    Xorshift64 random(*machine.rng_seed);
    for (char& byte : identity.entropy) byte = static_cast<char>(random.Next());
  } else if (::getrandom(identity.entropy.data(), identity.entropy.size(), 0) < 0) {
    identity.entropy.clear();  // never on Linux; the guest's own generator goes on
  }
  return identity;
}

}  // namespace

void MachinePool::Prepare(const TemplateSpec& spec, std::shared_ptr<const Template> from) {
  prepared_.reset();
  Result<PooledMachine> launched = Launch(spec, std::move(from), spec.machine.clock == Clock::kWall);
  // One that cannot be started now is tried again, and complained of, when it is wanted.
  if (!launched.ok()) return;
  launched->was_ready = true;
  prepared_ = Prepared{spec.machine.rng_seed, *std::move(launched)};
}

/// The identity is on its way before QEMU has even started.
Result<PooledMachine> MachinePool::Launch(const TemplateSpec& spec, std::shared_ptr<const Template> from,
                                          bool autostart) {
  MachineFiles files = TRY(from->FilesForClone());
  MachineHooks hooks;
  hooks.cancel_fd = cancel_fd_;
  MachineConfig config = spec.machine;
  config.autostart = autostart;
  config.disk_directory = scratch_;
  PooledMachine pooled;
  pooled.machine = TRY(Machine::Launch(config, std::move(files), std::move(hooks)));
  pooled.channel = std::make_unique<GuestChannel>(*pooled.machine);
  TRY(pooled.channel->SendRequest(++pooled.requests_sent, AnyStruct::Of(MakeIdentity(spec.machine))));
  pooled.cloned_from = std::move(from);
  return pooled;
}

Result<PooledMachine> MachinePool::Take(const TemplateSpec& spec, bool clone, ByteSink on_console,
                                        ByteSink on_crash) {
  const auto pool = [&]() -> Result<PooledMachine> {
    if (!clone || templates_ == nullptr) return Boot(spec);
    Result<PooledMachine> cloned = Clone(spec);
    if (cloned.ok() || cloned.error().kind == ErrorKind::kCancelled ||
        cloned.error().kind == ErrorKind::kTimeout)
      return cloned;
    PooledMachine booted = TRY(Boot(spec));
    booted.why_booted = cloned.error().message;
    return booted;
  };
  PooledMachine pooled = TRY(pool());
  pooled.machine->SetSinks(std::move(on_console), std::move(on_crash));
  return pooled;
}

Result<PooledMachine> MachinePool::Clone(const TemplateSpec& spec) {
  for (int tries = 2;; --tries) {
    const std::shared_ptr<const Template> from = TRY(templates_->Obtain(spec, cancel_fd_));
    Result<PooledMachine> pooled = CloneOf(spec, from);
    if (!pooled.ok() || from->Intact()) return pooled;
    Discard(*from);
    if (tries == 1) return Error{ErrorKind::kEnvironment, "a template was damaged as soon as it was written"};
  }
}

Result<PooledMachine> MachinePool::CloneOf(const TemplateSpec& spec, std::shared_ptr<const Template> from) {
  if (!prepared_ || prepared_->pooled.cloned_from != from || prepared_->rng_seed != spec.machine.rng_seed) {
    prepared_.reset();
    return Launch(spec, std::move(from), /*autostart=*/false);
  }
  PooledMachine pooled = std::move(prepared_->pooled);
  prepared_.reset();
  if (spec.machine.clock == Clock::kVirtual) return pooled;
  // Its clock was right when it was launched; the time QEMU took to start is missing since.
  SetIdentity now;
  now.wall_ns = WallNs();
  TRY(pooled.channel->SendRequest(++pooled.requests_sent, AnyStruct::Of(now)));
  return pooled;
}

Result<PooledMachine> MachinePool::Boot(const TemplateSpec& spec) {
  MachineConfig config = spec.machine;
  config.initrd = scratch_ / "initramfs.img";
  config.disk_directory = scratch_;
  TRY(PackGuestImage(spec.files, config.initrd));
  MachineFiles files = TRY(MakeBootFiles(config));
  MachineHooks hooks;
  hooks.cancel_fd = cancel_fd_;
  PooledMachine pooled;
  pooled.machine = TRY(Machine::Launch(config, std::move(files), std::move(hooks)));
  pooled.channel = std::make_unique<GuestChannel>(*pooled.machine);
  return pooled;
}

void MachinePool::Discard(const Template& damaged) {
  prepared_.reset();
  if (templates_ != nullptr) templates_->Discard(damaged);
}

}  // namespace ktstr::vmm
